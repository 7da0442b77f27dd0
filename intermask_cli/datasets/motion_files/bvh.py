"""BVH motion capture: the text format, and the 22 joints in the naming schemes people use.

Rotation channels multiply in the order listed. Position channels are a joint's place relative to its
parent and replace OFFSET, as Blender reads and writes them. A BVH file names neither unit nor up axis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import yaml

from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES

MAX_JOINTS = 1000
#: Frames times joints: an hour and a half of sixty joints at 30 frames a second.
MAX_POSES = 10_000_000
_LONGEST_HIERARCHY = 1 << 24  # characters
_CHARACTERS_AT_ONCE = 1 << 20
_FRAMES_AT_ONCE = 2000
_CHANNELS = {
    f"{axis}{kind}": (kind, "XYZ".index(axis)) for axis in "XYZ" for kind in ("position", "rotation")
}
_HEADER = re.compile(r"MOTION\s+Frames:\s*(\S{1,20})\s+Frame\s+Time:\s*(\S{1,40})(?!\S)")
_SPACE = re.compile(r"\s")


class BvhError(ValueError):
    """Not a usable BVH file; the message says where and why."""


@dataclass
class BvhJoint:
    """A joint: parent index (-1: root), offset (3,), channels in file order. End sites: `<parent>_end`."""

    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class BvhMotion:
    """Joint names (N) and world positions (T, N, 3) in the file's unit, and its frames per second."""

    names: list[str]
    positions: np.ndarray
    fps: float


def parse_bvh(text: str, max_frames: int) -> BvhMotion:
    """Text of a BVH file -> joint positions by forward kinematics.

    Raises:
        BvhError: broken hierarchy, motion lines that do not fit it, no frame time, too many frames.
    """
    found = _header(text)
    joints = _parse_hierarchy(text[: found.start()])
    columns = sum(len(joint.channels) for joint in joints)
    frames, fps = _frame_count(found.group(1), max_frames), _frames_per_second(found.group(2))
    if columns == 0:
        raise BvhError("no joint has CHANNELS")
    if frames * len(joints) > MAX_POSES:
        raise BvhError(f"{frames} frames of {len(joints)} joints; {MAX_POSES} in all are accepted")
    values = _numbers(text, found.end(), frames * columns)
    if len(values) != frames * columns:
        raise BvhError(
            f"truncated or damaged: {frames} frames of {columns} channels need {frames * columns} numbers, "
            f"found {'more' if len(values) > frames * columns else len(values)}"
        )
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values))[0]) // columns
        raise BvhError(f"a number in frame {frame} is not finite")
    values = values.reshape(frames, columns)
    # A stretch at a time: the rotations of all frames would take three times the positions.
    parts = [_positions(joints, values[k : k + _FRAMES_AT_ONCE]) for k in range(0, frames, _FRAMES_AT_ONCE)]
    return BvhMotion([joint.name for joint in joints], np.concatenate(parts), fps)


def _header(text: str) -> re.Match[str]:
    found = _HEADER.search(text)
    if not text[:1000].lstrip("\ufeff \t\r\n").startswith("HIERARCHY") or found is None:
        raise BvhError("not BVH text: needs HIERARCHY, then MOTION with `Frames:` and `Frame Time:`")
    if found.start() > _LONGEST_HIERARCHY:
        raise BvhError(f"a hierarchy of {found.start()} characters; {_LONGEST_HIERARCHY} are accepted")
    return found


def _frame_count(word: str, most: int) -> int:
    count = int(word) if re.fullmatch(r"-?[0-9]+", word) else 0
    if not 0 < count <= most:
        raise BvhError(f"its header says {word} frames; 1 to {most} are accepted")
    return count


