"""The published clean-up of generated joints: planted feet held still on the floor.

Published form: docs/reference/data-and-evaluation.md#foot-locking. Only the four foot joints move, so bones
do not stay rigid.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.curves import runs_of_true
from intermask_cli.motion.representation.interhuman import foot_contacts
from intermask_cli.motion.skeleton import FEET

#: Frames before and after a frame without contact in which a planted frame pulls on it (published).
_REACH_FRAMES = 5
#: Metres. A floor that seems higher is not one: the feet never touched it (published).
_MAX_FLOOR_M = 0.5


def lock_feet(joints: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3), Y up, metres -> the same, on the floor, with planted feet held still."""
    locked: np.ndarray = joints - np.array([0, floor_height(joints), 0], dtype=joints.dtype)
    for foot, contact in zip(FEET, locking_contacts(joints).T, strict=True):
        path = locked[:, foot]
        _hold_still(path, contact)
        _ease(path, contact)
    return locked


def locking_contacts(joints: np.ndarray) -> np.ndarray:
    """Contact flags (T, 4) bool of joints (T, 22, 3); the last frame repeats the one before."""
    flags = foot_contacts(joints)  # (T - 1, 4)
    return np.concatenate([flags, flags[-1:]])


def floor_height(joints: np.ndarray) -> float:
    """Height of the floor in metres under the feet of joints (T, 22, 3); 0 if it seems above 0.5 m.

    It is the mean of the second quarter of the sorted heights of the lowest foot joint.
    """
    lowest = np.sort(joints[:, FEET, 1].min(axis=1))
    height = float(lowest[int(len(lowest) * 0.25) : int(len(lowest) * 0.5)].mean())
    return 0.0 if height > _MAX_FLOOR_M else height


def _hold_still(path: np.ndarray, contact: np.ndarray) -> None:
    """Replace every run of contact frames of one foot joint's path (T, 3) by its mean on the floor."""
    for start, stop in runs_of_true(contact):
        path[start:stop] = path[start:stop].mean(axis=0)
        path[start:stop, 1] = 0


def _ease(path: np.ndarray, contact: np.ndarray) -> None:
    """Pull frames without contact towards planted frames nearby, in place and in order of time."""
    planted = np.flatnonzero(contact)
    for s in np.flatnonzero(~contact):
        before = planted[(planted < s) & (planted >= s - _REACH_FRAMES)]
        after = planted[(planted > s) & (planted <= s + _REACH_FRAMES)]
        current = path[s].copy()
        if len(before):
            left = before[-1]
            from_left = _mix(_fade((s - left + 1) / (_REACH_FRAMES + 1)), current, path[left])
        if len(after):
            right = after[0]
            from_right = _mix(_fade((right - s + 1) / (_REACH_FRAMES + 1)), current, path[right])
        if len(before) and len(after):
            path[s] = _mix(_fade((s - left + 1) / (right - left + 1)), from_right, from_left)
        elif len(before):
            path[s] = from_left
        elif len(after):
            path[s] = from_right


def _fade(t: float) -> float:
    """1 at t = 0, 0 at t = 1, flat at both ends."""
    return 2 * t**3 - 3 * t**2 + 1


def _mix(weight: float, at_zero: np.ndarray, at_one: np.ndarray) -> np.ndarray:
    """`at_zero` for weight 0, `at_one` for weight 1, points (3,)."""
    return (1 - weight) * at_zero + weight * at_one
