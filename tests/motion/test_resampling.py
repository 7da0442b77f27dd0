"""Other frame rates: frames that coincide are kept exactly, rotations take the shortest way."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.motion.resampling import frame_times, rotations_at, values_at
from intermask_cli.motion.rotation import matrix_about_y


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0, 120.0048])
def test_whole_steps_pick_frames_exactly(fps: float) -> None:
    values = np.random.default_rng(0).normal(size=(41, 22, 3))
    step = round(fps / 30)
    found = values_at(values, frame_times(41, fps, 30.0))
    assert len(found) == 40 // step + 1
    if fps == step * 30:
        assert_array_equal(found, values[::step])
    assert_allclose(found, values[::step], atol=0.01)


def test_a_faster_rate_lies_between_the_frames() -> None:
    values = np.arange(4.0)[:, None]
    assert_allclose(values_at(values, frame_times(4, 30.0, 60.0))[:, 0], np.arange(7) / 2)
    # 60 fps down to 24 and the length in seconds stays.
    assert_allclose(frame_times(61, 60.0, 24.0), np.arange(25) * 2.5)


def test_rotations_take_the_shortest_way_at_constant_speed() -> None:
    turns = matrix_about_y(np.radians([0.0, 90.0, -100.0]))  # 90 to 260, the shorter way
    found = rotations_at(turns, frame_times(3, 30.0, 60.0))
    assert_allclose(found, matrix_about_y(np.radians([0, 45, 90, 175, 260])), atol=1e-12)


def test_one_frame_stays_one_frame() -> None:
    assert_array_equal(frame_times(1, 120.0, 30.0), [0.0])
    assert rotations_at(np.eye(3)[None], np.zeros(1)).shape == (1, 3, 3)
