"""Acclaim motion capture: a skeleton (.asf) and its motion (.amc), the format of the CMU library.

A bone goes from its start along `direction` for `length`; a joint of `AnimatedSkeleton` is the start of a
bone and has its name. With C the rotation of `axis` and M that of the frame's angles, a bone turns by
C M C^-1 against its parent; angles apply in the order listed, about fixed axes. Source: the format's
description by M. Riley and others, as given with the CMU library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.limits import MAX_FRAMES
from intermask_cli.datasets.motion_files.text import MAX_JOINTS, MAX_POSES, read_text
from intermask_cli.datasets.motion_files.units import METRES
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.rotation import matrix_from_euler

#: Rate of the CMU library; the format names none.
CMU_FPS = 120.0
#: `length` of the CMU library's files, which shows its unit.
_CMU_LENGTH = 0.45
_ROOT = "root"


@dataclass
class _Bone:
    """A bone of the .asf: rest direction times length (3,), C (3, 3), and its channels such as `rx`."""

    name: str
    vector: np.ndarray = field(default_factory=lambda: np.zeros(3))
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    channels: tuple[str, ...] = ()


@dataclass
class _Skeleton:
    """Bones in order of the hierarchy, parents first; the root is bone 0 and lies at `position`."""

    bones: list[_Bone]
    parents: list[int]
    position: np.ndarray
    in_degrees: bool
    length: float


def find_asf(path: Path, given: Path | None) -> Path:
    """The .asf of an .amc file: as given, of the same stem, of the CMU subject (60_01: 60), the only one."""
    if given is not None:
        return given
    nearby = sorted(other for other in path.parent.iterdir() if other.suffix.lower() == ".asf")
    for stem in (path.stem.lower(), path.stem.partition("_")[0].lower()):
        for other in nearby:
            if other.stem.lower() == stem:
                return other
    if len(nearby) == 1:
        return nearby[0]
    found = f"{len(nearby)} others ({', '.join(other.name for other in nearby[:4])})" if nearby else "none"
    raise InputError(
        f"needs its skeleton {path.stem}.asf in the same folder, where there are {found}; "
        "give it as --skeleton FILE.asf"
    )


def read_amc(path: Path, asf: Path, fps: float | None = None) -> list[AnimatedSkeleton]:
    """The person of an .amc file on the skeleton of its .asf; OSError, or InputError for damaged files."""
    try:
        skeleton = parse_asf(read_text(asf))
    except (InputError, OSError) as error:
        raise InputError(f"skeleton {asf}: {getattr(error, 'strerror', None) or error}") from error
    return [parse_amc(read_text(path), skeleton, fps)]


# ---------------------------------------------------------------- skeleton


def parse_asf(text: str) -> _Skeleton:
    """Text of an .asf file; InputError names what is missing."""
    sections = _sections(text)
    missing = [name for name in ("root", "bonedata", "hierarchy") if name not in sections]
    if missing:
        raise InputError(f"not an Acclaim skeleton: no section :{missing[0]}")
    units, root = _fields(sections.get("units", [])), _fields(sections["root"])
    in_degrees = not (units.get("angle") or ["deg"])[0].lower().startswith("rad")
    bones = {_ROOT: _bone(_ROOT, root, in_degrees)}
    for entry in _entries(sections["bonedata"]):
        name = (entry.get("name") or entry.get("id") or ["?"])[0]
        if name in bones:
            raise InputError(f"two bones are named {name[:40]!r}")
        bones[name] = _bone(name, entry, in_degrees)
        if len(bones) > MAX_JOINTS:
            raise InputError(f"more than {MAX_JOINTS} bones")
    order, parents = _ordered(sections["hierarchy"], set(bones))
    return _Skeleton(
        bones=[bones[name] for name in order],
        parents=parents,
        position=_numbers(root.get("position", ["0"] * 3), 3, "position of the root"),
        in_degrees=in_degrees,
        length=float(_numbers(units.get("length") or ["1"], 1, "unit of length")[0]),
    )


def _sections(text: str) -> dict[str, list[list[str]]]:
    """The lines of each section `:name`, in words and without comments."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    return sections


