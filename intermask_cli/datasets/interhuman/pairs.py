"""Captured pairs of a table -> a dataset in InterHuman's layout, for `intermask data pairs`.

Rows are independent: one that cannot be used is reported, and the others are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from intermask_cli.datasets.dataset_folder import write_complete_folder
from intermask_cli.datasets.interhuman.pair_table import PairRow, PairTable
from intermask_cli.datasets.interhuman.reader import MAX_RAW_FRAMES, MIN_TEXT_FRAMES, SPLITS
from intermask_cli.datasets.interhuman.writer import ClipToWrite, files_written, write_clips
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.datasets.motion_files.two_people import read_two_people
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import InputError
from intermask_cli.files import disk_errors
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.skeleton import FPS


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
    with disk_errors(out), write_complete_folder(out, files_written(out) if overwrite else ()) as draft:
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


# ---------------------------------------------------------------- two people


def read_pair(row: PairRow, folder: Path, reading: ReadOptions) -> CapturedPair:
    """Read both people of a row, with file names relative to `folder`.

    Raises:
        InputError: a file cannot be used, or the two are not of one take and one world frame.
    """
    options = replace(reading, **_reading_of(row, folder))
    two = read_two_people(
        [folder / name for name in row.files],
        options,
        "give two files as person1 and person2",
        "a column `persons` chooses two of them, such as 1 3",
    )
    frames = two.frames
    if frames < MIN_TEXT_FRAMES:
        raise InputError(
            f"{frames} frames at {FPS} fps; clips shorter than {MIN_TEXT_FRAMES} are never used in training"
        )
    warnings = list(two.warnings)
    if frames > MAX_RAW_FRAMES:
        warnings.append(
            f"{frames} frames; training and evaluation use {MAX_RAW_FRAMES} of them at a time, with one text"
        )
    interaction = Interaction(two.joints, two.rotations6d, text=row.captions[0], seed=0, id=row.id)
    sources = tuple(one.source for one in two.people)
    return CapturedPair(interaction, sources, tuple(warnings), two.recovered, two.trimmed)


def _reading_of(row: PairRow, folder: Path) -> dict[str, Any]:
    """Fields of `ReadOptions` that the row itself gives."""
    own: dict[str, Any] = dict(row.reading)
    if "fps" in own:
        try:
            own["fps"] = float(own["fps"])
        except ValueError:
            raise InputError(f"fps {own['fps']!r}; accepted: a number") from None
    if "skeleton" in own:
        own["skeleton"] = folder / own["skeleton"]
    if "mirror" in own:
        own["mirror"] = _yes_or_no("mirror", own["mirror"])
    if "persons" in own:
        own["person"] = _two_persons(own.pop("persons"))
    return own


def _yes_or_no(column: str, text: str) -> bool:
    answers = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in answers:
        raise InputError(f"{column} {text!r}; accepted: yes, no")
    return answers[text.lower()]


def _two_persons(text: str) -> tuple[int, int]:
    """`1 3` -> (0, 2)."""
    numbers = text.replace(",", " ").replace("+", " ").split()
    if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and 0 < int(n) < 10_000 for n in numbers):
        raise InputError(f"persons {text!r}; accepted: two numbers counted from 1, such as 1 3")
    if numbers[0] == numbers[1]:
        raise InputError(f"persons {text!r}; two different people are needed")
    return int(numbers[0]) - 1, int(numbers[1]) - 1
