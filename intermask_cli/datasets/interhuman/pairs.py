"""A table of captured pairs -> a dataset in InterHuman's layout, for `intermask data pairs`.

Every row of the table has the files of two people, or one file of both, and a text of what they do. Rows are
independent: one that cannot be used is reported, and the others are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.dataset_folder import write_complete_folder
from intermask_cli.datasets.interhuman.reader import MAX_RAW_FRAMES, MIN_TEXT_FRAMES, SPLITS
from intermask_cli.datasets.interhuman.writer import INTERHUMAN_NAMES, ClipToWrite, write_clips
from intermask_cli.datasets.motion_files.read import GivenMotion, read_people
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.datasets.tables import Rejected, parse_records, safe_id, usable_text
from intermask_cli.errors import InputError
from intermask_cli.files import disk_errors
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.skeleton import FEET, FPS

#: Separates the captions in a text.
CAPTION_MARK = "|"
FILE_COLUMNS = ("person1", "person2", "pair")
READING_COLUMNS = ("fps", "up", "units", "skeleton", "start", "end")
COLUMNS = ("id", "text", "split", *FILE_COLUMNS, *READING_COLUMNS)
DELIMITED = (".csv", ".tsv")
#: Files of one take end together; files that differ by more than this belong to different takes.
LONGEST_TRIM_S = 1.0
#: Relative difference within which two rates are one, since files round them (120 and 120.0048).
_SAME_RATE = 1e-3
#: Pelvises that start nearer to each other than this come from files that were centred one by one.
NEAREST_START_M = 0.05
#: People who are always farther apart than this do not interact.
FARTHEST_M = 30.0
#: Floors of one room are level; a follower's feet may float by less than this.
LEVEL_M = 0.3
#: Share of the ids for validation, and the share for testing, as in exported datasets.
_HELD_OUT = 0.05


@dataclass(frozen=True)
class PairRow:
    """One clip to write: files and reading options as in the table, captions of all rows of its id."""

    id: str
    lines: tuple[int, ...]
    files: tuple[str, ...]
    reading: Mapping[str, str]
    captions: tuple[str, ...]
    split: str


@dataclass
class PairTable:
    """A table: its clips in the order of their first lines, bad lines, and columns that are not used."""

    path: Path
    rows: list[PairRow] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unused_columns: list[str] = field(default_factory=list)


@dataclass
class PairsWritten:
    """Result of a table; frames are one person's at 30 fps; `recovered` clips had no rotations."""

    folder: str
    clips: int = 0
    frames: int = 0
    captions: int = 0
    splits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    recovered: int = 0
    trimmed: int = 0
    round_trip_mm: float = 0.0
    rejected: list[Rejected] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self) | {"rejected": [bad.as_json() for bad in self.rejected]}


@dataclass(frozen=True)
class CapturedPair:
    """Both people in one world.

    Attributes:
        interaction: the joints and rotations, with the first caption.
        sources: how each person was read, one line each.
        warnings: what is odd about the motion.
        recovered: whether rotations of a person were recovered from the joints.
        trimmed: frames cut off the longer person.
    """

    interaction: Interaction
    sources: tuple[str, ...]
    warnings: tuple[str, ...]
    recovered: bool
    trimmed: int


