"""The 22 joints of any skeleton, read without an option."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.paths import SHARED
from tests.helpers.real_skeletons import REAL_TREES
from tests.helpers.skeleton_files import measured_error_m, read_rig
from tests.helpers.tool_skeletons import TOOL_RIGS

CASES = SHARED / "cases" / "motion"


@pytest.mark.parametrize("name", REAL_TREES)
def test_trees_of_public_files(tmp_path, name):
    rig, options = REAL_TREES[name]
    given, joints, truth = read_rig(tmp_path, rig, options)
    assert measured_error_m(joints, truth) < 1e-3
    for joint, place in truth.items():
        assert_allclose(joints[:, JOINT[joint]], place, atol=1e-3, err_msg=joint)
    assert "by structure" not in given.source
    assert f"{options.get('up', 'y').upper()} up" in given.source


@pytest.mark.parametrize("name", TOOL_RIGS)
def test_rigs_of_tools(tmp_path, name):
    rig, options = TOOL_RIGS[name]
    given, joints, truth = read_rig(tmp_path, rig, options)
    for joint, place in truth.items():
        assert_allclose(joints[:, JOINT[joint]], place, atol=1e-3, err_msg=joint)
    assert "by structure" not in given.source
    assert f"{options.get('up', 'y').upper()} up" in given.source


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
@pytest.mark.parametrize(
    ("file", "scheme"),
    [
        ("biped", "3ds Max Biped"),
        ("biped_with_spaces", "3ds Max Biped"),
        ("lafan_momask", "LaFAN1"),
        ("prefix_underscore", "HumanIK"),
        ("rigify", "Rigify"),
        ("rokoko_thigh", "Rokoko"),
        ("unreal", "Unreal"),
        ("xsens_chest", "Biovision"),
    ],
)
def test_naming_schemes(file, scheme):
    given = read_motion(CASES / "joint-names" / f"{file}.bvh")
    assert_allclose(given.joints, np.load(CASES / "joint-names" / "want.npy"), atol=1e-3)
    assert f"{scheme} names" in given.source


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
@pytest.mark.parametrize("number", [1, 2])
def test_the_neck_is_not_the_joint_at_the_chest(number):
    """Neck is in the place of Spine1 in the CMU library; Neck1 carries the neck."""
    given = read_motion(CASES / "zero-clavicles" / f"cmu_names_{number}.bvh")
    want = np.load(CASES / "zero-clavicles" / f"cmu_names_{number}_want.npy")
    others = [joint for joint in range(22) if joint != JOINT["neck"]]
    assert_allclose(given.joints[:, others], want[:, others], atol=1e-3)
    from_chest = np.linalg.norm(given.joints[:, JOINT["neck"]] - given.joints[:, JOINT["spine3"]], axis=-1)
    assert (from_chest > 0.05).all()
