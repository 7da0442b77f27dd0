"""NPZ with AMASS-style SMPL body fields, one file per person, Y up, readable without pickle.

========================  ===========================================================================
trans (T, 3)              pelvis position, metres
root_orient (T, 3)        axis-angle of the pelvis in the world
pose_body (T, 63)         axis-angle of joints 1..21 relative to their parents
betas (10,)               zeros: no body shape is known
gender, mocap_framerate   "neutral", 30.0
joints (T, 22, 3)         the joint positions of the dataset
offsets (22, 3)           bone offsets of the rest pose that fits this person
rotations                 "model", or "recovered from joints" where the dataset has no rotations
prompt, seed, person      source of the motion: seed -1 if not known, person 1 or 2
========================  ===========================================================================
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import rig_of
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_sixd_columns,
)
from intermask_cli.motion.skeleton import FPS


def write_smpl_npz(path: Path, item: Interaction, person: int) -> None:
    """Write one person (0 or 1) of an interaction; InputError if no rigid skeleton fits the joints."""
    joints = item.joints[person]
    rig = rig_of(joints, f"{item.id} person {person + 1}")
    local, source = rig.local[:, 1:], "recovered from joints"
    if item.rotations6d is not None:
        local, source = matrix_from_sixd_columns(item.rotations6d[person].astype(np.float64)), "model"
    np.savez_compressed(
        path,
        trans=rig.root.astype(np.float32),
        root_orient=axis_angle_from_matrix(rig.local[:, 0]).astype(np.float32),
        pose_body=axis_angle_from_matrix(local).reshape(len(local), -1).astype(np.float32),
        betas=np.zeros(10, np.float32),
        gender="neutral",
        mocap_framerate=np.float32(FPS),
        joints=joints.astype(np.float32),
        offsets=rig.offsets.astype(np.float32),
        rotations=source,
        prompt=item.text,
        seed=np.int64(-1 if item.seed is None else item.seed),
        person=np.int64(person + 1),
    )


def joints_of_smpl_npz(path: Path) -> np.ndarray:
    """Joints (T, 22, 3) in metres that a reader gets from a file's rotations, by forward kinematics."""
    with np.load(path, allow_pickle=False) as data:
        body = data["pose_body"].reshape(-1, 21, 3)
        axis_angle = np.concatenate([data["root_orient"][:, None], body], axis=1)  # (T, 22, 3)
        local = matrix_from_axis_angle(axis_angle.astype(np.float64))
        return forward_kinematics(local, data["trans"].astype(np.float64), data["offsets"])[0]
