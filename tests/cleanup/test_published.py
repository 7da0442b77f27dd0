"""Foot locking and smoothing: what must move, what must not, against SciPy's filter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.cleanup.published import floor_height, lock_feet, locking_contacts
from intermask_cli.motion.representation.interhuman import person_features
from intermask_cli.motion.rotation import sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FEET
from tests.helpers.keypoint_files import keypoints_from_features
from tests.helpers.motion_samples import fk_person


@pytest.fixture
def walker():
    positions, _, _ = fk_person(80, seed=8)
    positions[..., 1] -= positions[..., 1].min()
    positions[20:40, FEET] = positions[20, FEET] * [1, 0.2, 1] + 0.005 * np.arange(20)[:, None, None] * [
        1,
        0,
        0,
    ]
    return positions


def test_planted_feet_stand_still_on_the_floor(walker):
    flags, locked = locking_contacts(walker), lock_feet(walker)
    assert flags.any()
    for column, foot in enumerate(FEET):
        both = flags[1:, column] & flags[:-1, column]
        assert_array_equal(np.diff(locked[:, foot], axis=0)[both], 0)
        assert_array_equal(locked[flags[:, column], foot, 1], 0)


def test_other_joints_are_only_put_on_the_floor(walker):
    others = [joint for joint in range(22) if joint not in FEET]
    moved = lock_feet(walker)[:, others] - walker[:, others]
    assert_allclose(moved, np.broadcast_to([0, -floor_height(walker), 0], moved.shape), atol=1e-12)


def test_far_from_contact_nothing_changes(walker):
    flags, locked = locking_contacts(walker), lock_feet(walker)
    for column, foot in enumerate(FEET):
        near = np.convolve(flags[:, column], np.ones(11), mode="same") > 0
        assert_allclose(locked[~near, foot], walker[~near, foot] - [0, floor_height(walker), 0], atol=1e-12)


def test_a_floor_far_up_is_ignored(walker):
    walker[..., 1] += 1.0
    assert floor_height(walker) == 0


def test_keypoint_files_hold_the_rotations_behind_a_zero_root():
    positions, local, _ = fk_person(30)
    features = person_features(positions, sixd_columns_from_matrix(local[:, 1:]))
    plain, locked = keypoints_from_features(features)
    assert plain.shape == locked.shape == (29, 22, 9)
    for array in (plain, locked):
        assert_array_equal(array[:, 0, 3:], 0)
        assert_allclose(array[:, 1:, 3:], sixd_columns_from_matrix(local[:29, 1:]), atol=1e-6)
    assert not np.array_equal(plain[..., :3], locked[..., :3])
