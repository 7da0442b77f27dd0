"""Forearms and hands lifted out of the other person's body; hands that are joined are left alone.

Bodies are capsules around bones. Own method: the deepest of a few points of each forearm is moved to the
surface along the shortest way, smoothly over time, and the arm follows with rigid bones.
Axes: T frames, 2 arms of one person.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.capsules import BODY, Capsules
from intermask_cli.motion.curves import largest_nearby, minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb

#: Where on the way from elbow to wrist a forearm is looked at.
_POINTS = np.array([0.4, 0.7, 1.0])
_SIGMA_FRAMES = 3.0
_ROUNDS = 4
#: Farthest that a wrist is moved, metres.
MOST_M = 0.15
#: Wrists this near are joined, from the second distance on they are not, metres.
JOINED_M, FREE_M = 0.20, 0.30


def clear_arms(joints: np.ndarray, fixed: int | None = None) -> np.ndarray:
    """A pair (2, T, 22, 3) whose forearms are out of the other's body, as far as arms reach."""
    result = joints.copy()
    # Without forearms: they may cross each other, since hands that meet are meant to.
    solid = BODY.without(WRISTS)
    own = float(BODY.radii_m[np.isin(BODY.children, WRISTS)].max())
    between = np.linalg.norm(joints[0][:, WRISTS, None] - joints[1][:, None, WRISTS], axis=-1)
    for person in {0, 1} - {fixed}:
        nearest = between.min(axis=2 if person == 0 else 1)  # (T, 2): of each wrist to the other's wrists
        free = _over_time(1 - minimum_jerk((FREE_M - nearest) / (FREE_M - JOINED_M)))
        # A joined hand stays joined, also where smoothing would begin to let go of it.
        free = np.minimum(free, np.clip((nearest - JOINED_M) / (FREE_M - JOINED_M), 0, 1))[..., None]
        old = tuple(joints[person][:, where] for where in (SHOULDERS, ELBOWS, WRISTS))
        spare = elbow_side(joints[person])
        moved = np.zeros_like(old[2])
        for _ in range(_ROUNDS):
            arm = result[person]
            step = _way_out(arm[:, ELBOWS], arm[:, WRISTS], result[1 - person], solid, own)
            if not step.any():
                break
            moved = moved + _widened(step)
            size = np.linalg.norm(moved, axis=-1, keepdims=True)
            moved = moved * np.minimum(1, MOST_M / np.maximum(size, 1e-9))
            elbows, wrists = solve_limb(old, old[0], old[2] + free * moved, spare)
            arm[:, ELBOWS], arm[:, WRISTS] = elbows, wrists
    return result


def _way_out(
    elbows: np.ndarray, wrists: np.ndarray, other: np.ndarray, solid: Capsules, own_m: float
) -> np.ndarray:
    """Displacement (T, 2, 3) of each wrist that brings the deepest point of its forearm to the surface."""
    points = elbows[:, :, None] + _POINTS[:, None] * (wrists - elbows)[:, :, None]  # (T, 2, points, 3)
    start, end = other[:, solid.parents], other[:, solid.children]  # (T, bones, 3)
    bone = end - start
    from_start = points[:, :, :, None] - start[:, None, None]
    along = (from_start * bone[:, None, None]).sum(-1)
    share = np.clip(along / np.maximum((bone * bone).sum(-1), 1e-9)[:, None, None], 0, 1)
    away = from_start - share[..., None] * bone[:, None, None]
    distance = np.linalg.norm(away, axis=-1)
    depth = (own_m + solid.radii_m.astype(np.float64) - distance) / _POINTS[:, None]
    flat = depth.reshape(*depth.shape[:2], -1)
    deepest = flat.argmax(axis=-1)[..., None]
    depth = np.maximum(np.take_along_axis(flat, deepest, axis=-1), 0)
    directions = (away / np.maximum(distance, 1e-6)[..., None]).reshape(*flat.shape, 3)
    return depth * np.take_along_axis(directions, deepest[..., None], axis=2)[:, :, 0]


def _widened(step: np.ndarray) -> np.ndarray:
    """Steps (T, 2, 3) smooth over time, as large as the largest nearby, in their mean direction."""
    size = np.linalg.norm(step, axis=-1)
    widest = largest_nearby(size, 4)
    direction = _over_time(step)
    direction = direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-9)
    return _over_time(widest)[..., None] * direction


def _over_time(values: np.ndarray) -> np.ndarray:
    return smoothed_over_time(values, _SIGMA_FRAMES)
