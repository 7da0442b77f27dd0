"""The same motion on bodies of other proportions: hands that met still meet, feet that stood still stand.

1. The ground is scaled by the mean of both bodies' legs, so that steps keep their character and both people
   their place to each other; heights are scaled by each body's own legs. Feet that stood still stay still,
   and soles on the floor stay on it.
2. The pelvis is as high above its feet as these legs would carry it, and sinks where they would not reach.
3. A hand near the other person, or near the own other hand, keeps its place relative to it. Where an arm is
   too short for that, the people come closer by a constant, which lets no foot slide.

Next to a person who must not change, such as a given one, the ground keeps its size and the other does all of
the way. The method is our own. Axes: P = 2 persons, T frames, 2 sides (left, right).
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.repose import reposed
from intermask_cli.motion.curves import largest_nearby, minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import FEET, JOINT

_ANKLES, _TOES = np.array(FEET[::2]), np.array(FEET[1::2])
_HIPS = np.array([JOINT["left_hip"], JOINT["right_hip"]])
#: Indices of the bones of both legs among the 21 lengths: thighs and shins.
_LEG_BONES = np.array(
    [JOINT[f"{side}_{name}"] - 1 for name in ("knee", "ankle") for side in ("left", "right")]
)
#: Metres of height above the lower foot over which a foot stops carrying the pelvis.
_CARRIED_M = 0.08
#: Share of its length that a leg spans at most.
_LEG_STRETCH = 0.9995
#: Sigma in frames of the sinking, and frames around that sink as deep, so that smoothing keeps the peak.
_SINK_SIGMA_FRAMES, _SINK_REACH_FRAMES = 3.0, 4
#: Metres from a wrist to a joint of the other person: nearer, it holds its place relative to it. Palms are
#: 9 cm beyond the wrists, so the wrists of joined hands may be 18 cm apart.
_HOLDING_M, _FREE_M = 0.20, 0.30
#: Sigma in frames (0.1 s) of the weights of a hold, so that no arm starts or stops with a jump.
_HOLD_SIGMA_FRAMES = 3.0
#: Rounds of solving the arms: moving one hand changes where the other should be.
_ROUNDS = 6
#: Metres that people are brought closer at most: more would change the interaction.
_MAX_SHIFT_M = 0.3


def on_lengths(
    joints: np.ndarray,
    local: np.ndarray,
    old: np.ndarray,
    new: np.ndarray,
    fixed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The motion of a pair of rigid bodies on bones of other lengths.

    Args:
        joints: positions (P, T, 22, 3) before, metres, Y up.
        local: rotations (P, T, 22, 3, 3) before, of joint 0 relative to the world.
        old, new: bone lengths (P, 21), metres.
        fixed: the person (0 or 1) who does not change, and need not be rigid.

    Returns:
        local rotations (P, T, 22, 3, 3) and positions (P, T, 3) of the pelvis; of a fixed person as given.
    """
    before = joints.astype(np.float64)
    moving = [person for person in range(len(before)) if person != fixed]
    legs = new[:, _LEG_BONES].sum(-1) / old[:, _LEG_BONES].sum(-1)  # (P,)
    ground = 1.0 if fixed is not None else float(np.sqrt(np.prod(legs)))
    origin = before[0, 0, 0] * np.array([1.0, 0.0, 1.0])
    after, offsets, local = before.copy(), rest_offsets(new), local.copy()
    for person in moving:
        scale = np.array([ground, legs[person], ground])
        after[person] = _standing(before[person], local[person], offsets[person], scale, origin)
    after = _closer(before, after, moving)
    after = _holding(before, after, moving)
    for person in moving:
        local[person] = reposed(local[person], offsets[person], after[person])
    return local, after[:, :, 0]


def _standing(
    joints: np.ndarray, local: np.ndarray, offsets: np.ndarray, scale: np.ndarray, origin: np.ndarray
) -> np.ndarray:
    """Joints (T, 22, 3) of one person on new bones, feet at their scaled places, arms turned as before.

    joints, local (T, 22, 3, 3): before; offsets (22, 3) new; scale (3,) along X, Y, Z, about `origin` (3,).
    """
    turned = forward_kinematics(local, joints[:, 0], offsets)[0]
    # The floor is where this person's lower toe usually is.
    floor = origin + np.array([0.0, np.median(joints[:, _TOES, 1].min(axis=-1)), 0.0])
    toes = floor + (joints[:, _TOES] - floor) * scale
    ankles = toes - (turned[:, _TOES] - turned[:, _ANKLES])  # feet turn as before: (T, 2, 3)
    root = floor + (joints[:, 0] - floor) * scale
    to_hips = turned[:, _HIPS] - turned[:, :1]  # (T, 2, 3)
    carried = ankles[..., 1] + (joints[:, _HIPS, 1] - joints[:, _ANKLES, 1]) * scale[1] - to_hips[..., 1]
    above = joints[:, _ANKLES, 1] - joints[:, _ANKLES, 1].min(axis=-1, keepdims=True)
    weight = np.exp(-above / _CARRIED_M)
    root[:, 1] = (weight * carried).sum(-1) / weight.sum(-1)
    root[:, 1] -= _sinking(root[:, None] + to_hips, ankles, offsets)
    result = forward_kinematics(local, root, offsets)[0]
    result[:, _ANKLES], result[:, _TOES] = ankles, toes
    return forward_kinematics(reposed(local, offsets, result), root, offsets)[0]


