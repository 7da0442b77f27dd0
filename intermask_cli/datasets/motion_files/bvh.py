"""BVH motion capture: the text format.

Rotation channels multiply in the order listed. Position channels are a joint's place relative to its
parent and replace OFFSET, as Blender reads and writes them. A BVH file names neither unit nor up axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.checks import MAX_FRAMES
from intermask_cli.datasets.motion_files.names import NamedJoints
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import FPS

#: Larger files are not read.
MAX_BYTES = 1 << 29
#: Larger hierarchies are not read; the largest rigs have a few hundred joints.
MAX_JOINTS = 1000
#: Frames times joints: an hour and a half of sixty joints at 30 frames a second.
MAX_POSES = 10_000_000
#: Characters accepted before MOTION; they are split into words in one step.
_LONGEST_HIERARCHY = 1 << 24
#: Characters of motion data that are split into words in one step: words take much memory.
_CHARACTERS_AT_ONCE = 1 << 20
#: Frames whose rotations are in memory together: those of all frames would take three times the positions.
_FRAMES_AT_ONCE = 2000
#: Channel name -> kind and axis.
_CHANNELS = {
    f"{axis}{kind}": (kind, "XYZ".index(axis)) for axis in "XYZ" for kind in ("position", "rotation")
}
_HEADER = re.compile(r"MOTION\s+Frames:\s*(\S{1,20})\s+Frame\s+Time:\s*(\S{1,40})(?!\S)")
_SPACE = re.compile(r"\s")


@dataclass
class _BvhJoint:
    """A joint: parent index (-1: root), offset (3,), channels in file order. End sites: `<parent>_end`."""

    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[tuple[str, int]] = field(default_factory=list)


def read_bvh(path: Path) -> NamedJoints:
    """Joints of a BVH file; errors as `parse_bvh`, or OSError."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{size} bytes; accepted: up to {MAX_BYTES}")
    return parse_bvh(path.read_text(encoding="utf-8", errors="replace"), MAX_FRAMES)


def parse_bvh(text: str, max_frames: int) -> NamedJoints:
    """Text of a BVH file -> joint positions by forward kinematics.

    Raises:
        InputError: broken hierarchy, motion lines that do not fit it, no frame time, too many frames.
    """
    header = _header(text)
    joints = _parse_hierarchy(text[: header.start()])
    columns = sum(len(joint.channels) for joint in joints)
    frames, fps = _frame_count(header.group(1), max_frames), _frames_per_second(header.group(2))
    if columns == 0:
        raise InputError("no joint has CHANNELS")
    if frames * len(joints) > MAX_POSES:
        raise InputError(f"{frames} frames of {len(joints)} joints; accepted: {MAX_POSES} in all")
    values = _numbers(text, header.end(), frames * columns)
    if len(values) != frames * columns:
        raise InputError(
            f"truncated or damaged: {frames} frames of {columns} channels need {frames * columns} numbers, "
            f"found {'more' if len(values) > frames * columns else len(values)}"
        )
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values))[0]) // columns
        raise InputError(f"a number in frame {frame} is not finite")
    values = values.reshape(frames, columns)
    parts = [_positions(joints, values[k : k + _FRAMES_AT_ONCE]) for k in range(0, frames, _FRAMES_AT_ONCE)]
    return NamedJoints([joint.name for joint in joints], np.concatenate(parts), fps)


# ---------------------------------------------------------------- header and numbers


def _header(text: str) -> re.Match[str]:
    header = _HEADER.search(text)
    if not text[:1000].lstrip("\ufeff \t\r\n").startswith("HIERARCHY") or header is None:
        raise InputError("not BVH text: needs HIERARCHY, then MOTION with `Frames:` and `Frame Time:`")
    if header.start() > _LONGEST_HIERARCHY:
        raise InputError(f"a hierarchy of {header.start()} characters; accepted: {_LONGEST_HIERARCHY}")
    return header


def _frame_count(word: str, most: int) -> int:
    """The number of frames that the header claims, 1 to `most`."""
    count = int(word) if re.fullmatch(r"-?[0-9]+", word) else 0
    if not 0 < count <= most:
        raise InputError(f"the header gives {word} frames; accepted: 1 to {most}")
    return count


