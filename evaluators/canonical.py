"""Joints as evaluators see them: without the world's heading and place, from positions alone.

Only positions are used, so motion from any source is scored alike, with or without rotations.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.placement import pair_frames, person_frame
from intermask_cli.motion.skeleton import NUM_JOINTS


def check_joints(joints: np.ndarray, name: str) -> None:
    """ValueError unless joints are a finite (2, T >= 4, 22, 3)."""
    if joints.ndim != 4 or joints.shape[0] != 2 or joints.shape[2:] != (NUM_JOINTS, 3):
        raise ValueError(f"{name}: joints have shape {joints.shape}; accepted: (2, T, {NUM_JOINTS}, 3)")
    if joints.shape[1] < 4:
        raise ValueError(f"{name}: {joints.shape[1]} frames; accepted: 4 or more")
    if not np.isfinite(joints).all():
        raise ValueError(f"{name}: joints contain NaN or infinity")


def pair_positions(joints: np.ndarray) -> np.ndarray:
    """World joints (2, T, 22, 3) -> the same in person 1's starting frame, one floor for both, float32."""
    one, two = pair_frames(joints, canonical=0, floor="pair")
    return np.stack([one.to_canonical(joints[0]), two.to_canonical(joints[1])]).astype(np.float32)


def own_positions(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World joints (2, T, 22, 3) -> each person's joints (2, T, 22, 3) and the partner's root (2, T, 3),
    both in that person's own starting frame, float32."""
    own, partner = [], []
    for person in (0, 1):
        frame = person_frame(joints[person])
        own.append(frame.to_canonical(joints[person]))
        partner.append(frame.to_canonical(joints[1 - person][:, 0]))
    return np.stack(own).astype(np.float32), np.stack(partner).astype(np.float32)


def swap_persons(joints: np.ndarray) -> np.ndarray:
    """(2, T, 22, 3) with the persons exchanged."""
    return joints[::-1]
