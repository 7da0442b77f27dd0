"""The BVH format: order of rotations, frame times, damaged text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.matching.body_joints import body_joints
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from tests.helpers.motion_files import bvh_text, rest_bvh
from tests.helpers.motion_samples import fk_person

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_bvh_rotation_order_is_the_listed_one():
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(0)
    _, _, offsets = fk_person(2)
    root = np.tile([0.0, 0.95, 0.0], (9, 1))
    for order in ("ZXY", "XYZ", "YZX"):
        angles = {joint: rng.uniform(-60, 60, (9, 3)) for joint in range(22)}
        local = np.stack(
            [Rotation.from_euler(order, angles[j], degrees=True).as_matrix() for j in range(22)], axis=1
        )
        expected, _ = forward_kinematics(local, root, offsets)
        (motion,) = parse_bvh(bvh_text(JOINT_NAMES, list(PARENTS), offsets, root, angles, order), 100)
        joints, _ = body_joints(motion)
        assert_allclose(joints, expected, atol=1e-6)


BVH_WORDS = """HIERARCHY ROOT JOINT End Site { } OFFSET CHANNELS 0 1 3 6 -1 nan 1e999 Xposition Zrotation
hip MOTION Frames: Frame Time:"""


@QUIET
@given(text=st.lists(st.sampled_from(BVH_WORDS.split()), max_size=40))
def test_shuffled_bvh_words(text):
    for head in ("", "HIERARCHY ROOT hip { OFFSET 0 0 0 CHANNELS 3 Zrotation Xrotation Yrotation "):
        try:
            people = parse_bvh(head + " ".join(text), 100)
        except InputError:
            continue
        assert all(np.isfinite(one.positions()).all() for one in people)


@pytest.mark.parametrize(
    ("written", "fps"),
    [("0.0333333", 30), ("0.033333", 30), ("0.033", 30), ("0.008333", 120), ("0.016666", 60), ("0.04", 25),
     ("0.041708", 1 / 0.041708), ("0.0333667", 1 / 0.0333667), ("0.03", 1 / 0.03), ("3.33333e-2", 30)],
)  # fmt: skip
def test_a_rounded_frame_time_is_the_rate_it_was_rounded_from(written, fps):
    text = re.sub(r"Frame Time: \S+", f"Frame Time: {written}", rest_bvh())
    assert parse_bvh(text, 100)[0].fps == fps


def test_thirty_frames_a_second_in_a_bvh_are_kept_bit_for_bit(tmp_path):
    angles = {4: np.linspace(0, 40, 90)[:, None] * np.ones(3)}
    root = np.tile([0.3, 0.95, -1.2], (90, 1))
    text = bvh_text(JOINT_NAMES, list(PARENTS), REST_OFFSETS, root, angles)
    (tmp_path / "a.bvh").write_text(re.sub(r"Frame Time: \S+", "Frame Time: 0.0333333", text))
    (motion,) = parse_bvh(text, 100)
    given = read_motion(tmp_path / "a.bvh")
    assert_array_equal(given.joints, body_joints(motion)[0].astype(np.float32))
    assert "90 frames at 30 fps" in given.source and "at 30, " not in given.source
