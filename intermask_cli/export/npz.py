"""NPZ with the fields of AMASS, one file per person, readable without pickle and by tools for SMPL-X.

========================  ===========================================================================
poses (T, 165)            axis-angle of the 55 joints of SMPL-X: pelvis in the world, 21 of the body, then
                          jaw, eyes and hands, which are zeros
root_orient (T, 3), pose_body (T, 63), pose_jaw (T, 3), pose_eye (T, 6), pose_hand (T, 90)
                          the same by parts
trans (T, 3)              pelvis minus `rest_pelvis`, metres, as SMPL bodies place themselves
betas (16,), num_betas    zeros: the mean body; `offsets` are the person's bones
gender                    "neutral"
surface_model_type        "smplx"
mocap_frame_rate, mocap_framerate
                          30.0, in both spellings that readers ask for
mocap_time_length         seconds
up_axis                   "z" as in AMASS, or "y", of every array that has places or `root_orient`
rest_pelvis (3,)          pelvis of the mean SMPL-X body in its own frame, which `trans` leaves out
joints (T, 22, 3)         the joint positions of the dataset, metres
offsets (22, 3)           bone offsets of this person's rest pose, Y up
rotations                 "stored", or "found from joints and rotations" of a person who is not a rigid body
prompt, seed, person      source of the motion: seed -1 if not known, person 1 or 2
========================  ===========================================================================
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.motion.body_model import PELVIS_IN_REST
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS

#: Rotation from Y up to the named axis up, facing +Z -> facing -Y.
_FROM_Y_UP = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
}
_NUM_BETAS = 16
#: Joints of SMPL-X beyond our 22: jaw, two eyes, fifteen of each hand.
_JAW, _EYES, _HANDS = 1, 2, 30


def write_smpl_npz(
    path: Path,
    rig: Rig,
    joints: np.ndarray,
    up: str = "z",
    rotations: str = "stored",
    prompt: str = "",
    seed: int | None = None,
    person: int = 0,
) -> None:
    """Write one person.

    Args:
        path: the file.
        rig: the person as a rigid skeleton, Y up.
        joints: positions (T, 22, 3) to store with the rotations, Y up.
        up: axis that is up in the file, "y" or "z".
        rotations, prompt, seed, person: what the file says of its source; person 0 or 1.
    """
    turn = _FROM_Y_UP[up]
    frames = len(rig.root)
    root_orient = axis_angle_from_matrix(turn @ rig.local[:, 0])
    pose_body = axis_angle_from_matrix(rig.local[:, 1:]).reshape(frames, -1)
    rest = np.zeros((frames, 3 * (_JAW + _EYES + _HANDS)))
    np.savez_compressed(
        path,
        poses=np.concatenate([root_orient, pose_body, rest], axis=1).astype(np.float32),
        root_orient=root_orient.astype(np.float32),
        pose_body=pose_body.astype(np.float32),
        pose_jaw=np.zeros((frames, 3 * _JAW), np.float32),
        pose_eye=np.zeros((frames, 3 * _EYES), np.float32),
        pose_hand=np.zeros((frames, 3 * _HANDS), np.float32),
        trans=(rig.root @ turn.T - PELVIS_IN_REST).astype(np.float32),
        betas=np.zeros(_NUM_BETAS, np.float32),
        num_betas=np.int64(_NUM_BETAS),
        gender="neutral",
        surface_model_type="smplx",
        mocap_frame_rate=np.float32(FPS),
        mocap_framerate=np.float32(FPS),
        mocap_time_length=np.float32(frames / FPS),
        up_axis=up,
        rest_pelvis=np.array(PELVIS_IN_REST, np.float32),
        joints=(joints @ turn.T).astype(np.float32),
        offsets=rig.offsets.astype(np.float32),
        rotations=rotations,
        prompt=prompt,
        seed=np.int64(-1 if seed is None else seed),
        person=np.int64(person + 1),
    )


def joints_of_smpl_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The stored joints of a file, and those that its SMPL fields give on its `offsets`.

    Both (T, 22, 3), Y up, metres.
    """
    with np.load(path, allow_pickle=False) as data:
        turn = _FROM_Y_UP[str(data["up_axis"])].T
        axis_angle = data["poses"][:, : 3 * NUM_JOINTS].reshape(-1, NUM_JOINTS, 3)
        local = matrix_from_axis_angle(axis_angle.astype(np.float64))  # (T, 22, 3, 3)
        local[:, 0] = turn @ local[:, 0]
        pelvis = (data["trans"].astype(np.float64) + data["rest_pelvis"]) @ turn.T
        posed = forward_kinematics(local, pelvis, data["offsets"].astype(np.float64))[0]
        return data["joints"] @ turn.T, posed
