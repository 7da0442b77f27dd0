"""Arms and legs moved at their ends with rigid bones: two-bone inverse kinematics, and rotations to match.

A limb is an upper joint, a hinge and an end; the hinge bends to the side it bent to before. (...) are any
leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from intermask_cli.motion.joint_rotations import torso_rotation
from intermask_cli.motion.rotation import (
    cross,
    matrix_between,
    matrix_from_columns,
    matrix_from_sixd_columns,
    normalize,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, PARENTS

#: Joint names of both arms from the collar to the wrist, left first.
ARMS = tuple(
    tuple(f"{side}_{name}" for name in ("collar", "shoulder", "elbow", "wrist")) for side in ("left", "right")
)
#: Joint numbers (2,) of both arms, left first.
SHOULDERS, ELBOWS, WRISTS = (np.array([JOINT[arm[k]] for arm in ARMS]) for k in (1, 2, 3))
#: Share of its length that a limb may span unless it was straighter before: the bend of a fully stretched
#: limb would jump.
_FULL_STRETCH = 0.9995
#: Metres from the hinge to the line between the ends. Nearer, the side it bends to is noise, and the pole is
#: mixed in.
_TRUSTED_BEND_M = 0.03
#: Weight of the pole for a straight limb, relative to a trusted bend: small, so that a bend of a few
#: millimetres still counts.
_POLE_WEIGHT = 0.2


def reach_of(upper: np.ndarray, hinge: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Largest distance (...) from upper to end, joints (..., 3)."""
    total = np.linalg.norm(hinge - upper, axis=-1) + np.linalg.norm(end - hinge, axis=-1)
    reach: np.ndarray = np.maximum(_FULL_STRETCH * total, np.linalg.norm(end - upper, axis=-1))
    return reach


