"""Local rotations recovered from joint positions alone.

Positions fix the direction of every bone but not the twist about it. The method adds:

* pelvis and chest have three children each, so their rotation is fully known: left to right, and up from the
  middle of both to the third, or from the joint itself where the middle is level with the third;
* spine joints share the rotation between pelvis and chest;
* knees and elbows are hinges: the bend of the limb shows the twist of thigh and upper arm. The bend of a
  nearly straight limb shows nothing, so the twist comes from neighbouring frames; without any it is 0;
* rotations that no position shows (twist of forearm and shin, hands, face, toes) follow the parent;
* a bone of no length has no direction either: its joint follows the parent, and the next bone starts where
  the collapsed one starts, in the rest pose too. Shoulders show the turn of a chest without collars.

The rest pose is `skeleton.REST_OFFSETS`; bone lengths come from the clip. The method is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics, local_from_global
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
#: Joints to the left, to the right and above the joints that have all three. Of each, the first that does
#: not coincide with the centre counts.
_TORSO = {
    "pelvis": (("left_hip", "left_knee"), ("right_hip", "right_knee"), ("spine1", "spine2", "spine3")),
    "spine3": (
        ("left_collar", "left_shoulder", "left_hip"),
        ("right_collar", "right_shoulder", "right_hip"),
        ("neck", "head"),
    ),
}
#: Places (22, 3) of the joints in the rest pose, the pelvis at the origin.
_REST_JOINTS = forward_kinematics(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)), np.zeros(3), REST_OFFSETS)[0]
#: A bone shorter than this, metres, has no usable direction. Its joint then only follows the parent, which
#: costs less than a millimetre of position.
_COLLAPSED_M = 0.005
#: Up to this share of the distance from the centre to the joint above, the joints at the sides are level with
#: that joint, and their middle shows no direction to it. The share is 0.44 in our rest pose, and 0.2 in
#: skeletons whose collars start at the neck, as those of the CMU library.
_LEVEL = 1 / 3


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
    offsets = mean_offsets(positions, rotations)
    local = local_from_global(rotations)
    rebuilt, _ = forward_kinematics(local, positions[:, 0], offsets)
    error_mm = 1000 * np.linalg.norm(rebuilt - positions, axis=-1)  # (T, 22)
    return RecoveredRotations(local, offsets, float(error_mm.mean()), float(error_mm.max()))


def _global_rotations(positions: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) -> global rotations (T, 22, 3, 3), parents before children."""
    rotations = np.empty((*positions.shape, 3))
    rest, collapsed = (array[0] for array in _rest_bones(positions))  # (22, 3), (22,)

    def aligned(base: np.ndarray, joint: int, child: int) -> np.ndarray:
        """The rotation nearest to base (T, 3, 3) that takes the bone's rest direction to its current one."""
        if collapsed[child]:
            return base
        bone = positions[:, child] - positions[:, joint]
        turned: np.ndarray = matrix_between(base @ rest[child], bone) @ base
        return turned

    def follow(joint: str, child: str, base: np.ndarray) -> None:
        rotations[:, JOINT[joint]] = aligned(base, JOINT[joint], JOINT[child])

    def limb(parent: np.ndarray, names: tuple[str, str, str]) -> None:
        """Upper joint and hinge of a limb from the global rotation (T, 3, 3) of the upper joint's parent."""
        upper, hinge, end = (JOINT[name] for name in names)
        swung = aligned(parent, upper, hinge)
        axis = normalize(positions[:, hinge] - positions[:, upper])
        lower = normalize(positions[:, end] - positions[:, hinge])
        twist = _hinge_twist(swung @ np.array(_HINGES[names[1]]), axis, lower)
        rotations[:, upper] = matrix_from_axis_angle(axis * twist[:, None]) @ swung
        rotations[:, hinge] = aligned(rotations[:, upper], hinge, end)

    pelvis, chest = torso_rotation(positions, "pelvis"), torso_rotation(positions, "spine3")
    rotations[:, JOINT["pelvis"]], rotations[:, JOINT["spine3"]] = pelvis, chest
    turn = axis_angle_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest)
    follow("spine1", "spine2", pelvis @ matrix_from_axis_angle(turn / 3))
    follow("spine2", "spine3", pelvis @ matrix_from_axis_angle(turn * 2 / 3))
    follow("neck", "head", chest)
    rotations[:, JOINT["head"]] = rotations[:, JOINT["neck"]]
    for side in ("left", "right"):
        limb(pelvis, (f"{side}_hip", f"{side}_knee", f"{side}_ankle"))
        follow(f"{side}_ankle", f"{side}_foot", rotations[:, JOINT[f"{side}_knee"]])
        rotations[:, JOINT[f"{side}_foot"]] = rotations[:, JOINT[f"{side}_ankle"]]
        follow(f"{side}_collar", f"{side}_shoulder", chest)
        collar = rotations[:, JOINT[f"{side}_collar"]]
        limb(collar, (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"))
        rotations[:, JOINT[f"{side}_wrist"]] = rotations[:, JOINT[f"{side}_elbow"]]
    return rotations


def torso_rotation(positions: np.ndarray, centre: str) -> np.ndarray:
    """Global rotation (..., T, 3, 3) of "pelvis" or "spine3" from joints (..., T, 22, 3)."""
    _, collapsed = _rest_bones(positions)

    def to_nearest(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Rest and current vector from the centre to the first of some joints that is not in its place."""
        *near, last = (JOINT[name] for name in names)
        rest, current = _REST_JOINTS[last], positions[..., last, :]
        for joint in reversed(near):
            skipped = collapsed[..., joint, None]
            rest = np.where(skipped, rest, _REST_JOINTS[joint])
            current = np.where(skipped, current, positions[..., joint, :])
        return rest - _REST_JOINTS[JOINT[centre]], current - positions[..., JOINT[centre], :]

    sides, above = _TORSO[centre][:2], _TORSO[centre][2]
    (left_rest, left), (right_rest, right), (up_rest, up) = (to_nearest(names) for names in (*sides, above))
    middle_rest, middle = (left_rest + right_rest) / 2, (left + right) / 2
    # The joints that stand in for collapsed ones may be as high as the one above: shoulders, for the neck.
    level = np.any([collapsed[..., JOINT[names[0]]] for names in sides], axis=0)  # (..., 1)
    rise, height = (np.linalg.norm(v, axis=-1) for v in (up - middle, up))
    level = level | (np.median(rise, axis=-1) < _LEVEL * np.median(height, axis=-1))[..., None]
    middle_rest, middle = (np.where(level[..., None], 0, m) for m in (middle_rest, middle))
    in_rest = matrix_from_columns(left_rest - right_rest, up_rest - middle_rest)
    current = matrix_from_columns(left - right, up - middle)
    rotation: np.ndarray = current @ np.swapaxes(in_rest, -1, -2)
    return rotation


def _rest_bones(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rest vectors (..., 1, 22, 3) of the bones to each joint, and which bones (..., 1, 22) are collapsed.

    positions (..., T, 22, 3). A bone after a collapsed one starts where that one starts.
    """
    lengths = np.median(bone_lengths(positions), axis=-2, keepdims=True)  # (..., 1, 21)
    root = np.zeros((*lengths.shape[:-1], 1), dtype=bool)
    collapsed = np.concatenate([root, lengths < _COLLAPSED_M], axis=-1)
    rest = np.broadcast_to(REST_OFFSETS, (*collapsed.shape, 3)).copy()
    for joint, parent in enumerate(PARENTS):
        if parent > 0:
            rest[..., joint, :] += np.where(collapsed[..., parent, None], rest[..., parent, :], 0)
    return rest, collapsed


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


def mean_offsets(positions: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """This body's offsets (22, 3): mean over frames of every bone in the frame of its parent.

    positions (T, 22, 3), global rotations (T, 22, 3, 3).
    """
    offsets = np.zeros((NUM_JOINTS, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            bone = positions[:, joint] - positions[:, parent]
            offsets[joint] = np.einsum("tji,tj->ti", rotations[:, parent], bone).mean(axis=0)
    return offsets