def _fields(lines: list[list[str]]) -> dict[str, list[str]]:
    """Lines `name values` -> values by name in lower case."""
    return {words[0].lower(): words[1:] for words in lines}


def _entries(lines: list[list[str]]) -> Iterator[dict[str, list[str]]]:
    """The fields of each block from `begin` to `end`."""
    block: list[list[str]] = []
    for words in lines:
        if words[0].lower() == "end":
            yield _fields(block)
        if words[0].lower() in ("begin", "end"):
            block = []
        else:
            block.append(words)


def _bone(name: str, entry: Mapping[str, list[str]], in_degrees: bool) -> _Bone:
    """A bone from its fields; the root has `order`, `axis` and `orientation` for `dof` and `axis`."""
    axis = entry.get("axis", [])
    if name == _ROOT:
        angles, axis_order = entry.get("orientation", ["0"] * 3), (axis or ["XYZ"])[0]
        channels, vector = entry.get("order", []), np.zeros(3)
    else:
        angles, axis_order = axis[:3] or ["0"] * 3, axis[3] if len(axis) > 3 else "XYZ"
        channels = entry.get("dof", [])
        direction = _numbers(entry.get("direction", []), 3, f"direction of {name}")
        length = float(_numbers(entry.get("length", []), 1, f"length of {name}")[0])
        vector = direction / max(float(np.linalg.norm(direction)), 1e-12) * length
    if sorted(axis_order.upper()) != ["X", "Y", "Z"]:
        raise InputError(f"axis order {axis_order[:20]!r} of {name[:40]}; accepted: XYZ in any order")
    turn = _turned(_numbers(angles, 3, f"axis of {name}"), axis_order.upper(), in_degrees)
    return _Bone(name, vector, turn, tuple(channel.lower() for channel in channels))


def _ordered(lines: list[list[str]], bones: Set[str]) -> tuple[list[str], list[int]]:
    """Bones of the hierarchy with parents first, and the index of each one's parent."""
    children: dict[str, list[str]] = {}
    placed = {_ROOT}
    for parent, *below in lines:
        if parent.lower() in ("begin", "end"):
            continue
        for child in below:
            if child not in bones or parent not in bones or child in placed:
                raise InputError(f"the hierarchy puts {child[:40]!r} below {parent[:40]!r}, which cannot be")
            placed.add(child)
        children.setdefault(parent, []).extend(below)
    order, parents = [_ROOT], [-1]
    for index, name in enumerate(order):  # grows on the way
        order += children.get(name, [])
        parents += [index] * len(children.get(name, []))
    return order, parents


def _turned(angles: np.ndarray, order: str, in_degrees: bool) -> np.ndarray:
    """Angles (..., n) about fixed axes, applied in `order` -> (..., 3, 3)."""
    radians = np.radians(angles) if in_degrees else angles
    return matrix_from_euler(radians[..., ::-1], order[::-1])


def _numbers(words: list[str], count: int, what: str) -> np.ndarray:
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(f"{what[:60]}: {' '.join(words)[:60]!r}; expected {count} numbers")
    return values


# ---------------------------------------------------------------- motion


