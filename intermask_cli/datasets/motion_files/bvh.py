"""BVH motion capture: the text format, in the spellings that tools write.

Rotation channels multiply in the order listed. Position channels are a joint's place relative to its
parent and replace OFFSET, as Blender reads and writes them. A BVH file names neither unit nor up axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.limits import MAX_FRAMES
from intermask_cli.datasets.motion_files.text import MAX_JOINTS, MAX_POSES, read_text
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton, people_of
from intermask_cli.motion.rotation import matrix_from_euler
from intermask_cli.motion.skeleton import FPS

#: Characters accepted before MOTION; they are split into words in one step.
_LONGEST_HIERARCHY = 1 << 24
#: Characters of motion data that are split into words in one step: words take much memory.
_CHARACTERS_AT_ONCE = 1 << 20
#: Position, rotation and scale of three axes each.
_MAX_CHANNELS = 9
#: Channel name in lower case -> kind and axis.
_CHANNELS = {
    f"{axis}{kind}": (kind, "xyz".index(axis)) for kind in ("position", "rotation", "scale") for axis in "xyz"
}
#: Relative difference within which a position channel repeats OFFSET, which is written with fewer digits.
_SAME_PLACE = 1e-5
_MOTION = re.compile(r"(?:^|\})[ \t]*MOTION(?!\S)", re.IGNORECASE | re.MULTILINE)
_FRAMES = re.compile(r"\s*Frames\s*:?\s*([^\s:]{1,20})(?!\S)", re.IGNORECASE)
_FRAME_TIME = re.compile(r"\s*Frame\s*Time\s*:?\s*([^\s:]{1,40})(?!\S)", re.IGNORECASE)
_WORD = re.compile(r"\n|[{}]|[^\s{}]+")
_SPACE = re.compile(r"\s")


@dataclass
class _BvhJoint:
    """A joint: parent index (-1: root), offset (3,), channels in file order, whether it is an End Site."""

    name: str
    parent: int
    end: bool
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[tuple[str, int]] = field(default_factory=list)


def read_bvh(path: Path, fps: float | None = None) -> list[AnimatedSkeleton]:
    """The people in a BVH file; errors as `parse_bvh`, or OSError."""
    return parse_bvh(read_text(path), MAX_FRAMES, fps)


def parse_bvh(text: str, max_frames: int, fps: float | None = None) -> list[AnimatedSkeleton]:
    """Text of a BVH file -> its people: one per ROOT, or per skeleton under a common node.

    fps: rate given by the user, in place of the frame time.

    Raises:
        InputError: broken hierarchy, motion lines that do not fit it, bad frame time, too many frames.
    """
    header = _header(text, max_frames, fps)
    joints = _parse_hierarchy(text[: header.hierarchy_end])
    columns = sum(len(joint.channels) for joint in joints)
    if columns == 0:
        raise InputError("no joint has CHANNELS")
    most = min(max_frames, MAX_POSES // len(joints))
    if header.frames is not None and header.frames > most:
        raise InputError(f"{header.frames} frames of {len(joints)} joints; accepted: {most}")
    values, notes = _rows(text, header, columns, most)
    skeleton = _skeleton(joints, values, header.fps, (*header.notes, *notes))
    return people_of(skeleton)


# ---------------------------------------------------------------- header


@dataclass(frozen=True)
class _Header:
    """Where the hierarchy ends and the numbers begin; what the file says of frames and rate."""

    hierarchy_end: int
    numbers_start: int
    frames: int | None
    fps: float
    notes: tuple[str, ...]


def _header(text: str, max_frames: int, fps: float | None) -> _Header:
    motion = _MOTION.search(text)
    if not text[:1000].lstrip("\ufeff \t\n").upper().startswith("HIERARCHY") or motion is None:
        raise InputError("not BVH text: needs HIERARCHY, then MOTION with `Frames:` and `Frame Time:`")
    end = motion.start() + (motion.group()[0] == "}")
    if end > _LONGEST_HIERARCHY:
        raise InputError(f"a hierarchy of {end} characters; accepted: {_LONGEST_HIERARCHY}")
    place, given, notes = motion.end(), dict[str, str](), []
    for _ in range(2):  # either may come first
        for name, pattern in (("frames", _FRAMES), ("time", _FRAME_TIME)):
            match = pattern.match(text, place)
            if match is not None and name not in given:
                given[name], place = match.group(1), match.end()
    frames = _frame_count(given["frames"], max_frames) if "frames" in given else None
    if fps is None and "time" not in given:
        notes.append(f"no `Frame Time:`, so {FPS} fps are assumed; --fps gives another rate")
    rate = fps or (_frames_per_second(given["time"]) if "time" in given else float(FPS))
    return _Header(end, place, frames, rate, tuple(notes))


def _frame_count(word: str, most: int) -> int:
    """The number of frames that the header claims, 1 to `most`."""
    count = int(word) if re.fullmatch(r"-?[0-9]+", word) else 0
    if not 0 < count <= most:
        raise InputError(f"the header gives {word} frames; accepted: 1 to {most}")
    return count


def _frames_per_second(written: str) -> float:
    """The rate a frame time was rounded from, if its digits show it: `0.008333` is 120 and not 120.0048."""
    frame_time = written.replace(",", ".")
    try:
        seconds = float(frame_time)
    except ValueError:
        seconds = 0.0
    if not 1e-4 <= seconds <= 10:
        raise InputError(f"frame time {written!r}; accepted: 0.0001 to 10 seconds; --fps gives the rate")
    digits, _, exponent = frame_time.lower().partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    rate = max(round(1 / seconds), 1)
    # Two digits are too few: `0.03` could be 33 as well as 30. Three are enough for the usual 30.
    precise = last_digit < 1e-2 * seconds or (rate == FPS and last_digit < 0.05 * seconds)
    # Within one unit of the last digit, since some writers round and some truncate.
    return float(rate) if precise and abs(1 / rate - seconds) < last_digit else 1 / seconds


# ---------------------------------------------------------------- numbers


def _rows(text: str, header: _Header, columns: int, most: int) -> tuple[np.ndarray, list[str]]:
    """Channel values (T, C), and what the numbers of rows and commas say."""
    values = _numbers(text, header.numbers_start, most * columns)
    rows, rest = divmod(len(values), columns)
    claimed = "" if header.frames is None else f"{header.frames} frames of "
    if rest or not rows:
        first = text[header.numbers_start :].lstrip()[:_CHARACTERS_AT_ONCE].partition("\n")[0].split()
        raise InputError(
            f"truncated or damaged: {claimed}{columns} channels do not fit the {len(values)} numbers found "
            f"({len(first)} on the first row)"
        )
    if rows > most:
        raise InputError(f"more than {most} rows of {columns} channels; accepted: up to that")
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values))[0]) // columns
        raise InputError(f"a number in frame {frame} is not finite")
    notes = []
    if header.frames is None:
        notes.append(f"no `Frames:`; {rows} rows read")
    elif rows != header.frames:
        notes.append(f"{rows} rows for `Frames: {header.frames}`; all rows read")
    return values.reshape(rows, columns), notes


def _numbers(text: str, start: int, count: int) -> np.ndarray:
    """Up to count + 1 numbers of the text from `start` on, read piece by piece.

    Commas are decimal commas where the numbers have no points, and separators where they have.
    """
    parts: list[np.ndarray] = [np.empty(0)]
    total, comma = 0, None
    while start < len(text) and total <= count:
        border = _SPACE.search(text, start + _CHARACTERS_AT_ONCE)
        stop = len(text) if border is None else border.start()
        piece = text[start:stop]
        if "," in piece:
            comma = comma or (" " if "." in piece else ".")
            piece = piece.replace(",", comma)
        try:
            parts.append(np.array(piece.split(), dtype=np.float64)[: count + 1 - total])
        except ValueError as error:
            if _MOTION.search(text, start):
                raise InputError(
                    "several MOTION blocks; a file must hold one, so save each as a file of its own"
                ) from error
            raise InputError(f"motion data: {str(error)[:80]}") from error
        total += len(parts[-1])
        start = stop
    return np.concatenate(parts)


# ---------------------------------------------------------------- hierarchy


def _parse_hierarchy(text: str) -> list[_BvhJoint]:
    """The joints in file order, parents before children, End Sites included."""
    words = (match.group() for match in _WORD.finditer(text))
    next(words)  # HIERARCHY
    joints: list[_BvhJoint] = []
    open_joints: list[int] = []
    for word in words:
        keyword = word.upper()
        if keyword in ("ROOT", "JOINT", "END", "ENDSITE"):
            parent = open_joints[-1] if open_joints else -1
            if (parent < 0) != (keyword == "ROOT") or (parent >= 0 and joints[parent].end):
                raise InputError(f"{word} is misplaced; a ROOT must contain all its joints")
            joints.append(_BvhJoint(_joint_name(words, keyword), parent, keyword.startswith("END")))
            if len(joints) > MAX_JOINTS:
                raise InputError(f"more than {MAX_JOINTS} joints")
            open_joints.append(len(joints) - 1)
        elif word == "}" and open_joints:
            open_joints.pop()
        elif keyword == "OFFSET" and open_joints:
            joints[open_joints[-1]].offset = np.array([_number(_next(words)) for _ in range(3)])
        elif keyword == "CHANNELS" and open_joints:
            joints[open_joints[-1]].channels = _channels(words)
        elif word != "\n":
            raise InputError(f"unexpected {word[:40]!r} in the hierarchy")
    if open_joints or not joints:
        raise InputError("the hierarchy is truncated")
    return joints


def _joint_name(words: Iterator[str], keyword: str) -> str:
    """The name, which is the rest of the line and may have spaces, up to and including the brace."""
    name: list[str] = []
    for word in words:
        if word == "{":
            return " ".join(name) or keyword.lower()
        if word == "\n":
            break
        name.append(word)
    brace = _next(words)
    if brace != "{":
        raise InputError(f"{brace[:40]!r} instead of '{{' after {keyword} {' '.join(name)[:40]}")
    return " ".join(name) or keyword.lower()


def _channels(words: Iterator[str]) -> list[tuple[str, int]]:
    """Kind and axis of each channel after the word CHANNELS."""
    count = _number(_next(words))
    if count not in range(_MAX_CHANNELS + 1):
        raise InputError(f"{count:g} channels on one joint; accepted: 0 to {_MAX_CHANNELS}")
    names = [_next(words) for _ in range(int(count))]
    unknown = [name for name in names if name.lower() not in _CHANNELS]
    if unknown:
        raise InputError(f"unknown channel {unknown[0][:40]!r}; known: {', '.join(_CHANNELS)}")
    return [_CHANNELS[name.lower()] for name in names]


def _next(words: Iterator[str]) -> str:
    """The next word, line breaks left out."""
    for word in words:
        if word != "\n":
            return word
    raise InputError("the hierarchy is truncated")


def _number(word: str) -> float:
    try:
        value = float(word.replace(",", "."))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{word[:40]!r} is not a number")
    return value


# ---------------------------------------------------------------- channels


def _skeleton(
    joints: list[_BvhJoint], values: np.ndarray, fps: float, notes: tuple[str, ...]
) -> AnimatedSkeleton:
    """The whole forest of joints, roots included as they come, from channel values (T, C) in file order."""
    frames, column = len(values), 0
    kept = [index for index, joint in enumerate(joints) if not joint.end or joint.channels]
    number = {index: place for place, index in enumerate(kept)}
    offsets = np.array([joints[index].offset for index in kept])
    rotations = np.empty((frames, len(kept), 3, 3))
    moved: dict[int, np.ndarray] = {}  # joint -> (T, 3) translations
    orders, all_zero, scaled = [], [], []
    for place, index in enumerate(kept):
        joint = joints[index]
        channels = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        turns = [k for k, (kind, _) in enumerate(joint.channels) if kind == "rotation"]
        orders.append("".join("XYZ"[joint.channels[k][1]] for k in turns))
        rotations[:, place] = matrix_from_euler(np.radians(channels[:, turns]), orders[-1])
        steps = {axis: k for k, (kind, axis) in enumerate(joint.channels) if kind == "position"}
        if steps:
            places = np.tile(joint.offset, (frames, 1))
            places[:, list(steps)] = channels[:, list(steps.values())]
            if joint.parent >= 0 and not places.any() and joint.offset.any():
                all_zero.append(joint.name)
            elif joint.parent < 0 or not np.allclose(places, joint.offset, rtol=_SAME_PLACE, atol=0):
                moved[place] = places
        scales = [k for k, (kind, _) in enumerate(joint.channels) if kind == "scale"]
        if scales and not np.allclose(channels[:, scales], 1, rtol=1e-3):
            scaled.append(joint.name)
    taken = list(notes)
    if all_zero:
        # Some tools write zeros that mean "where OFFSET says"; as places they would make all joints coincide.
        taken.append(f"OFFSET used for joints whose positions are all zero ({_listed(all_zero)})")
    if scaled:
        taken.append(f"scale channels are not used ({_listed(scaled)})")
    roots = [place for place, index in enumerate(kept) if joints[index].parent < 0]
    translations = None
    if len(roots) > 1 or set(moved) - set(roots):
        translations = np.tile(offsets, (frames, 1, 1))
        for place, places in moved.items():
            translations[:, place] = places
    return AnimatedSkeleton(
        names=tuple(_name(joints, index) for index in kept),
        parents=tuple(number.get(joints[index].parent, -1) for index in kept),
        offsets=offsets,
        rotations=rotations,
        root=moved.get(0, np.tile(offsets[0], (frames, 1))),
        fps=fps,
        end_sites={
            number[joint.parent]: joint.offset
            for joint in reversed(joints)  # of several, the first counts
            if joint.end and not joint.channels
        },
        translations=translations,
        orders=tuple(orders),
        notes=tuple(taken),
    )


def _name(joints: list[_BvhJoint], index: int) -> str:
    joint = joints[index]
    return f"{joints[joint.parent].name}_end" if joint.end else joint.name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
