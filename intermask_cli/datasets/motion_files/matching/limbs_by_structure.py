"""Limbs by topology and pose, for skeletons whose names say nothing: two legs and two arms in mirrored pairs.

A pair are two branches of one joint whose bones have equal lengths. The pair with the longest two successive
bones are the legs, the next one are the arms. Left and right come from the sides in the names, else from
which way the body faces: toes point forwards, knees bend forwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from intermask_cli.datasets.motion_files.matching.joint_names import side_of
from intermask_cli.datasets.motion_files.matching.limb_points import SIDES, STRUCTURE, LimbPoints
from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.datasets.motion_files.matching.schemes import ARM, LEG
from intermask_cli.errors import InputError
from intermask_cli.motion.rotation import normalize

#: Difference of two mirrored limbs, bone by bone, as a share of their length.
_MIRRORED = 0.06
#: Least and most of: both bones of the arm by both of the leg (0.65 of a body), hip to shoulder by those
#: (0.7), thigh by shin, upper arm by forearm (1). Other pairs are fingers, ears, skirts.
_PROPORTIONS = ((0.4, 1.1), (0.3, 1.3), (0.6, 1.7), (0.6, 1.7))
#: Points of a limb that count: upper joint, hinge and end.
_LIMB = 3
#: A twist bone continues the bone before it within these angles: change over the clip, and largest.
_NEVER_BENDS_DEG, _STRAIGHT_DEG = 0.5, 15.0
#: Ratio up to which two bones have about one length.
_ONE_LENGTH = 1.6
#: Mean sine of the angle by which toes or bent knees point forwards, below which left and right stay open.
_SHOWS_FORWARD = 0.1


@dataclass(frozen=True)
class _Pair:
    """Two mirrored branches of one joint: the points of each from there outwards, which begin with it."""

    first: list[int]
    second: list[int]
    size: float


def limbs_by_structure(points: Points) -> LimbPoints | None:
    """The limbs, or None if the tree is not plainly that of a body.

    Raises:
        InputError: it is that of a body, but left and right cannot be known.
    """
    pairs = sorted(_pairs(points), key=lambda pair: -pair.size)
    for legs in pairs:
        arms = next((pair for pair in pairs if pair is not legs and _fit(points, legs, pair)), None)
        if arms is not None:
            return _named(points, legs, arms)
    return None


def _fit(points: Points, legs: _Pair, arms: _Pair) -> bool:
    """Whether two pairs have the proportions of a body's legs and arms, on a trunk between them."""
    inside = {legs.first[1], legs.second[1]}
    if any(inside & set(points.to_root(branch[1])) for branch in (arms.first, arms.second)):
        return False  # part of the legs
    hip, knee, ankle = _upper_hinge_end(points, legs.first)
    shoulder, elbow, wrist = _upper_hinge_end(points, arms.first)
    shares = (
        arms.size / legs.size,
        points.distance(hip, shoulder) / legs.size,
        points.distance(hip, knee) / max(points.distance(knee, ankle), 1e-9),
        points.distance(shoulder, elbow) / max(points.distance(elbow, wrist), 1e-9),
    )
    return all(low <= share <= high for share, (low, high) in zip(shares, _PROPORTIONS, strict=True))


def _pairs(points: Points) -> list[_Pair]:
    """The best mirrored pair of branches of each joint."""
    found, ways = [], _ways_down(points)
    for joint, children in enumerate(points.children):
        limbs = [_without_twists(points, [joint, *ways[child]]) for child in children]
        limbs = [limb for limb in limbs if len(limb) > _LIMB]
        candidates = []
        for first, second in combinations(limbs, 2):
            size = min(_two_bones(points, first)[1], _two_bones(points, second)[1])
            if _difference(points, first, second) < _MIRRORED:
                candidates.append(_Pair(first, second, size))
        found += sorted(candidates, key=lambda pair: -pair.size)[:1]
    return found


def _ways_down(points: Points) -> list[list[int]]:
    """From each point on, the way to the end of the branch that is farthest along the bones."""
    reach = points.bones.copy()
    ways: list[list[int]] = [[point] for point in range(len(points.names))]
    for point in reversed(range(len(points.names))):  # children come after their parents
        if points.children[point]:
            best = max(points.children[point], key=lambda child: reach[child])
            reach[point] += reach[best]
            ways[point] += ways[best]
    return ways


def _without_twists(points: Points, limb: list[int]) -> list[int]:
    """A limb without the joints that never bend, as twist bones do in the middle of a thigh.

    Taken only where two bones of about one length remain: an arm may stay straight throughout a clip.
    """
    bones = normalize(np.diff(points.poses[:, limb], axis=1))  # (S, bones, 3)
    cosine = np.clip((bones[:, 1:] * bones[:, :-1]).sum(-1), -1.0, 1.0)
    angle = np.degrees(np.arccos(cosine))  # (S, bones - 1) at the joints between two bones
    twists = (np.ptp(angle, axis=0) < _NEVER_BENDS_DEG) & (angle.max(axis=0) < _STRAIGHT_DEG)
    if limb[-1] >= points.joints and len(limb) > _LIMB + 1:
        twists[-1] = False  # the joint above an End Site is a hand or a foot, which may be still
    bends = [limb[0], *(p for p, twist in zip(limb[1:-1], twists, strict=True) if not twist), limb[-1]]
    if len(bends) <= _LIMB:
        return limb
    upper, hinge, end = _upper_hinge_end(points, bends)
    lengths = points.distance(upper, hinge), points.distance(hinge, end)
    return bends if max(lengths) < _ONE_LENGTH * min(lengths) else limb


