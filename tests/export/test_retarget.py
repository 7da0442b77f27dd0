"""A person on another rig: exact on an equal one, feet and contacts kept on others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.source_rotations import correspondence
from intermask_cli.errors import InputError
from intermask_cli.export.formats import settings_for
from intermask_cli.export.retarget import TargetRig, retargeted
from intermask_cli.motion.rotation import matrix_from_axis_angle, normalize
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.file_skeletons import AXES, a_pose, file_skeleton, with_turned_ends
from tests.helpers.motion_samples import fk_person

TOES = [JOINT["left_foot"], JOINT["right_foot"]]


def rig_of_height(height_m: float, **more) -> TargetRig:
    """The rig of another person, with a motion of its own."""
    joints, local, offsets = fk_person(20, seed=9, height_m=height_m)
    skeleton = file_skeleton(local, joints[:, 0], offsets, **more)
    found = correspondence(skeleton.positions(), skeleton)
    return TargetRig(skeleton, found, AXES[skeleton.up].T, skeleton.metres_per_unit)


def rig_with_collars_at_the_neck() -> TargetRig:
    """A rig as those of the CMU library, whose rest pose leans back above the chest."""
    joints, local, offsets = fk_person(20, seed=9)
    offsets[JOINT["left_collar"]], offsets[JOINT["right_collar"]] = (
        (0.03, 0.15, -0.045),
        (-0.03, 0.15, -0.045),
    )
    offsets[JOINT["neck"]] = (0, 0.18, -0.017)
    rest = np.tile(np.eye(3), (22, 1, 1))
    rest[JOINT["spine3"]] = matrix_from_axis_angle(np.array([-0.9, 0, 0]))
    skeleton = file_skeleton(local, joints[:, 0], offsets, rest=rest)
    found = correspondence(skeleton.positions(), skeleton)
    return TargetRig(skeleton, found, AXES[skeleton.up].T, skeleton.metres_per_unit)


def in_our_world(skeleton) -> np.ndarray:
    return skeleton.positions() @ AXES[skeleton.up] * skeleton.metres_per_unit


@pytest.mark.parametrize(
    ("up", "unit", "rest"), [("y", 1.0, None), ("z", 0.01, None), ("y", 0.0254, a_pose())]
)
def test_on_an_equal_body_every_joint_is_where_it_was(up, unit, rest) -> None:
    joints, local, _ = fk_person(40, height_m=1.7)
    local = with_turned_ends(local)
    result = retargeted(rig_of_height(1.7, up=up, unit=unit, rest=rest), joints, local, None)
    assert result.skeleton.names[0] == "mixamorig:Hips" and result.skeleton.frames == 40
    assert np.abs(in_our_world(result.skeleton) - joints).max() < 0.01
    assert result.body_mm < 8 and result.contacts_mm is None


def test_the_rate_is_the_rigs() -> None:
    joints, local, _ = fk_person(40)
    rig = rig_of_height(1.7)
    result = retargeted(replace(rig, skeleton=replace(rig.skeleton, fps=60.0)), joints, local, None)
    assert (result.skeleton.frames, result.skeleton.fps) == (79, 60.0)
    assert np.abs(in_our_world(result.skeleton)[::2] - joints).max() < 0.001


@pytest.mark.parametrize("height_m", [1.5, 1.9])
def test_toes_and_touching_hands_stay_on_a_body_of_another_size(height_m) -> None:
    joints, local, _ = fk_person(60, height_m=1.7)
    partner = joints + np.array([3.0, 0, 0])
    wrist = joints[:, JOINT["left_wrist"]]
    partner[20:40, JOINT["right_wrist"]] = wrist[20:40] + 0.05
    result = retargeted(rig_of_height(height_m), joints, local, partner)
    made = in_our_world(result.skeleton)
    assert np.abs(made[:, TOES] - joints[:, TOES]).max() < 0.005
    reach = np.linalg.norm(made - joints, axis=-1)[20:40, JOINT["left_wrist"]]
    assert reach.mean() < 0.05 and result.contacts_mm is not None
    # Bones have the lengths of the rig.
    rig_bones = rig_of_height(height_m).skeleton.offsets
    knee, ankle = JOINT["left_knee"], JOINT["left_ankle"]
    shin = np.linalg.norm(made[:, ankle] - made[:, knee], axis=-1)
    np.testing.assert_allclose(shin, np.linalg.norm(rig_bones[ankle]), rtol=1e-5)
    # A free hand is where the rig's own arm puts it, not stretched towards the person's.
    assert np.abs(made[0, JOINT["right_wrist"]] - joints[0, JOINT["right_wrist"]]).max() > 0.02


def test_extra_joints_keep_their_rest() -> None:
    joints, local, _ = fk_person(20)
    rig = rig_of_height(1.7)
    hand = JOINT["left_wrist"]
    skeleton = rig.skeleton
    identity = np.tile(np.eye(3), (skeleton.frames, 1, 1, 1))
    fingers = replace(
        skeleton,
        names=(*skeleton.names, "mixamorig:LeftHandIndex1"),
        parents=(*skeleton.parents, hand),
        offsets=np.concatenate([skeleton.offsets, [[0.1, 0, 0]]]),
        rotations=np.concatenate([skeleton.rotations, identity], axis=1),
        orders=(*skeleton.orders, "ZXY"),
    )
    result = retargeted(replace(rig, skeleton=fingers), joints, local, None)
    np.testing.assert_allclose(result.skeleton.rotations[:, -1], np.tile(np.eye(3), (20, 1, 1)), atol=1e-9)
    assert result.skeleton.names[-1] == "mixamorig:LeftHandIndex1"


def test_the_chest_does_not_lean_on_rigs_whose_collars_start_at_the_neck() -> None:
    joints, local, _ = fk_person(20)
    made = in_our_world(retargeted(rig_with_collars_at_the_neck(), joints, local, None).skeleton)
    chest, neck = JOINT["spine3"], JOINT["neck"]
    cosine = (normalize(made[:, neck] - made[:, chest]) * normalize(joints[:, neck] - joints[:, chest])).sum(
        -1
    )
    assert cosine.min() > np.cos(np.radians(15))


def test_errors_of_toes_are_not_stated_where_the_rig_has_none() -> None:
    joints, local, _ = fk_person(20)
    rig = rig_of_height(1.7)
    sources = tuple(
        None if joint in TOES else source for joint, source in enumerate(rig.correspondence.sources)
    )
    result = retargeted(
        replace(rig, correspondence=replace(rig.correspondence, sources=sources)), joints, local, None
    )
    assert result.toes_mm is None and result.body_mm < 8


def test_a_rig_that_cannot_be_read_is_one_error_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"--like .*missing\.bvh: no such file; accepted: source, or a file \.amc"
    ):
        settings_for("bvh", like=str(tmp_path / "missing.bvh"))
    (tmp_path / "joints.npy").write_bytes(b"")
    with pytest.raises(InputError, match="a file with a skeleton is needed"):
        settings_for("bvh", like=str(tmp_path / "joints.npy"))
