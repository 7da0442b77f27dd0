"""Pelvis, spine, chest, head and collars: what carries the limbs.

Pelvis and chest carry three bones each, so three joints show their rotation. The spine between them is a
chain of two bones that bends to where it was decoded. Axes: F frames.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.inverse_kinematics import soft_reach, two_bone_rotations
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_between,
    matrix_from_axis_angle,
    matrix_from_columns,
    normalize,
)
from intermask_cli.motion.skeleton import JOINT

PELVIS, SPINE1, SPINE2, CHEST, NECK, HEAD = (
    JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
)
COLLARS = np.array([JOINT["left_collar"], JOINT["right_collar"]])
WRISTS = np.array([JOINT["left_wrist"], JOINT["right_wrist"]])
SHOULDERS = np.array([JOINT["left_shoulder"], JOINT["right_shoulder"]])
HIPS = np.array([JOINT["left_hip"], JOINT["right_hip"]])
#: What carries three bones: left, right and upper one of pelvis and chest.
CARRIERS = {PELVIS: (int(HIPS[0]), int(HIPS[1]), SPINE1), CHEST: (int(COLLARS[0]), int(COLLARS[1]), NECK)}
#: Metres between skeletons that count as the same.
_SAME_M = 1e-3
#: Radians from rest that a collar turns at most. A decoded shoulder next to its collar would turn it any way.
_MAX_COLLAR_RAD = 0.7
_ARM = (JOINT["left_elbow"], JOINT["left_wrist"])
#: Share of its length that an arm spans before the shoulder comes forward.
_ARM_STRETCH = 0.985
#: Rounds of finding the shoulder between collar and wrist. Each brings it nearer to both.
_ROUNDS = 4
#: Shares of its length from which the spine gives way and that it never exceeds, sigma in frames of the side
#: it bends to, and metres of bend that count as much as bending backwards does.
_SPINE_REACH, _SPINE_SIGMA_FRAMES, _SPINE_BACKWARDS_M = (0.93, 0.998), 3.0, 0.005
#: Rest direction of the hinge axis of the spine: it bends forwards.
_ACROSS = np.array([1.0, 0.0, 0.0])


def carrier_rotation(joints: np.ndarray, centre: int, offsets: np.ndarray) -> np.ndarray:
    """Global rotation (F, 3, 3) of pelvis or chest that fits its three children, left, right and upper.

    joints (F, 22, 3); offsets (F, 22, 3) rest offsets. Left, right and the mean of all three fix the plane;
    the angle within it is the least-squares one of the three bones (Kabsch 1976).
    """
    children = list(CARRIERS[centre])
    bones, rest_bones = joints[:, children] - joints[:, [centre]], offsets[:, children]  # (F, 3, 3)
    now, rest = _axes(bones, centre), _axes(rest_bones, centre)
    a, b = bones @ now, rest_bones @ rest  # coordinates along the axes
    sine = (b[..., 0] * a[..., 1] - b[..., 1] * a[..., 0]).sum(-1)
    cosine = (b[..., 0] * a[..., 0] + b[..., 1] * a[..., 1]).sum(-1)
    size = np.maximum(np.hypot(sine, cosine), 1e-12)
    c, s, zero = cosine / size, sine / size, np.zeros_like(sine)
    within = np.stack([c, -s, zero, s, c, zero, zero, zero, zero + 1], -1).reshape(-1, 3, 3)
    rotation: np.ndarray = now @ within @ np.swapaxes(rest, -1, -2)
    return rotation


def own_offsets(joints: np.ndarray, offsets: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Rest offsets (N, 22, 3) with the pelvis and the chest of rigid joints (F, 22, 3), made symmetric.

    offsets: rest offsets (N, 22, 3). Captured skeletons place hips, collars and neck in their own ways, which
    no set of bone lengths shows. A pelvis or chest within `_SAME_M` of the given one stays.
    """
    own = offsets.copy()
    for centre, children in CARRIERS.items():
        numbers = list(children)
        rotation = carrier_rotation(joints, centre, offsets[timeline.person])
        bones = (
            joints[:, numbers] - joints[:, [centre]]
        ) @ rotation  # (F, 3, 3) along the axes of the carrier
        shown = timeline.quantile(bones, 0.5)  # (N, 3, 3): left, right and upper
        mirrored = shown[:, [1, 0, 2]] * np.array([-1.0, 1.0, 1.0])
        shown = (shown + mirrored) / 2
        differs = np.abs(shown - offsets[:, numbers]).max(axis=(1, 2)) > _SAME_M
        own[:, numbers] = np.where(differs[:, None, None], shown, offsets[:, numbers])
    return own


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
    # Faster than a matrix product per vector.
    result: np.ndarray = (
        rotation[..., 0] * vector[..., 0, None]
        + rotation[..., 1] * vector[..., 1, None]
        + rotation[..., 2] * vector[..., 2, None]
    )
    return result


