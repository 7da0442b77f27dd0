"""Pelvis, spine, chest, head and collars: what carries the limbs.

Pelvis and chest carry three bones each, so three joints show their rotation. The spine between them is a
chain of two bones that bends to where it was decoded. Axes: F frames.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.inverse_kinematics import two_bone_rotations
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_between,
    matrix_from_axis_angle,
    matrix_from_columns,
)
from intermask_cli.motion.skeleton import JOINT

PELVIS, SPINE1, SPINE2, CHEST, NECK, HEAD = (
    JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
)
COLLARS = np.array([JOINT["left_collar"], JOINT["right_collar"]])
SHOULDERS = np.array([JOINT["left_shoulder"], JOINT["right_shoulder"]])
HIPS = np.array([JOINT["left_hip"], JOINT["right_hip"]])
#: Rest direction of the hinge axis of the spine: it bends forwards.
_ACROSS = np.array([1.0, 0.0, 0.0])


def carrier_rotation(
    joints: np.ndarray, centre: int, children: tuple[int, ...], offsets: np.ndarray
) -> np.ndarray:
    """Global rotation (F, 3, 3) of pelvis or chest that fits its three children, left, right and upper.

    joints (F, 22, 3); offsets (F, 22, 3) rest offsets. Left, right and the mean of all three fix the plane;
    the angle within it is the least-squares one of the three bones (Kabsch 1976).
    """
    bones, rest_bones = (
        joints[:, list(children)] - joints[:, [centre]],
        offsets[:, list(children)],
    )  # (F, 3, 3)
    now, rest = _axes(bones, centre), _axes(rest_bones, centre)
    a, b = bones @ now, rest_bones @ rest  # coordinates along the axes
    sine = (b[..., 0] * a[..., 1] - b[..., 1] * a[..., 0]).sum(-1)
    cosine = (b[..., 0] * a[..., 0] + b[..., 1] * a[..., 1]).sum(-1)
    size = np.maximum(np.hypot(sine, cosine), 1e-12)
    c, s, zero = cosine / size, sine / size, np.zeros_like(sine)
    within = np.stack([c, -s, zero, s, c, zero, zero, zero, zero + 1], -1).reshape(-1, 3, 3)
    rotation: np.ndarray = now @ within @ np.swapaxes(rest, -1, -2)
    return rotation


def _axes(bones: np.ndarray, centre: int) -> np.ndarray:
    """Axes (F, 3, 3), as columns, across, up and forwards, of left, right and upper bone (F, 3, 3)."""
    left, right, up = bones[:, 0], bones[:, 1], bones[:, 2]
    # Legs hang below the pelvis, collars and neck are all above the chest.
    upwards = up - (left + right) / 2 if centre == PELVIS else up + left + right
    return matrix_from_columns(left - right, upwards)


def aligned(base: np.ndarray, rest: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Rotation (..., 3, 3) nearest to base that takes a rest direction (..., 3) to that of a bone."""
    nearest: np.ndarray = matrix_between(turned(base, rest), bone) @ base
    return nearest


def turned(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) applied to vectors (..., 3)."""
    result: np.ndarray = (rotation @ vector[..., None])[..., 0]
    return result


def pose_trunk(
    joints: np.ndarray, root: np.ndarray, pelvis: np.ndarray, offsets: np.ndarray,
    rotations: np.ndarray, positions: np.ndarray,
) -> None:  # fmt: skip
    """Fill global rotations and positions from the pelvis up to head and shoulders.

    Args:
        joints: targets (F, 22, 3).
        root, pelvis: position (F, 3) and global rotation (F, 3, 3) of the pelvis.
        offsets: rest offsets (F, 22, 3).
        rotations, positions: (F, 22, 3, 3) and (F, 22, 3), filled here.
    """
    chest = carrier_rotation(joints, CHEST, (*COLLARS, NECK), offsets)
    rotations[:, PELVIS], rotations[:, CHEST], positions[:, PELVIS] = pelvis, chest, root
    positions[:, HIPS] = root[:, None] + turned(pelvis[:, None], offsets[:, HIPS])
    positions[:, SPINE1] = root + turned(pelvis, offsets[:, SPINE1])
    _pose_spine(joints, pelvis, chest, offsets, rotations, positions)
    for joint in (NECK, *COLLARS):
        positions[:, joint] = positions[:, CHEST] + turned(chest, offsets[:, joint])
    for joint, child in ((NECK, HEAD), *zip(COLLARS, SHOULDERS, strict=True)):
        bone = joints[:, child] - positions[:, joint]
        rotations[:, joint] = aligned(chest, offsets[:, child], bone)
        positions[:, child] = positions[:, joint] + turned(rotations[:, joint], offsets[:, child])


def _pose_spine(
    joints: np.ndarray, pelvis: np.ndarray, chest: np.ndarray, offsets: np.ndarray,
    rotations: np.ndarray, positions: np.ndarray,
) -> None:  # fmt: skip
    """Two bones from spine1 to the chest's place; their twist is shared between pelvis and chest."""
    start, goal = positions[:, SPINE1], joints[:, CHEST]
    pole = joints[:, SPINE2] - (start + goal) / 2
    lower, upper = two_bone_rotations(start, goal, pole, offsets[:, SPINE2], offsets[:, CHEST], 0.0, _ACROSS)
    first, second = turned(lower, offsets[:, SPINE2]), turned(upper, offsets[:, CHEST])
    turn = axis_angle_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest)
    rotations[:, SPINE1] = aligned(pelvis @ matrix_from_axis_angle(turn / 3), offsets[:, SPINE2], first)
    rotations[:, SPINE2] = aligned(pelvis @ matrix_from_axis_angle(turn * 2 / 3), offsets[:, CHEST], second)
    positions[:, SPINE2] = start + first
    positions[:, CHEST] = positions[:, SPINE2] + second