def _numbers(text: str, start: int, count: int) -> np.ndarray:
    """Up to count + 1 numbers of text from `start` on; a piece at a time, since words take much memory."""
    parts: list[np.ndarray] = []
    found = 0
    while start < len(text) and found <= count:
        border = _SPACE.search(text, start + _CHARACTERS_AT_ONCE)
        stop = len(text) if border is None else border.start()
        try:
            parts.append(np.array(text[start:stop].split(), dtype=np.float64)[: count + 1 - found])
        except ValueError as error:
            raise BvhError(f"motion data: {str(error)[:80]}") from error
        found += len(parts[-1])
        start = stop
    return np.concatenate(parts) if parts else np.empty(0)


def _frames_per_second(frame_time: str) -> float:
    """The rate a frame time stands for: `0.008333` is 120 and not 120.0048, as far as its digits tell."""
    try:
        seconds = float(frame_time)
    except ValueError:
        seconds = 0.0
    if not 1e-4 <= seconds <= 10:
        raise BvhError(f"frame time {frame_time!r}; a number of seconds between 0.0001 and 10 is accepted")
    digits, _, exponent = frame_time.lower().partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    whole = max(round(1 / seconds), 1)
    # Some writers round, some cut; `0.03` could be 33 as well as 30, so two digits tell nothing.
    told = last_digit < 1e-2 * seconds or (whole == FPS and last_digit < 0.05 * seconds)
    return float(whole) if told and abs(1 / whole - seconds) < last_digit else 1 / seconds


def _parse_hierarchy(text: str) -> list[BvhJoint]:
    words = (match.group() for match in re.finditer(r"\S+", text))
    next(words)
    joints: list[BvhJoint] = []
    open_joints: list[int] = []
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            parent = open_joints[-1] if open_joints else -1
            if (parent < 0) != (word == "ROOT") or (word == "ROOT" and joints):
                raise BvhError(f"{word} in the wrong place; one ROOT holds all joints")
            name = _next(words)
            name = f"{joints[parent].name}_end" if word == "End" else name
            joints.append(BvhJoint(name, parent))
            if len(joints) > MAX_JOINTS:
                raise BvhError(f"more than {MAX_JOINTS} joints")
            _expect(_next(words), "{")
            open_joints.append(len(joints) - 1)
        elif word == "}" and open_joints:
            open_joints.pop()
        elif word == "OFFSET" and open_joints:
            joints[open_joints[-1]].offset = np.array([_number(_next(words)) for _ in range(3)])
        elif word == "CHANNELS" and open_joints:
            joints[open_joints[-1]].channels = _channels(words)
        else:
            raise BvhError(f"unexpected {word[:40]!r} in the hierarchy")
    if open_joints or not joints:
        raise BvhError("the hierarchy is cut off")
    return joints


def _channels(words: Iterator[str]) -> list[tuple[str, int]]:
    count = _number(_next(words))
    if count not in range(7):
        raise BvhError(f"{count:g} channels on one joint; 0 to 6 are accepted")
    names = [_next(words) for _ in range(int(count))]
    unknown = [name for name in names if name not in _CHANNELS]
    if unknown:
        raise BvhError(f"unknown channel {unknown[0][:40]!r}; known: {', '.join(_CHANNELS)}")
    return [_CHANNELS[name] for name in names]


def _next(words: Iterator[str]) -> str:
    word = next(words, None)
    if word is None:
        raise BvhError("the hierarchy is cut off")
    return word


def _expect(word: str, wanted: str) -> None:
    if word != wanted:
        raise BvhError(f"{word[:40]!r} where {wanted!r} should be")


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise BvhError(f"{word[:40]!r} is not a number")
    return value


