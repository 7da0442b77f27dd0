"""Limbs and vectors with components first equal their counterparts in `motion`, which has them last."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.limbs import Limbs, soft_distance, two_bone_rotations
from intermask_cli.datasets.duets.vectors import euler, frame, length, pitched, product, turned, turned_back
from intermask_cli.motion import inverse_kinematics as ik
from intermask_cli.motion.rotation import matrix_from_columns, matrix_from_euler

FRAMES = 40


def _last(values: np.ndarray, axes: int = 1) -> np.ndarray:
    return np.moveaxis(values, tuple(range(axes)), tuple(range(-axes, 0)))


def test_arms_are_those_of_motion_and_meet_their_target() -> None:
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 0.02, (3, 2, 22, 1))
    offsets[0, :, 18::2], offsets[0, :, 19::2] = 0.26, -0.26
    hinge = (np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    arms = Limbs.of(offsets, (18, 20), 0.09, hinge)
    along = rng.normal(size=(3, 2, 2, FRAMES))
    along /= length(along)
    distance = rng.uniform(0.2, 0.7, (2, 2, FRAMES))
    pole = rng.normal(size=(3, 2, 2, FRAMES))
    rotations = two_bone_rotations(along, distance, pole, arms)
    upper, lower = (np.moveaxis(offsets[:, :, k : k + 2], 0, -1) for k in (18, 20))
    expected = ik.two_bone_rotations(
        np.zeros(3), _last(along * distance), _last(pole), upper, lower, 0.09, np.stack(hinge)[:, None]
    )
    for bone in (0, 1):
        np.testing.assert_allclose(_last(rotations[:, :, bone], 2), expected[bone], atol=1e-12)
    elbow, wrist = np.moveaxis(turned(rotations, arms.offsets), 1, 0)
    palm = elbow + wrist * arms.lengths[1] / length(wrist)
    met = distance < 0.99 * arms.lengths.sum(axis=0)
    np.testing.assert_allclose((palm - along * distance)[:, met], 0.0, atol=1e-9)


def test_a_held_distance_is_that_of_motion() -> None:
    distance = np.linspace(0.01, 2.0, FRAMES)
    points = np.stack([distance, 0 * distance, 0 * distance], axis=-1)
    expected = ik.soft_reach(np.zeros(3), points, np.array([[0.6]]), 0.9, 0.98)[:, 0]
    np.testing.assert_allclose(soft_distance(distance, np.array(0.6), 0.9, 0.98), expected, atol=1e-12)


def test_rotations_are_those_of_motion() -> None:
    rng = np.random.default_rng(1)
    yaw, pitch, roll = rng.uniform(-3, 3, (3, 2, FRAMES))
    rotation = euler(yaw, pitch, roll)
    expected = matrix_from_euler(np.stack([yaw, pitch, roll], axis=-1), "YXZ")
    np.testing.assert_allclose(_last(rotation, 2), expected, atol=1e-12)
    np.testing.assert_allclose(pitched(np.sin(yaw), np.cos(yaw), pitch), euler(yaw, pitch, 0.0), atol=1e-12)
    x, y = rng.normal(size=(2, 3, 2, FRAMES))
    np.testing.assert_allclose(_last(frame(x, y), 2), matrix_from_columns(_last(x), _last(y)), atol=1e-12)
    np.testing.assert_allclose(turned_back(rotation, turned(rotation, x)), x, atol=1e-12)
    np.testing.assert_allclose(
        _last(product(rotation, frame(x, y)), 2), expected @ _last(frame(x, y), 2), atol=1e-12
    )
