"""The same motion on other bodies: hands that met still meet, feet that stood still stand on the floor."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.corpus import make_corpus_clip
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.proportions import on_lengths
from intermask_cli.motion.body.solver import solve_clips
from intermask_cli.motion.body_check import height_of
from intermask_cli.motion.inverse_kinematics import WRISTS
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import rig_in
from intermask_cli.motion.skeleton import FEET, JOINT

TOES = list(FEET[1::2])
#: Metres a frame: slower toes stand.
STILL_M = 5e-4


@pytest.fixture(scope="module")
def pairs() -> list[Motion]:
    """Rigid bodies with exact contacts: clips of the procedural corpus, those with joined hands first."""
    clips = [make_corpus_clip(7, index).joints for index in range(16)]
    clips.sort(key=lambda clip: -(between_wrists(clip) < 0.2).mean())
    return [
        Motion(s.joints, s.rotations6d, None, s.root_rotations6d, s.bone_lengths)
        for s in solve_clips(clips[:5])
    ]


def between_wrists(joints: np.ndarray) -> np.ndarray:
    """(T, 2, 2) metres between the wrists of the two."""
    first, second = joints[0][:, WRISTS], joints[1][:, WRISTS]
    return np.linalg.norm(first[:, :, None] - second[:, None], axis=-1)


def on_heights(
    motion: Motion, heights: tuple[float, float], fixed: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (2, T, 22, 3) before and after, and the new bone lengths (2, 21)."""
    rigs = [rig_in(motion, person) for person in (0, 1)]
    old = motion.bone_lengths.astype(np.float64)
    new = old * (np.array(heights) / height_of(old))[:, None]
    before, local = np.stack([rig.joints for rig in rigs]), np.stack([rig.local for rig in rigs])
    local, root = on_lengths(before, local, old, new, fixed)
    return before, forward_kinematics(local, root, rest_offsets(new)[:, None])[0], new


def level_speed(joints: np.ndarray) -> np.ndarray:
    """Metres (P, T - 1, 2) that each toe moves over the ground in a frame."""
    return np.linalg.norm(np.diff(joints[:, :, TOES], axis=1)[..., (0, 2)], axis=-1)


def standing(joints: np.ndarray) -> np.ndarray:
    """(P, T - 1, 2): toes that are on the floor and still."""
    low = joints[:, 1:, TOES, 1] < joints[:, :, TOES, 1].min() + 0.01
    return (level_speed(joints) < STILL_M) & low


@pytest.mark.slow
@pytest.mark.parametrize("heights", [(1.8, 1.8), (1.85, 1.65), (1.5, 1.9)])
def test_hands_still_meet_and_feet_still_stand(pairs: list[Motion], heights: tuple[float, float]) -> None:
    met = 0
    for motion in pairs:
        before, after, lengths = on_heights(motion, heights)
        np.testing.assert_allclose(height_of(lengths), heights)
        near = between_wrists(before) < 0.2
        met += int(near.sum())
        change = np.abs(between_wrists(after) - between_wrists(before))[near]
        assert change.size == 0 or np.quantile(change, 0.95) < 0.006
        still = standing(before)
        assert still.mean() > 0.1
        # The ground is scaled by a constant, so what stood still stands still.
        assert level_speed(after)[still].max() < 1.5 * STILL_M
        soles = after[:, 1:, TOES, 1][still] - np.median(before[:, :, TOES, 1].min())
        assert np.abs(soles).max() < 0.002 + np.abs(before[:, 1:, TOES, 1][still]).max()
    assert met > 100


@pytest.mark.slow
def test_without_care_hands_would_not_meet(pairs: list[Motion]) -> None:
    """The test above can fail: rotations alone on the new bones tear hands apart."""
    lost = []
    for motion in pairs:
        before, _, new = on_heights(motion, (1.5, 1.9))
        rigs = [rig_in(motion, person) for person in (0, 1)]
        naive = np.stack(
            [forward_kinematics(rig.local, rig.root, rest_offsets(new[p]))[0] for p, rig in enumerate(rigs)]
        )
        near = between_wrists(before) < 0.2
        lost.append(np.abs(between_wrists(naive) - between_wrists(before))[near].max(initial=0))
    assert max(lost) > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [0, 1])
def test_a_fixed_person_does_not_change_and_the_other_does_all_of_the_way(
    pairs: list[Motion], fixed: int
) -> None:
    before, after, _ = on_heights(pairs[0], (1.75, 1.75), fixed)
    rig = rig_in(pairs[0], fixed)
    own = np.linalg.norm(rig.offsets[1:], axis=-1)
    kept = forward_kinematics(rig.local, rig.root, rest_offsets(own))[0]
    np.testing.assert_allclose(kept, before[fixed], atol=1e-6)
    other = after[1 - fixed]
    near = between_wrists(before) < 0.2
    pair = np.stack([before[fixed], other] if fixed == 0 else [other, before[fixed]])
    assert np.quantile(np.abs(between_wrists(pair) - between_wrists(before))[near], 0.95) < 0.006
    # Next to a person who does not change, the ground keeps its size.
    still = standing(before)[1 - fixed]
    moved = np.linalg.norm((other - before[1 - fixed])[1:, TOES][..., (0, 2)], axis=-1)[still]
    assert np.ptp(moved) < 1e-3


@pytest.mark.slow
def test_the_own_body_gives_the_own_motion(pairs: list[Motion]) -> None:
    for motion in pairs[:2]:
        heights = tuple(height_of(motion.bone_lengths.astype(np.float64)))
        before, after, _ = on_heights(motion, heights)
        np.testing.assert_allclose(after, before, atol=1e-3)


@pytest.mark.slow
def test_longer_legs_alone_lift_the_body_and_keep_the_feet(pairs: list[Motion]) -> None:
    motion = pairs[1]
    rigs = [rig_in(motion, person) for person in (0, 1)]
    before, local = np.stack([rig.joints for rig in rigs]), np.stack([rig.local for rig in rigs])
    old = motion.bone_lengths.astype(np.float64)
    new = old.copy()
    for name in ("left_knee", "right_knee", "left_ankle", "right_ankle"):
        new[:, JOINT[name] - 1] *= 1.1
    turned, root = on_lengths(before, local, old, new)
    after = forward_kinematics(turned, root, rest_offsets(new)[:, None])[0]
    rise = after[:, :, 0, 1] - before[:, :, 0, 1]
    assert 0.03 < np.median(rise) < 0.12
    still = standing(before)
    assert np.abs(after[:, 1:, TOES, 1] - before[:, 1:, TOES, 1])[still].max() < 0.002
