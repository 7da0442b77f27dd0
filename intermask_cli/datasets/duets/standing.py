"""How people stand between actions: weight on one leg, hands at rest, glances. Each clip is different.

What is drawn here gives way to what the choreography asks for: walking, crouching, bending, reaching.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.ground_path import GroundPath
from intermask_cli.datasets.duets.motion_plan import MotionPlan, Reach, Trunk
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, softened
from intermask_cli.motion.skeleton import FPS

#: Pelvis moved to the side and lifted there when one leg carries: metres for the 1.70 m body, radians.
_SIDE_M, _LIFT_RAD = 0.042, 0.075
#: Seconds between two shifts of weight, and for one.
_SHIFT_EVERY_S, _SHIFT_S = (1.8, 5.0), (0.8, 1.5)
#: Frames in which resting hands leave after something begins, and return after it has ended.
_LEAVE_FRAMES, _RETURN_FRAMES = 14, 22
#: Below this distance of the two, metres, hands are not put on hips.
_ELBOW_ROOM_M = 0.8
#: Resting hands and how often: None hangs, else left, up and forward of the pelvis (of the left hand), and
#: the elbow out.
_RESTS: tuple[tuple[float, tuple[float, float, float, float] | None], ...] = (
    (0.40, None),
    (0.24, (0.025, -0.07, 0.18, 0.35)),  # one hand in the other before the body
    (0.18, (0.170, -0.02, 0.02, 0.7)),  # on the hip
    (0.18, (0.145, -0.14, 0.12, 0.45)),  # on the front of the thigh, or in a pocket
)


@dataclass(frozen=True)
class Standing:
    """What standing adds to the plan; (2, T) unless said."""

    side: Array  # pelvis moved to the left, metres
    lift: Array  # pelvis lifted at the left, radians
    sink: Array  # pelvis lowered: knees that are not locked, metres
    turn: Array  # head turned to the left in a glance, radians
    nod: Array  # head lowered in a glance, radians
    elbow: Array  # (2, 2, T) elbows outward for resting hands
    rests: list[Reach]  # resting hands, before any other reach


def stand(
    rng: np.random.Generator, plan: MotionPlan, path: GroundPath, bodies: tuple[Body, Body]
) -> Standing:
    """Draw how both people stand in this clip."""
    frames = path.x.shape[1]
    t = np.arange(frames, dtype=np.float64)
    speed = path.speed + 0.3 * np.abs(path.turning)
    acting = np.minimum(speed / 0.25 + np.maximum(plan.crouch, 0.0) / 0.12 + plan.jump / 0.05, 1.0)
    for lifted in plan.lifts:
        acting[lifted.person] = np.maximum(acting[lifted.person], lifted.weight)
    still = 1.0 - softened(acting, 8, axis=1)
    busy = np.maximum(acting, np.abs(plan.bend[..., 0] + plan.hips_pitch) / 0.25) > 0.5
    near = float(np.hypot(path.x[0] - path.x[1], path.z[0] - path.z[1]).min()) < _ELBOW_ROOM_M
    side, nods, turns = np.zeros((2, frames)), np.zeros((2, frames)), np.zeros((2, frames))
    elbow, rests = np.zeros((2, 2, frames)), []
    for person in (0, 1):
        side[person] = _weight(rng, t)
        turns[person], nods[person] = _glances(rng, t)
        for hands, target in _resting(rng, person, near):
            used = busy[person].copy()
            for item in plan.reaches:
                if item.person == person and item.hand in hands:
                    used |= item.weight > 0.02
            weight = _at_rest(rng, t, used)
            for hand in hands:
                rests.append(Reach(person, hand, weight, target(hand), 0.1))
                elbow[person, hand] += weight * target.out
    soft = np.array([body.style.knees for body in bodies])[:, None]
    scale = np.array([body.scale for body in bodies])[:, None]
    lean = side * still
    return Standing(_SIDE_M * scale * lean, _LIFT_RAD * lean, soft * scale * still, turns, nods, elbow, rests)


def _weight(rng: np.random.Generator, t: Array) -> Array:
    """Which leg carries (T,): -1 right ... 1 left, shifted periodically."""
    sign = (-1.0, 1.0)[int(rng.integers(2))]
    level = sign * rng.uniform(0.2, 1.0)
    curve, start = np.full(len(t), level), rng.uniform(0.2, _SHIFT_EVERY_S[1]) * FPS
    while start < len(t):
        goal = -math.copysign(rng.uniform(0.1, 1.0), level)
        end = start + rng.uniform(*_SHIFT_S) * FPS
        curve += (goal - level) * ramp(t, start, end)
        level, start = goal, end + rng.uniform(*_SHIFT_EVERY_S) * FPS
    return curve


def _glances(rng: np.random.Generator, t: Array) -> tuple[Array, Array]:
    """Turn and nod (T,) of a head that looks elsewhere for a moment, once in some seconds."""
    turn, nod = np.zeros(len(t)), np.zeros(len(t))
    start = rng.uniform(0.5, 6.0) * FPS
    while start < len(t):
        stay = rng.uniform(0.3, 1.0) * FPS
        away = pulse(t, start, start + 9, start + 9 + stay, start + 20 + stay)
        turn += away * rng.uniform(-0.35, 0.35)
        nod += away * rng.uniform(-0.05, 0.22)
        start += stay + rng.uniform(2.5, 7.0) * FPS
    return turn, nod


class _Rest:
    """Where a resting hand is, relative to the own pelvis, and how far the elbow is out."""

    def __init__(self, person: int, place: tuple[float, float, float, float]):
        self.person, self.place, self.out = person, place[:3], place[3]

    def __call__(self, hand: int) -> Callable[[Trunk], Array]:
        left, up, forward = self.place
        side = left if hand == 0 else -left

        def target(pose: Trunk) -> Array:
            return pose.joint(self.person, "pelvis") + pose.offset(self.person, side, up, forward)

        return target


def _resting(rng: np.random.Generator, person: int, near: bool) -> list[tuple[tuple[int, ...], _Rest]]:
    """Which hands rest together, and where; hanging hands are left out."""
    shares = np.array([share for share, _ in _RESTS])
    if near:
        shares[2] = 0.0
    below = np.cumsum(shares / shares.sum())

    def one() -> int:
        return int(np.searchsorted(below / below[-1], rng.random(), side="right"))

    first = one()
    place = _RESTS[first][1]
    if place is None and rng.random() < 0.6:
        return []
    jitter = rng.uniform(-0.015, 0.015, 4) * np.array([1.0, 2.0, 1.0, 4.0])
    if first == 1 or (place is not None and rng.random() < 0.35):
        return [((0, 1), _Rest(person, _moved(place, jitter)))]
    hand, alone = int(rng.integers(2)), one()
    if alone == 1 or _RESTS[alone][1] is None:
        alone = 3  # one hand alone is not held by the other
    return [((hand,), _Rest(person, _moved(_RESTS[alone][1], jitter)))]


def _moved(
    place: tuple[float, float, float, float] | None, jitter: Array
) -> tuple[float, float, float, float]:
    """A place of `_RESTS`, a little elsewhere."""
    assert place is not None
    left, up, forward, out = (float(value) for value in np.array(place) + jitter)
    return left, up, forward, out


def _at_rest(rng: np.random.Generator, t: Array, used: Array) -> Array:
    """Weight (T,) of a resting hand: until it is first used, and sometimes again after that."""
    if used[0]:
        return np.zeros(len(t))
    frames = np.flatnonzero(used)
    if not len(frames):
        return np.ones(len(t))
    first, last = float(frames[0]), float(frames[-1])
    weight = 1.0 - ramp(t, first - 6, first - 6 + _LEAVE_FRAMES)
    if rng.random() < 0.6:
        weight = weight + ramp(t, max(last, first + _LEAVE_FRAMES), last + _RETURN_FRAMES)
    return np.clip(weight, 0.0, 1.0)