def write_pairs(
    table: PairTable,
    out: Path,
    reading: ReadOptions,
    overwrite: bool = False,
    on_pair: Callable[[PairRow, CapturedPair], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> PairsWritten:
    """Read every pair of a table and write them as one InterHuman dataset, which appears when it is complete.

    reading: options for what a row does not say itself. on_pair(row, pair) is called for each
    pair read, progress(n) for each row finished.

    Raises:
        InputError: no row can be used; `out` exists, and `overwrite` is not set or `out` holds anything else
            than such a dataset.
    """
    written = PairsWritten(str(out), rejected=list(table.rejected))

    def clips() -> Iterator[ClipToWrite]:
        for row in table.rows:
            try:
                pair = read_pair(row, table.path.parent, reading)
            except (InputError, OSError) as error:  # OSError: a cell that cannot be a file name
                reason = str(error)
                written.rejected += [Rejected(str(table.path), line, reason, row.id) for line in row.lines]
            else:
                _count(written, row, pair)
                if on_pair is not None:
                    on_pair(row, pair)
                yield ClipToWrite(pair.interaction, row.captions, row.split, " + ".join(row.files))
            if progress is not None:
                progress(1)

    if out.exists() and not overwrite and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: already exists; give another --out, or --overwrite")
    with disk_errors(out), write_complete_folder(out, INTERHUMAN_NAMES if overwrite else ()) as draft:
        written.round_trip_mm = write_clips(clips(), draft, "source").round_trip_mm
        written.rejected.sort(key=lambda bad: bad.line)
        if not written.clips:
            rejected = written.rejected
            first = f"line {rejected[0].line}: {rejected[0].reason}" if rejected else "it has no rows"
            raise InputError(f"{table.path}: no usable pair; {first}")
    return written


def _count(written: PairsWritten, row: PairRow, pair: CapturedPair) -> None:
    written.clips += 1
    written.frames += pair.interaction.frames
    written.captions += len(row.captions)
    written.splits[row.split] += 1
    written.recovered += pair.recovered
    written.trimmed += pair.trimmed > 0


# ---------------------------------------------------------------- the table


def read_table(path: Path) -> PairTable:
    """Read the table but none of its files; InputError if no line of it can be used."""
    table = PairTable(path)
    rows: dict[str, PairRow] = {}
    unused: dict[str, None] = {}
    for line, record in parse_records(_content(path), path.suffix.lower(), str(path)):
        try:
            if isinstance(record, str):
                raise InputError(record)
            cells = {name.lower(): cell for name, cell in record.items()}
            unused |= dict.fromkeys(name for name in cells if name not in COLUMNS)
            row = _row(line, cells)
            earlier = rows.get(row.id)
            rows[row.id] = row if earlier is None else _joined(earlier, row)
        except InputError as error:
            table.rejected.append(Rejected(str(path), line, str(error)))
    table.unused_columns = list(unused)
    table.rows = [row if row.split else replace(row, split=split_of(row.id)) for row in rows.values()]
    return table


def _content(table: Path) -> bytes:
    if table.suffix.lower() not in DELIMITED:
        raise InputError(f"{table}: a table of pairs must be a {' or '.join(DELIMITED)} file")
    try:
        return table.read_bytes()
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror or error})") from error


def _row(line: int, cells: Mapping[str, Any]) -> PairRow:
    """One row, checked except for the content of its files."""
    values = {name: _cell(name, cells[name]) for name in COLUMNS if name in cells}
    captions = tuple(
        dict.fromkeys(
            caption for part in values.get("text", "").split(CAPTION_MARK) if (caption := part.strip())
        )
    )
    if not captions:
        raise InputError("has no text; describe what the two people do")
    columns = tuple(name for name in FILE_COLUMNS if name in values)
    if columns not in (("pair",), ("person1", "person2")):
        given = " and ".join(columns) or "neither"
        raise InputError(f"gives {given}; give person1 and person2, or pair (one file that holds both)")
    files = tuple(values[name] for name in columns)
    split = values.get("split", "").lower()
    if split not in ("", *SPLITS):
        raise InputError(f"split {split!r}; accepted: {', '.join(SPLITS)}, or nothing")
    reading = {name: values[name] for name in READING_COLUMNS if name in values}
    return PairRow(_id(values.get("id"), files), (line,), files, reading, captions, split)


def _cell(name: str, cell: str) -> str:
    """A usable cell; runs of white space become one space, except in names of files."""
    text, plain = usable_text(cell, f"`{name}`"), cell.strip()
    return plain if name in (*FILE_COLUMNS, "skeleton") and plain.isprintable() else text


def _id(given: str | None, files: Sequence[str]) -> str:
    """The row's id made safe, or the names of its files, so that it does not depend on the row's place."""
    names = []
    for name in files:
        path, mark, item = name.partition("#")
        names.append(Path(path).stem + mark + item)
    return safe_id(given or "+".join(names), "pair")


def _joined(first: PairRow, later: PairRow) -> PairRow:
    """Two rows with one id are one clip with the captions of both."""
    if (later.files, later.reading) != (first.files, first.reading):
        raise InputError(
            f"id {later.id!r} has other files, or other ways to read them, on line {first.lines[0]}; "
            "give each pair an id of its own"
        )
    if later.split and first.split and later.split != first.split:
        raise InputError(f"id {later.id!r} is in split {first.split} on line {first.lines[0]}")
    captions = tuple(dict.fromkeys(first.captions + later.captions))
    return replace(
        first, lines=first.lines + later.lines, captions=captions, split=first.split or later.split
    )


def split_of(id: str) -> str:
    """The split of an id without one: by its hash, so that it does not depend on other rows."""
    share = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") / 2**64
    return "val" if share < _HELD_OUT else "test" if share < 2 * _HELD_OUT else "train"


# ---------------------------------------------------------------- two people


