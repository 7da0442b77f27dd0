"""Feet locked with rigid bones: feet stand, bones keep their lengths, rotations follow, true motion stays."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.cleanup.planted_feet import MAX_WANDER_M, plant, planted_spans
from intermask_cli.cleanup.rigid_feet import lock_feet_rigidly
from intermask_cli.datasets.duets.corpus import make_corpus_clip
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.physics import foot_skate_mm_per_frame, jerk_m_per_s3
from intermask_cli.motion.rotation import matrix_from_sixd_columns
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import mean_error_mm, with_tokenizer_noise

LEGS = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "ankle", "foot")]
OTHERS = [joint for joint in range(22) if joint not in LEGS]


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [make_corpus_clip(7, index).joints for index in range(10)]


@pytest.fixture(scope="module")
def noisy(clips: list[np.ndarray]) -> list[np.ndarray]:
    return [with_tokenizer_noise(clip, seed) for seed, clip in enumerate(clips)]


def test_noisy_feet_stand_again(clips, noisy):
    cleaned = [lock_feet_rigidly(clip)[0] for clip in noisy]
    skate = [
        float(np.mean([foot_skate_mm_per_frame(clip).mean() for clip in some]))
        for some in (clips, noisy, cleaned)
    ]
    jerk = [float(np.mean([jerk_m_per_s3(clip).mean() for clip in some])) for some in (clips, noisy, cleaned)]
    errors = [
        np.mean([mean_error_mm(a, b, OTHERS) for a, b in zip(some, clips, strict=True)])
        for some in (noisy, cleaned)
    ]
    # Feet that roll are planted later than feet that come down flat.
    assert skate[2] < 0.65 * skate[1]
    assert skate[2] < 4 * skate[0]
    assert jerk[2] < 1.06 * jerk[1]
    assert errors[1] < errors[0]  # the body follows its feet back to where it was


def test_bones_of_every_frame_keep_their_length(noisy):
    for clip in noisy[:3]:
        after = lock_feet_rigidly(clip)[0]
        np.testing.assert_allclose(bone_lengths(after), bone_lengths(clip), atol=1e-6)


def test_true_motion_hardly_changes(clips):
    for clip in clips:
        cleaned = lock_feet_rigidly(clip)[0]
        assert cleaned.dtype == clip.dtype
        assert mean_error_mm(cleaned, clip) < 8
    still = np.repeat(clips[0][:, :1], 40, axis=1)
    # The knee of a straight leg is turned by a fraction of a millimetre: its side is not certain.
    assert np.abs(lock_feet_rigidly(still)[0] - still).max() < 1e-3


def test_planted_feet_are_at_one_spot(noisy):
    clip = noisy[0]
    planting = plant(clip)
    toes = clip[:, :, [10, 11]] + np.moveaxis(planting.displacement, 1, 2)
    steps = np.linalg.norm(np.diff(toes, axis=1), axis=-1)
    planted = np.moveaxis(planting.weight, 1, 2) == 1
    inside = np.ones_like(planted[:, 5:-5])
    for shift in range(-5, 6):
        inside &= planted[:, 5 + shift : planted.shape[1] - 5 + shift]
    assert inside.mean() > 0.1
    assert steps[:, 5:-4][inside].max() < 1e-9


def test_rotations_give_the_cleaned_joints(noisy):
    for clip in noisy[:3]:
        before = np.stack([rotations_from_joints(person).rotations6d for person in clip])
        cleaned, rotations = lock_feet_rigidly(clip, before)
        assert np.abs(rotations - before)[:, :, [0, 1, 3, 4]].max() > 0.01  # hips and knees did turn
        untouched = [j - 1 for j in OTHERS if j not in (0, 1, 2)]
        np.testing.assert_allclose(rotations[:, :, untouched], before[:, :, untouched], atol=1e-5)
        for person, own in zip(cleaned, rotations, strict=True):
            recovered = rotations_from_joints(person)
            local = recovered.local.copy()
            local[:, 1:] = matrix_from_sixd_columns(own.astype(np.float64))
            rebuilt = forward_kinematics(local, person[:, 0], recovered.offsets)[0]
            worst = 1000 * np.linalg.norm(rebuilt - person, axis=-1).mean()
            assert worst < recovered.error_mm + 0.5


def test_a_sliding_foot_is_not_one_stand_and_a_raised_one_none():
    frames = 60
    slide = np.zeros((frames, 3))
    slide[:, 0] = np.linspace(0, 6 * MAX_WANDER_M, frames)
    speed = np.linalg.norm(np.gradient(slide, axis=0), axis=-1)
    speed[:5] = 0.001  # begins at rest
    spans = planted_spans(slide, np.zeros(frames), speed)
    assert len(spans) > 1
    for start, stop in spans:
        part = slide[start:stop]
        assert np.linalg.norm(part - part.mean(axis=0), axis=-1).max() <= MAX_WANDER_M
    assert planted_spans(np.zeros((frames, 3)), np.full(frames, 0.3), np.zeros(frames)) == []


@pytest.mark.parametrize("frames", [4, 5, 9])
def test_short_clips(clips, frames):
    cleaned, rotations = lock_feet_rigidly(clips[0][:, :frames])
    assert cleaned.shape == (2, frames, 22, 3) and rotations.shape == (2, frames, 21, 6)
    assert np.isfinite(cleaned).all() and np.isfinite(rotations).all()
