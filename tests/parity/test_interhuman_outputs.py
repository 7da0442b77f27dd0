"""Files, foot locking and drawing chains: evaluation/interhuman_outputs.npz and kinematic_chains.json."""

from __future__ import annotations

import re

import numpy as np
import pytest

from intermask_cli.cleanup.published import lock_feet, locking_contacts
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.representation.interhuman import joints_from_features
from intermask_cli.motion.skeleton import CHAINS
from tests.helpers.keypoint_files import keypoints_from_features
from tests.helpers.parity_comparing import assert_close, assert_equal, assert_same

pytestmark = pytest.mark.parity


@pytest.fixture
def golden(load):
    return load("evaluation/interhuman_outputs.npz")


def persons(golden, prefix):
    found = sorted(int(m.group(1)) for name in golden if (m := re.match(rf"{prefix}_(\d+)$", name)))
    if not found:
        pytest.skip(f"interhuman_outputs.npz has no {prefix}_*")
    return found


@pytest.mark.parametrize(("prefix", "which"), [("file_sample", 0), ("file_ik_sample", 1)])
def test_written_files(golden, prefix, which):
    for person in persons(golden, prefix):
        ours = keypoints_from_features(golden["features"][:, person])[which]
        theirs = golden[f"{prefix}_{person}"]
        assert ours.dtype == theirs.dtype
        assert_close(ours, theirs, atol=1e-5)


def test_plotted_joints(golden):
    for person in persons(golden, "plotted_sample"):
        smooth = smoothed_over_time(joints_from_features(golden["features"][:, person]))
        assert_close(lock_feet(smooth), golden[f"plotted_sample_{person}"], atol=1e-5)
    for person in persons(golden, "plotted_ik_sample"):
        _, locked = keypoints_from_features(golden["features"][:, person])
        assert_close(locked[..., :3], golden[f"plotted_ik_sample_{person}"], atol=1e-5)


def test_foot_locking(golden):
    joints = golden["footlock_in_p1"]
    before = joints.copy()
    assert_close(lock_feet(joints), golden["footlock_out_p1"], atol=1e-5)
    np.testing.assert_array_equal(joints, before)


def test_foot_locking_contacts(golden):
    flags = locking_contacts(golden["footlock_in_p1"])
    assert_same(flags.T.astype(np.float64), golden["footlock_contacts_p1"])


def test_chains(load):
    chains = load("evaluation/kinematic_chains.json")
    assert_equal([list(chain) for chain in CHAINS], chains["body22"])