def solve_limb(
    old: tuple[np.ndarray, np.ndarray, np.ndarray], upper: np.ndarray, target: np.ndarray, pole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Hinge and end (..., 3) of a limb whose upper joint is moved and whose end should be at the target.

    old: upper, hinge and end (..., 3) before, whose two lengths are kept. upper, target (..., 3). pole:
    direction (..., 3) in which a straight limb bends. An end out of reach stops on the way to its target.
    """
    old_upper, old_hinge, old_end = old
    first = np.linalg.norm(old_hinge - old_upper, axis=-1, keepdims=True)
    second = np.linalg.norm(old_end - old_hinge, axis=-1, keepdims=True)
    line = target - upper
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    longest = reach_of(*old)[..., None]
    reached = np.clip(distance, np.abs(first - second) + 1e-6, longest)
    axis = line / np.maximum(distance, 1e-9)
    # The old hinge, turned along with the line from the upper joint to the end, shows the side to bend to.
    turned = (matrix_between(old_end - old_upper, line) @ (old_hinge - old_upper)[..., None])[..., 0]
    bend = turned - (turned * axis).sum(-1, keepdims=True) * axis
    distrust = np.clip(1 - np.linalg.norm(bend, axis=-1, keepdims=True) / _TRUSTED_BEND_M, 0, 1)
    pole = pole - (pole * axis).sum(-1, keepdims=True) * axis
    direction = normalize(bend + _POLE_WEIGHT * _TRUSTED_BEND_M * distrust * normalize(pole))
    # Triangle of the two bones and the line: the hinge is `along` the line and `across` from it.
    along = (first**2 - second**2 + reached**2) / (2 * reached)
    across = np.sqrt(np.maximum(first**2 - along**2, 0))
    return upper + along * axis + across * direction, upper + reached * axis


def elbow_side(joints: np.ndarray) -> np.ndarray:
    """Direction (..., T, 1, 3) in which a straight arm of joints (..., T, 22, 3) bends: back and down."""
    forward = torso_rotation(joints, "spine3")[..., :, 2]  # (..., T, 3)
    side: np.ndarray = -forward - np.array([0, 1.0, 0])
    return side[..., None, :]


def turned_rotations(
    before: np.ndarray, after: np.ndarray, rotations6d: np.ndarray, chains: Sequence[Sequence[str]]
) -> np.ndarray:
    """Rotations (..., T, 21, 6) `sixd_columns` after joints (..., T, 22, 3) of some chains were moved.

    Each joint of a chain but the last turns by the shortest rotation of the bone to the next joint; its twist
    stays. Chains start at a child of the pelvis or the chest, whose own rotation is taken from the joints.
    """
    local = matrix_from_sixd_columns(rotations6d.astype(np.float64))  # (..., T, 21, 3, 3)
    for chain in chains:
        numbers = [JOINT[name] for name in chain]
        carrier = torso_rotation(before, JOINT_NAMES[PARENTS[numbers[0]]])
        old_parent, new_parent = carrier, carrier
        for joint, child in pairwise(numbers):
            old = old_parent @ local[..., joint - 1, :, :]
            turn = matrix_between(
                before[..., child, :] - before[..., joint, :], after[..., child, :] - after[..., joint, :]
            )
            new = turn @ old
            local[..., joint - 1, :, :] = np.swapaxes(new_parent, -1, -2) @ new
            old_parent, new_parent = old, new
    return sixd_columns_from_matrix(local).astype(rotations6d.dtype)


def two_bone_rotations(
    start: np.ndarray,
    target: np.ndarray,
    pole: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    extra: float,
    hint: np.ndarray,
    stretch: float = 0.9999,
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations (..., 3, 3) of the upper and the lower bone so that the limb's end meets the target.

    start, target (..., 3) metres; pole (..., 3) direction the middle joint points to; upper, lower (..., 3)
    rest offsets of the bones; `extra` metres lengthen the lower bone (palm beyond the wrist); hint (..., 3)
    the rest direction of the hinge axis; stretch: share of its length that the limb spans at most. Targets
    out of reach are met in direction only.
    """
    first = np.linalg.norm(upper, axis=-1, keepdims=True)
    second = np.linalg.norm(lower, axis=-1, keepdims=True) + extra
    to_target = target - start
    # Neither folded nor stretched fully, where the triangle of the bones would degenerate.
    distance = np.clip(
        np.linalg.norm(to_target, axis=-1, keepdims=True),
        np.abs(first - second) + 1e-4,
        stretch * (first + second),
    )
    along = normalize(to_target)
    aside = normalize(pole - (pole * along).sum(-1, keepdims=True) * along)
    cosine = np.clip((first**2 + distance**2 - second**2) / (2 * first * distance), -1.0, 1.0)
    middle = first * (cosine * along + np.sqrt(1.0 - cosine**2) * aside)
    hinge = cross(aside, along)
    hint = np.broadcast_to(hint, upper.shape)
    rest_upper = np.swapaxes(matrix_from_columns(upper, hint), -1, -2)
    rest_lower = np.swapaxes(matrix_from_columns(lower, hint), -1, -2)
    upper_rotation = matrix_from_columns(middle, hinge) @ rest_upper
    lower_rotation = matrix_from_columns(along * distance - middle, hinge) @ rest_lower
    return upper_rotation, lower_rotation


def soft_reach(
    start: np.ndarray,
    target: np.ndarray,
    length: np.ndarray,
    free: float | np.ndarray,
    limit: float | np.ndarray,
) -> np.ndarray:
    """Target (..., 3) pulled in smoothly so that it is never beyond `limit` of the limb's length.

    start (..., 3) metres; length (..., 1) metres; free, limit: shares of the length, numbers or (..., 1).
    Targets nearer than `free` stay exactly in place.
    """
    to_target = target - start
    distance = np.maximum(np.linalg.norm(to_target, axis=-1, keepdims=True), 1e-6)
    untouched, margin = free * length, (limit - free) * length
    over = np.maximum(distance - untouched, 0.0)
    pulled = np.minimum(distance, untouched) + margin * (1.0 - np.exp(-over / margin))
    reachable: np.ndarray = start + to_target * (pulled / distance)
    return reachable