def _positions(joints: list[BvhJoint], values: np.ndarray) -> np.ndarray:
    frames, column = len(values), 0
    positions = np.empty((frames, len(joints), 3))
    rotations = np.empty((frames, len(joints), 3, 3))
    for index, joint in enumerate(joints):
        place = np.tile(joint.offset, (frames, 1))
        turn = np.tile(np.eye(3), (frames, 1, 1))
        for kind, axis in joint.channels:
            channel = values[:, column]
            column += 1
            if kind == "position":
                place[:, axis] = channel
            else:
                vector = np.zeros((frames, 3))
                vector[:, axis] = np.radians(channel)
                turn = turn @ matrix_from_axis_angle(vector)
        if joint.parent < 0:
            positions[:, index], rotations[:, index] = place, turn
        else:
            carried = rotations[:, joint.parent]
            positions[:, index] = positions[:, joint.parent] + (carried @ place[..., None])[..., 0]
            rotations[:, index] = carried @ turn
    return positions


# ---------------------------------------------------------------- names

#: A joint of ours as weighted sum of joints of the file.
Recipe = dict[str, float]


def _plain(name: str) -> str:
    """Lower case, without a namespace such as `mixamorig:`, and without separators."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^(.*:|mixamorig\d*_?|[mf]_avg_)", "", name.lower()))


def _both_sides(of_side: Callable[[str], dict[str, str]]) -> dict[str, str]:
    return {**of_side("left"), **of_side("right")}


def _mixamo_side(side: str) -> dict[str, str]:
    return {
        f"{side}_hip": f"{side}upleg", f"{side}_knee": f"{side}leg", f"{side}_ankle": f"{side}foot",
        f"{side}_foot": f"{side}toebase", f"{side}_collar": f"{side}shoulder",
        f"{side}_shoulder": f"{side}arm", f"{side}_elbow": f"{side}forearm", f"{side}_wrist": f"{side}hand",
    }  # fmt: skip


def _daz_side(side: str) -> dict[str, str]:
    s = side[0]
    return {
        f"{side}_hip": f"{s}thigh", f"{side}_knee": f"{s}shin", f"{side}_ankle": f"{s}foot",
        f"{side}_foot": f"{s}footend", f"{side}_collar": f"{s}collar", f"{side}_shoulder": f"{s}shldr",
        f"{side}_elbow": f"{s}forearm", f"{side}_wrist": f"{s}hand",
    }  # fmt: skip


_MIXAMO_LIMBS = _both_sides(_mixamo_side)
_SMPL = {name: re.sub("^(left|right)_", lambda m: m.group(1)[0], name) for name in JOINT_NAMES}
_HEAD = {"neck": "neck", "head": "head"}


def _schemes() -> dict[str, dict[str, Recipe]]:
    """Scheme -> recipe of each of our joints, most specific scheme first."""
    plain = {
        "intermask": {name: _plain(name) for name in JOINT_NAMES},
        "SMPL": {name: _plain(source) for name, source in _SMPL.items()},
        "CMU MotionBuilder": {
            "pelvis": "hips", "spine1": "lowerback", "spine2": "spine", "spine3": "spine1",
            **_HEAD, **_MIXAMO_LIMBS,
        },
        "Mixamo": {
            "pelvis": "hips", "spine1": "spine", "spine2": "spine1", "spine3": "spine2",
            **_HEAD, **_MIXAMO_LIMBS,
        },
    }  # fmt: skip
    schemes = {
        scheme: {joint: {source: 1.0} for joint, source in sources.items()}
        for scheme, sources in plain.items()
    }
    # Two spine joints: the middle one of ours lies between them.
    schemes["Mixamo, short spine"] = schemes["Mixamo"] | {
        "spine2": {"spine": 0.5, "spine1": 0.5}, "spine3": {"spine1": 1.0},
    }  # fmt: skip
    # Proportions of the CMU duets collection (its README, "How it was made").
    schemes["CMU Daz-friendly"] = {
        "pelvis": {"lthigh": 0.275, "rthigh": 0.275, "abdomen": 0.45},
        "spine1": {"abdomen": 1.0}, "spine2": {"chest": 1.0}, "spine3": {"chest": 0.78, "neck": 0.22},
        **{joint: {source: 1.0} for joint, source in (_HEAD | _both_sides(_daz_side)).items()},
    }  # fmt: skip
    return schemes


SCHEMES = _schemes()


_LARGEST_WEIGHT = 100  # also keeps out nan, inf and integers no float holds


def skeleton_map(text: str) -> dict[str, Recipe]:
    """A user's map, YAML: each of our 22 joints -> a joint of the file, or several with weights (sum 1).

    Raises:
        BvhError: not such a map; the message names the joint.
    """
    try:
        entries = yaml.safe_load(text)
    # Beside its own errors PyYAML lets those of int(), dates and recursion through (`2001-99-99`, `[[[[...`).
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BvhError(f"not YAML ({(str(error).splitlines() or [repr(error)])[0]})") from error
    if not isinstance(entries, dict):
        raise BvhError("expected lines `our joint: joint of the file`")
    unknown = sorted(str(name) for name in entries if name not in JOINT_NAMES)
    missing = [name for name in JOINT_NAMES if name not in entries]
    if unknown or missing:
        what = f"unknown joint {unknown[0]!r}" if unknown else f"no line for {missing[0]!r}"
        raise BvhError(f"{what}; it must have exactly these: {', '.join(JOINT_NAMES)}")
    recipes = {}
    for name, entry in entries.items():
        recipe = {entry: 1.0} if isinstance(entry, str) else entry
        good = isinstance(recipe, dict) and all(
            isinstance(source, str) and type(weight) in (int, float) and abs(weight) <= _LARGEST_WEIGHT
            for source, weight in recipe.items()
        )
        if not good or abs(sum(recipe.values()) - 1) > 1e-6:
            raise BvhError(f"{name}: {entry!r}; expected a name, or names with weights that sum to 1")
        weights: dict[str, float] = {}
        for source, weight in recipe.items():
            # two spellings of one joint are one joint
            weights[_plain(source)] = weights.get(_plain(source), 0.0) + float(weight)
        recipes[name] = weights
    return recipes


def body_joints(motion: BvhMotion, skeleton: dict[str, Recipe] | None = None) -> tuple[np.ndarray, str]:
    """Our 22 joints (T, 22, 3) in the file's unit, and the naming scheme they were found by.

    Toes may be missing as joints when the ankle has an end site. A given `skeleton` replaces the schemes.

    Raises:
        BvhError: no scheme fits; the message names the nearest one and what it lacks.
    """
    column = {_plain(name): index for index, name in reversed(list(enumerate(motion.names)))}
    lacking: dict[str, list[str]] = {}
    for scheme, recipes in (SCHEMES if skeleton is None else {"the given map": skeleton}).items():
        recipes = {joint: _toe_or_end(recipe, recipes, joint, column) for joint, recipe in recipes.items()}
        lacking[scheme] = sorted({source for recipe in recipes.values() for source in recipe} - set(column))
        if not lacking[scheme]:
            joints = [
                sum(weight * motion.positions[:, column[source]] for source, weight in recipes[name].items())
                for name in JOINT_NAMES
            ]
            return np.stack([np.asarray(joint) for joint in joints], axis=1), scheme
    nearest = min(lacking, key=lambda scheme: len(lacking[scheme]))
    if skeleton is not None:
        raise BvhError(f"the file has no {', '.join(lacking[nearest][:4])}, which the skeleton map names")
    raise BvhError(
        f"joint names fit none of {', '.join(SCHEMES)}; nearest is {nearest}, without "
        f"{', '.join(lacking[nearest][:4])}{', ...' if len(lacking[nearest]) > 4 else ''}; "
        "a map of your own can be given with --skeleton"
    )


def _toe_or_end(recipe: Recipe, recipes: dict[str, Recipe], joint: str, column: dict[str, int]) -> Recipe:
    if joint in ("left_foot", "right_foot") and not set(recipe) <= set(column):
        ankle = next(iter(recipes[joint.replace("foot", "ankle")]))
        return {f"{ankle}end": 1.0} if f"{ankle}end" in column else recipe
    return recipe
