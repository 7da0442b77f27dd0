"""A person as a rigid skeleton: what BVH, GLB and SMPL-style files need.

A rigid person is written as it is (`rig_in`); for any other a skeleton is found from the joints, and the rig
says how far it is from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.joint_rotations import mean_offsets, rotations_from_joints, torso_rotation
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Metres of any joint: a rigid body is exact to this.
RIGID_TO_M = 1e-4
#: Rotations that miss the joints by less, on average, are those of the body that has the joints.
CARRIED_MM = 2.0
#: Up to this mean distance bones count as rigid already, as those of captures are, whose own proportions fit
#: better than a symmetric body; joints that a model decoded are 4 mm and more from any rigid skeleton.
_RIGID_MM = 1.0


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


def rig_in(motion: Motion, person: int) -> Rig:
    """The rig that a rigid person of a motion is stored as; `fit_error_mm` says how exactly.

    Raises:
        InputError: NaN or infinity in the joints.
    """
    _check_finite(motion.joints[person])
    assert motion.rotations6d is not None
    assert motion.root_rotations6d is not None and motion.bone_lengths is not None
    sixd = np.concatenate([motion.root_rotations6d[person][:, None], motion.rotations6d[person]], axis=1)
    local = matrix_from_sixd_columns(sixd.astype(np.float64))  # (T, 22, 3, 3)
    joints = motion.joints[person].astype(np.float64)
    offsets = rest_offsets(motion.bone_lengths[person])
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


def with_rig(motion: Motion) -> Motion:
    """The motion with rotations of each pelvis and bone lengths as its joints show them.

    `is_rigid` says of whom they are exact.
    """
    positions = motion.joints.astype(np.float64)
    root = np.stack([sixd_columns_from_matrix(torso_rotation(person, "pelvis")) for person in positions])
    lengths = np.stack([np.median(bone_lengths(person), axis=0) for person in positions])
    return replace(motion, root_rotations6d=root.astype(np.float32), bone_lengths=lengths)


def as_rigid(joints: np.ndarray, rotations6d: np.ndarray) -> Motion | None:
    """One person whose joints (T, 22, 3) are forward kinematics of the rotations (T, 21, 6), as a rigid body.

    The pelvis' rotation and the bone lengths are found from the joints. None where the rotations do not give
    the joints exactly.
    """
    motion = with_rig(Motion(joints[None], rotations6d[None]))
    return motion if is_rigid(motion, 0) else None


def is_rigid(motion: Motion, person: int, frames: np.ndarray | None = None) -> bool:
    """Whether a person's joints are forward kinematics of the motion's rotations on its bone lengths.

    frames: flags (T,) of those that count; all by default.
    """
    if not motion.has_rig:
        return False
    apart = np.linalg.norm(rig_in(motion, person).joints - motion.joints[person], axis=-1)  # (T, 22)
    return bool((apart if frames is None else apart[frames]).max(initial=0.0) <= RIGID_TO_M)


def rig_of(joints: np.ndarray, rotations6d: np.ndarray | None = None) -> Rig:
    """Joints (T, 22, 3) of one person who is not stored as a rigid body -> rig.

    Rigid bones keep their own lengths and directions. Others become a body of the solver, whose wrists and
    ankles are where those of the joints are.

    rotations6d (T, 21, 6), if known, are kept where they carry the bones, as those of a file's skeleton do.
    Others, such as those that a model predicted, need not reproduce the joints: of these the solver takes
    what no joint shows, the rest is recovered.

    Raises:
        InputError: NaN or infinity in the joints.
    """
    _check_finite(joints)
    if rotations6d is not None:
        carried = _carried(joints.astype(np.float64), rotations6d)
        if carried.fit_error_mm <= CARRIED_MM:
            return carried
    recovered = rotations_from_joints(joints)
    if recovered.error_mm <= _RIGID_MM:
        return Rig(recovered.local, joints[:, 0].astype(np.float64), recovered.offsets, recovered.error_mm)
    sixd = None if rotations6d is None else rotations6d[None]
    solved = solve_bodies(joints[None], sixd, plant=False)
    body = Motion(solved.joints, solved.rotations6d, None, solved.root_rotations6d, solved.bone_lengths)
    rig = rig_in(body, 0)
    error_mm = 1000 * float(np.linalg.norm(rig.joints - joints, axis=-1).mean())
    return replace(rig, fit_error_mm=error_mm)


def rig_for(motion: Motion, person: int, rigid: bool) -> Rig:
    """A person of a motion as it is stored if it is rigid, else found from its joints and rotations.

    Of the 55 joints of Inter-X the 22 of the body are taken.

    Raises:
        InputError: NaN or infinity in the joints.
    """
    if rigid:
        return rig_in(motion, person)
    rotations6d = None if motion.rotations6d is None else motion.rotations6d[person]
    return rig_of(motion.joints[person, :, :NUM_JOINTS], rotations6d)


def _carried(joints: np.ndarray, rotations6d: np.ndarray) -> Rig:
    """The rig of joints (T, 22, 3) and rotations (T, 21, 6), whose pelvis turns as its three bones show."""
    local = matrix_from_sixd_columns(rotations6d.astype(np.float64))
    local = np.concatenate([torso_rotation(joints, "pelvis")[:, None], local], axis=1)
    turns = forward_kinematics(local, joints[:, 0], np.zeros((NUM_JOINTS, 3)))[1]
    offsets = mean_offsets(joints, turns)
    rebuilt = forward_kinematics(local, joints[:, 0], offsets)[0]
    error_mm = 1000 * float(np.linalg.norm(rebuilt - joints, axis=-1).mean())
    return Rig(local, joints[:, 0], offsets, error_mm)


def _check_finite(joints: np.ndarray) -> None:
    broken = ~np.isfinite(joints).all(axis=(-2, -1))  # (T,)
    if broken.any():
        raise InputError(f"joints hold NaN or infinity, first in frame {broken.argmax()}")