def parse_amc(text: str, skeleton: _Skeleton, fps: float | None = None) -> AnimatedSkeleton:
    """Text of an .amc file on its skeleton.

    fps: rate given by the user; else the file's `:SAMPLES-PER-SECOND`, else that of the CMU library.

    Raises:
        InputError: a frame lacks a bone or has other numbers of values than the skeleton has channels.
    """
    frames, header = _frames(text, skeleton)
    notes = []
    rate = fps or header.rate
    if rate is None:
        rate = CMU_FPS
        notes.append(f"an .amc names no rate; {CMU_FPS:g} fps, as in the CMU library, are assumed (--fps)")
    rotations = np.tile(np.eye(3), (len(frames), len(skeleton.bones), 1, 1))
    root = np.tile(skeleton.position, (len(frames), 1))
    unused = []
    column = 0
    for index, bone in enumerate(skeleton.bones):
        values = frames[:, column : column + len(bone.channels)]
        column += len(bone.channels)
        turns = [k for k, channel in enumerate(bone.channels) if channel in ("rx", "ry", "rz")]
        order = "".join(bone.channels[k][1].upper() for k in turns)
        motion = _turned(values[:, turns], order, header.in_degrees)
        rotations[:, index] = bone.axis @ motion @ bone.axis.T
        for k, channel in enumerate(bone.channels):
            if channel in ("tx", "ty", "tz") and index == 0:
                root[:, "xyz".index(channel[1])] += values[:, k]
            elif k not in turns:
                unused.append(f"{channel} of {bone.name}")
    if unused:
        notes.append(f"channels that are not used: {', '.join(unused[:4])}")
    offsets = np.array([skeleton.bones[parent].vector for parent in skeleton.parents])
    offsets[0] = skeleton.position
    is_cmu = abs(skeleton.length - _CMU_LENGTH) < 1e-6
    return AnimatedSkeleton(
        names=tuple(bone.name for bone in skeleton.bones),
        parents=tuple(skeleton.parents),
        offsets=offsets,
        rotations=rotations,
        root=root,
        fps=rate,
        end_sites={
            index: bone.vector
            for index, bone in enumerate(skeleton.bones)
            if index and index not in skeleton.parents
        },
        # As a BVH file would name it, whose rotations apply from the last to the first.
        orders=tuple(
            "".join(channel[1].upper() for channel in reversed(bone.channels) if channel[0] == "r")
            for bone in skeleton.bones
        ),
        metres_per_unit=METRES["cmu"] if is_cmu else None,
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _AmcHeader:
    """Rate where the file gives it, and whether angles are degrees."""

    rate: float | None
    in_degrees: bool


def _frames(text: str, skeleton: _Skeleton) -> tuple[np.ndarray, _AmcHeader]:
    """Values (T, C) in the order of the skeleton's bones and their channels."""
    columns: dict[str, slice] = {}
    count = 0
    for bone in skeleton.bones:
        columns[bone.name] = slice(count, count + len(bone.channels))
        count += len(bone.channels)
    most = min(MAX_FRAMES, MAX_POSES // len(skeleton.bones))
    rate, in_degrees = None, skeleton.in_degrees
    rows: list[np.ndarray] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            keyword = words[0].lower()
            in_degrees = keyword == ":degrees" or (in_degrees and keyword != ":radians")
            if keyword == ":samples-per-second" and len(words) > 1:
                rate = _rate(words[1])
        elif len(words) == 1 and words[0].isascii() and words[0].isdigit():
            if len(rows) == most:
                raise InputError(f"more than {most} frames of {len(skeleton.bones)} bones; accepted: {most}")
            rows.append(np.full(count, np.nan))
        elif not rows:
            raise InputError(f"not an .amc file: {' '.join(words)[:40]!r} before the first frame")
        elif words[0] not in columns:
            raise InputError(f"frame {len(rows) - 1} names {words[0][:40]!r}, which the skeleton lacks")
        else:
            place = columns[words[0]]
            what = f"frame {len(rows) - 1}, {words[0]}"
            rows[-1][place] = _numbers(words[1:], place.stop - place.start, what)
    if not rows:
        raise InputError("not an .amc file: no frames")
    values = np.stack(rows)
    if np.isnan(values).any():
        frame, column = (int(n) for n in np.argwhere(np.isnan(values))[0])
        lacking = next(name for name, place in columns.items() if place.start <= column < place.stop)
        raise InputError(f"truncated or damaged: frame {frame} of {len(values)} lacks {lacking}")
    return values, _AmcHeader(rate, in_degrees)


def _rate(word: str) -> float:
    rate = float(_numbers([word], 1, ":SAMPLES-PER-SECOND")[0])
    if not 0 < rate <= 1000:
        raise InputError(f":SAMPLES-PER-SECOND {word}; accepted: above 0, up to 1000")
    return rate