def pose_trunk(
    joints: np.ndarray,
    pelvis: np.ndarray,
    chest: np.ndarray,
    offsets: np.ndarray,
    rotations: np.ndarray,
    positions: np.ndarray,
    steady: Timeline | None = None,
) -> None:
    """Fill global rotations and positions from the pelvis up to head and shoulders, and of the hips.

    Args:
        joints: targets (F, 22, 3).
        pelvis, chest: their global rotations (F, 3, 3).
        offsets: rest offsets (F, 22, 3).
        rotations, positions: (F, 22, 3, 3) and (F, 22, 3), filled here.
        steady: of the frames, to keep noise off the spine; None takes the targets as they are.
    """
    rotations[:, PELVIS], rotations[:, CHEST], positions[:, PELVIS] = pelvis, chest, joints[:, PELVIS]
    for joint in (*HIPS, SPINE1):
        positions[:, joint] = positions[:, PELVIS] + turned(pelvis, offsets[:, joint])
    _pose_spine(joints, pelvis, chest, offsets, rotations, positions, steady)
    for joint in (NECK, *COLLARS):
        positions[:, joint] = positions[:, CHEST] + turned(chest, offsets[:, joint])
    for joint, child in ((NECK, HEAD), *zip(COLLARS, SHOULDERS, strict=True)):
        bone = joints[:, child] - positions[:, joint]
        if steady is not None and joint in COLLARS:
            bone = _within(bone, turned(chest, offsets[:, child]))
        rotations[:, joint] = aligned(chest, offsets[:, child], bone)
        positions[:, child] = positions[:, joint] + turned(rotations[:, joint], offsets[:, child])


def _within(bone: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Directions (F, 3) of collars, at most `_MAX_COLLAR_RAD` from where they are at rest (F, 3)."""
    centre, wanted = normalize(rest), normalize(bone)
    cosine = (centre * wanted).sum(-1, keepdims=True)
    aside = normalize(wanted - cosine * centre)
    limit = np.cos(_MAX_COLLAR_RAD) * centre + np.sin(_MAX_COLLAR_RAD) * aside
    return np.where(cosine < np.cos(_MAX_COLLAR_RAD), limit, wanted)


def reaching_shoulders(
    joints: np.ndarray,
    offsets: np.ndarray,
    rotations: np.ndarray,
    positions: np.ndarray,
    bent: bool,
) -> None:
    """Turn the collars so that the wrists of joints (F, 22, 3) are in reach, as people do; fills in place.

    bent: with arms that are not quite straight, so that noise along them does not throw the elbows.
    """
    stretch = _ARM_STRETCH if bent else 1.0
    reach = np.linalg.norm(offsets[:, _ARM], axis=-1).sum(-1)[:, None] * stretch  # (F, 1)
    bone = positions[:, SHOULDERS] - positions[:, COLLARS]
    longest = np.linalg.norm(bone, axis=-1, keepdims=True)
    shoulders = positions[:, SHOULDERS]
    for _ in range(_ROUNDS):
        arm = shoulders - joints[:, WRISTS]
        distance = np.linalg.norm(arm, axis=-1)
        pulled = joints[:, WRISTS] + arm * np.minimum(1, reach / np.maximum(distance, 1e-9))[..., None]
        bone = longest * normalize(pulled - positions[:, COLLARS])
        shoulders = positions[:, COLLARS] + bone
    rotations[:, COLLARS] = aligned(rotations[:, COLLARS], offsets[:, SHOULDERS], bone)
    positions[:, SHOULDERS] = shoulders


def _pose_spine(
    joints: np.ndarray,
    pelvis: np.ndarray,
    chest: np.ndarray,
    offsets: np.ndarray,
    rotations: np.ndarray,
    positions: np.ndarray,
    steady: Timeline | None,
) -> None:
    """Two bones from spine1 to the chest's place; their twist is shared between pelvis and chest.

    The two are nearly straight, so that millimetres of noise along them would throw spine2 by centimetres:
    with a timeline the chest gives way a little and the side they bend to is smooth over time.
    """
    start, goal = positions[:, SPINE1], joints[:, CHEST]
    pole = joints[:, SPINE2] - (start + goal) / 2
    if steady is not None:
        length = np.linalg.norm(offsets[:, (SPINE2, CHEST)], axis=-1).sum(-1, keepdims=True)
        goal = soft_reach(start, goal, length, *_SPINE_REACH)
        backwards = -pelvis[:, :, 2] - chest[:, :, 2]
        pole = steady.smoothed(pole, _SPINE_SIGMA_FRAMES) + _SPINE_BACKWARDS_M * backwards
    lower, upper = two_bone_rotations(start, goal, pole, offsets[:, SPINE2], offsets[:, CHEST], 0.0, _ACROSS)
    first, second = turned(lower, offsets[:, SPINE2]), turned(upper, offsets[:, CHEST])
    turn = axis_angle_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest)
    rotations[:, SPINE1] = aligned(pelvis @ matrix_from_axis_angle(turn / 3), offsets[:, SPINE2], first)
    rotations[:, SPINE2] = aligned(pelvis @ matrix_from_axis_angle(turn * 2 / 3), offsets[:, CHEST], second)
    positions[:, SPINE2] = start + first
    positions[:, CHEST] = positions[:, SPINE2] + second
