"""Pelvis, spine, neck and head: found by the tree between the limbs, whatever the joints are called."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from intermask_cli.datasets.motion_files.matching.joint_names import parse_name
from intermask_cli.datasets.motion_files.matching.limb_points import SIDES, LimbPoints
from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.datasets.motion_files.matching.schemes import HEAD_WORDS, NECK_WORDS
from intermask_cli.motion.skeleton import JOINT, REST_OFFSETS

SPINE = ("spine1", "spine2", "spine3")
#: Height of the only spine joint, as a share of the way from pelvis to neck, up to which it is our
#: lowest one; above, it is the highest.
_LOW_SPINE = 0.4
#: A branch of the chest that does not rise by this share of the trunk carries no head.
_HEAD_RISES = 0.2


def find_trunk(points: Points, limbs: LimbPoints) -> dict[str, int] | None:
    """Points of the trunk by our joint names: the pelvis, and what there is of spine, neck and head.

    None where the limbs do not hang on one tree.
    """
    hips = [limbs.joints[f"{side}_hip"] for side in SIDES]
    arms = [limbs.joints.get(f"{side}_collar", limbs.joints[f"{side}_shoulder"]) for side in SIDES]
    fork, chest = points.common_ancestor(hips), points.common_ancestor(arms)
    pelvis = fork if limbs.pelvis is None else limbs.pelvis
    if pelvis is None or chest is None:
        return None
    head = _head(points, pelvis, chest, arms)
    top = _named_neck(points, chest) if head is None else head
    way = points.between(pelvis, chest if top is None else top)
    if head is None:
        way.append(chest if top is None else top)
    way = [point for point in way if point not in limbs.joints.values() and point != pelvis]
    first_neck = next((k for k, point in enumerate(way) if _is(points, point, NECK_WORDS)), len(way))
    if first_neck == len(way) and chest in way:
        # Without a name, the neck is what lies between the fork of the arms and the head.
        first_neck = way.index(chest) + 1
    spine, necks = way[:first_neck], way[first_neck:]
    found = {"pelvis": pelvis, **_spine(points, pelvis, spine, [*necks, *([] if head is None else [head])])}
    if necks:
        # `Neck` of the CMU library is in the same place as the chest: then the next one.
        clear = [neck for neck in necks if not spine or not points.same_place(spine[-1], neck)]
        found["neck"] = [*clear, *necks][0]
    if head is not None:
        found["head"] = head
    return found


def _is(points: Points, point: int, words: tuple[str, ...]) -> bool:
    name = parse_name(points.names[point]) if point < points.joints else None
    return name is not None and not name.side and name.word in words


def _named_neck(points: Points, chest: int) -> int | None:
    """The lowest joint above the chest that is called a neck, in a file without a head."""
    necks = [point for point in points.children[chest] if _is(points, point, NECK_WORDS)]
    return necks[0] if necks else None


def _head(points: Points, pelvis: int, chest: int, arms: list[int]) -> int | None:
    """The head by its name, else the end of the branch that leads up from the fork of the arms."""
    named = [point for point in range(points.joints) if _is(points, point, HEAD_WORDS)]
    below = [point for point in named if points.is_above(chest, point) or points.is_above(pelvis, point)]
    if below:
        return min(below, key=lambda point: (not points.is_above(chest, point), len(points.to_root(point))))
    with_arms = {ancestor for arm in arms for ancestor in points.to_root(arm)}
    branches = [
        child
        for child in points.children[chest]
        if child < points.joints and child not in with_arms and child not in points.to_root(pelvis)
    ]
    if not branches or chest == pelvis:
        return None
    up = (points.poses[:, chest] - points.poses[:, pelvis]).mean(axis=0)

    def rise(chain: list[int]) -> float:
        """How far the end of a chain is above the chest, as a share of the trunk."""
        way = (points.poses[:, chain[-1]] - points.poses[:, chest]).mean(axis=0)
        return float(way @ up) / max(float(up @ up), 1e-9)

    best = max((_single_file(points, child) for child in branches), key=rise)
    return best[-1] if rise(best) > _HEAD_RISES and not _is(points, best[-1], NECK_WORDS) else None


def _single_file(points: Points, point: int) -> list[int]:
    """The joints from a point on, as long as each has exactly one joint below it."""
    chain = [point]
    while True:
        below = [child for child in points.children[chain[-1]] if child < points.joints]
        if len(below) != 1:
            return chain
        chain += below


def _spine(points: Points, pelvis: int, spine: list[int], above: list[int]) -> dict[str, int]:
    """Our joints of the spine among those of the file, by how far up they lie; `above`: neck and head."""
    if len(spine) == len(SPINE):
        return dict(zip(SPINE, spine, strict=True))
    if len(spine) == 2:
        return {SPINE[0]: spine[0], SPINE[-1]: spine[1]}
    if not spine:
        return {}
    way = [pelvis, *spine, *above[:1]]
    along = np.cumsum([points.distance(lower, upper) for lower, upper in pairwise(way)])
    share = dict(zip(way[1:], along / max(float(along[-1]), 1e-9), strict=True))
    if len(spine) == 1:
        low = share[spine[0]] <= _LOW_SPINE
        return {SPINE[0] if low else SPINE[-1]: spine[0]}
    wanted = spine_shares()
    best = min(
        combinations(spine, len(SPINE)),
        key=lambda three: sum(abs(share[point] - want) for point, want in zip(three, wanted, strict=True)),
    )
    return dict(zip(SPINE, best, strict=True))


def spine_shares() -> tuple[float, ...]:
    """How far up from the pelvis to the neck each joint of our spine lies."""
    lengths = [float(np.linalg.norm(REST_OFFSETS[JOINT[name]])) for name in (*SPINE, "neck")]
    return tuple(np.cumsum(lengths)[:-1] / sum(lengths))