def _frames_per_second(frame_time: str) -> float:
    """The rate a frame time was rounded from, if its digits show it: `0.008333` is 120 and not 120.0048."""
    try:
        seconds = float(frame_time)
    except ValueError:
        seconds = 0.0
    if not 1e-4 <= seconds <= 10:
        raise InputError(f"frame time {frame_time!r}; accepted: 0.0001 to 10 seconds")
    digits, _, exponent = frame_time.lower().partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    rate = max(round(1 / seconds), 1)
    # Two digits are too few: `0.03` could be 33 as well as 30. Three are enough for the usual 30.
    precise = last_digit < 1e-2 * seconds or (rate == FPS and last_digit < 0.05 * seconds)
    # Within one unit of the last digit, since some writers round and some truncate.
    return float(rate) if precise and abs(1 / rate - seconds) < last_digit else 1 / seconds


def _numbers(text: str, start: int, count: int) -> np.ndarray:
    """Up to count + 1 numbers of the text from `start` on, read piece by piece."""
    parts: list[np.ndarray] = []
    total = 0
    while start < len(text) and total <= count:
        border = _SPACE.search(text, start + _CHARACTERS_AT_ONCE)
        stop = len(text) if border is None else border.start()
        try:
            parts.append(np.array(text[start:stop].split(), dtype=np.float64)[: count + 1 - total])
        except ValueError as error:
            raise InputError(f"motion data: {str(error)[:80]}") from error
        total += len(parts[-1])
        start = stop
    return np.concatenate(parts) if parts else np.empty(0)


# ---------------------------------------------------------------- hierarchy


def _parse_hierarchy(text: str) -> list[_BvhJoint]:
    """The joints in file order, parents before children, end sites included."""
    words = (match.group() for match in re.finditer(r"\S+", text))
    next(words)  # HIERARCHY
    joints: list[_BvhJoint] = []
    open_joints: list[int] = []
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            parent = open_joints[-1] if open_joints else -1
            if (parent < 0) != (word == "ROOT") or (word == "ROOT" and joints):
                raise InputError(f"{word} is misplaced; one ROOT must contain all joints")
            name = _next(words)
            joints.append(_BvhJoint(f"{joints[parent].name}_end" if word == "End" else name, parent))
            if len(joints) > MAX_JOINTS:
                raise InputError(f"more than {MAX_JOINTS} joints")
            brace = _next(words)
            if brace != "{":
                raise InputError(f"{brace[:40]!r} instead of '{{' after {word}")
            open_joints.append(len(joints) - 1)
        elif word == "}" and open_joints:
            open_joints.pop()
        elif word == "OFFSET" and open_joints:
            joints[open_joints[-1]].offset = np.array([_number(_next(words)) for _ in range(3)])
        elif word == "CHANNELS" and open_joints:
            joints[open_joints[-1]].channels = _channels(words)
        else:
            raise InputError(f"unexpected {word[:40]!r} in the hierarchy")
    if open_joints or not joints:
        raise InputError("the hierarchy is truncated")
    return joints


def _channels(words: Iterator[str]) -> list[tuple[str, int]]:
    """Kind and axis of each channel after the word CHANNELS."""
    count = _number(_next(words))
    if count not in range(7):
        raise InputError(f"{count:g} channels on one joint; accepted: 0 to 6")
    names = [_next(words) for _ in range(int(count))]
    unknown = [name for name in names if name not in _CHANNELS]
    if unknown:
        raise InputError(f"unknown channel {unknown[0][:40]!r}; known: {', '.join(_CHANNELS)}")
    return [_CHANNELS[name] for name in names]


def _next(words: Iterator[str]) -> str:
    word = next(words, None)
    if word is None:
        raise InputError("the hierarchy is truncated")
    return word


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{word[:40]!r} is not a number")
    return value


# ---------------------------------------------------------------- forward kinematics


def _positions(joints: list[_BvhJoint], values: np.ndarray) -> np.ndarray:
    """World positions (T, N, 3) of N joints from channel values (T, C) in file order."""
    frames, column = len(values), 0
    offsets = np.empty((frames, len(joints), 3))  # from the parent, in its frame
    local = np.empty((frames, len(joints), 3, 3))
    for index, joint in enumerate(joints):
        offsets[:, index] = joint.offset
        rotation = np.tile(np.eye(3), (frames, 1, 1))  # (T, 3, 3)
        for kind, axis in joint.channels:
            channel = values[:, column]
            column += 1
            if kind == "position":
                offsets[:, index, axis] = channel
            else:
                vector = np.zeros((frames, 3))
                vector[:, axis] = np.radians(channel)
                rotation = rotation @ matrix_from_axis_angle(vector)
        local[:, index] = rotation
    parents = [joint.parent for joint in joints]
    return forward_kinematics(local, offsets[:, 0], offsets, parents)[0]