def read_pair(row: PairRow, folder: Path, reading: ReadOptions) -> CapturedPair:
    """Read both people of a row, with file names relative to `folder`.

    Raises:
        InputError: a file cannot be used, or the two are not of one take and one world frame.
    """
    own: dict[str, Any] = dict(row.reading)
    if "fps" in own:
        own["fps"] = _rate(own["fps"])
    if "skeleton" in own:
        own["skeleton"] = folder / own["skeleton"]
    options = replace(reading, **own)
    people = [read_people(folder / name, options) for name in row.files]
    if len(people) == 1:
        both = people[0]
        if len(both) != 2:
            raise InputError(f"{row.files[0]}: holds one person; give two files as person1 and person2")
    else:
        # A file of two people, such as an item of a run, gives each column its own person.
        both = [persons[column if len(persons) > 1 else 0] for column, persons in enumerate(people)]
    frames, trim = _common_frames(both)
    joints = np.stack([one.joints[:frames] for one in both])
    warnings = [f"person {number}: {text}" for number, one in enumerate(both, 1) for text in one.warnings]
    if trim:
        warnings.append(
            f"person {trim[0] + 1} continues for {trim[1]} frames at {FPS} fps, which were cut off"
        )
    warnings += _check_world(joints)
    if frames > MAX_RAW_FRAMES:
        warnings.append(
            f"{frames} frames; training and evaluation use {MAX_RAW_FRAMES} of them at a time, with one text"
        )
    interaction = Interaction(joints, _rotations(both, frames), text=row.captions[0], seed=0, id=row.id)
    recovered = any(one.rotations6d is None for one in both)
    return CapturedPair(
        interaction, tuple(one.source for one in both), tuple(warnings), recovered, trim[1] if trim else 0
    )


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"fps {text!r}; accepted: a number") from None


def _common_frames(both: Sequence[GivenMotion]) -> tuple[int, tuple[int, int] | None]:
    """Frames both have; the longer person (0 or 1) and their extra frames, or None if there are none.

    Raises:
        InputError: the two are not of one take.
    """
    rates = [one.original_fps for one in both]
    if abs(rates[0] - rates[1]) > _SAME_RATE * max(rates):
        raise InputError(
            f"person 1 has {rates[0]:g} frames per second, person 2 {rates[1]:g}; both must have one rate "
            "(fps overrides what files say)"
        )
    lengths = [one.frames for one in both]
    frames, more = min(lengths), abs(lengths[0] - lengths[1])
    if more > LONGEST_TRIM_S * FPS:
        raise InputError(
            f"person 1 has {lengths[0]} frames at {FPS} fps, person 2 {lengths[1]}; a difference of up to "
            f"{LONGEST_TRIM_S:g} s is cut off; trim longer differences yourself"
        )
    if frames < MIN_TEXT_FRAMES:
        raise InputError(
            f"{frames} frames at {FPS} fps; clips shorter than {MIN_TEXT_FRAMES} are never used in training"
        )
    return frames, (int(np.argmax(lengths)), more) if more else None


def _check_world(joints: np.ndarray) -> list[str]:
    """What is odd about joints (2, T, 22, 3); InputError if they cannot be of one world frame."""
    apart = np.linalg.norm(joints[0, :, 0] - joints[1, :, 0], axis=-1)
    if apart[0] < NEAREST_START_M:
        raise InputError(
            f"both pelvises start {100 * float(apart[0]):.1f} cm from each other; were the files centred one "
            "by one? Both people must be in one world frame"
        )
    if apart.min() > FARTHEST_M:
        raise InputError(
            f"the two are never nearer than {float(apart.min()):.1f} m; both must be in one world frame"
        )
    floors = joints[:, :, list(FEET), 1].min(axis=(1, 2))
    if abs(floors[0] - floors[1]) > LEVEL_M:
        return [
            f"the lowest foot of person 1 is at {floors[0]:.2f} m, of person 2 at {floors[1]:.2f} m; "
            "are both in one world frame?"
        ]
    return []


def _rotations(both: Sequence[GivenMotion], frames: int) -> np.ndarray:
    """Rotations (2, T, 21, 6) of the first `frames` frames, recovered where a file has none."""
    rotations = [
        # Recovered rotations of a frame depend on its neighbours, so those of trimmed joints differ.
        rotations_from_joints(one.joints[:frames]).rotations6d
        if one.rotations6d is None and frames < one.frames
        else one.known_rotations6d[:frames]
        for one in both
    ]
    return np.stack(rotations).astype(np.float32)
