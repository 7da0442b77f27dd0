"""262-d features, canonical frames, contacts: against plain loops, invariants and round trips."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.motion.mirror import mirror_loaded, mirror_positions, mirror_rotations6d
from intermask_cli.motion.placement import heading, pair_frames, person_frame, turned_about_y
from intermask_cli.motion.representation import interhuman as F
from intermask_cli.motion.representation.interhuman import foot_contacts
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import FEET, JOINT
from tests.helpers.motion_samples import fk_pair, fk_person


@pytest.fixture
def pair():
    return fk_pair()


def test_columns_cover_every_feature_once():
    columns = np.concatenate(
        [np.arange(F.NUM_FEATURES)[s] for s in (F.POSITIONS, F.VELOCITIES, F.ROTATIONS, F.CONTACTS)]
    )
    assert_array_equal(columns, np.arange(262))


def test_canonical_person_is_at_the_origin_facing_z_on_the_floor(pair):
    positions = F.joints_from_features(F.pair_features(*pair)[0])
    assert_allclose(positions[0, 0, [0, 2]], 0, atol=1e-6)
    assert_allclose(heading(positions[0]), 0, atol=1e-6)
    assert positions[0, JOINT["left_hip"], 0] > 0
    assert abs(positions[..., 1].min()) < 1e-3


def test_features_ignore_where_the_pair_stands(pair):
    joints, rotations = pair
    moved = turned_about_y(joints.astype(float), 2.1) + np.array([3.0, 0.4, -7.0])
    assert_allclose(F.pair_features(moved, rotations), F.pair_features(*pair), atol=2e-6)


@pytest.mark.parametrize("canonical", [0, 1])
def test_relative_placement_survives(pair, canonical):
    joints, rotations = pair
    placed = F.joints_from_features(F.pair_features(joints, rotations, canonical, floor="pair"))
    between = np.linalg.norm(joints[0, :-1] - joints[1, :-1], axis=-1)
    assert_allclose(np.linalg.norm(placed[0] - placed[1], axis=-1), between, atol=1e-5)
    assert_allclose(placed[canonical, 0, 0, [0, 2]], 0, atol=1e-6)


def test_separate_floors_lose_a_step_up_and_a_common_floor_keeps_it(pair):
    joints, rotations = pair
    raised = joints.copy()
    raised[1, ..., 1] += 0.3

    def pelvis_above_the_other(joints, floor):
        placed = F.pair_features(joints, rotations, floor=floor)
        return placed[1, 0, 1] - placed[0, 0, 1]

    rise = [
        pelvis_above_the_other(raised, floor) - pelvis_above_the_other(joints, floor)
        for floor in ("person", "pair")
    ]
    assert_allclose(rise, [0.0, 0.3], atol=1e-5)


def test_velocity_is_the_plain_difference(pair):
    features = F.pair_features(*pair, keep_last=True)
    positions, velocities = features[..., F.POSITIONS], features[..., F.VELOCITIES]
    for t in range(features.shape[1] - 1):
        assert_allclose(velocities[:, t], positions[:, t + 1] - positions[:, t], atol=1e-6)
    assert_array_equal(velocities[:, -1], velocities[:, -2])


def test_keep_last_only_adds_a_frame(pair):
    kept, published = F.pair_features(*pair, keep_last=True), F.pair_features(*pair)
    assert kept.shape == (2, 60, 262)
    assert published.shape == (2, 59, 262)
    assert kept.dtype == published.dtype == np.float32
    assert_array_equal(kept[:, :-1], published)
    assert_array_equal(kept[:, -1, F.CONTACTS], kept[:, -2, F.CONTACTS])


@pytest.mark.parametrize("floor", ["person", "pair"])
def test_world_is_restored_exactly(pair, floor):
    joints, rotations = pair
    features = F.pair_features(joints, rotations, 1, floor, keep_last=True)
    for person, frame in enumerate(pair_frames(joints, 1, floor)):
        back = frame.to_world(F.joints_from_features(features[person]).astype(np.float64))
        assert_allclose(back, joints[person], atol=2e-6)
    assert_array_equal(F.rotations6d_from_features(features), rotations)


def test_one_frame_is_refused(pair):
    with pytest.raises(ValueError, match="at least 2"):
        F.person_features(pair[0][0, :1], pair[1][0, :1])


@pytest.mark.parametrize("yaw", [0.0, 1.0, np.pi, -np.pi / 2])
def test_facing_is_found_in_every_direction_including_straight_back(yaw):
    positions, _, _ = fk_person(frames=2, seed=3)
    turned = positions @ matrix_about_y(yaw - heading(positions[0])).T
    assert_allclose(np.exp(1j * heading(turned[0])), np.exp(1j * yaw), atol=1e-9)
    canonical = person_frame(turned).to_canonical(turned)
    assert_allclose(heading(canonical[0]), 0, atol=1e-9)


def test_frame_round_trip_and_directions():
    positions, _, _ = fk_person(seed=4)
    frame = person_frame(positions + np.array([1.0, 2.0, 3.0]))
    canonical = frame.to_canonical(positions)
    assert_allclose(frame.to_world(canonical), positions, atol=1e-12)
    steps = np.diff(positions, axis=0)
    assert_allclose(frame.turn_to_canonical(steps), np.diff(canonical, axis=0), atol=1e-12)


def test_contacts_equal_a_plain_loop():
    positions, _, _ = fk_person(frames=90, seed=5)
    positions[..., 1] -= positions[..., 1].min()
    positions[30:60, FEET] = positions[30, FEET] * [1, 0.2, 1]
    flags = foot_contacts(positions)
    assert flags.shape == (89, 4)
    assert 0 < flags.mean() < 1
    for t in range(89):
        for k, joint in enumerate((7, 10, 8, 11)):
            squared_step = ((positions[t + 1, joint] - positions[t, joint]) ** 2).sum()
            limit = 0.12 if joint in (7, 8) else 0.05
            assert flags[t, k] == (squared_step < 0.001 and positions[t, joint, 1] < limit)


def raw_person(frames=20, seed=0):
    return np.random.default_rng(seed).normal(size=(frames, 492)).astype(np.float32)


def test_raw_columns_are_the_body():
    raw = raw_person()
    positions, rotations = F.motion_from_loaded(F.loaded_from_raw492(raw))
    for joint in range(22):
        x, y, z = raw[:, 3 * joint : 3 * joint + 3].T
        assert_array_equal(positions[:, joint], np.stack([x, z, -y], axis=-1))
    for joint in range(1, 22):
        start = 186 + 6 * (joint - 1)
        assert_array_equal(rotations[:, joint - 1], raw[:, start : start + 6])


def test_raw_shape_is_checked():
    with pytest.raises(ValueError, match=r"\(20, 491\)"):
        F.loaded_from_raw492(raw_person()[:, :491])


def test_mirroring_twice_is_nothing():
    loaded = F.loaded_from_raw492(raw_person())
    assert_array_equal(mirror_loaded(mirror_loaded(loaded)), loaded)


def test_mirrored_rotations_are_those_of_the_mirrored_positions():
    from intermask_cli.motion.kinematics import forward_kinematics
    from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix

    positions, local, offsets = fk_person(seed=6)
    mirrored = local.copy()
    mirrored[:, 1:] = matrix_from_sixd_columns(mirror_rotations6d(sixd_columns_from_matrix(local[:, 1:])))
    reflection = np.diag([-1.0, 1.0, 1.0])
    mirrored[:, 0] = reflection @ local[:, 0] @ reflection
    expected = mirror_positions(positions)
    rebuilt, _ = forward_kinematics(mirrored, expected[:, 0], offsets)
    assert_allclose(rebuilt, expected, atol=1e-9)
