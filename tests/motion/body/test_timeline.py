"""Frames of several persons in one array: nothing crosses from one person to the next."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.motion.body.smoothing import smoothed_path
from intermask_cli.motion.body.timeline import Timeline

LENGTHS = (5, 1, 12, 3)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(sum(LENGTHS), 2))


def test_shifts_stop_at_the_ends_of_a_person(values: np.ndarray) -> None:
    timeline = Timeline(LENGTHS)
    for own in timeline:
        part = values[own]
        later = np.concatenate([part[2:], part[-1:].repeat(min(2, len(part)), axis=0)])[: len(part)]
        np.testing.assert_array_equal(timeline.shifted(values, 2)[own], later)


@pytest.mark.parametrize("what", ["smoothed", "largest_nearby", "filtered"])
def test_each_person_is_treated_as_if_alone(values: np.ndarray, what: str) -> None:
    argument = {"smoothed": 2.0, "largest_nearby": 4, "filtered": np.array([0.25, 0.5, 0.25])}[what]
    together = getattr(Timeline(LENGTHS), what)(values, argument)
    for own, length in zip(Timeline(LENGTHS), LENGTHS, strict=True):
        alone = getattr(Timeline([length]), what)(values[own], argument)
        np.testing.assert_array_equal(together[own], alone)


def test_quantiles_are_of_each_person(values: np.ndarray) -> None:
    timeline = Timeline(LENGTHS)
    medians = timeline.quantile(values, 0.5)
    for median, own in zip(medians, timeline, strict=True):
        ordered = np.sort(values[own], axis=0)
        np.testing.assert_array_equal(median, ordered[round(0.5 * (len(ordered) - 1))])


def test_smoothing_keeps_straight_paths_to_their_ends() -> None:
    """A filter that pulled the ends back would shorten every walk."""
    path = np.arange(30.0)[:, None] * np.array([0.02, 0.0, -0.01])
    np.testing.assert_allclose(smoothed_path(path, Timeline([30])), path, atol=1e-12)


def test_smoothing_takes_most_of_the_jerk_of_noise() -> None:
    noise = np.random.default_rng(1).normal(size=(400, 3))
    smooth = smoothed_path(noise, Timeline([400]))
    jerk = [np.linalg.norm(np.diff(path, n=3, axis=0), axis=-1).mean() for path in (noise, smooth)]
    assert jerk[1] < 0.2 * jerk[0]
