"""Rotations of a file's skeleton in our convention: head, hands and twists come out as they went in."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.source_rotations import body_rotations, correspondence
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.file_skeletons import a_pose, bones_along_x, file_skeleton, with_turned_ends
from tests.helpers.motion_samples import fk_person


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle (...) of the rotation between a and b (..., 3, 3)."""
    trace = np.trace(np.swapaxes(a, -1, -2) @ b, axis1=-2, axis2=-1)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize(
    ("rest", "degrees"),
    # Lowered arms can be lowered about axes that differ by the 2 degrees by which ours are not straight.
    [(None, 0.1), (a_pose(), 2.5)],
)
def test_the_rotations_of_the_file_come_out(rest, degrees, up) -> None:
    joints, local, offsets = fk_person(40, height_m=1.7)
    local = with_turned_ends(local)
    skeleton = file_skeleton(local, joints[:, 0], offsets, rest, up=up, unit=0.01)
    found = body_rotations(skeleton.positions(), skeleton)
    assert degrees_between(found[:, 1:], local[:, 1:]).max() < degrees


def test_a_rest_pose_that_is_not_a_body_is_read_off_the_clip() -> None:
    """Bones that point anywhere at rest: turns come out up to a constant, which the clip gives."""
    joints, local, offsets = fk_person(80)
    local = with_turned_ends(local)
    skeleton = file_skeleton(local, joints[:, 0], offsets, bones_along_x())
    found = body_rotations(skeleton.positions(), skeleton)
    rebuilt = forward_kinematics(found, joints[:, 0], offsets)[0]
    assert np.abs(rebuilt - joints).max() < 1e-6
    for name in ("head", "left_wrist", "right_elbow"):
        ours, true = found[:, JOINT[name]], local[:, JOINT[name]]
        constant = true[0].T @ ours[0]
        spread = degrees_between(true @ constant, ours)
        assert spread.max() < 25, name


def test_joints_put_together_from_several_follow_the_positions() -> None:
    joints, local, offsets = fk_person(30)
    skeleton = file_skeleton(with_turned_ends(local), joints[:, 0], offsets)
    ours = joints.copy()
    ours[:, 0] += 0.1 * (joints[:, JOINT["left_hip"]] - joints[:, JOINT["right_hip"]])
    ours[:, JOINT["spine2"]] = (joints[:, JOINT["spine1"]] + joints[:, JOINT["spine3"]]) / 2
    ours[:, JOINT["left_foot"]] += 0.2 * (joints[:, JOINT["left_foot"]] - joints[:, JOINT["left_ankle"]])
    found = correspondence(ours, skeleton)
    # The pelvis is what all three of its limbs hang on.
    assert found.sources[0] == 0 and found.sources[JOINT["spine2"]] is None
    assert found.sources[JOINT["left_foot"]] is None and found.sources[JOINT["head"]] == JOINT["head"]
    turned = body_rotations(ours, skeleton)
    head = turned[:, JOINT["head"]]
    assert np.ptp(degrees_between(head, with_turned_ends(local)[:, JOINT["head"]])) < 0.1
    rigid = forward_kinematics(turned, ours[:, 0], rotations_from_joints(ours).offsets)[0]
    assert np.abs(rigid - ours)[:, JOINT["left_knee"]].max() < 0.01


def test_joints_in_one_place_are_distinguished_by_the_tree() -> None:
    """The CMU library: hips and lower back are in one place, and so are chest and clavicles."""
    joints, local, offsets = fk_person(20)
    offsets[[JOINT["spine1"], JOINT["left_collar"], JOINT["right_collar"]]] = 0
    skeleton = file_skeleton(local, joints[:, 0], offsets)
    found = correspondence(skeleton.positions(), skeleton)
    assert found.sources == tuple(range(22))
