"""Smoothing against SciPy: constants, parabolas, short clips, precision."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from intermask_cli.motion.curves import (
    FADE_FRAMES,
    LONGEST_FADE_FRAMES,
    borders_of,
    keep_exactly,
    largest_nearby,
    minimum_jerk,
    runs_of_true,
    savitzky_golay,
    smoothed_over_time,
)


@pytest.mark.parametrize("frames", [9, 40])
def test_savitzky_golay_is_scipy(frames):
    values = np.random.default_rng(0).normal(size=(frames, 4, 3))
    assert_allclose(savitzky_golay(values), savgol_filter(values, 9, 2, axis=0), atol=1e-12)


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 8])
def test_savitzky_golay_of_short_clips_and_parabolas(frames):
    time = np.arange(frames)[:, None]
    parabola = np.concatenate([time, time**2 - 3.0 * time], axis=1)
    assert_allclose(savitzky_golay(parabola), parabola, atol=1e-9)


@pytest.mark.parametrize("sigma", [1.0, 2.5])
@pytest.mark.parametrize("frames", [2, 5, 60])
def test_gaussian_is_scipy(frames, sigma):
    values = np.random.default_rng(0).normal(size=(frames, 22, 3))
    assert_allclose(
        smoothed_over_time(values, sigma),
        gaussian_filter1d(values, sigma, axis=0, mode="nearest"),
        atol=1e-12,
    )


def test_gaussian_keeps_constants_and_precision():
    values = np.full((9, 3), 0.7, dtype=np.float32)
    assert_array_equal(smoothed_over_time(values), values)
    assert smoothed_over_time(values).dtype == np.float32


def test_minimum_jerk_is_flat_at_both_ends():
    u = np.linspace(-0.5, 1.5, 2001)
    eased = minimum_jerk(u)
    assert_array_equal(eased[u <= 0], 0)
    assert_allclose(eased[u >= 1], 1, atol=1e-12)
    assert (np.diff(eased) >= 0).all() and np.abs(np.diff(eased, n=3)).max() < 1e-6
    assert_allclose(eased + eased[::-1], 1, atol=1e-12)


def test_runs_and_running_maxima_equal_plain_loops():
    rng = np.random.default_rng(0)
    flags, values = rng.random(60) < 0.6, rng.normal(size=(60, 2))
    again = np.zeros(60, dtype=bool)
    for start, stop in runs_of_true(flags):
        assert flags[start:stop].all() and start < stop
        again[start:stop] = True
    assert_array_equal(again, flags)
    plain = [values[max(t - 3, 0) : t + 4].max(axis=0) for t in range(60)]
    assert_array_equal(largest_nearby(values, 3), plain)


def test_kept_frames_are_exact_and_their_neighbours_do_not_jump():
    rng = np.random.default_rng(1)
    given = np.cumsum(rng.normal(0, 0.01, (60, 22, 3)), axis=0)
    kept = np.zeros(60, dtype=bool)
    kept[:20] = kept[50:] = True
    result = keep_exactly(given, given + 1.0, kept)
    assert_array_equal(result[kept], given[kept])
    assert np.abs(np.diff(result, axis=0)).max() < 0.25
    assert_array_equal(result[34:36], given[34:36] + 1.0)  # far from both borders


@pytest.mark.parametrize("far", [0.02, 0.3])
def test_position_and_speed_have_no_step_at_a_border(far):
    """A kept person moves one way, the generated one another, some centimetres or decimetres away."""
    time = np.arange(90)[:, None, None] * np.ones((1, 22, 3))
    given, generated = 0.01 * time, far + 0.01 * 89 - 0.008 * time
    kept = np.zeros(90, dtype=bool)
    kept[:30] = kept[70:] = True
    borders = borders_of(kept, given - generated)
    result = keep_exactly(given, generated, kept, borders)
    assert_array_equal(result[kept], given[kept])
    speed = np.diff(result, axis=0)
    for border in (29, 69):  # the step over the border, and those around it
        assert np.abs(np.diff(speed[border - 1 : border + 2], axis=0)).max() < 0.004
    step = np.diff(keep_exactly(given, generated, kept), axis=0)  # a short fade hurries more
    assert np.abs(speed).max() <= np.abs(step).max()


def test_what_is_far_away_is_joined_over_a_longer_stretch():
    kept = np.arange(100) < 20
    near, far = (borders_of(kept, np.full((100, 22, 3), metres))[0] for metres in (0.01, 0.2))
    assert len(near.frames) == FADE_FRAMES - 1 < len(far.frames) <= LONGEST_FADE_FRAMES
    assert borders_of(kept)[0].frames.tolist() == near.frames.tolist()
    assert borders_of(np.ones(5, dtype=bool)) == []
    alone = borders_of(np.arange(10) == 0)[0]
    assert (alone.kept, alone.inner) == (0, 0)  # no speed is known
