"""Skeletons whose names say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.matching.body_joints import body_joints
from intermask_cli.datasets.motion_files.matching.skeleton_map import skeleton_map
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person
from tests.helpers.real_skeletons import REAL_TREES
from tests.helpers.skeleton_files import measured_error_m, read_rig, rig_bvh
from tests.helpers.tool_skeletons import TOOL_RIGS, renamed, simple, without_names

#: Rigs whose joints cannot be found without names: the pelvis is not where the legs meet the trunk.
NEED_NAMES = ("Biped with limbs on spine and neck",)
RIGS = {name: rig for name, rig in (REAL_TREES | TOOL_RIGS).items() if name not in NEED_NAMES}


@pytest.mark.parametrize("name", RIGS)
def test_rigs_without_names(tmp_path, name):
    rig, options = RIGS[name]
    given, joints, truth = read_rig(tmp_path, without_names(rig), options)
    assert measured_error_m(joints, truth) < 1e-3
    assert "joints by structure and pose" in given.source
    assert any("left_knee b" in warning and "--skeleton" in warning for warning in given.warnings)


def test_a_printed_map_is_the_one_that_was_found(tmp_path):
    rig, options = RIGS["Mixamo"]
    (tmp_path / "clip.bvh").write_text(rig_bvh(without_names(rig), **options)[0])
    found = read_motion(tmp_path / "clip.bvh")
    (tmp_path / "map.yaml").write_text(found.match.map_text)
    again = read_motion(tmp_path / "clip.bvh", skeleton=tmp_path / "map.yaml")
    assert np.array_equal(again.joints, found.joints)
    assert skeleton_map(found.match.map_text)["left_knee"]


def test_sides_in_the_names_count_before_the_pose(tmp_path):
    """Other words of another language, but with sides."""
    rig, options = REAL_TREES["Biovision, four chests"]
    words = {"Hip": "Cadera", "Knee": "Rodilla", "Ankle": "Tobillo", "Toe": "Dedo"}

    def spanish(name):
        for english, other in words.items():
            if name.endswith(english):
                return f"{other}_{name[0]}"
        return name

    _, joints, truth = read_rig(tmp_path, renamed(rig, spanish), options)
    assert measured_error_m(joints, truth) < 1e-3


@pytest.mark.parametrize("seed", range(8))
def test_a_tree_without_a_body_is_refused(seed):
    rng = np.random.default_rng(seed)
    parents = (-1, *(int(rng.integers(0, k)) for k in range(1, 300)))
    names = tuple(f"node{k}" for k in range(300))
    turns = np.tile(np.eye(3), (5, 300, 1, 1))
    skeleton = AnimatedSkeleton(names, parents, rng.normal(size=(300, 3)), turns, np.zeros((5, 3)), 30.0)
    with pytest.raises(InputError, match=r"neither names nor structure .*node0, node1.*--skeleton-map"):
        body_joints(skeleton)


def test_left_and_right_that_nothing_shows_are_asked_for():
    """Straight legs without feet, in the rest pose."""
    rig = simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*", "A B C - D E F G")
    positions, _, offsets = fk_person(12)
    still = np.tile(np.eye(3), (12, 22, 1, 1))
    offsets = offsets * np.array([1.0, 1.0, 0.0])
    motion = (forward_kinematics(still, positions[:, 0], offsets)[0], still, offsets)
    (skeleton,) = parse_bvh(rig_bvh(without_names(rig), motion=motion)[0], 100)
    with pytest.raises(InputError, match=r"which of the knees b\d+ and b\d+ is the left one.*--skeleton"):
        body_joints(replace(skeleton, end_sites={}))


def test_hands_that_never_bend_are_the_wrists_and_not_their_end_sites():
    _, local, offsets = fk_person(24, seed=3, height_m=1.75)
    wrists = [JOINT["left_wrist"], JOINT["right_wrist"]]
    local[:, wrists] = np.eye(3)
    motion = (forward_kinematics(local, np.tile([0.0, 0.93, 0.0], (24, 1)), offsets)[0], local, offsets)
    rig = simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*",
                 "UpperLeg LowerLeg Foot Toes Shoulder UpperArm LowerArm Hand")  # fmt: skip
    (skeleton,) = parse_bvh(rig_bvh(rig, metres_per_unit=1.0, motion=motion)[0], 100)
    ends = {skeleton.names.index(f"{side}Hand"): np.array([x, 0.0, 0.0])
            for side, x in (("Left", 0.1), ("Right", -0.1))}  # fmt: skip
    names = tuple(f"b{number}" for number in range(len(skeleton.names)))
    joints, match = body_joints(replace(skeleton, names=names, end_sites=ends))
    assert match.summary.startswith("joints by structure")
    assert np.abs(joints - motion[0])[:, wrists].max() < 1e-3
