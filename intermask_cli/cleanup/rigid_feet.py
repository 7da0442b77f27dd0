"""Planted feet pinned without stretching bones: the body follows its feet, the legs are solved for the rest.

Steps: `planted_feet.plant` says where the feet should be; the whole body takes over a share of what its
planted feet have in common (their drift is partly the root's); the legs are solved by two-bone inverse
kinematics; the pelvis sinks where a leg does not reach. Bone lengths of every frame stay as given. Own
method; the published one, which moves four joints alone, is `foot_locking`.
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
#: How much of the planted feet's common displacement the body takes over, along X, Y, Z. All of the height:
#: legs that are nearly straight would swing their knees for every millimetre.
_BODY_SHARE = np.array([0.5, 1.0, 0.5])
_BODY_SIGMA_FRAMES = 4.0
_MOST_SINKING_M = 0.06
_SINK_REACH_FRAMES, _SINK_SIGMA_FRAMES = 4, 3.0


def lock_feet_rigidly(
    joints: np.ndarray, rotations6d: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> the same with planted feet held still, and rotations.

    rotations6d (P, T, 21, 6) `sixd_columns` are turned with the legs; recovered from the joints when not
    given. The type of the joints is kept.
    """
    given = joints.astype(np.float64)
    planting = plant(given)
    cleaned = plant_body(given, planting, body_shift(planting))
    return cleaned.astype(joints.dtype), cleaned_rotations(given, cleaned, rotations6d, LEGS)


def body_shift(planting: Planting) -> np.ndarray:
    """Displacement (P, T, 3) of the whole body: the mean of its planted feet's, smooth over time."""
    weight = planting.weight[..., None]
    shift = (weight * planting.displacement).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    return _smooth(shift * _BODY_SHARE, _BODY_SIGMA_FRAMES)


def plant_body(given: np.ndarray, planting: Planting, shift: np.ndarray) -> np.ndarray:
    """Joints (P, T, 22, 3) moved by a shift (P, T, 3), planted feet at their spots, legs solved."""
    moved = given + shift[:, :, None]
    weight = np.moveaxis(planting.weight, 1, 2)[..., None]
    displacement = np.moveaxis(planting.displacement, 1, 2) + (1 - weight) * shift[:, :, None]
    ankles = given[:, :, _ANKLES] + displacement
    moved -= _sinking(given, moved[:, :, _HIPS], ankles, weight[..., 0])[..., None, None] * np.array(
        [0, 1.0, 0]
    )
    old = (given[:, :, _HIPS], given[:, :, _KNEES], given[:, :, _ANKLES])
    facing = torso_rotation(given, "pelvis")[..., :, 2]
    knees, reached = solve_limb(old, moved[:, :, _HIPS], ankles, facing[:, :, None])
    moved[:, :, _KNEES], moved[:, :, _ANKLES] = knees, reached
    moved[:, :, TOES] = reached + given[:, :, TOES] - given[:, :, _ANKLES]
    return moved


def _sinking(given: np.ndarray, hips: np.ndarray, ankles: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far each pelvis must come down (P, T), metres, for the planted feet to be in reach."""
    reach = reach_of(given[:, :, _HIPS], given[:, :, _KNEES], given[:, :, _ANKLES])
    gap = hips - ankles
    level = np.square(gap[..., (0, 2)]).sum(-1)
    missing = gap[..., 1] - np.sqrt(np.maximum(reach**2 - level, 0))
    need = np.clip(missing * weight, 0, _MOST_SINKING_M).max(axis=-1)
    widest = largest_nearby(need.T, _SINK_REACH_FRAMES).T
    return _smooth(widest[..., None], _SINK_SIGMA_FRAMES)[..., 0]


def _smooth(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Gaussian over the frames of (P, T, n)."""
    return np.swapaxes(smoothed_over_time(np.swapaxes(values, 0, 1), sigma_frames), 0, 1)


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
    """Cleaned joints of a pair in the given precision, and their rotations; person `fixed` is as given."""
    rotations = cleaned_rotations(joints.astype(np.float64), cleaned, rotations6d, chains)
    cleaned = cleaned.astype(joints.dtype)
    if fixed is not None:
        cleaned[fixed] = joints[fixed]
        if rotations6d is not None:
            rotations[fixed] = rotations6d[fixed]
    return cleaned, rotations