def _two_bones(points: Points, limb: list[int]) -> tuple[int, float]:
    """Where in a limb its two longest successive bones begin, and their length."""
    lengths = [points.distance(lower, upper) for lower, upper in pairwise(limb)]
    sums = [first + second for first, second in pairwise(lengths)]
    start = int(np.argmax(sums))
    return start, float(sums[start])


def _upper_hinge_end(points: Points, limb: list[int]) -> list[int]:
    """The points of the two longest successive bones of a limb."""
    start = _two_bones(points, limb)[0]
    return limb[start : start + _LIMB]


def _difference(points: Points, first: list[int], second: list[int]) -> float:
    """Mean difference of bone lengths of two limbs, as a share of the mean bone, up to the hands or feet."""
    count = min(_two_bones(points, first)[0], _two_bones(points, second)[0]) + _LIMB
    if min(len(first), len(second)) < count:
        return np.inf
    a, b = (
        np.array([points.distance(lower, upper) for lower, upper in pairwise(limb[:count])])
        for limb in (first, second)
    )
    return float(np.abs(a - b).sum() / max(float((a + b).sum() / 2), 1e-9))


# ---------------------------------------------------------------- names of the parts


def _named(points: Points, legs: _Pair, arms: _Pair) -> LimbPoints:
    leg_parts = [_parts(points, limb, LEG, 0) for limb in (legs.first, legs.second)]
    arm_parts = [_parts(points, limb, ARM, 1) for limb in (arms.first, arms.second)]
    hips, shoulders = _places(points, leg_parts, "hip"), _places(points, arm_parts, "shoulder")
    if ((hips[0] - hips[1]) * (shoulders[0] - shoulders[1])).sum() < 0:
        arm_parts.reverse()  # arms in the order of the legs
    if not _first_leg_is_left(points, leg_parts, up=shoulders[0] + shoulders[1] - hips[0] - hips[1]):
        leg_parts.reverse()
        arm_parts.reverse()
    joints = {
        f"{side}_{joint}": point
        for side, leg, arm in zip(SIDES, leg_parts, arm_parts, strict=True)
        for joint, point in (leg | arm).items()
    }
    return LimbPoints(joints, legs.first[0], STRUCTURE)


def _parts(points: Points, limb: list[int], names: tuple[str, ...], first: int) -> dict[str, int]:
    """Points of a limb by our names; the one at position `first` begins the two longest bones."""
    start = _two_bones(points, limb)[0]
    found = {}
    for k, name in enumerate(names):
        position = start + k - first
        # The first point is the trunk's.
        if 0 < position < len(limb):
            found[name] = limb[position]
    if start == 0:  # the limb begins at the trunk itself
        found[names[first]] = limb[0]
    return found


def _places(points: Points, parts: list[dict[str, int]], joint: str) -> list[np.ndarray]:
    return [points.poses[:, limb[joint]] for limb in parts]


def _first_leg_is_left(points: Points, legs: list[dict[str, int]], up: np.ndarray) -> bool:
    """By the sides in the names, else by facing; up (S, 3) from hips to shoulders. InputError if neither."""
    sides = [{side_of(points.names[point]) for point in leg.values()} - {""} for leg in legs]
    if sides[0] in ({"left"}, {"right"}) and sides[1] in ({"left"}, {"right"}) and sides[0] != sides[1]:
        return sides[0] == {"left"}
    first, second = _places(points, legs, "hip")
    # If the first leg is the left one, this points forwards.
    ahead = normalize(np.cross(first - second, up))
    shown = []
    for leg in legs:
        hip, knee, ankle = (points.poses[:, leg[joint]] for joint in ("hip", "knee", "ankle"))
        if "foot" in leg:
            shown.append(normalize(points.poses[:, leg["foot"]] - ankle))
        shown.append((knee - (hip + ankle) / 2) / np.linalg.norm(ankle - hip, axis=-1, keepdims=True))
    forward = float(np.mean([(direction * ahead).sum(-1).mean() for direction in shown]))
    if abs(forward) < _SHOWS_FORWARD:
        knees = " and ".join(points.names[leg["knee"]] for leg in legs)
        raise InputError(
            "the joints are those of a body, but neither names nor pose show which of the knees "
            f"{knees} is the left one; give a map as --skeleton FILE.yaml "
            "(`intermask info FILE --skeleton-map` prints the lines)"
        )
    return forward > 0
