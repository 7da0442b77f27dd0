"""Lifts forearms and hands out of the other person's body; joined hands stay unchanged.

Bodies are capsules around bones. The deepest of a few points of each forearm is moved to the surface along
the shortest way, smoothly over time, and the arm follows with rigid bones. The method is our own.
Axes: T frames, 2 arms (left, right) of one person.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.capsules import BODY, Capsules
from intermask_cli.motion.curves import largest_nearby, minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb

#: Points of a forearm that are tested, as shares of the way from elbow to wrist. None is near the elbow,
#: which moves too little to get a point there out.
_POINTS = np.array([0.4, 0.7, 1.0])
#: Sigma in frames (0.1 s) of a wrist's displacement, so that no arm starts or stops with a jump.
_SIGMA_FRAMES = 3.0
#: Frames before and after an overlap that are moved as far: smoothing then does not lower the peak.
_REACH_FRAMES = 4
#: Rounds; each moves out the point that is deepest after the round before.
_ROUNDS = 4
#: Metres that a wrist is moved at most, since a larger step would change the gesture.
_MAX_STEP_M = 0.15
#: Metres between wrists of two persons: nearer, hands are joined and are not moved.
_JOINED_M = 0.20
#: Metres between wrists from which hands are moved fully; from `_JOINED_M` to this the step fades in.
_FREE_M = 0.30


def lift_arms_out(joints: np.ndarray, fixed: int | None = None) -> np.ndarray:
    """A pair (2, T, 22, 3) with forearms lifted out of the other's body, as far as arms reach.

    Person `fixed` (0 or 1) does not move.
    """
    result = joints.copy()
    # The other's forearms are left out: forearms may cross, since hands that meet are meant to.
    body = BODY.without(WRISTS)
    forearm_radius_m = float(BODY.radii_m[np.isin(BODY.children, WRISTS)].max())
    between = np.linalg.norm(joints[0][:, WRISTS, None] - joints[1][:, None, WRISTS], axis=-1)  # (T, 2, 2)
    for person in {0, 1} - {fixed}:
        nearest = between.min(axis=2 if person == 0 else 1)  # (T, 2): of each wrist to the other's wrists
        free = 1 - minimum_jerk((_FREE_M - nearest) / (_FREE_M - _JOINED_M))
        free = smoothed_over_time(free, _SIGMA_FRAMES)
        # A joined hand stays joined, also where smoothing would start to release it.
        free = np.minimum(free, np.clip((nearest - _JOINED_M) / (_FREE_M - _JOINED_M), 0, 1))[..., None]
        given = joints[person]
        old_arm = (given[:, SHOULDERS], given[:, ELBOWS], given[:, WRISTS])  # (T, 2, 3) each
        pole = elbow_side(given)
        moved = np.zeros_like(old_arm[2])
        for _ in range(_ROUNDS):
            arm = result[person]
            step = _way_out(arm[:, ELBOWS], arm[:, WRISTS], result[1 - person], body, forearm_radius_m)
            if not step.any():
                break
            moved = moved + _widened(step)
            size = np.linalg.norm(moved, axis=-1, keepdims=True)
            moved = moved * np.minimum(1, _MAX_STEP_M / np.maximum(size, 1e-9))
            elbows, wrists = solve_limb(old_arm, old_arm[0], old_arm[2] + free * moved, pole)
            arm[:, ELBOWS], arm[:, WRISTS] = elbows, wrists
    return result


def _way_out(
    elbows: np.ndarray, wrists: np.ndarray, other: np.ndarray, body: Capsules, radius_m: float
) -> np.ndarray:
    """Displacement (T, 2, 3) of each wrist that brings the deepest point of its forearm to the surface.

    elbows, wrists (T, 2, 3); other (T, 22, 3), the joints that `body` surrounds; N points, C capsules.
    """
    points = elbows[:, :, None] + _POINTS[:, None] * (wrists - elbows)[:, :, None]  # (T, 2, N, 3)
    start, end = other[:, body.parents], other[:, body.children]  # (T, C, 3)
    bone = end - start
    from_start = points[:, :, :, None] - start[:, None, None]  # (T, 2, N, C, 3)
    along = (from_start * bone[:, None, None]).sum(-1)  # (T, 2, N, C)
    share = np.clip(along / np.maximum((bone * bone).sum(-1), 1e-9)[:, None, None], 0, 1)
    away = from_start - share[..., None] * bone[:, None, None]  # (T, 2, N, C, 3), from the bone to the point
    distance = np.linalg.norm(away, axis=-1)
    # A point at share s of the forearm moves s times as far as its wrist.
    depth = (radius_m + body.radii_m.astype(np.float64) - distance) / _POINTS[:, None]  # (T, 2, N, C)
    flat = depth.reshape(*depth.shape[:2], -1)  # (T, 2, N * C)
    deepest = flat.argmax(axis=-1)[..., None]  # (T, 2, 1)
    depth = np.maximum(np.take_along_axis(flat, deepest, axis=-1), 0)  # (T, 2, 1)
    directions = (away / np.maximum(distance, 1e-6)[..., None]).reshape(*flat.shape, 3)  # (T, 2, N * C, 3)
    step: np.ndarray = depth * np.take_along_axis(directions, deepest[..., None], axis=2)[:, :, 0]
    return step


def _widened(step: np.ndarray) -> np.ndarray:
    """Steps (T, 2, 3) smooth over time, as large as the largest nearby, in their mean direction."""
    size = largest_nearby(np.linalg.norm(step, axis=-1), _REACH_FRAMES)  # (T, 2)
    direction = smoothed_over_time(step, _SIGMA_FRAMES)
    direction = direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-9)
    widened: np.ndarray = smoothed_over_time(size, _SIGMA_FRAMES)[..., None] * direction
    return widened
