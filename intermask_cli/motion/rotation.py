"""Rotation conversions in NumPy; the convention is part of every name. Angles are radians.

Matrices act on column vectors, `v' = R v`. Two 6-D layouts exist in this field and must not be mixed
(docs/reference/data-and-evaluation.md#rotation-layouts):

* ``sixd_columns``: the first two columns written row by row, ``[R00 R01 R10 R11 R20 R21]`` (InterHuman);
* ``sixd_rows``: the first two rows one after the other, ``[R00 R01 R02 R10 R11 R12]`` (Inter-X).

Why not a library: these functions take NumPy arrays with any leading axes, keep float32 and have both
layouts. roma works on torch tensors. SciPy's `Rotation` computes in float64, has no 6-D layout and before
version 1.17 takes one leading axis at most; it is the oracle of the tests.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
#: Vectors shorter than this count as zero.
_TINY = 1e-12


def normalize(vector: Array) -> Array:
    """Unit vectors along the last axis (..., n); zero vectors stay zero."""
    unit: Array = vector / np.maximum(np.sqrt(_dot(vector, vector)), _TINY)
    return unit


def _dot(a: Array, b: Array) -> Array:
    """Products of vectors (..., n) -> (..., 1)."""
    # Component by component: faster than a reduction over an axis of three, with the same result.
    total: Array = a[..., :1] * b[..., :1]
    for k in range(1, a.shape[-1]):
        total = total + a[..., k : k + 1] * b[..., k : k + 1]
    return total


def cross(a: Array, b: Array) -> Array:
    """Cross product of vectors (..., 3), bit for bit that of `numpy.cross`, with fewer calls."""
    product = np.empty((*np.broadcast_shapes(a.shape, b.shape)[:-1], 3), dtype=np.result_type(a, b))
    for k, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.subtract(a[..., i] * b[..., j], a[..., j] * b[..., i], out=product[..., k])
    return product


def matrix_from_columns(x: Array, y: Array) -> Array:
    """Gram-Schmidt: rotation (..., 3, 3) with its first column along x and its second as near y as possible.

    x and y (..., 3) need no unit length. Where x is zero the first column is +X; where y is zero or along the
    first column the second is any direction perpendicular to it, so that every result is a rotation.
    """
    first = normalize(x)
    if (none := _is_zero(first)).any():
        first = np.where(none, np.array([1, 0, 0], dtype=first.dtype), first)
    second = normalize(y - _dot(first, y) * first)
    if (none := _is_zero(second)).any():
        second = np.where(none, _perpendicular(first), second)
    matrix = np.empty((*second.shape, 3), second.dtype)
    matrix[..., 0], matrix[..., 1] = first, second
    for k in range(3):  # the cross product, in its place
        i, j = (k + 1) % 3, (k + 2) % 3
        matrix[..., k, 2] = first[..., i] * second[..., j] - first[..., j] * second[..., i]
    return matrix


def _is_zero(unit: Array) -> Array:
    """Whether vectors (..., 3) are zero rather than of unit length: (..., 1)."""
    zero: Array = _dot(unit, unit) < 0.5
    return zero


def _perpendicular(direction: Array) -> Array:
    """A unit vector perpendicular to each unit vector (..., 3)."""
    # The axis that is not nearly parallel to it.
    x, y = np.array([1, 0, 0], dtype=direction.dtype), np.array([0, 1, 0], dtype=direction.dtype)
    return normalize(cross(direction, np.where(np.abs(direction[..., :1]) < 0.9, x, y)))


def sixd_columns_from_matrix(matrix: Array) -> Array:
    """(..., 3, 3) -> (..., 6) InterHuman layout."""
    return matrix[..., :, :2].reshape(*matrix.shape[:-2], 6)


def matrix_from_sixd_columns(sixd: Array) -> Array:
    """(..., 6) InterHuman layout -> (..., 3, 3), orthonormalised."""
    columns = sixd.reshape(*sixd.shape[:-1], 3, 2)
    return matrix_from_columns(columns[..., 0], columns[..., 1])


def sixd_rows_from_matrix(matrix: Array) -> Array:
    """(..., 3, 3) -> (..., 6) Inter-X layout."""
    return matrix[..., :2, :].reshape(*matrix.shape[:-2], 6)


def matrix_from_sixd_rows(sixd: Array) -> Array:
    """(..., 6) Inter-X layout -> (..., 3, 3), orthonormalised."""
    return np.swapaxes(matrix_from_columns(sixd[..., :3], sixd[..., 3:]), -1, -2)


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """Rotation vector (..., 3) -> (..., 3, 3); exact at and near zero (Rodrigues)."""
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis_angle, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    # np.sinc is sin(pi x) / (pi x): both factors stay finite at zero.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    matrix: Array = np.eye(3, dtype=axis_angle.dtype) + first * skew + second * (skew @ skew)
    return matrix


def matrix_from_euler(angles: Array, order: str) -> Array:
    """Angles (..., n) about the axes of `order`, such as ZXY -> (..., 3, 3), multiplied in that order.

    An empty order gives the identity.
    """
    matrix: Array = np.broadcast_to(np.eye(3, dtype=angles.dtype), (*angles.shape[:-1], 3, 3))
    for angle, letter in zip(np.moveaxis(angles, -1, 0), order, strict=True):
        axis = "XYZ".index(letter)
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.zeros((*angle.shape, 3, 3), dtype=angles.dtype)
        turn[..., axis, axis] = 1
        turn[..., first, first] = turn[..., second, second] = np.cos(angle)
        turn[..., second, first] = np.sin(angle)
        turn[..., first, second] = -turn[..., second, first]
        matrix = matrix @ turn
    return matrix


def quaternion_wxyz_from_matrix(matrix: Array) -> Array:
    """(..., 3, 3) -> unit quaternion (..., 4), w first, w >= 0 (Shepperd's method, stable everywhere)."""
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    # 4 w^2 - 1, 4 x^2 - 1, 4 y^2 - 1, 4 z^2 - 1: (..., 4).
    quadruple = np.stack([trace, *(2 * m[..., i, i] - trace for i in range(3))], axis=-1)
    best = np.argmax(quadruple, axis=-1)
    off = (m[..., 2, 1], m[..., 0, 2], m[..., 1, 0], m[..., 1, 2], m[..., 2, 0], m[..., 0, 1])
    wx, wy, wz = off[0] - off[3], off[1] - off[4], off[2] - off[5]
    xy, xz, yz = off[2] + off[5], off[1] + off[4], off[0] + off[3]
    square = 1 + quadruple
    # (..., 4, 4): each row is the quaternion times one of its components; the largest is divided out.
    rows = np.stack(
        [
            np.stack([square[..., 0], wx, wy, wz], -1),
            np.stack([wx, square[..., 1], xy, xz], -1),
            np.stack([wy, xy, square[..., 2], yz], -1),
            np.stack([wz, xz, yz, square[..., 3]], -1),
        ],
        axis=-2,
    )
    quaternion = normalize(np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def matrix_from_quaternion_wxyz(quaternion: Array) -> Array:
    """Unit quaternion (..., 4), w first -> (..., 3, 3)."""
    w, x, y, z = np.moveaxis(normalize(quaternion), -1, 0)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(*w.shape, 3, 3)


def axis_angle_from_matrix(matrix: Array) -> Array:
    """(..., 3, 3) -> rotation vector (..., 3), angle in [0, pi]."""
    quaternion = quaternion_wxyz_from_matrix(matrix)
    sine = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[..., :1])
    # Near zero angle / sine(angle / 2) tends to 2.
    scale = np.where(sine > 1e-9, angle / np.maximum(sine, _TINY), 2.0)
    return quaternion[..., 1:] * scale


def nearest_rotation(matrix: Array) -> Array:
    """Rotation (..., 3, 3) nearest to a matrix (..., 3, 3), as of a mean of rotations (Frobenius norm)."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.ones(vt.shape[:-1])
    sign[..., 2] = np.linalg.det(u @ vt)  # the least certain direction, so that no reflection comes out
    rotation: Array = u @ (sign[..., None] * vt)
    return rotation


def matrix_about_y(yaw_rad: Array | float) -> Array:
    """Yaw (...) -> rotation about +Y (..., 3, 3): turns +Z towards +X for positive yaw."""
    yaw = np.asarray(yaw_rad)
    c, s, zero, one = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
    return np.stack([c, zero, s, zero, one, zero, -s, zero, c], axis=-1).reshape(*yaw.shape, 3, 3)


def matrix_between(source: Array, target: Array) -> Array:
    """Shortest rotation (..., 3, 3) taking direction `source` (..., 3) to `target` (..., 3).

    Opposite directions turn by pi about an axis perpendicular to the source.
    """
    a, b = normalize(source), normalize(target)
    a, b = np.broadcast_arrays(a, b)
    cosine = (a * b).sum(-1, keepdims=True)
    # Half-angle quaternion (w, xyz), not normalised.
    half = np.where(cosine < -1 + 1e-9, _perpendicular(a), cross(a, b))
    w = np.where(cosine < -1 + 1e-9, 0.0, 1 + cosine)
    return matrix_from_quaternion_wxyz(np.concatenate([w, half], axis=-1))
