"""Turns of limbs: too fast ones are bridged, the others stay bit for bit."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.turns import MAX_TURN_RAD, limit_turns, turns_rad
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import JOINT

ELBOW = JOINT["left_elbow"]


def locals_of(angles: np.ndarray) -> np.ndarray:
    """Local rotations (T, 22, 3, 3) of a person whose left elbow has these angles (T,) about Y."""
    local = np.tile(np.eye(3), (len(angles), 22, 1, 1))
    local[:, ELBOW] = matrix_about_y(angles)
    return local


def test_slow_turns_stay() -> None:
    local = locals_of(0.9 * MAX_TURN_RAD * np.arange(20))
    before = local.copy()
    assert limit_turns(local, Timeline([20])) == []
    np.testing.assert_array_equal(local, before)


def test_a_snap_is_bridged_over_few_frames() -> None:
    local = locals_of(np.where(np.arange(60) < 30, 0.0, 2.8))
    before = local.copy()
    limit_turns(local, Timeline([60]))
    assert turns_rad(local).max() <= MAX_TURN_RAD
    changed = np.flatnonzero(np.abs(local - before).max(axis=(1, 2, 3)) > 0)
    assert changed.min() >= 26 and changed.max() <= 33


def test_random_rotations_are_limited_too() -> None:
    angles = np.random.default_rng(0).uniform(-3, 3, 80)
    local = locals_of(angles)
    limit_turns(local, Timeline([80]))
    assert turns_rad(local).max() <= MAX_TURN_RAD


def test_only_the_person_with_the_snap_changes() -> None:
    still, snap = np.zeros(20), np.where(np.arange(20) < 10, 0.0, 2.0)
    local = locals_of(np.concatenate([still, snap]))
    assert limit_turns(local, Timeline([20, 20])) == [slice(20, 40)]
    np.testing.assert_array_equal(local[:20], locals_of(still))
    assert turns_rad(local[20:]).max() <= MAX_TURN_RAD
