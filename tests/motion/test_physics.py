"""Physics scores against closed forms: every test plants one fault of known size."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.motion.capsules import BODY, capsule_gaps_m, segment_distances
from intermask_cli.motion.physics import COLUMNS, physics, physics_batch, physics_table
from intermask_cli.motion.skeleton import FPS, JOINT, PARENTS, REST_OFFSETS

FRAMES = 30


def rest_pose() -> np.ndarray:
    """(22, 3), T-pose with the toes on the floor."""
    pose = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            pose[joint] = pose[parent] + REST_OFFSETS[joint]
    pose[:, 1] -= pose[:, 1].min()
    return pose


def standing(frames: int = FRAMES, apart_m: float = 2.0) -> np.ndarray:
    """Two persons at rest, one behind the other: (2, T, 22, 3)."""
    clip = np.tile(rest_pose(), (2, frames, 1, 1))
    clip[1, ..., 2] += apart_m
    return clip


def test_people_at_rest_have_no_fault():
    scores = physics(standing())
    assert list(scores) == list(COLUMNS)
    for name in (
        "foot_skate_mm_per_frame",
        "float_mm",
        "floor_penetration_mm",
        "jerk_m_per_s3",
        "penetration_mm",
    ):
        assert scores[name] == pytest.approx(0, abs=1e-3), name
    assert scores["bone_length_error_mm"] == pytest.approx(0, abs=1e-3)
    assert scores["foot_contact_agreement"] == 1
    assert scores["penetration_share"] == scores["contact_ratio"] == 0
    assert scores["smallest_distance_mm"] == pytest.approx(
        1000 * np.linalg.norm([0.015, 0.060, 2 - 0.125]), abs=0.2
    )  # toe to the other's ankle


def test_sliding_is_measured_in_mm_a_frame_on_grounded_feet_only():
    clip = standing()
    clip[..., 0] += 0.01 * np.arange(FRAMES)[None, :, None]
    assert physics(clip)["foot_skate_mm_per_frame"] == pytest.approx(10, rel=1e-3)
    flying = clip + np.array([0, 1.0, 0])
    assert np.isnan(physics(flying)["foot_skate_mm_per_frame"])
    flying[0] -= np.array([0, 1.0, 0])
    assert physics(flying)["foot_skate_mm_per_frame"] == pytest.approx(10, rel=1e-3)


def test_contact_agreement_falls_for_sliding_and_for_hovering():
    slide = standing()
    slide[..., 0] += 0.05 * np.arange(FRAMES)[None, :, None]
    assert physics(slide)["foot_contact_agreement"] == 0
    assert physics(standing() + np.array([0, 0.5, 0]))["foot_contact_agreement"] == 0


def test_float_and_floor_penetration_are_mm_of_the_lowest_joint():
    up, down = physics(standing() + np.array([0, 0.03, 0])), physics(standing() - np.array([0, 0.02, 0]))
    assert up["float_mm"] == pytest.approx(30, abs=1e-3) and up["floor_penetration_mm"] == 0
    assert down["floor_penetration_mm"] == pytest.approx(20, abs=1e-3) and down["float_mm"] == 0


def test_jerk_of_a_cubic_path_is_its_third_derivative():
    time = np.arange(FRAMES) / FPS
    clip = standing()
    clip[..., 0] += (5.0 * time**3)[None, :, None]
    assert physics(clip)["jerk_m_per_s3"] == pytest.approx(30, rel=0.02)


def test_bone_length_error_of_an_oscillating_arm():
    clip = standing()
    sign = np.where(np.arange(FRAMES) % 2, 1.0, -1.0)
    clip[:, :, JOINT["left_wrist"], 0] += 0.021 * sign[None]
    assert physics(clip)["bone_length_error_mm"] == pytest.approx(1.0, rel=1e-3)  # 21 mm in 1 of 21 bones


def test_segment_distances_agree_with_dense_sampling():
    p, q, r, s = np.random.default_rng(0).normal(size=(4, 60, 3))
    t = np.linspace(0, 1, 301)[:, None, None]
    one, two = p + (q - p) * t, r + (s - r) * t
    sampled = np.sqrt(((one[:, None] - two[None]) ** 2).sum(-1)).min(axis=(0, 1))
    exact = segment_distances(p, q, r, s)
    assert (exact <= sampled + 1e-9).all() and np.abs(exact - sampled).max() < 2e-3


def test_segment_distances_of_parallel_touching_and_zero_length_segments():
    o, x, y, z = np.zeros(3), *np.eye(3)
    cases = [
        (o, x, y, y + x, 1.0),
        (o, x, 3 * x, 2 * x, 1.0),
        (o, x, 0.5 * x + z, 0.5 * x + z, 1.0),
        (o, o, 3 * x, 3 * x, 3.0),
        (o, x, 0.5 * x - y, 0.5 * x + y, 0.0),
    ]
    ends = [np.stack(column) for column in list(zip(*cases, strict=True))[:4]]
    np.testing.assert_allclose(segment_distances(*ends), [case[4] for case in cases], atol=1e-9)


def test_body_gaps_agree_with_a_loop_over_all_bone_pairs():
    rng = np.random.default_rng(1)
    one = rest_pose() + rng.normal(size=(12, 22, 3)) * 0.1
    two = one + rng.normal(size=(12, 1, 3)) * 0.4
    plain = []
    for a, b in zip(one, two, strict=True):
        pairs = [(i, j) for i in range(21) for j in range(21)]
        i, j = np.array(pairs).T
        ends = a[BODY.parents[i]], a[BODY.children[i]], b[BODY.parents[j]], b[BODY.children[j]]
        gaps = segment_distances(*ends) - BODY.radii_m[i] - BODY.radii_m[j]
        plain.append(min(gaps.min(), 0.05))
    np.testing.assert_allclose(capsule_gaps_m(one, two, 0.05), plain, atol=1e-5)


def test_overlap_depth_and_shares_of_frames():
    clip = standing(frames=10, apart_m=3.0)
    clip[1, :5] = clip[0, :5]  # half of the time in the same place: the trunk overlaps by two radii
    scores = physics(clip)
    assert scores["penetration_share"] == 0.5 and scores["contact_ratio"] == 0.5
    assert scores["penetration_mm"] == pytest.approx(0.5 * 2 * 1000 * BODY.radii_m.max(), rel=1e-3)
    assert scores["smallest_distance_mm"] == pytest.approx(0, abs=0.2)


def test_contact_counts_nearness_without_overlap():
    near = standing(apart_m=0.0)
    hand = JOINT["left_wrist"]
    near[1, ..., 0] += 2 * rest_pose()[hand, 0] + 2 * 0.04 + 0.03  # finger tips: 30 mm between the capsules
    scores = physics(near)
    assert scores["contact_ratio"] == 1 and scores["penetration_share"] == 0


def test_scores_ignore_person_order_heading_and_place():
    clip = moving_clip(40)
    turned = clip @ np.array([[0.6, 0, -0.8], [0, 1, 0], [0.8, 0, 0.6]]) + np.array([2.0, 0, -1.0])
    for other in (clip[::-1], turned):
        assert physics(other) == pytest.approx(physics(clip), rel=1e-3, abs=0.2)


def test_one_person_can_be_scored_alone():
    clip = standing()
    clip[1, ..., 1] += 0.04
    assert physics(clip, persons=(0,))["float_mm"] == 0
    assert physics(clip, persons=(1,))["float_mm"] == pytest.approx(40, abs=1e-2)


def moving_clip(frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clip = standing(frames, apart_m=0.6)
    clip += np.cumsum(rng.normal(size=(2, frames, 1, 3)) * [0.01, 0.001, 0.01], axis=1)
    return clip + rng.normal(size=clip.shape) * 0.002


def test_a_table_of_mixed_lengths_equals_clip_by_clip():
    clips = [moving_clip(frames, seed) for seed, frames in enumerate((20, 31, 20, 8))]
    persons = [(0, 1), (0,), (1,), (0, 1)]
    table = physics_table(clips, persons)
    for i, clip in enumerate(clips):
        alone = physics(clip, persons[i])
        assert {name: table[name][i] for name in COLUMNS} == pytest.approx(alone, rel=1e-5, nan_ok=True)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"accepted: \(B, 2, T, 22, 3\)"):
        physics(np.zeros((2, 30, 24, 3)))
    with pytest.raises(ValueError, match="3 frames"):
        physics_batch(np.zeros((1, 2, 3, 22, 3)))
