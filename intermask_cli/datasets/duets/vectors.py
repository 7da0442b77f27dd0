"""Vectors (3, ...) and rotations (3, 3, ...) with their components first and frames last.

NumPy works along the last axis: with frames there, each step is several times faster than with the three
components there as in `motion.rotation` and `motion.inverse_kinematics`, some of whose functions are repeated
here in this layout.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.timing import Array


def euler(yaw: Array | float, pitch: Array | float, roll: Array | float) -> Array:
    """Ry(yaw) Rx(pitch) Rz(roll) as (3, 3, ...): pitch leans forward, roll lifts the left side."""
    sy, cy = np.sin(yaw), np.cos(yaw)
    sx, cx = np.sin(pitch), np.cos(pitch)
    sz, cz = np.sin(roll), np.cos(roll)
    across, ahead = sy * sx, cy * sx
    top = cy * cz + across * sz
    matrix = np.empty((3, 3, *np.shape(top)))
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = top, across * cz - cy * sz, sy * cx
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = cx * sz, cx * cz, -sx
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = ahead * sz - sy * cz, sy * sz + ahead * cz, cy * cx
    return matrix


def about_y(sine: Array, cosine: Array) -> Array:
    """Rotations (3, 3, ...) about the vertical, as those of a heading."""
    matrix = np.zeros((3, 3, *sine.shape))
    matrix[0, 0], matrix[0, 2] = cosine, sine
    matrix[1, 1] = 1.0
    matrix[2, 0], matrix[2, 2] = -sine, cosine
    return matrix


def pitched(sine: Array, cosine: Array, pitch: Array) -> Array:
    """`about_y` and then `pitch` leaning forward: `euler` without a roll, of a heading."""
    sx, cx = np.sin(pitch), np.cos(pitch)
    matrix = np.zeros((3, 3, *pitch.shape))
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = cosine, sine * sx, sine * cx
    matrix[1, 1], matrix[1, 2] = cx, -sx
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = -sine, cosine * sx, cosine * cx
    return matrix


def turned(rotation: Array, vector: Array) -> Array:
    """Rotations (3, 3, ...) applied to vectors (3, ...)."""
    result: Array = np.einsum("ij...,j...->i...", rotation, vector)
    return result


def turned_back(rotation: Array, vector: Array) -> Array:
    """The inverse of rotations (3, 3, ...) applied to vectors (3, ...)."""
    result: Array = np.einsum("ji...,j...->i...", rotation, vector)
    return result


def product(first: Array, second: Array) -> Array:
    """Matrix products of rotations (3, 3, ...)."""
    result: Array = np.einsum("ij...,jk...->ik...", first, second)
    return result


def columns_relative_to(parent: Array, rotation: Array) -> Array:
    """The first two columns (3, 2, ...) of rotations (3, 3, ...) seen from their parent."""
    result: Array = np.einsum("ji...,jk...->ik...", parent, rotation[:, :2])
    return result


def dot(first: Array, second: Array) -> Array:
    """Products (...) of vectors (3, ...)."""
    result: Array = np.einsum("i...,i...->...", first, second)
    return result


def length(vector: Array) -> Array:
    """Lengths (...) of vectors (3, ...)."""
    return np.sqrt(dot(vector, vector))


def unit(vector: Array) -> Array:
    """Unit vectors along vectors (3, ...) that are not zero."""
    return vector / length(vector)


def cross(first: Array, second: Array) -> Array:
    """Cross products of vectors (3, ...)."""
    (a, b, c), (x, y, z) = first, second
    result = np.empty(np.broadcast_shapes(first.shape, second.shape))
    result[0], result[1], result[2] = b * z - c * y, c * x - a * z, a * y - b * x
    return result


def frame(x: Array, y: Array) -> Array:
    """Rotations (3, 3, ...) with the first column along x (3, ...) and the second as near y as possible."""
    x = unit(x)
    y = unit(y - dot(x, y) * x)
    return np.stack([x, y, cross(x, y)], axis=1)
