"""Pins planted feet without stretching bones: the body follows its feet, inverse kinematics solves the legs.

Steps:

1. `planted_feet.plant` finds the displacement that pins each planted foot.
2. The body takes over a share of what its planted feet have in common: their drift is partly the root's.
3. The pelvis sinks where a leg would not reach.
4. The legs are solved by two-bone inverse kinematics, so every frame keeps its bone lengths.

The method is our own. The published one moves only the four foot joints (`cleanup.published`).
Axes: P persons, T frames, 2 legs (left, right).
"""

from __future__ import annotations

import numpy as np

from intermask_cli.cleanup.planted_feet import TOES, Planting, plant
from intermask_cli.motion.curves import largest_nearby, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import reach_of, solve_limb, turned_rotations
from intermask_cli.motion.joint_rotations import rotations_from_joints, torso_rotation
from intermask_cli.motion.skeleton import JOINT

LEGS = tuple(
    tuple(f"{side}_{name}" for name in ("hip", "knee", "ankle", "foot")) for side in ("left", "right")
)
_HIPS, _KNEES, _ANKLES = (np.array([JOINT[leg[k]] for leg in LEGS]) for k in range(3))
#: Share of the planted feet's common displacement that the body takes over, along X, Y, Z. All of the height,
#: because legs that are nearly straight would swing their knees for every millimetre.
_BODY_SHARE = np.array([0.5, 1.0, 0.5])
#: Sigma in frames of the body's displacement: the body is heavier than a foot, so it follows smoothly.
_BODY_SIGMA_FRAMES = 4.0
#: Metres. A foot that would need a deeper pelvis stays out of reach: the pose matters more than the foot.
_MAX_SINKING_M = 0.06
#: Sigma in frames (0.1 s) of the sinking, so that the pelvis comes down and up smoothly.
_SINK_SIGMA_FRAMES = 3.0
#: Frames before and after a frame in which the pelvis sinks that sink as deep: smoothing then does not lower
#: the peak.
_SINK_REACH_FRAMES = 4


def lock_feet_rigidly(
    joints: np.ndarray, rotations6d: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> the same with planted feet held still, and rotations.

    rotations6d (P, T, 21, 6) `sixd_columns` are turned with the legs; they are recovered from the joints when
    not given. The precision of the joints is kept.
    """
    given = joints.astype(np.float64)
    planting = plant(given)
    cleaned = plant_body(given, planting, body_shift(planting))
    return cleaned.astype(joints.dtype), cleaned_rotations(given, cleaned, rotations6d, LEGS)


def body_shift(planting: Planting) -> np.ndarray:
    """Displacement (P, T, 3) of the body: a share of the mean of its planted feet's, smooth over time."""
    weight = planting.weight[..., None]  # (P, 2, T, 1)
    shift = (weight * planting.displacement).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    return smoothed_over_time(shift * _BODY_SHARE, _BODY_SIGMA_FRAMES, axis=1)


def plant_body(given: np.ndarray, planting: Planting, shift: np.ndarray) -> np.ndarray:
    """Joints (P, T, 22, 3) moved by a shift (P, T, 3), planted feet at their spots, legs solved."""
    moved: np.ndarray = given + shift[:, :, None]
    weight = np.moveaxis(planting.weight, 1, 2)[..., None]  # (P, T, 2, 1)
    # A free foot moves with the body, a planted one to its spot.
    displacement = np.moveaxis(planting.displacement, 1, 2) + (1 - weight) * shift[:, :, None]  # (P, T, 2, 3)
    ankles = given[:, :, _ANKLES] + displacement
    sinking = _sinking(given, moved[:, :, _HIPS], ankles, weight[..., 0])
    moved -= sinking[..., None, None] * np.array([0, 1.0, 0])
    old_leg = (given[:, :, _HIPS], given[:, :, _KNEES], given[:, :, _ANKLES])  # (P, T, 2, 3) each
    forward = torso_rotation(given, "pelvis")[..., :, 2]  # (P, T, 3): straight knees bend forwards
    knees, reached = solve_limb(old_leg, moved[:, :, _HIPS], ankles, forward[:, :, None])
    moved[:, :, _KNEES], moved[:, :, _ANKLES] = knees, reached
    moved[:, :, TOES] = reached + given[:, :, TOES] - given[:, :, _ANKLES]
    return moved


def _sinking(given: np.ndarray, hips: np.ndarray, ankles: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Metres (P, T) by which each pelvis must come down for the planted feet to be in reach.

    given (P, T, 22, 3); hips, ankles (P, T, 2, 3) after the shift; weight (P, T, 2) of each foot.
    """
    reach = reach_of(given[:, :, _HIPS], given[:, :, _KNEES], given[:, :, _ANKLES])  # (P, T, 2)
    gap = hips - ankles
    level_squared = np.square(gap[..., (0, 2)]).sum(-1)
    missing = gap[..., 1] - np.sqrt(np.maximum(reach**2 - level_squared, 0))
    need = np.clip(missing * weight, 0, _MAX_SINKING_M).max(axis=-1)  # (P, T)
    widened = largest_nearby(need.T, _SINK_REACH_FRAMES).T
    return smoothed_over_time(widened, _SINK_SIGMA_FRAMES, axis=1)


def cleaned_rotations(
    given: np.ndarray,
    cleaned: np.ndarray,
    rotations6d: np.ndarray | None,
    chains: tuple[tuple[str, ...], ...],
) -> np.ndarray:
    """Rotations (P, T, 21, 6) of cleaned joints: the given ones turned with their chains, else recovered."""
    if rotations6d is None:
        return np.stack([rotations_from_joints(person).rotations6d for person in cleaned])
    return turned_rotations(given, cleaned, rotations6d, chains)


def cleaned_pair(
    joints: np.ndarray,
    cleaned: np.ndarray,
    rotations6d: np.ndarray | None,
    chains: tuple[tuple[str, ...], ...],
    fixed: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cleaned joints (2, T, 22, 3) in the precision of the given ones, and their rotations (2, T, 21, 6).

    Person `fixed` (0 or 1) is exactly as given.
    """
    rotations = cleaned_rotations(joints.astype(np.float64), cleaned, rotations6d, chains)
    cleaned = cleaned.astype(joints.dtype)
    if fixed is not None:
        cleaned[fixed] = joints[fixed]
        if rotations6d is not None:
            rotations[fixed] = rotations6d[fixed]
    return cleaned, rotations
