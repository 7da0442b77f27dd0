"""The lines that say how a file was read."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.motion.skeleton import JOINT, PARENTS


def test_limbs_are_reported_as_the_skeleton_has_them(pair, tmp_path):
    joints = pair[0][0].copy()
    joints[:, [JOINT["left_elbow"], JOINT["left_wrist"]]] += (
        joints[:, [JOINT["left_elbow"]]] - (joints[:, [JOINT["left_shoulder"]]])
    )  # an upper arm twice as long
    np.save(tmp_path / "one.npy", joints)
    bones = np.linalg.norm(joints[0, 1:] - joints[0, list(PARENTS[1:])], axis=-1)
    left, right = (
        bones[JOINT[f"{side}_elbow"] - 1] + bones[JOINT[f"{side}_wrist"] - 1] for side in ("left", "right")
    )
    source = read_motion(tmp_path / "one.npy").source
    assert f"arms {left:.2f} m left, {right:.2f} m right" in source
    leg = bones[JOINT["left_knee"] - 1] + bones[JOINT["left_ankle"] - 1]
    assert f"legs {leg:.2f} m" in source and "bones vary by 0.0 mm" in source


def test_resampling_and_axes_are_reported(pair, tmp_path):
    joints = pair[0][0]
    z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
    np.save(tmp_path / "z.npy", z_up)
    source = read_motion(tmp_path / "z.npy", fps=60, up="z").source
    assert "40 frames at 60 fps -> 20 at 30" in source and "z-up -> y-up" in source
    np.save(tmp_path / "y.npy", joints)
    assert "->" not in read_motion(tmp_path / "y.npy").source
