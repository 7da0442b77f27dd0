"""Limbs and vectors with components first equal their counterparts in `motion`, which has them last."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.limbs import legs_and_arms, soft_distance, two_bone_rotations
from intermask_cli.datasets.duets.rig import random_body
from intermask_cli.datasets.duets.vectors import euler, frame, length, pitched, product, turned, turned_back
from intermask_cli.motion import inverse_kinematics as ik
from intermask_cli.motion.rotation import matrix_from_columns, matrix_from_euler

FRAMES = 40


def _last(values: np.ndarray, axes: int = 1) -> np.ndarray:
    return np.moveaxis(values, tuple(range(axes)), tuple(range(-axes, 0)))


def test_arms_are_those_of_motion_and_meet_their_target() -> None:
    rng = np.random.default_rng(0)
    bodies = (random_body(rng), random_body(rng))
    offsets = np.stack([body.offsets.T for body in bodies], axis=1)[..., None]
    along = rng.normal(size=(3, 2, 2, FRAMES))
    along /= length(along)
    distance, pole = rng.uniform(0.25, 0.9, (2, 2, FRAMES)), rng.normal(size=(3, 2, 2, FRAMES))
    sides = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    legs, arms = legs_and_arms(offsets)
    for limbs, first, second, hinges in (
        (legs, 4, 7, np.array([[1.0, 0.0, 0.0]] * 2)),
        (arms, 18, 20, sides),
    ):
        rotations, middle, end = two_bone_rotations(along, distance, pole, limbs)
        upper, lower = (_last(offsets[:, :, joint : joint + 2]) for joint in (first, second))
        expected = ik.two_bone_rotations(
            np.zeros(3), _last(along * distance), _last(pole), upper, lower, limbs.beyond, hinges[:, None]
        )
        for bone in (0, 1):
            np.testing.assert_allclose(_last(rotations[:, :, bone], 2), expected[bone], atol=1e-12)
        to_middle = turned(rotations[:, :, 0], offsets[:, :, first : first + 2])
        to_end = turned(rotations[:, :, 1], offsets[:, :, second : second + 2])
        np.testing.assert_allclose(middle, to_middle, atol=1e-12)
        np.testing.assert_allclose(end, to_middle + to_end, atol=1e-12)
        met = distance < 0.999 * limbs.longest
        reached = end + to_end / length(to_end) * limbs.beyond
        assert met.any()
        np.testing.assert_allclose((reached - along * distance)[:, met], 0.0, atol=1e-9)


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
