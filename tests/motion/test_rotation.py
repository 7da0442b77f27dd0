"""Rotation conversions against SciPy, round trips, tiny angles and half turns."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from intermask_cli.motion import rotation as R
from tests.helpers.rotations import angle_between_matrices

N = 500


@pytest.fixture(params=["any", "tiny", "near pi", "pi", "zero"])
def vectors(request):
    """Rotation vectors (N, 3) of the named size."""
    rng = np.random.default_rng(0)
    axis = R.normalize(rng.normal(size=(N, 3)))
    angle = {
        "any": rng.uniform(0, np.pi, (N, 1)),
        "tiny": 10.0 ** rng.uniform(-12, -5, (N, 1)),
        "near pi": np.pi - 10.0 ** rng.uniform(-9, -4, (N, 1)),
        "pi": np.full((N, 1), np.pi),
        "zero": np.zeros((N, 1)),
    }[request.param]
    return axis * angle


def test_axis_angle_to_matrix_is_scipy(vectors):
    assert_allclose(R.matrix_from_axis_angle(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-14)


def test_matrix_to_axis_angle_is_the_same_rotation(vectors):
    matrix = Rotation.from_rotvec(vectors).as_matrix()
    back = R.axis_angle_from_matrix(matrix)
    assert (np.linalg.norm(back, axis=-1) <= np.pi + 1e-12).all()
    assert_allclose(Rotation.from_rotvec(back).as_matrix(), matrix, atol=1e-9)


def test_small_axis_angles_are_kept_in_proportion():
    vectors = np.random.default_rng(1).normal(size=(N, 3)) * 1e-6
    assert_allclose(R.axis_angle_from_matrix(R.matrix_from_axis_angle(vectors)), vectors, atol=1e-14)


def test_quaternion_is_scipy_up_to_sign(vectors):
    rotation = Rotation.from_rotvec(vectors)
    ours = R.quaternion_wxyz_from_matrix(rotation.as_matrix())
    theirs = rotation.as_quat()[:, [3, 0, 1, 2]]
    sign = np.sign((ours * theirs).sum(-1, keepdims=True))
    assert_allclose(ours, sign * theirs, atol=1e-9)
    assert (ours[:, 0] >= 0).all()
    assert_allclose(R.matrix_from_quaternion_wxyz(theirs), rotation.as_matrix(), atol=1e-12)


def test_sixd_layouts_are_the_named_entries_and_round_trip():
    matrix = Rotation.random(N, random_state=2).as_matrix()
    columns, rows = R.sixd_columns_from_matrix(matrix), R.sixd_rows_from_matrix(matrix)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]):
        assert_array_equal(columns[:, k], matrix[:, i, j])
    for k, (i, j) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]):
        assert_array_equal(rows[:, k], matrix[:, i, j])
    assert_allclose(R.matrix_from_sixd_columns(columns), matrix, atol=1e-12)
    assert_allclose(R.matrix_from_sixd_rows(rows), matrix, atol=1e-12)


def test_any_six_numbers_become_a_rotation():
    sixd = np.random.default_rng(3).normal(size=(N, 6))
    for matrix in (R.matrix_from_sixd_columns(sixd), R.matrix_from_sixd_rows(sixd)):
        assert_allclose(
            matrix @ np.swapaxes(matrix, -1, -2), np.broadcast_to(np.eye(3), (N, 3, 3)), atol=1e-9
        )
        assert_allclose(np.linalg.det(matrix), 1, atol=1e-9)


def test_leading_axes_are_kept():
    vectors = np.random.default_rng(4).normal(size=(2, 5, 7, 3))
    matrix = R.matrix_from_axis_angle(vectors)
    assert matrix.shape == (2, 5, 7, 3, 3)
    assert_allclose(matrix[1, 2, 3], Rotation.from_rotvec(vectors[1, 2, 3]).as_matrix(), atol=1e-12)


def test_yaw_turns_z_towards_x():
    yaw = np.array([0.3, -2.0, np.pi])
    assert_allclose(
        R.matrix_about_y(yaw) @ [0, 0, 1], np.stack([np.sin(yaw), 0 * yaw, np.cos(yaw)], -1), atol=1e-12
    )
    assert_allclose(R.matrix_about_y(yaw), Rotation.from_euler("y", yaw[:, None]).as_matrix(), atol=1e-12)


def test_shortest_rotation_between_directions():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, N, 3))
    b[0], b[1] = a[0], -2 * a[1]
    turn = R.matrix_between(a, b)
    assert_allclose((turn @ R.normalize(a)[..., None])[..., 0], R.normalize(b), atol=1e-6)
    between = np.arccos(np.clip((R.normalize(a) * R.normalize(b)).sum(-1), -1, 1))
    assert_allclose(Rotation.from_matrix(turn).magnitude(), between, atol=1e-6)


def test_nearly_opposite_directions():
    a = np.array([0.0, 1.0, 0.0])
    for tilt in 10.0 ** np.arange(-9.0, -2.0):
        b = np.array([np.sin(tilt), -np.cos(tilt), 0.0])
        turn = R.matrix_between(a, b)
        assert_allclose(turn @ a, b, atol=1e-4)
        assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)


def test_angle_between_matrices():
    first, second = Rotation.random(N, random_state=6), Rotation.random(N, random_state=7)
    ours = angle_between_matrices(first.as_matrix(), second.as_matrix())
    assert_allclose(ours, (first.inv() * second).magnitude(), atol=1e-9)


def test_zero_vector_stays_zero():
    assert_array_equal(R.normalize(np.zeros((2, 3))), np.zeros((2, 3)))


@pytest.mark.parametrize("x", [[0, 0, 0], [2, 0, 0], [0, 3, 0], [1, 1, 1]])
@pytest.mark.parametrize("y", [[0, 0, 0], [1, 0, 0], [0, -1, 0], [1, 1, 1]])
def test_columns_that_fix_no_rotation_still_give_one(x, y):
    matrix = R.matrix_from_columns(np.array(x, dtype=float), np.array(y, dtype=float))
    assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    if any(x):
        assert_allclose(matrix[:, 0], np.array(x) / np.linalg.norm(x), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cross_product_has_the_bits_of_numpy(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 5, 3)).astype(dtype), rng.normal(size=(5, 3)).astype(dtype)
    assert_array_equal(R.cross(a, b), np.cross(a, b))
    assert R.cross(a, b).dtype == dtype
