"""Joints as evaluators see them: without the world's heading and place, from positions alone.

Only positions are used, so motion from any source is scored alike, with or without rotations.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.placement import Frame, heading
from intermask_cli.motion.skeleton import NUM_JOINTS

_START_FRAMES = 5  # whose mean root position is where a person starts
_TOUCHING_M = 0.1


def check_joints(joints: np.ndarray, name: str) -> None:
    """ValueError unless joints are a finite (2, T >= 4, 22, 3)."""
    if joints.ndim != 4 or joints.shape[0] != 2 or joints.shape[2:] != (NUM_JOINTS, 3):
        raise ValueError(f"{name}: joints have shape {joints.shape}; accepted: (2, T, {NUM_JOINTS}, 3)")
    if joints.shape[1] < 4:
        raise ValueError(f"{name}: {joints.shape[1]} frames; accepted: 4 or more")
    if not np.isfinite(joints).all():
        raise ValueError(f"{name}: joints contain NaN or infinity")


def pair_positions(joints: np.ndarray) -> np.ndarray:
    """World joints (2, T, 22, 3) -> the same seen from person 1 looking at person 2, one floor, float32."""
    frame = facing_partner(joints, 0)
    return np.stack([frame.to_canonical(person) for person in joints]).astype(np.float32)


def own_positions(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World joints (2, T, 22, 3) -> each person's joints (2, T, 22, 3) and the partner's root (2, T, 3),
    both as that person sees them who looks at the other, float32."""
    own, partner = [], []
    for person in (0, 1):
        frame = facing_partner(joints, person)
        own.append(frame.to_canonical(joints[person]))
        partner.append(frame.to_canonical(joints[1 - person][:, 0]))
    return np.stack(own).astype(np.float32), np.stack(partner).astype(np.float32)


def facing_partner(joints: np.ndarray, person: int) -> Frame:
    """Where a person of (2, T, 22, 3) starts, looking at where the partner starts; floor: the pair's lowest.

    Models put people on their hips' heading, but hips are a hand's breadth apart: two centimetres of noise
    turn them by ten degrees. The way to the partner, a metre or more, hardly turns at all. Two people who
    start within `_TOUCHING_M` of each other look where the person's hips do.
    """
    starts = joints[:, :_START_FRAMES, 0].mean(axis=1, dtype=np.float64)
    way = starts[1 - person] - starts[person]
    if np.hypot(way[0], way[2]) < _TOUCHING_M:
        yaw = float(heading(joints[person, 0].astype(np.float64)))
    else:
        yaw = float(np.arctan2(way[0], way[2]))
    origin = (float(starts[person, 0]), float(starts[person, 2]))
    return Frame(yaw, origin, float(joints[..., 1].min()))


def swap_persons(joints: np.ndarray) -> np.ndarray:
    """(2, T, 22, 3) with the persons exchanged."""
    return joints[::-1]
