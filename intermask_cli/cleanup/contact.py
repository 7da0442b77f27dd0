"""Plants feet without pulling two people apart: people who touch move together and keep their hold.

While a hand of one person is near the other, both bodies take the same displacement. The arms take up the
rest, such as a pelvis that sinks or bodies pushed out of each other. The method is our own.
Axes: P = 2 persons, T frames, 2 wrists (left, right).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.cleanup.arms import lift_arms_out
from intermask_cli.cleanup.planted_feet import plant
from intermask_cli.cleanup.rigid_feet import LEGS, body_shift, cleaned_pair, plant_body
from intermask_cli.motion.body.apart import Push, push_apart
from intermask_cli.motion.curves import minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ARMS, ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb

#: Metres from a wrist to a joint of the other person: nearer, the wrist holds on to it. Palms are 9 cm beyond
#: the wrists, so the wrists of joined hands may be 18 cm apart.
HOLDING_M = 0.20
#: Metres from which a wrist does not hold on at all; from `HOLDING_M` to this the hold fades out.
_FREE_M = 0.30
#: Metres from a wrist to the other person: nearer, the bodies share their displacement. Farther than a
#: hold, so that bodies come together before the hands take hold.
_TOGETHER_M = 0.30
#: Metres from which each body moves alone; from `_TOGETHER_M` to this the displacements are blended.
_INDEPENDENT_M = 0.50
#: Sigma in frames (0.1 s) of weights and displacements, so that nothing starts or ends with a jump.
_SIGMA_FRAMES = 3.0
#: Frames before and after an overlap that are pushed as far: smoothing then does not lower the peak.
_REACH_FRAMES = 4
#: Rounds of pushing and of solving: moving one body or arm changes what the other should do.
_ROUNDS = 4
#: Metres that each person is pushed at most, since a larger push would change the interaction.
_MAX_PUSH_M = 0.06


def clean_in_contact(
    joints: np.ndarray,
    rotations6d: np.ndarray | None,
    fixed: int | None = None,
    planned: Sequence[bool] = (False, False),
) -> tuple[np.ndarray, np.ndarray]:
    """A pair (2, T, 22, 3) with feet planted, bodies out of each other, and touching hands kept together.

    rotations6d (2, T, 21, 6) `sixd_columns` are turned along, or recovered from the joints when not given.
    Bodies are those of `motion.capsules` without the forearms, since hands that touch are meant to; forearms
    are lifted out of the other's body at the end (`cleanup.arms`). Person `fixed` (0 or 1) does not move.
    `planned` persons have feet that stand still already: they stay where they stand.
    """
    given = joints.astype(np.float64)
    planting = plant(given)
    planting.displacement[np.array(planned)] = 0
    if fixed is not None:
        planting.displacement[fixed] = 0
    shift = body_shift(planting)  # (P, T, 3)
    distances = _wrist_distances(given)
    common = np.zeros_like(shift[0]) if fixed is not None else shift.mean(axis=0)
    nearest = distances.min(axis=(0, 2, 3))  # (T,)
    together = minimum_jerk((_INDEPENDENT_M - nearest) / (_INDEPENDENT_M - _TOGETHER_M))
    together = smoothed_over_time(together, _SIGMA_FRAMES)
    shift += together[:, None] * (common - shift)
    shift += push_apart(given + shift[:, :, None], _push(fixed))
    cleaned = _hold_on(given, plant_body(given, planting, shift), distances, fixed)
    cleaned = lift_arms_out(cleaned, fixed)
    return cleaned_pair(joints, cleaned, rotations6d, LEGS + ARMS, fixed)


def _wrist_distances(joints: np.ndarray) -> np.ndarray:
    """(P, T, 2, 22) metres from each person's wrists to every joint of the other."""
    gaps = joints[:, :, WRISTS, None] - joints[::-1, :, None]
    distances: np.ndarray = np.linalg.norm(gaps, axis=-1)
    return distances


def _push(fixed: int | None) -> Push:
    """Both persons go half of the way, or the one who is not `fixed` all of it."""
    shares = {None: (-0.5, 0.5), 0: (0.0, 1.0), 1: (-1.0, 0.0)}[fixed]
    return Push(shares, 2 * _MAX_PUSH_M, 0.0, _SIGMA_FRAMES, _REACH_FRAMES, _ROUNDS)


def _hold_on(given: np.ndarray, moved: np.ndarray, distances: np.ndarray, fixed: int | None) -> np.ndarray:
    """Joints (P, T, 22, 3) with arms solved so that near wrists keep their place relative to what they hold.

    given and moved (P, T, 22, 3): before and after the bodies moved; distances (P, T, 2, 22) as given.
    """
    hold = minimum_jerk((_FREE_M - distances) / (_FREE_M - HOLDING_M))
    hold = smoothed_over_time(hold, _SIGMA_FRAMES, axis=1)  # (P, T, 2, 22)
    if not hold.any():
        return moved
    weight = hold / np.maximum(hold.sum(axis=-1, keepdims=True), 1)
    pole = elbow_side(given)
    old_arm = (given[:, :, SHOULDERS], given[:, :, ELBOWS], given[:, :, WRISTS])  # (P, T, 2, 3) each
    share = np.ones(moved.shape[2])
    # Of two wrists each goes half the way; to any other joint the wrist goes all of it.
    share[WRISTS] = 0.5 if fixed is None else 1.0
    result = moved.copy()
    for _ in range(_ROUNDS):
        step = result - given
        # How far each joint of the other has moved more than the wrist: (P, T, 2, 22, 3).
        missing = step[::-1, :, None] - step[:, :, WRISTS, None]
        target = result[:, :, WRISTS] + (weight[..., None] * share[:, None] * missing).sum(axis=3)
        elbows, wrists = solve_limb(old_arm, result[:, :, SHOULDERS], target, pole)
        for person in {0, 1} - {fixed}:
            result[person][:, ELBOWS], result[person][:, WRISTS] = elbows[person], wrists[person]
    return result
