"""Feet cleaned without pulling two people apart: who touches moves together, and hands hold on.

While a hand of one person is near the other, both bodies take the same displacement; what is left (a pelvis
that sinks, bodies pushed out of each other) is taken up by the arms. Own method.
Axes: P = 2 persons, T frames.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.cleanup.arms import clear_arms
from intermask_cli.cleanup.planted_feet import plant
from intermask_cli.cleanup.rigid_feet import LEGS, body_shift, cleaned_pair, plant_body
from intermask_cli.motion.capsules import capsule_gaps_m
from intermask_cli.motion.curves import largest_nearby, minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ARMS, ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb
from intermask_cli.motion.skeleton import JOINT

#: A wrist this near to a joint of the other holds on to it; beyond the second distance it does not, metres.
HOLDING_M, FREE_M = 0.20, 0.30
#: The same for bodies that move together.
_TOGETHER_M, _APART_M = 0.30, 0.50
_SIGMA_FRAMES = 3.0
_ROUNDS = 4
#: Most that each person is pushed, metres.
MOST_PUSH_M = 0.06


def clean_in_contact(
    joints: np.ndarray,
    rotations6d: np.ndarray | None,
    fixed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A pair (2, T, 22, 3) with feet planted, bodies out of each other, and touching hands kept together.

    rotations6d (2, T, 21, 6) turn along (recovered from the joints when not given). Overlap is
    that of `motion.capsules` without the forearms, since hands that touch are meant to; forearms are lifted
    out of the other's body at the end (`cleanup.arms`). `fixed` (0 or 1) does not move at all.
    """
    given = joints.astype(np.float64)
    planting = plant(given)
    if fixed is not None:
        planting.displacement[fixed] = 0
    shift = body_shift(planting)
    distances = _wrist_distances(given)
    common = np.zeros_like(shift[0]) if fixed is not None else shift.mean(axis=0)
    together = _over_time(minimum_jerk((_APART_M - distances.min(axis=(0, 2, 3))) / (_APART_M - _TOGETHER_M)))
    shift += together[:, None] * (common - shift)
    shift += _push_apart(given + shift[:, :, None], fixed)
    cleaned = _hold_on(given, plant_body(given, planting, shift), distances, fixed)
    cleaned = clear_arms(cleaned, fixed)
    return cleaned_pair(joints, cleaned, rotations6d, LEGS + ARMS, fixed)


def _wrist_distances(joints: np.ndarray) -> np.ndarray:
    """(P, T, 2, 22): from each person's wrists to every joint of the other."""
    gaps = joints[:, :, WRISTS, None] - joints[::-1, :, None]
    return np.linalg.norm(gaps, axis=-1)


def _over_time(values: np.ndarray) -> np.ndarray:
    return smoothed_over_time(values, _SIGMA_FRAMES)


def _push_apart(joints: np.ndarray, fixed: int | None) -> np.ndarray:
    """Level displacements (P, T, 3) that reduce the overlap of two bodies, smooth over time."""
    push = np.zeros_like(joints[:, :, 0])
    solid = joints.copy()
    solid[:, :, WRISTS] = solid[:, :, ELBOWS]
    trunk = joints[:, :, [JOINT["pelvis"], JOINT["spine3"], JOINT["neck"]]].mean(axis=2)
    line = _over_time((trunk[1] - trunk[0]) * np.array([1.0, 0, 1.0]))
    line /= np.maximum(np.linalg.norm(line, axis=-1, keepdims=True), 1e-3)
    shares = np.array([-0.5, 0.5]) if fixed is None else np.where(np.arange(2) == fixed, 0.0, [-1.0, 1.0])
    most = MOST_PUSH_M if fixed is None else 2 * MOST_PUSH_M
    amount = np.zeros(joints.shape[1])
    for _ in range(_ROUNDS):
        one, two = (solid + push[:, :, None]).astype(np.float32)
        depth = np.maximum(-capsule_gaps_m(one, two, 0.0), 0.0)
        if not depth.any():
            break
        widest = largest_nearby(depth, 4)
        amount = np.minimum(amount + _over_time(widest), most / np.abs(shares).max())
        push = shares[:, None, None] * (amount[:, None] * line)[None]
    return push


def _hold_on(given: np.ndarray, moved: np.ndarray, distances: np.ndarray, fixed: int | None) -> np.ndarray:
    """Arms (P, T, 22, 3) solved so that near wrists keep their place relative to what they are near."""
    hold = minimum_jerk((FREE_M - distances) / (FREE_M - HOLDING_M))
    hold = np.moveaxis(_over_time(np.moveaxis(hold, 1, 0)), 0, 1)
    if not hold.any():
        return moved
    weight = hold / np.maximum(hold.sum(axis=-1, keepdims=True), 1)
    back = elbow_side(given)
    old = (given[:, :, SHOULDERS], given[:, :, ELBOWS], given[:, :, WRISTS])
    result = moved.copy()
    for _ in range(_ROUNDS):
        step = result - given
        # Wrists meet half-way; everything else waits for the wrist.
        share = np.ones(moved.shape[2])
        share[WRISTS] = 0.5 if fixed is None else 1.0
        missing = step[::-1, :, None] - step[:, :, WRISTS, None]
        target = result[:, :, WRISTS] + (weight[..., None] * share[:, None] * missing).sum(axis=3)
        elbows, wrists = solve_limb(old, result[:, :, SHOULDERS], target, back)
        for person in range(2):
            if person != fixed:
                result[person][:, ELBOWS], result[person][:, WRISTS] = elbows[person], wrists[person]
    return result
