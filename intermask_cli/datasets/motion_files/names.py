"""The 22 joints from the joints of a file: common naming schemes, and maps that a user gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import yaml

from intermask_cli.datasets.motion_files.animated_skeleton import AnimatedSkeleton
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES

#: One of the 22 joints as a weighted sum of joints of the file: plain name (`_plain`) -> weight.
Recipe = dict[str, float]
#: Largest weight in a user's map; also excludes nan, inf and integers that no float holds.
_LARGEST_WEIGHT = 100


def body_joints(
    motion: AnimatedSkeleton, skeleton: dict[str, Recipe] | None = None
) -> tuple[np.ndarray, str]:
    """The 22 joints (T, 22, 3) in the file's unit, and the naming scheme that fits.

    A toe that is not a joint is taken from the end site of its ankle. A `skeleton` replaces the schemes.

    Raises:
        InputError: no scheme fits; the message names the nearest one and what it lacks.
    """
    # Of joints with one plain name, the first counts.
    positions, ends = motion.positions(), motion.end_positions()
    places = [(name, positions[:, joint]) for joint, name in enumerate(motion.names)]
    places += [(f"{motion.names[joint]}_end", place) for joint, place in ends.items()]
    column = {_plain(name): place for name, place in reversed(places)}
    lacking: dict[str, list[str]] = {}
    for scheme, recipes in (SCHEMES if skeleton is None else {"the given map": skeleton}).items():
        recipes = {joint: _toe_or_end(recipe, recipes, joint, column) for joint, recipe in recipes.items()}
        lacking[scheme] = sorted({source for recipe in recipes.values() for source in recipe} - set(column))
        if not lacking[scheme]:
            joints = [
                sum(weight * column[source] for source, weight in recipes[name].items())
                for name in JOINT_NAMES
            ]
            return np.stack([np.asarray(joint) for joint in joints], axis=1), scheme
    nearest = min(lacking, key=lambda scheme: len(lacking[scheme]))
    missing = ", ".join(lacking[nearest][:4])
    if skeleton is not None:
        raise InputError(f"the file has no {missing}, which the skeleton map names")
    raise InputError(
        f"joint names fit none of {', '.join(SCHEMES)}; nearest is {nearest}, without "
        f"{missing}{', ...' if len(lacking[nearest]) > 4 else ''}; "
        "give a map of the joints as --skeleton FILE.yaml"
    )


def _toe_or_end(
    recipe: Recipe, recipes: dict[str, Recipe], joint: str, column: Mapping[str, object]
) -> Recipe:
    """The recipe of a joint; the end site of the ankle for a toe that the file has no joint for."""
    if joint in ("left_foot", "right_foot") and not set(recipe) <= set(column):
        ankle = next(iter(recipes[joint.replace("foot", "ankle")]))
        return {f"{ankle}end": 1.0} if f"{ankle}end" in column else recipe
    return recipe


def _plain(name: str) -> str:
    """Lower case, without a namespace such as `mixamorig:`, and without separators."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^(.*:|mixamorig\d*_?|[mf]_avg_)", "", name.lower()))


# ---------------------------------------------------------------- schemes


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
    """Scheme -> recipe of each of the 22 joints, most specific scheme first."""
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
    # Two spine joints instead of three: spine2 is half-way between them.
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


# ---------------------------------------------------------------- maps that a user gives


def read_skeleton_map(path: Path) -> dict[str, Recipe]:
    """`skeleton_map` of a file; InputError names it."""
    try:
        return skeleton_map(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise InputError(f"skeleton map {path}: {getattr(error, 'strerror', None) or error}") from error


def skeleton_map(text: str) -> dict[str, Recipe]:
    """YAML map: each of the 22 joints -> a joint of the file, or several with weights that sum to 1.

    Raises:
        InputError: not such a map; the message names the joint.
    """
    try:
        entries = yaml.safe_load(text)
    # PyYAML also lets errors of int(), of dates and of recursion through (`2001-99-99`, `[[[[...`).
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(f"not YAML ({(str(error).splitlines() or [repr(error)])[0]})") from error
    if not isinstance(entries, dict):
        raise InputError("expected lines `our joint: joint of the file`")
    unknown = sorted(str(name) for name in entries if name not in JOINT_NAMES)
    missing = [name for name in JOINT_NAMES if name not in entries]
    if unknown or missing:
        problem = f"unknown joint {unknown[0]!r}" if unknown else f"no line for {missing[0]!r}"
        raise InputError(f"{problem}; it must have exactly these: {', '.join(JOINT_NAMES)}")
    recipes = {}
    for name, entry in entries.items():
        recipe = {entry: 1.0} if isinstance(entry, str) else entry
        valid = isinstance(recipe, dict) and all(
            isinstance(source, str) and type(weight) in (int, float) and abs(weight) <= _LARGEST_WEIGHT
            for source, weight in recipe.items()
        )
        if not valid or abs(sum(recipe.values()) - 1) > 1e-6:
            raise InputError(f"{name}: {entry!r}; expected a name, or names with weights that sum to 1")
        weights: dict[str, float] = {}
        for source, weight in recipe.items():
            # Two spellings of one joint are one joint.
            weights[_plain(source)] = weights.get(_plain(source), 0.0) + float(weight)
        recipes[name] = weights
    return recipes
