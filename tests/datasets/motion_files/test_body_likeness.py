"""Joints in another order and normalised features are refused; the line that is printed puts them right."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.skeleton import CHAINS, JOINT, PARENTS
from tests.helpers.motion_samples import fk_pair, fk_person
from tests.helpers.paths import CMU_WALKS, SHARED

CASES = SHARED / "cases" / "motion"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
RIGHT_LEG, LEFT_LEG, TRUNK, RIGHT_ARM, LEFT_ARM = ([joint for joint in chain[1:]] for chain in CHAINS)
SPINE, HEAD = TRUNK[:3], TRUNK[3:]
ORDERS = {
    "LaFAN1": [LEFT_LEG, RIGHT_LEG, TRUNK, LEFT_ARM, RIGHT_ARM],
    "right leg first": [RIGHT_LEG, LEFT_LEG, TRUNK, RIGHT_ARM, LEFT_ARM],
    "trunk first": [TRUNK, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG],
    "arms before the head": [SPINE, LEFT_ARM, RIGHT_ARM, HEAD, LEFT_LEG, RIGHT_LEG],
    "arms first": [RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG, TRUNK],
}


def follow(message):
    """Run the line of Python in a message and return the file that it writes."""
    line = message.partition("puts them in order: ")[2]
    exec(line, {})
    return re.search(r"np\.save\('(.+?)'", line)[1]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("still", [False, True])
def test_an_order_is_named_and_the_line_turns_it(name, scale, still, tmp_path):
    joints = fk_person(40, seed=6)[0]
    if still:  # bones are rigid in any order then, but no body
        joints = np.repeat(joints[:1], 40, axis=0)
    theirs = [0, *(joint for chain in ORDERS[name] for joint in chain)]
    np.save(tmp_path / "a.npy", scale * joints[:, theirs])
    for options in ({}, {"units": f"{1 / scale}"}):
        with pytest.raises(InputError, match="in another order than ours: pelvis") as caught:
            read_motion(tmp_path / "a.npy", **options)
        assert "units" not in str(caught.value) and "\n" not in str(caught.value)
    given = read_motion(follow(str(caught.value)), units=f"{1 / scale}")
    assert_allclose(given.joints, joints, atol=1e-5)


def test_an_order_in_a_pair(tmp_path):
    pair, _ = fk_pair(40)
    theirs = [0, *(joint for chain in ORDERS["LaFAN1"] for joint in chain)]
    np.save(tmp_path / "a.npy", pair[:, :, theirs])
    with pytest.raises(InputError, match="in another order") as caught:
        read_motion(tmp_path / "a.npy", person=0)
    assert_allclose(read_motion(follow(str(caught.value)), person=1).joints, pair[1], atol=1e-5)


@pytest.mark.parametrize("layout", ["axes before time", "time first", "npz"])
def test_the_line_fits_the_layout_of_the_array(layout, tmp_path):
    pair, _ = fk_pair(40)
    theirs = pair[:, :, [0, *(joint for chain in ORDERS["LaFAN1"] for joint in chain)]]
    if layout == "npz":
        np.savez(tmp_path / "a.npz", joints=theirs, fps=30)
    else:
        axes = {"axes before time": (0, 2, 3, 1), "time first": (1, 0, 2, 3)}[layout]
        np.save(tmp_path / "a.npy", theirs.transpose(axes))
    with pytest.raises(InputError, match="in another order") as caught:
        read_motion(tmp_path / ("a.npz" if layout == "npz" else "a.npy"), person=1)
    assert_allclose(read_motion(follow(str(caught.value)), person=1).joints, pair[1], atol=1e-5)


def test_values_other_than_joints_get_no_unit_advice(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(0, 1, (40, 22, 3)))
    with pytest.raises(InputError, match=r"bones change their length by .* not our 22 joints") as caught:
        read_motion(tmp_path / "a.npy")
    assert "--units" not in str(caught.value)


def test_noise_of_key_points_from_video_is_accepted(tmp_path):
    joints = fk_person(60)[0]
    np.save(tmp_path / "a.npy", joints + np.random.default_rng(0).normal(0, 0.01, joints.shape))
    assert read_motion(tmp_path / "a.npy").frames == 60


@pytest.mark.parametrize("person", [0, 1])
def test_normalised_features_are_named(person, tmp_path):
    features = pair_features(*fk_pair(60, seed=3))[person]
    mean, std = features.mean(axis=0), np.maximum(features.std(axis=0), 0.01)
    np.save(tmp_path / "normalised.npy", (features - mean) / std)
    with pytest.raises(InputError, match=r"look normalised.*x \* std \+ mean"):
        read_motion(tmp_path / "normalised.npy")
    x = np.load(tmp_path / "normalised.npy")
    np.save(tmp_path / "undone.npy", x * std + mean)
    assert_allclose(read_motion(tmp_path / "undone.npy").joints.reshape(-1, 66), features[:, :66], atol=1e-4)


def test_features_without_rotations_are_read(tmp_path):
    features = pair_features(*fk_pair(40))[0]
    features[:, 132:] = 0
    np.save(tmp_path / "a.npy", features)
    assert_allclose(read_motion(tmp_path / "a.npy").joints[:, JOINT["head"]], features[:, 45:48], atol=1e-6)


@needs_cases
def test_cases(tmp_path):
    for options in ({}, {"units": "0.36"}):
        with pytest.raises(InputError, match="another order than ours: pelvis, left leg, right leg, spine"):
            read_motion(CASES / "joint-order" / "limb_after_limb.npy", **options)
    features = np.load(CASES / "humanml3d" / "features_263.npy")
    np.save(tmp_path / "263.npy", (features - features.mean(0)) / np.maximum(features.std(0), 0.01))
    for path in (CASES / "normalised-features" / "features_262_normalised.npy", tmp_path / "263.npy"):
        with pytest.raises(InputError, match="look normalised"):
            read_motion(path)
    assert read_motion(CASES / "normalised-features" / "features_262.npy").warnings == ()


@pytest.mark.skipif(not CMU_WALKS.is_dir(), reason=f"no walks at {CMU_WALKS}")
@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_a_body_with_long_legs(name, tmp_path):
    """Subject 07 of the CMU library: two orders of spine and head have nearly its proportions."""
    joints = np.load(CMU_WALKS / "trials" / "07_02.npz")["positions"]
    np.save(tmp_path / "a.npy", joints[:, [0, *(joint for chain in ORDERS[name] for joint in chain)]])
    with pytest.raises(InputError, match="in another order") as caught:
        read_motion(tmp_path / "a.npy")
    assert_allclose(read_motion(follow(str(caught.value))).joints, joints, atol=1e-5)


@pytest.mark.parametrize("change", ["any order", "relative to parents"])
def test_joints_of_other_things_get_no_unit_advice(change, tmp_path):
    joints = fk_person(60, seed=3)[0]
    if change == "any order":
        joints = joints[:, np.random.default_rng(3).permutation(22)]
    else:
        joints[:, 1:] -= joints[:, PARENTS[1:]]
    np.save(tmp_path / "a.npy", joints)
    with pytest.raises(InputError, match="these are not our 22 joints") as caught:
        read_motion(tmp_path / "a.npy")
    assert "--units" not in str(caught.value)


@pytest.mark.parametrize("floor", [0.02, 0.1, 0.3, 1.0])
def test_features_normalised_with_any_deviation_are_named(floor, tmp_path):
    features = pair_features(*fk_pair(60, seed=3))[0]
    mean = features.mean(axis=0) + np.random.default_rng(1).normal(0, 0.2, features.shape[1])
    np.save(tmp_path / "a.npy", (features - mean) / (features.std(axis=0) + floor))
    with pytest.raises(InputError, match="look normalised"):
        read_motion(tmp_path / "a.npy")


def test_padding_is_named_and_left_out_as_advised(tmp_path):
    joints = fk_person(60, seed=3)[0]
    np.save(tmp_path / "a.npy", np.concatenate([joints, np.zeros((12, 22, 3))]))
    with pytest.raises(InputError, match=r"12 frames from 60 to 71 have all joints in one place.*--end 60$"):
        read_motion(tmp_path / "a.npy")
    assert_allclose(read_motion(tmp_path / "a.npy", end="60").joints, joints, atol=1e-5)
    joints[30] = 0
    np.save(tmp_path / "a.npy", joints)
    with pytest.raises(InputError, match="frame 30 has all joints in one place"):
        read_motion(tmp_path / "a.npy")
