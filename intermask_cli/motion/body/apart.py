"""Two bodies that stand in each other are moved apart over the ground, smoothly over time.

Bodies are capsules (`motion.capsules`) without the forearms, since hands that touch are meant to.
Axes: P = 2 persons, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.capsules import capsule_gaps_m
from intermask_cli.motion.curves import largest_nearby, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ELBOWS, WRISTS
from intermask_cli.motion.skeleton import JOINT

_TRUNK = [JOINT["pelvis"], JOINT["spine3"], JOINT["neck"]]
#: Metres between trunks over the ground from which nothing but arms and kicking legs meets.
_FAR_M = 0.7
#: Metres between trunks over the ground below which people walk through each other.
_PASSING_M = 0.2


@dataclass(frozen=True)
class Push:
    """How bodies are moved apart.

    Attributes:
        shares: of the way that each person goes, (-0.5, 0.5) for half of it each.
        most_m: metres that the two are moved apart at most.
        allowed_m: depth of overlap that is left.
        sigma_frames: of the size of the displacement, so that nothing starts or ends with a jump.
        reach_frames: frames before and after an overlap that are pushed as far: smoothing then does not lower
            the peak.
        rounds: of pushing; each measures what the one before has left.
        turn_sigma_frames: of the displacement as a whole, 0 for none: people who stand in each other for long
            have no line between them that lasts.
    """

    shares: tuple[float, float]
    most_m: float
    allowed_m: float
    sigma_frames: float
    reach_frames: int
    rounds: int
    turn_sigma_frames: float = 0.0


def push_apart(joints: np.ndarray, push: Push) -> np.ndarray:
    """Level displacements (P, T, 3) that reduce the overlap of two bodies (P, T, 22, 3)."""
    shares = np.array(push.shares)[:, None, None]
    displacement = np.zeros_like(joints[:, :, 0])
    trunk = joints[:, :, _TRUNK].mean(axis=2)  # (P, T, 3)
    line = (trunk[1] - trunk[0]) * np.array([1.0, 0, 1.0])  # (T, 3), from person 0 to person 1
    near = np.flatnonzero(np.linalg.norm(line, axis=-1) < _FAR_M)
    if not len(near):
        return displacement
    bodies = joints[:, near]
    bodies[:, :, WRISTS] = bodies[:, :, ELBOWS]
    line = _past_each_other(smoothed_over_time(line, push.sigma_frames))
    amount, depth = np.zeros((2, joints.shape[1]))
    for _ in range(push.rounds):
        first, second = (bodies + displacement[:, near, None]).astype(np.float32)
        depth[near] = np.maximum(-capsule_gaps_m(first, second, 0.0) - push.allowed_m, 0.0)
        if not depth.any():
            break
        widened = smoothed_over_time(largest_nearby(depth, push.reach_frames), push.sigma_frames)
        amount = np.minimum(amount + widened, push.most_m)
        path = amount[:, None] * line
        if push.turn_sigma_frames:
            path = smoothed_over_time(path, push.turn_sigma_frames)
        displacement = shares * path
    return displacement


def _past_each_other(line: np.ndarray) -> np.ndarray:
    """Directions (T, 3) of a level line (T, 3) between two people, who pass each other on one side.

    Where they walk through each other the line turns round within a frame: it is led round by the side.
    """
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    through = line[distance[:, 0] < _PASSING_M][:, (0, 2)]
    if len(through):
        x, z = through[-1] - through[0]
        side = np.array([-z, 0.0, x]) / max(float(np.hypot(x, z)), 1e-9)
        side *= 1.0 if (line * side)[distance[:, 0] < _PASSING_M].sum() >= 0 else -1.0
        line = line + _PASSING_M * np.exp(-np.square(distance / _PASSING_M)) * side
    directions: np.ndarray = line / np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-3)
    return directions
