"""Two-bone inverse kinematics: bone lengths, targets in and out of reach, the side to which limbs bend."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.motion.inverse_kinematics import soft_reach, solve_limb


def test_limb_out_of_reach_stops_on_the_way():
    old = tuple(np.array(point, float) for point in ((0, 1, 0), (0, 0.5, 0.1), (0, 0.05, 0)))
    hinge, end = solve_limb(old, old[0], np.array([3.0, 1.0, 0.0]), np.array([0.0, 0, 1]))
    lengths = [np.linalg.norm(old[1] - old[0]), np.linalg.norm(old[2] - old[1])]
    assert np.linalg.norm(hinge - old[0]) == pytest.approx(lengths[0])
    assert np.linalg.norm(end - hinge) == pytest.approx(lengths[1])
    assert 0.99 * sum(lengths) < np.linalg.norm(end - old[0]) < sum(lengths)
    np.testing.assert_allclose(end[1:], [1, 0], atol=1e-9)


def test_unmoved_limb_stays():
    rng = np.random.default_rng(3)
    old = tuple(rng.normal(size=(50, 3)) for _ in range(3))
    hinge, end = solve_limb(old, old[0], old[2], rng.normal(size=(50, 3)))
    np.testing.assert_allclose(hinge, old[1], atol=1e-6)
    np.testing.assert_allclose(end, old[2], atol=1e-9)


def test_a_straight_limb_bends_towards_its_pole():
    old = tuple(np.array(point, float) for point in ((0, 1, 0), (0, 0.5, 0), (0, 0, 0)))
    hinge, end = solve_limb(old, old[0], np.array([0.0, 0.3, 0.0]), np.array([0.0, 1.0, 1.0]))
    np.testing.assert_allclose(end, [0, 0.3, 0], atol=1e-9)
    assert hinge[2] > 0.3 and abs(hinge[0]) < 1e-9


def test_soft_reach_leaves_near_targets_and_stays_within_its_limit():
    start, length = np.zeros((50, 3)), np.ones((50, 1))
    target = np.linspace(0.1, 3.0, 50)[:, None] * np.array([0.6, 0.0, 0.8])
    distance = np.linalg.norm(soft_reach(start, target, length, 0.8, 0.95), axis=-1)
    given = np.linalg.norm(target, axis=-1)
    np.testing.assert_allclose(distance[given < 0.8], given[given < 0.8], atol=1e-12)
    assert (np.diff(distance) > 0).all() and distance.max() <= 0.95
