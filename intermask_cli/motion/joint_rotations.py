"""Local rotations recovered from joint positions alone.

Positions fix the direction of every bone but not the twist about it. The method adds:

* pelvis and chest have three children each, so their rotation is fully known;
* spine joints share the rotation between pelvis and chest;
* knees and elbows are hinges: the bend of the limb shows the twist of thigh and upper arm. The bend of a
  nearly straight limb shows nothing, so the twist comes from neighbouring frames; without any it is 0;
* rotations that no position shows (twist of forearm and shin, hands, face, toes) follow the parent.

The rest pose is `skeleton.REST_OFFSETS`; bone lengths come from the clip. The method is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_between,
    matrix_from_axis_angle,
    matrix_from_columns,
    normalize,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import JOINT, NUM_JOINTS, PARENTS, REST_OFFSETS

#: Sine of the bend below which a hinge shows nothing of the twist, since noise decides its direction, and
#: above which it is trusted fully.
_BEND_IGNORED, _BEND_TRUSTED = np.sin(np.radians([6.0, 25.0]))
#: Sigma in frames of the average over neighbouring frames that gives a nearly straight limb its twist.
_TWIST_SIGMA_FRAMES = 8.0
#: Pull towards no twist, so that a limb that never bends gets none.
_NO_TWIST_WEIGHT = 1e-3
#: Direction of the hinge axis, upper bone x lower bone when bent, in the rest pose.
_HINGES = {
    "left_knee": (1.0, 0.0, 0.0),
    "right_knee": (1.0, 0.0, 0.0),
    "left_elbow": (0.0, -1.0, 0.0),
    "right_elbow": (0.0, 1.0, 0.0),
}
#: Left, right and upper child of the joints that have all three.
_TORSO = {
    "pelvis": ("left_hip", "right_hip", "spine1"),
    "spine3": ("left_collar", "right_collar", "neck"),
}


@dataclass(frozen=True)
class RecoveredRotations:
    """Rotations of one person and how well they reproduce the joints.

    Attributes:
        local: rotations (T, 22, 3, 3) relative to the parent, of joint 0 relative to the world.
        offsets: (22, 3) metres from the parent in the rest pose of this body.
        error_mm: mean distance between the given joints and forward kinematics.
        worst_mm: largest such distance.
    """

    local: np.ndarray
    offsets: np.ndarray
    error_mm: float
    worst_mm: float

    @property
    def rotations6d(self) -> np.ndarray:
        """Joints 1..21 (T, 21, 6) float32, `sixd_columns`."""
        return sixd_columns_from_matrix(self.local[:, 1:]).astype(np.float32)


def rotations_from_joints(positions: np.ndarray) -> RecoveredRotations:
    """Joints (T, 22, 3), Y up, metres -> local rotations whose forward kinematics gives the joints back."""
    positions = positions.astype(np.float64)
    rotations = _global_rotations(positions)
    offsets = _offsets(positions, rotations)
    local = local_from_global(rotations)
    rebuilt, _ = forward_kinematics(local, positions[:, 0], offsets)
    error_mm = 1000 * np.linalg.norm(rebuilt - positions, axis=-1)  # (T, 22)
    return RecoveredRotations(local, offsets, float(error_mm.mean()), float(error_mm.max()))


def _global_rotations(positions: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) -> global rotations (T, 22, 3, 3), parents before children."""
    rotations = np.empty((*positions.shape, 3))

    def follow(joint: str, child: str, base: np.ndarray) -> None:
        bone = positions[:, JOINT[child]] - positions[:, JOINT[joint]]
        rotations[:, JOINT[joint]] = _aligned(base, REST_OFFSETS[JOINT[child]], bone)

    pelvis, chest = torso_rotation(positions, "pelvis"), torso_rotation(positions, "spine3")
    rotations[:, JOINT["pelvis"]], rotations[:, JOINT["spine3"]] = pelvis, chest
    turn = axis_angle_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest)
    follow("spine1", "spine2", pelvis @ matrix_from_axis_angle(turn / 3))
    follow("spine2", "spine3", pelvis @ matrix_from_axis_angle(turn * 2 / 3))
    follow("neck", "head", chest)
    rotations[:, JOINT["head"]] = rotations[:, JOINT["neck"]]
    for side in ("left", "right"):
        _limb(positions, rotations, pelvis, (f"{side}_hip", f"{side}_knee", f"{side}_ankle"))
        follow(f"{side}_ankle", f"{side}_foot", rotations[:, JOINT[f"{side}_knee"]])
        rotations[:, JOINT[f"{side}_foot"]] = rotations[:, JOINT[f"{side}_ankle"]]
        follow(f"{side}_collar", f"{side}_shoulder", chest)
        collar = rotations[:, JOINT[f"{side}_collar"]]
        _limb(positions, rotations, collar, (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"))
        rotations[:, JOINT[f"{side}_wrist"]] = rotations[:, JOINT[f"{side}_elbow"]]
    return rotations


def torso_rotation(positions: np.ndarray, centre: str) -> np.ndarray:
    """Global rotation (..., 3, 3) of "pelvis" or "spine3" from its three children in joints (..., 22, 3)."""
    left, right, up = _TORSO[centre]

    def axes(left_at: np.ndarray, right_at: np.ndarray, up_at: np.ndarray) -> np.ndarray:
        return matrix_from_columns(left_at - right_at, up_at - (left_at + right_at) / 2)

    rest = axes(*(REST_OFFSETS[JOINT[name]] for name in (left, right, up)))
    current = axes(*(positions[..., JOINT[name], :] for name in (left, right, up)))
    rotation: np.ndarray = current @ rest.T
    return rotation


def _limb(
    positions: np.ndarray, rotations: np.ndarray, parent: np.ndarray, names: tuple[str, str, str]
) -> None:
    """Fill the global rotations (T, 22, 3, 3) of a limb's upper joint and hinge.

    positions (T, 22, 3); parent (T, 3, 3) global rotation of the upper joint's parent; names of upper joint,
    hinge and end.
    """
    upper, hinge, end = (JOINT[name] for name in names)
    upper_bone = positions[:, hinge] - positions[:, upper]
    lower_bone = positions[:, end] - positions[:, hinge]
    swung = _aligned(parent, REST_OFFSETS[hinge], upper_bone)
    axis = normalize(upper_bone)
    twist = _hinge_twist(swung @ np.array(_HINGES[names[1]]), axis, normalize(lower_bone))
    rotations[:, upper] = matrix_from_axis_angle(axis * twist[:, None]) @ swung
    rotations[:, hinge] = _aligned(rotations[:, upper], REST_OFFSETS[end], lower_bone)


def _hinge_twist(expected: np.ndarray, axis: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Angle (T,) about `axis` that brings the expected hinge direction to the one the bend shows.

    All (T, 3). Angles are averaged as unit complex numbers, so that they may wrap.
    """
    normal = np.cross(axis, lower)
    bend = np.linalg.norm(normal, axis=-1)
    trust = np.clip((bend - _BEND_IGNORED) / (_BEND_TRUSTED - _BEND_IGNORED), 0, 1)
    angle = np.arctan2((np.cross(expected, normal) * axis).sum(-1), (expected * normal).sum(-1))
    measured = trust * np.exp(1j * angle)
    of_neighbours = _smoothed(measured) / np.maximum(_smoothed(trust), 1e-9)
    weight = np.maximum(_smoothed(trust), trust)
    twist: np.ndarray = np.angle(measured + (1 - trust) * weight * of_neighbours + _NO_TWIST_WEIGHT)
    return twist


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Gaussian over (T,), zeros beyond the ends; of real or complex values."""
    reach = np.arange(-int(3 * _TWIST_SIGMA_FRAMES), int(3 * _TWIST_SIGMA_FRAMES) + 1)
    kernel = np.exp(-0.5 * (reach / _TWIST_SIGMA_FRAMES) ** 2)
    return np.convolve(values, kernel / kernel.sum(), mode="full")[len(reach) // 2 :][: len(values)]


def _aligned(base: np.ndarray, rest: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Rotation closest to base (T, 3, 3) that takes the rest direction (3,) to the bone's (T, 3)."""
    aligned: np.ndarray = matrix_between(base @ rest, bone) @ base
    return aligned


def _offsets(positions: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """This body's offsets (22, 3): mean over frames of every bone in the frame of its parent.

    positions (T, 22, 3), global rotations (T, 22, 3, 3).
    """
    offsets = np.zeros((NUM_JOINTS, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            bone = positions[:, joint] - positions[:, parent]
            offsets[joint] = np.einsum("tji,tj->ti", rotations[:, parent], bone).mean(axis=0)
    return offsets
