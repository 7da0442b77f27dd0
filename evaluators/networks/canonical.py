"""Canonical joints for evaluators: heading and position in the world removed, computed from positions alone.

Rotations are not used, so motion from any source is scored alike, with or without them.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.placement import Frame, heading
from intermask_cli.motion.skeleton import NUM_JOINTS

#: A person starts at the mean root position of this many frames; one frame alone is noisier.
_START_FRAMES = 5
#: Nearer than this, the direction from one start to the other is mostly noise.
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
    """World joints (2, T, 22, 3) -> in the frame of person 0 facing person 1, with one floor, float32."""
    frame = facing_partner(joints, 0)
    return np.stack([frame.to_canonical(person) for person in joints]).astype(np.float32)


def facing_partner(joints: np.ndarray, person: int) -> Frame:
    """Frame at a person's start in (2, T, 22, 3), facing the partner's; floor at the pair's lowest joint.

    The models' representation uses the heading of the hips. Hips are about 10 cm apart, so 2 cm of noise turn
    that heading by ten degrees. The direction to the partner, a metre or more away, hardly changes. Two
    persons who start within `_TOUCHING_M` of each other use the heading of the person's hips.
    """
    starts = joints[:, :_START_FRAMES, 0].mean(axis=1, dtype=np.float64)
    gap = starts[1 - person] - starts[person]
    if np.hypot(gap[0], gap[2]) < _TOUCHING_M:
        yaw = float(heading(joints[person, 0].astype(np.float64)))
    else:
        yaw = float(np.arctan2(gap[0], gap[2]))
    origin = (float(starts[person, 0]), float(starts[person, 2]))
    return Frame(yaw, origin, float(joints[..., 1].min()))


def swap_persons(joints: np.ndarray) -> np.ndarray:
    """(2, T, 22, 3) with the persons exchanged."""
    return joints[::-1]
