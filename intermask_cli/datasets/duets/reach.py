"""Two-bone inverse kinematics for arms and legs, vectorised over any leading axes."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.rotation import matrix_from_columns, normalize

Array = np.ndarray


def two_bone(
    start: Array, target: Array, pole: Array, upper: Array, lower: Array, extra: float, hint: Array
) -> tuple[Array, Array]:
    """Global rotations (..., 3, 3) of the upper and the lower bone so that the limb's end meets the target.

    start, target (..., 3) metres; pole (..., 3) direction the middle joint points to; upper, lower (..., 3)
    rest offsets of the bones; `extra` metres lengthen the lower bone (palm beyond the wrist); hint (..., 3)
    the rest direction of the hinge axis. Targets out of reach are met in direction only.
    """
    first = np.linalg.norm(upper, axis=-1, keepdims=True)
    second = np.linalg.norm(lower, axis=-1, keepdims=True) + extra
    way = target - start
    distance = np.clip(
        np.linalg.norm(way, axis=-1, keepdims=True), np.abs(first - second) + 1e-4, 0.9999 * (first + second)
    )
    along = normalize(way)
    aside = normalize(pole - (pole * along).sum(-1, keepdims=True) * along)
    cosine = np.clip((first**2 + distance**2 - second**2) / (2 * first * distance), -1.0, 1.0)
    middle = first * (cosine * along + np.sqrt(1.0 - cosine**2) * aside)
    hinge = np.cross(aside, along)
    hint = np.broadcast_to(hint, upper.shape)
    rest_upper = np.swapaxes(matrix_from_columns(upper, hint), -1, -2)
    rest_lower = np.swapaxes(matrix_from_columns(lower, hint), -1, -2)
    upper_rotation = matrix_from_columns(middle, hinge) @ rest_upper
    lower_rotation = matrix_from_columns(along * distance - middle, hinge) @ rest_lower
    return upper_rotation, lower_rotation


def soft_reach(start: Array, target: Array, length: Array, free: float, limit: float) -> Array:
    """Target (..., 3) pulled in smoothly so that it never lies beyond `limit` of the limb's length.

    Targets nearer than `free` of the length stay exactly where they are.
    """
    way = target - start
    distance = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-6)
    knee, room = free * length, (limit - free) * length
    over = np.maximum(distance - knee, 0.0)
    return start + way * ((np.minimum(distance, knee) + room * (1.0 - np.exp(-over / room))) / distance)
