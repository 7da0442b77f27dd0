"""The 22 joints of a skeleton: by the user's map, by its names, or by its structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.matching.limb_points import GIVEN_MAP, SIDES, STRUCTURE, LimbPoints
from intermask_cli.datasets.motion_files.matching.limbs_by_name import limbs_by_name
from intermask_cli.datasets.motion_files.matching.limbs_by_structure import limbs_by_structure
from intermask_cli.datasets.motion_files.matching.placing import Placed, Recipes, place_missing
from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.datasets.motion_files.matching.schemes import CMU_DAZ, NEEDED, with_daz_trunk
from intermask_cli.datasets.motion_files.matching.skeleton_map import (
    NamedRecipe,
    listed_names,
    map_text,
    points_of_map,
)
from intermask_cli.datasets.motion_files.matching.stance import find_stance
from intermask_cli.datasets.motion_files.matching.trunk import find_trunk
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.skeleton import JOINT_NAMES, NUM_JOINTS

#: Metres per unit of our own BVH exports.
_OWN_UNIT = 0.01


@dataclass(frozen=True, eq=False)
class SkeletonMatch:
    """How the 22 joints were found in a skeleton.

    Attributes:
        summary: scheme and counts, for the report.
        map_text: the match as a map that `--skeleton` takes (YAML).
        joint_of: our joint -> index of the joint of the file that it is; without those that are placed.
        rest_up: direction (3,) from feet to trunk in the rest pose, or None where that is not a body's.
        unit: metres per unit in which files with these names are written, or None.
        note: what the user should look at, or empty.
    """

    summary: str
    map_text: str
    joint_of: dict[str, int]
    rest_up: np.ndarray | None
    unit: float | None
    note: str


def body_joints(
    skeleton: AnimatedSkeleton, given: Mapping[str, NamedRecipe] | None = None
) -> tuple[np.ndarray, SkeletonMatch]:
    """The 22 joints (T, 22, 3) of a skeleton in its unit and axes, and how they were found.

    A `given` map (`skeleton_map`) is taken as it is.

    Raises:
        InputError: the joints of the map are missing; or neither names nor structure show a body.
    """
    points = Points(skeleton)
    if given is not None:
        recipes = points_of_map(points, given)
        limbs = _limbs_of(recipes)
        return _matched(points, limbs, place_missing(points, limbs, recipes))
    for find in (limbs_by_name, limbs_by_structure):
        found = find(points)
        trunk = None if found is None else find_trunk(points, found)
        if found is not None and trunk is not None:
            recipes = {joint: {point: 1.0} for joint, point in (found.joints | trunk).items()}
            if found.scheme == CMU_DAZ:
                recipes = with_daz_trunk(recipes)
            return _matched(points, found, place_missing(points, found, recipes))
    raise InputError(
        f"neither names nor structure of its {len(skeleton.names)} joints "
        f"({listed_names(skeleton.names)}) show a body; write a map of our joints to these, "
        f"{', '.join(f'`{name}: JOINT`' for name in JOINT_NAMES[:2])} and so on, and give it as "
        "--skeleton FILE.yaml (`intermask info FILE --skeleton-map` prints the lines)"
    )


def _limbs_of(recipes: Recipes) -> LimbPoints:
    """The limbs of a user's map. Of a joint that is mixed from several, the one with most weight counts."""
    joints = [f"{side}_{joint}" for side in SIDES for joint in NEEDED]
    main = {joint: max(recipes[joint].items(), key=lambda entry: entry[1])[0] for joint in joints}
    return LimbPoints(main, None, GIVEN_MAP)


def _matched(points: Points, limbs: LimbPoints, placed: Placed) -> tuple[np.ndarray, SkeletonMatch]:
    notes = f" ({', '.join(placed.notes)})" if placed.notes else ""
    own = set(points.skeleton.names) == set(JOINT_NAMES)
    how = "intermask names" if own else f"{limbs.scheme} names"
    how = limbs.scheme if limbs.scheme in (GIVEN_MAP, STRUCTURE) else how
    stance = find_stance(points, limbs)
    named = {
        joint: {points.names[point]: weight for point, weight in recipe.items()}
        for joint, recipe in placed.recipes.items()
    }
    single = {joint: next(iter(recipe)) for joint, recipe in placed.recipes.items() if len(recipe) == 1}
    joint_of = {name: single[name] for name in JOINT_NAMES if single.get(name, points.joints) < points.joints}
    match = SkeletonMatch(
        summary=f"{how}, {points.joints} joints -> {NUM_JOINTS}{notes}",
        map_text=map_text(named, dict.fromkeys(placed.fixed, "not in the file, placed by proportion")),
        joint_of=joint_of,
        rest_up=stance.up if stance.frame is None else None,
        unit=_OWN_UNIT if own else None,
        note=_map_found(points, joint_of) if limbs.scheme == STRUCTURE else "",
    )
    return np.stack([_place(points, placed, name) for name in JOINT_NAMES], axis=1), match


def _map_found(points: Points, joint_of: Mapping[str, int]) -> str:
    found = ", ".join(f"{joint} {points.names[point]}" for joint, point in joint_of.items())
    return (
        f"the names of the joints say nothing; by structure and pose, {found}; if that is wrong, correct the "
        "map that `intermask info FILE --skeleton-map` prints and give it as --skeleton MAP.yaml"
    )


def _place(points: Points, placed: Placed, joint: str) -> np.ndarray:
    """Position (T, 3) of one of our joints in every frame."""
    if joint in placed.fixed:
        carrier, offset = placed.fixed[joint]
        fixed: np.ndarray = points.place(carrier) + points.turn(carrier) @ offset
        return fixed
    result = np.zeros((points.skeleton.frames, 3))
    for point, weight in placed.recipes[joint].items():
        result += weight * points.place(point)
    return result
