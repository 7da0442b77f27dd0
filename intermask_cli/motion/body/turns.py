"""No joint of a limb turns faster than people do: faster turns are bridged by even ones.

A decoder lets a hinge snap to its other side within a frame. Real punches and kicks turn a shoulder by up to
37 degrees in a thirtieth of a second.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.limbs import ARMS, LEGS
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle

#: Largest turn of a joint of a limb in a frame.
MAX_TURN_RAD = float(np.radians(39.0))
#: Share of it that bridges turn at most in a frame.
_BRIDGE_SHARE = 0.9
_JOINTS = (*ARMS.upper, *ARMS.hinge, *LEGS.upper, *LEGS.hinge)


def turns_rad(rotations: np.ndarray) -> np.ndarray:
    """Angles (T - 1, ...) between rotations (T, ..., 3, 3) of neighbouring frames."""
    # The trace of A'B is the sum of the products of their elements.
    trace = (rotations[1:] * rotations[:-1]).sum((-1, -2))
    angles: np.ndarray = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    return angles


def limit_turns(local: np.ndarray, timeline: Timeline) -> list[slice]:
    """Limit the turns of limbs in local rotations (F, 22, 3, 3), in place; the frames of persons changed."""
    changed = []
    for own in timeline:
        turns = turns_rad(local[own][:, _JOINTS])
        fast = np.array(_JOINTS)[(turns > MAX_TURN_RAD).any(axis=0)]
        for joint in fast:
            _bridge(local[own, joint])
        if len(fast):
            changed.append(own)
    return changed


def _bridge(rotations: np.ndarray) -> None:
    """Replace turns of (T, 3, 3) that are too fast, in place, each over as few frames as it takes."""
    while True:
        fast = np.flatnonzero(turns_rad(rotations) > MAX_TURN_RAD)
        if not len(fast):
            return
        first, last = int(fast[0]), int(fast[0]) + 1
        while True:
            first, last = max(first - 1, 0), min(last + 1, len(rotations) - 1)
            way = axis_angle_from_matrix(rotations[first].T @ rotations[last])
            step = float(np.linalg.norm(way)) / (last - first)
            if step <= _BRIDGE_SHARE * MAX_TURN_RAD or last - first == len(rotations) - 1:
                break
        share = np.arange(1, last - first)[:, None] / (last - first)
        rotations[first + 1 : last] = rotations[first] @ matrix_from_axis_angle(share * way)
        if last - first == len(rotations) - 1:
            return
