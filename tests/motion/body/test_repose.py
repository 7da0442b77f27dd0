"""Changed joints on the same bones: what bones allow is met exactly, the rest as nearly as they reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.motion.body.repose import reposed
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.skeleton import FEET, JOINT
from tests.helpers.motion_samples import fk_person


def moved_to(rig: Rig, joints: np.ndarray) -> Rig:
    return replace(rig, local=reposed(rig.local, rig.offsets, joints), root=joints[:, 0])


WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


@pytest.fixture
def rig() -> Rig:
    joints, local, offsets = fk_person(60, seed=4)
    return Rig(local, joints[:, 0], offsets, 0.0)


def test_joints_that_the_body_had_give_its_rotations_back(rig: Rig) -> None:
    again = moved_to(rig, rig.joints)
    np.testing.assert_allclose(again.joints, rig.joints, atol=1e-4)  # a tenth of a millimetre
    np.testing.assert_allclose(again.local, rig.local, atol=1e-3)


def test_another_pose_of_the_same_bones_is_met(rig: Rig) -> None:
    other, _, _ = fk_person(60, seed=9, heading=2.0)
    moved = moved_to(rig, other)
    np.testing.assert_allclose(moved.joints, other, atol=2e-4)
    np.testing.assert_allclose(np.linalg.det(moved.local), 1)


def test_wrists_and_feet_are_met_on_other_bones(rig: Rig) -> None:
    """A body 4 % smaller takes the hands and feet of the larger one where its limbs reach them."""
    small = Rig(rig.local, rig.root, rig.offsets * 0.96, 0.0)
    targets = rig.joints
    moved = moved_to(small, targets)
    apart = np.linalg.norm(moved.joints - targets, axis=-1)
    assert np.median(apart[:, [*WRISTS, FEET[0], FEET[2]]]) < 1e-3
    assert 0 < apart.mean() < 0.05
    lengths = np.linalg.norm(small.offsets[1:], axis=-1)
    np.testing.assert_allclose(bone_lengths(moved.joints), np.broadcast_to(lengths, (60, 21)), atol=1e-9)


def test_straight_limbs_have_no_jumps(rig: Rig) -> None:
    """Arms stretched out and slowly turning: the twist of a straight arm follows the chest."""
    joints = np.repeat(rig.joints[:1], 40, axis=0)
    for side, way in (("left", 1.0), ("right", -1.0)):
        upper, hinge, end = (JOINT[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
        first, second = (np.linalg.norm(rig.offsets[joint]) for joint in (hinge, end))
        angle = np.linspace(0, 0.5, 40)
        along = np.stack([way * np.cos(angle), np.sin(angle), np.zeros(40)], axis=-1)
        joints[:, hinge] = joints[:, upper] + first * along
        joints[:, end] = joints[:, upper] + (first + second) * along
    still = Rig(np.repeat(rig.local[:1], 40, axis=0), np.repeat(rig.root[:1], 40, axis=0), rig.offsets, 0.0)
    moved = moved_to(still, joints)
    np.testing.assert_allclose(moved.joints[:, WRISTS], joints[:, WRISTS], atol=1e-3)
    assert np.abs(np.diff(moved.local, axis=0)).max() < 0.05
    assert rotations_from_joints(moved.joints).error_mm < 5
