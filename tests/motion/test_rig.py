"""A rigid person as a rig: read as it is; any other person: recovered, with the distance said."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import rig_in, rig_of
from intermask_cli.motion.rotation import matrix_from_axis_angle, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import REST_OFFSETS


def rigid_pair(frames: int = 12) -> Motion:
    rng = np.random.default_rng(1)
    lengths = np.linalg.norm(REST_OFFSETS[1:], axis=-1) * np.array([[1.0], [1.1]])  # (2, 21)
    local = matrix_from_axis_angle(rng.normal(0, 0.3, (2, frames, 22, 3)))
    root = rng.normal(0, 1, (2, frames, 3))
    joints = np.stack([forward_kinematics(local[p], root[p], rest_offsets(lengths[p]))[0] for p in (0, 1)])
    sixd = sixd_columns_from_matrix(local).astype(np.float32)
    return Motion(joints.astype(np.float32), sixd[:, :, 1:], None, sixd[:, :, 0], lengths.astype(np.float32))


def test_offsets_have_the_given_lengths_and_the_directions_of_the_rest_pose() -> None:
    lengths = np.arange(1, 22) / 50
    offsets = rest_offsets(lengths)
    np.testing.assert_allclose(bone_lengths(np.zeros((22, 3)) + offsets)[:1], lengths[:1])
    np.testing.assert_allclose(np.linalg.norm(offsets[1:], axis=-1), lengths)
    np.testing.assert_allclose(np.cross(offsets[1:], REST_OFFSETS[1:]), 0, atol=1e-12)
    assert not offsets[0].any()


def test_a_rigid_person_comes_back_as_it_is() -> None:
    motion = rigid_pair()
    for person in (0, 1):
        rig = rig_in(motion, person)
        assert rig.fit_error_mm < 0.001
        np.testing.assert_allclose(rig.joints, motion.joints[person], atol=1e-5)
        np.testing.assert_allclose(
            np.linalg.norm(rig.offsets[1:], axis=-1), motion.bone_lengths[person], rtol=1e-6
        )


def test_joints_that_the_rotations_do_not_give_are_measured() -> None:
    motion = rigid_pair()
    motion.joints[0, :, 20] += 0.22  # one of 22 joints, 0.22 m along each axis
    assert abs(rig_in(motion, 0).fit_error_mm - 10 * np.sqrt(3)) < 0.01


def test_a_rig_is_recovered_from_joints_alone() -> None:
    rig = rig_of(rigid_pair().joints[0])
    assert rig.fit_error_mm < 40
