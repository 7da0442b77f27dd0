"""Maps that users give: which joint of the file each of the 22 joints is, as YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES

#: One of the 22 joints as a weighted sum of joints of the file: name -> weight. End Sites are `<joint>_end`.
NamedRecipe = dict[str, float]
#: Joints that a map may leave out, since they are placed where a file lacks them.
OPTIONAL = (
    "spine1", "spine2", "spine3", "neck", "head", "left_foot", "right_foot",
    "left_collar", "right_collar", "left_wrist", "right_wrist",
)  # fmt: skip
#: Largest weight in a user's map; also excludes nan, inf and integers that no float holds.
_LARGEST_WEIGHT = 100


def read_skeleton_map(path: Path) -> dict[str, NamedRecipe]:
    """`skeleton_map` of a file; InputError names it."""
    try:
        return skeleton_map(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise InputError(f"skeleton map {path}: {getattr(error, 'strerror', None) or error}") from error


def skeleton_map(text: str) -> dict[str, NamedRecipe]:
    """YAML map: each of the 22 joints -> a joint of the file, or several with weights that sum to 1.

    Joints of `OPTIONAL` may be left out.

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
    missing = [name for name in JOINT_NAMES if name not in entries and name not in OPTIONAL]
    if unknown or missing:
        problem = f"unknown joint {unknown[0]!r}" if unknown else f"no line for {missing[0]!r}"
        raise InputError(
            f"{problem}; our joints are {', '.join(JOINT_NAMES)}; "
            "spine, neck, head, collars, wrists and feet may be left out"
        )
    return {name: _recipe(name, entry) for name, entry in entries.items()}


def _recipe(name: str, entry: object) -> NamedRecipe:
    # A joint called 7 or no is a number or a truth value for YAML.
    if isinstance(entry, int | float) and not isinstance(entry, bool):
        entry = str(entry)
    recipe: Any = {entry: 1.0} if isinstance(entry, str) else entry
    valid = isinstance(recipe, dict) and all(
        isinstance(source, str) and type(weight) in (int, float) and abs(weight) <= _LARGEST_WEIGHT
        for source, weight in recipe.items()
    )
    if not valid or abs(sum(recipe.values()) - 1) > 1e-6:
        raise InputError(f"{name}: {entry!r}; expected a name, or names with weights that sum to 1")
    return {source: float(weight) for source, weight in recipe.items()}


def names_exactly(names: Sequence[str], recipes: Mapping[str, NamedRecipe]) -> bool:
    """Whether every joint of a map is among the names as it is written."""
    known = {name.strip() for name in names}
    return all(
        name.strip() in known or name.strip().removesuffix("_end") in known
        for recipe in recipes.values()
        for name in recipe
    )


def points_of_map(points: Points, recipes: Mapping[str, NamedRecipe]) -> dict[str, dict[int, float]]:
    """The map in terms of points. Names count as written; else without case, separators and namespace.

    Raises:
        InputError: a name that the file does not have, or that two of its joints shorten to.
    """
    found: dict[str, dict[int, float]] = {}
    absent: list[str] = []
    for joint, recipe in recipes.items():
        found[joint] = {}
        for name, weight in recipe.items():
            point = _point(points, name)
            if point is None:
                absent.append(name)
            else:  # two spellings of one joint are one joint
                found[joint][point] = found[joint].get(point, 0.0) + weight
    if absent:
        missing = ", ".join(dict.fromkeys(absent[:4])) + (", ..." if len(absent) > 4 else "")
        raise InputError(
            f"the file has no {missing}, which the skeleton map names; its joints are "
            f"{listed_names(points.skeleton.names)}"
        )
    return found


def _point(points: Points, name: str) -> int | None:
    exact = [point for point, other in enumerate(points.names) if other.strip() == name.strip()]
    if exact:
        return exact[0]
    plain = _plain(name)
    near = [point for point, other in enumerate(points.names) if plain and _plain(other) == plain]
    if len(near) > 1:
        first, second = (points.names[point] for point in near[:2])
        raise InputError(
            f"{name!r} of the skeleton map can be {first!r} or {second!r}; "
            "write the name as it is in the file"
        )
    return near[0] if near else None


def _plain(name: str) -> str:
    """Letters and digits in lower case, without a namespace such as `mixamorig:`."""
    return re.sub(r"[\W_]", "", re.sub(r"^.*[:|]", "", name.lower()))


def listed_names(names: tuple[str, ...], most: int = 12) -> str:
    """The first names of a file for a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def map_text(names: Mapping[str, NamedRecipe], remarks: Mapping[str, str]) -> str:
    """A map as YAML. Joints without a recipe are comments, with a remark."""
    lines = []
    for joint in JOINT_NAMES:
        recipe = names.get(joint)
        if recipe is None:
            lines.append(f"# {joint}: {remarks.get(joint, '')}".rstrip())
        elif list(recipe.values()) == [1.0]:
            lines.append(f"{joint}: {_quoted(next(iter(recipe)))}")
        else:
            parts = ", ".join(f"{_quoted(name)}: {weight:.9g}" for name, weight in recipe.items())
            lines.append(f"{joint}: {{{parts}}}")
    return "\n".join(lines) + "\n"


def map_to_fill_in(names: Sequence[str], parents: Sequence[int]) -> str:
    """A map whose joints the user must write, after the tree of the file's joints."""
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    tree = [f"#   {'  ' * depth}{name}" for name, depth in zip(names, depths, strict=True)]
    lines = [f"{'# ' if joint in OPTIONAL else ''}{joint}:" for joint in JOINT_NAMES]
    head = [
        "# Neither names nor structure show a body. Write a joint of this tree in each line; lines that stay",
        "# comments are placed.",
    ]
    return "\n".join([*head, *tree, *lines]) + "\n"


def _quoted(name: str) -> str:
    """A name as a YAML string, with quotes where YAML would read something else."""
    plain = re.fullmatch(r"[^\W\d][\w.]*(?: [\w.]+)*", name) and yaml.safe_load(name) == name
    return name if plain else "'" + name.replace("'", "''") + "'"
