"""Body height and warnings about odd motion."""

from __future__ import annotations

import re

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.motion.body_check import body_height
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person


@pytest.mark.parametrize("height_m", [1.5, 1.7, 1.95])
def test_height_is_known_in_any_pose(height_m):
    assert body_height(fk_person(10, seed=3, height_m=height_m)[0]) == pytest.approx(height_m, abs=0.01)


def test_a_root_that_jumps_gives_a_warning_with_the_distance(pair, tmp_path):
    joints = pair[0][0].copy()
    np.save(tmp_path / "calm.npy", joints)
    assert read_motion(tmp_path / "calm.npy").warnings == ()
    joints[25:, :, 0] += 3.0
    np.save(tmp_path / "jump.npy", joints)
    (warning,) = read_motion(tmp_path / "jump.npy").warnings
    assert "frame 24 to 25" in warning
    jump = float(np.linalg.norm(joints[25, 0] - joints[24, 0]))
    assert f"{jump:.2f} m" in warning


def test_every_bone_is_reported_and_odd_ones_give_a_warning(pair, tmp_path):
    np.save(tmp_path / "a.npy", pair[0][0])
    given = read_motion(tmp_path / "a.npy")
    assert given.bones.count("±") == 21 and "left_knee-left_ankle" in given.bones
    assert not given.warnings
    assert re.search(r"forward kinematics [\d.]+ mm off \(worst [\d.]+\)", given.source)
    for change, message in {
        "swap": "check that the joint is the right one",
        "one side": "on the right",
        "stretch": "stretches",
    }.items():
        odd = pair[0][0].copy()
        if change == "swap":  # a map that takes the hand's tip for the wrist of both arms
            for side in ("left", "right"):
                arm = odd[:, JOINT[f"{side}_wrist"]] - odd[:, JOINT[f"{side}_elbow"]]
                odd[:, JOINT[f"{side}_wrist"]] += 1.2 * arm
        elif change == "one side":
            odd[:, JOINT["left_wrist"]] += 0.4 * (odd[:, JOINT["left_wrist"]] - odd[:, JOINT["left_elbow"]])
        else:
            odd[3, JOINT["head"], 1] += 0.1
        np.save(tmp_path / "odd.npy", odd)
        assert any(message in warning for warning in read_motion(tmp_path / "odd.npy").warnings), change