def _sinking(hips: np.ndarray, ankles: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Metres (T,) that the pelvis comes down so that legs reach from hips to ankles (T, 2, 3)."""
    knees = [JOINT["left_knee"], JOINT["right_knee"]]
    reach = _LEG_STRETCH * (
        np.linalg.norm(offsets[knees], axis=-1) + np.linalg.norm(offsets[_ANKLES], axis=-1)
    )  # (2,)
    gap = hips - ankles
    level = np.square(gap[..., (0, 2)]).sum(-1)
    missing: np.ndarray = np.maximum(gap[..., 1] - np.sqrt(np.maximum(reach**2 - level, 0)), 0).max(axis=-1)
    if not missing.any():
        return missing
    return smoothed_over_time(largest_nearby(missing, _SINK_REACH_FRAMES), _SINK_SIGMA_FRAMES)


# ---------------------------------------------------------------- hands


def _holds(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much each wrist of joints (P, T, 22, 3) holds on to the other's joints and to the own other wrist.

    (P, T, 2, 22) and (P, T, 2): 1 where it keeps its place relative to that joint, 0 where it is free.
    """
    wrists = joints[:, :, WRISTS]
    to_other = np.linalg.norm(wrists[:, :, :, None] - joints[::-1, :, None], axis=-1)
    to_own = np.linalg.norm(wrists - wrists[:, :, ::-1], axis=-1)
    first, second = (
        smoothed_over_time(minimum_jerk((_FREE_M - d) / (_FREE_M - _HOLDING_M)), _HOLD_SIGMA_FRAMES, axis=1)
        for d in (to_other, to_own)
    )
    # A hand in the other's hand stays there, whatever else of the other is near.
    rest = np.delete(np.arange(joints.shape[2]), WRISTS)
    first[..., rest] *= 1 - first[..., WRISTS].max(axis=-1, keepdims=True)
    return first, second


def _missing(before: np.ndarray, after: np.ndarray, shared: bool) -> np.ndarray:
    """Steps (P, T, 2, 3) by which wrists are off the places that they hold.

    shared: of two wrists that hold each other, each takes half of the step.
    """
    other, own = _holds(before)
    step = after - before
    share = np.ones(before.shape[2])
    share[WRISTS] = 0.5 if shared else 1.0
    weight = other / np.maximum(other.sum(-1, keepdims=True), 1)  # (P, T, 2, 22)
    away = step[::-1, :, None] - step[:, :, WRISTS, None]  # (P, T, 2, 22, 3)
    missing: np.ndarray = (weight[..., None] * share[:, None] * away).sum(axis=3)
    # A hand that holds the other person does not also follow the own one.
    own = own * (1 - weight.sum(-1))
    missing += 0.5 * own[..., None] * (step[:, :, WRISTS[::-1]] - step[:, :, WRISTS])
    return missing


def _holding(before: np.ndarray, after: np.ndarray, moving: list[int]) -> np.ndarray:
    """Joints (P, T, 22, 3) with arms solved so that hands keep what they held in `before`."""
    if not any(hold.any() for hold in _holds(before)):
        return after
    result, pole = after.copy(), elbow_side(after)
    arms = (after[:, :, SHOULDERS], after[:, :, ELBOWS], after[:, :, WRISTS])
    for _ in range(_ROUNDS):
        target = result[:, :, WRISTS] + _missing(before, result, shared=len(moving) > 1)
        elbows, wrists = solve_limb(arms, arms[0], target, pole)
        for person in moving:
            result[person][:, ELBOWS], result[person][:, WRISTS] = elbows[person], wrists[person]
    return result


def _closer(before: np.ndarray, after: np.ndarray, moving: list[int]) -> np.ndarray:
    """People moved by a constant each over the ground, so that hands reach what they held in `before`."""
    other, _ = _holds(before)
    weight = other.max(axis=-1)  # (P, T, 2)
    for _ in range(2):
        held = _holding(before, after, moving)
        # What the arms could not reach, of both persons as a step of person 0 towards person 1.
        missing = _missing(before, held, shared=False) * weight[..., None]
        level = (missing[0] - missing[1]).sum(axis=(0, 1)) * np.array([1.0, 0.0, 1.0])
        total = weight.sum()
        size = np.linalg.norm(level) / max(total, 1e-9)
        if total < 1 or size < 1e-4:
            break
        step = level / np.linalg.norm(level) * min(size, _MAX_SHIFT_M)
        for person in moving:
            after[person] += (step if person == 0 else -step) / len(moving)
    return after
