"""The 22 joints of a skeleton: by the user's map, by its names, or by its structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.animated_skeleton import AnimatedSkeleton
from intermask_cli.datasets.motion_files.matching.limbs import SIDES, Limbs
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
from intermask_cli.motion.skeleton import JOINT_NAMES, NUM_JOINTS


@dataclass(frozen=True, eq=False)
class MatchedBody:
    """The 22 joints of a skeleton and how they were found.

    Attributes:
        joints: (T, 22, 3) in the file's unit and axes.
        summary: scheme and counts, for the report.
        map_text: the match as a map that `--skeleton` takes (YAML).
        joint_of: our joint -> index of the joint of the file that it is; without those that are placed.
        rest_up: direction (3,) from feet to trunk in the rest pose, or None where that is not a body's.
        by_structure: whether names did not help, so that the match should be looked at.
    """

    joints: np.ndarray
    summary: str
    map_text: str
    joint_of: dict[str, int]
    rest_up: np.ndarray | None
    by_structure: bool


def body_joints(skeleton: AnimatedSkeleton, given: Mapping[str, NamedRecipe] | None = None) -> MatchedBody:
    """The 22 joints of a skeleton. A `given` map (`skeleton_map`) is taken as it is.

    Raises:
        InputError: the joints of the map are not there; or neither names nor structure show a body.
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


def _limbs_of(recipes: Recipes) -> Limbs:
    """The limbs of a user's map. Of a joint that is mixed from several, the one with most weight counts."""
    joints = [f"{side}_{joint}" for side in SIDES for joint in NEEDED]
    main = {joint: max(recipes[joint].items(), key=lambda entry: entry[1])[0] for joint in joints}
    return Limbs(main, None, "the given map")


def _matched(points: Points, limbs: Limbs, placed: Placed) -> MatchedBody:
    joints = np.stack([_place(points, placed, name) for name in JOINT_NAMES], axis=1)
    notes = f" ({', '.join(placed.notes)})" if placed.notes else ""
    how = {"structure": "joints by structure and pose", "the given map": "joints by the given map"}.get(
        limbs.scheme, f"{limbs.scheme} names"
    )
    stance = find_stance(points, limbs)
    named = {
        joint: {points.names[point]: weight for point, weight in recipe.items()}
        for joint, recipe in placed.recipes.items()
    }
    single = {joint: next(iter(recipe)) for joint, recipe in placed.recipes.items() if len(recipe) == 1}
    return MatchedBody(
        joints=joints,
        summary=f"{how}, {points.joints} joints -> {NUM_JOINTS}{notes}",
        map_text=map_text(named, {joint: "placed by proportion" for joint in placed.fixed}),
        joint_of={joint: point for joint, point in single.items() if point < points.joints},
        rest_up=stance.up if stance.frame is None else None,
        by_structure=limbs.scheme == "structure",
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
