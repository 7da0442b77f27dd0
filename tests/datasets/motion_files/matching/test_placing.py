"""Joints that a file lacks, placed by proportion where nothing of the file shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.matching.body_joints import body_joints
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person
from tests.helpers.skeleton_files import rig_bvh
from tests.helpers.tool_skeletons import simple

WORDS = "UpperLeg LowerLeg Foot Toes Shoulder UpperArm LowerArm Hand"


def placed(words: str, drop: str = "", **options):
    """Joints (T, 22, 3) without End Sites, metres, the true ones, and the summary.

    words: as `simple`, `-` for what the file lacks. drop: neck, or head and neck.
    """
    rig = simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*", words)
    if drop == "neck":
        rig.tree = rig.tree.replace("Neck > Head", "Head")
    elif drop:
        rig.tree = rig.tree.replace("Neck > Head", "Backpack")
    motion = fk_person(24, seed=3, height_m=1.75)
    text, _ = rig_bvh(rig, metres_per_unit=1.0, motion=motion, **options)
    (skeleton,) = parse_bvh(text, 100)
    joints, match = body_joints(replace(skeleton, end_sites={}))
    return joints, motion[0], match.summary


@pytest.mark.parametrize("options", [{}, {"along_x": True}], ids=["T-pose", "bones along X"])
@pytest.mark.parametrize(
    ("words", "drop", "joints", "within_m"),
    [
        ("UpperLeg LowerLeg Foot - Shoulder UpperArm LowerArm Hand", "", ("left_foot", "right_foot"), 0.06),
        ("UpperLeg LowerLeg Foot Toes - UpperArm LowerArm Hand", "", ("left_collar", "right_collar"), 0.03),
        (WORDS, "neck", ("neck",), 0.05),
        (WORDS, "head", ("neck", "head"), 0.12),
    ],
    ids=["toes", "collars", "neck", "head"],
)
def test_joints_by_proportion_are_near_the_true_ones(words, drop, joints, within_m, options):
    found, truth, summary = placed(words, drop, **options)
    distances = np.linalg.norm(found - truth, axis=-1)
    numbers = [JOINT[joint] for joint in joints]
    assert distances[:, numbers].max() < within_m
    assert "by proportion" in summary
    others = [j for j in range(22) if j not in numbers]
    if not drop:  # spine joints follow a neck that is placed; arms hang on the chest without collars
        assert distances[:, others].max() < 0.02


def test_wrists_by_proportion_keep_the_forearms_length():
    found, truth, summary = placed("UpperLeg LowerLeg Foot Toes Shoulder UpperArm LowerArm -")
    for side in ("left", "right"):
        elbow, wrist = JOINT[f"{side}_elbow"], JOINT[f"{side}_wrist"]
        assert np.abs(found[:, elbow] - truth[:, elbow]).max() < 1e-3
        # The arm of the rest pose is straight, as that of our skeleton is.
        assert np.linalg.norm(found[:, wrist] - truth[:, wrist], axis=-1).max() < 0.03
    assert "wrists by proportion" in summary


def test_an_end_site_below_the_ankle_is_the_sole():
    """Some files end at the sole, straight below."""
    rig = simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*", WORDS.replace("Toes", "-"))
    motion = fk_person(24, seed=3, height_m=1.75)
    (skeleton,) = parse_bvh(rig_bvh(rig, metres_per_unit=1.0, motion=motion)[0], 100)
    feet = [skeleton.names.index(name) for name in ("LeftFoot", "RightFoot")]
    ends = skeleton.end_sites | {foot: np.array([0, -0.08, 0]) for foot in feet}
    joints, match = body_joints(replace(skeleton, end_sites=ends))
    assert "toes by proportion" in match.summary
    toes = [JOINT["left_foot"], JOINT["right_foot"]]
    assert np.linalg.norm(joints[:, toes] - motion[0][:, toes], axis=-1).max() < 0.06


def test_a_neck_without_a_head_stays_where_it_is():
    rig = simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*", WORDS)
    rig.tree = rig.tree.replace("Neck > Head", "Neck")
    motion = fk_person(24, seed=3, height_m=1.75)
    text, _ = rig_bvh(rig, metres_per_unit=1.0, motion=motion)
    (skeleton,) = parse_bvh(text, 100)
    joints, match = body_joints(replace(skeleton, end_sites={}))
    assert match.summary.endswith("(head by proportion)")
    assert np.abs(joints - motion[0])[:, JOINT["neck"]].max() < 1e-3
