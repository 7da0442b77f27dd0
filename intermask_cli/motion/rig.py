"""A person as a rigid skeleton: what BVH, GLB and SMPL-style files need.

A rigid person is written as it is (`rig_in`); for any other a skeleton is recovered from the joints, and the
rig says how far it is from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rotation import matrix_from_sixd_columns, normalize, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import REST_OFFSETS

#: Metres of any joint: a rigid body is exact to this.
RIGID_TO_M = 1e-4
#: A model's positions are not rigid; beyond this mean distance a skeleton no longer shows the motion.
_MAX_FIT_ERROR_MM = 60.0


@dataclass(frozen=True)
class Rig:
    """One person as a rigid skeleton.

    Attributes:
        local: rotations (T, 22, 3, 3) relative to the parent, of joint 0 relative to the world.
        root: positions (T, 3) of the pelvis, metres.
        offsets: (22, 3) metres from the parent in the rest pose.
        fit_error_mm: mean distance between these joints and the given ones.
    """

    local: np.ndarray
    root: np.ndarray
    offsets: np.ndarray
    fit_error_mm: float

    @property
    def joints(self) -> np.ndarray:
        """Joint positions (T, 22, 3) by forward kinematics, metres."""
        return forward_kinematics(self.local, self.root, self.offsets)[0]


def offsets_on(bone_lengths: np.ndarray) -> np.ndarray:
    """Bone lengths (..., 21), metres -> offsets (..., 22, 3) in the rest pose, along `REST_OFFSETS`."""
    directions = normalize(REST_OFFSETS)  # the root's stays zero
    lengths = np.concatenate([np.zeros_like(bone_lengths[..., :1]), bone_lengths], axis=-1)
    offsets: np.ndarray = directions * lengths[..., None].astype(np.float64)
    return offsets


def rig_in(motion: Motion, person: int) -> Rig:
    """The rig that a rigid person of a motion is stored as; `fit_error_mm` says how exactly."""
    assert motion.rotations6d is not None
    assert motion.root_rotations6d is not None and motion.bone_lengths is not None
    sixd = np.concatenate([motion.root_rotations6d[person][:, None], motion.rotations6d[person]], axis=1)
    local = matrix_from_sixd_columns(sixd.astype(np.float64))  # (T, 22, 3, 3)
    joints = motion.joints[person].astype(np.float64)
    offsets = offsets_on(motion.bone_lengths[person])
    rebuilt = forward_kinematics(local, joints[:, 0], offsets)[0]
    error_mm = 1000 * float(np.linalg.norm(rebuilt - joints, axis=-1).mean())
    return Rig(local, joints[:, 0], offsets, error_mm)


def put_rig(motion: Motion, person: int, rig: Rig) -> None:
    """Write a rig into the arrays of a motion that has all of them: the person is rigid afterwards."""
    assert motion.rotations6d is not None
    assert motion.root_rotations6d is not None and motion.bone_lengths is not None
    sixd = sixd_columns_from_matrix(rig.local)
    motion.root_rotations6d[person], motion.rotations6d[person] = sixd[:, 0], sixd[:, 1:]
    motion.bone_lengths[person] = np.linalg.norm(rig.offsets[1:], axis=-1)
    motion.joints[person] = rig.joints


def is_rigid(motion: Motion, person: int, frames: np.ndarray | None = None) -> bool:
    """Whether a person's joints are forward kinematics of the motion's rotations on its bone lengths.

    frames: flags (T,) of those that count; all by default.
    """
    if not motion.has_rig:
        return False
    apart = np.linalg.norm(rig_in(motion, person).joints - motion.joints[person], axis=-1)  # (T, 22)
    return bool((apart if frames is None else apart[frames]).max(initial=0.0) <= RIGID_TO_M)


def rig_of(joints: np.ndarray, who: str) -> Rig:
    """Joints (T, 22, 3) of one person -> rig.

    Rotations are recovered from the joints even if a model predicted some: those need not reproduce its
    joints.

    Raises:
        InputError: no rigid skeleton fits; the message names `who`.
    """
    recovered = rotations_from_joints(joints)
    if not recovered.error_mm <= _MAX_FIT_ERROR_MM:
        raise InputError(
            f"{who}: a rigid skeleton misses the joints by {recovered.error_mm:.0f} mm on average "
            f"(limit {_MAX_FIT_ERROR_MM:.0f}); the bones of this motion change length too much to export"
        )
    return Rig(recovered.local, joints[:, 0].astype(np.float64), recovered.offsets, recovered.error_mm)
