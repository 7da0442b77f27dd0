"""Footsteps from a root path: planted feet step, one at a time, to where the body will be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.timing import Array
from intermask_cli.motion.curves import minimum_jerk
from intermask_cli.motion.skeleton import FPS

#: A planted foot takes a step if it is farther than this from its place under the body.
_THRESHOLD_M = 0.06
#: Frames between two steps in which both feet are on the ground.
_SETTLE_FRAMES = 1
#: Feet never land closer to each other across the heading, so legs do not cross.
_APART_M = 0.10


@dataclass(frozen=True)
class Flight:
    """A foot (0 left, 1 right) that must be in the air in frames [start, end), e.g. for a kick."""

    foot: int
    start: int
    end: int


@dataclass(frozen=True)
class Footing:
    """Ball of both feet over time; the last axis of the first four is (left, right)."""

    x: Array  # (T, 2) metres
    z: Array  # (T, 2)
    lift: Array  # (T, 2) metres above its planted height
    yaw: Array  # (T, 2) radians
    swing: Array  # (T, 2) 0 planted ... 1 in the middle of a step


class _Walker:
    """Where both feet are planted, and the steps so far (foot, start, end, from, to)."""

    def __init__(self, x: list[float], z: list[float], yaw: list[float], body: Body):
        self.x, self.z, self.yaw, self.body = x, z, yaw, body
        self.steps: list[tuple[int, int, int, tuple[float, ...], tuple[float, ...]]] = []
        self.feet = [self.place(0, 0), self.place(1, 0)]
        self.start = list(self.feet)

    def place(self, foot: int, frame: int) -> tuple[float, float, float]:
        """Where this foot belongs (x, z, yaw) under the body at that frame."""
        frame = min(frame, len(self.x) - 1)
        style, yaw = self.body.style, self.yaw[frame]
        sign = 1.0 if foot == 0 else -1.0
        side = sign * style.stance * self.body.scale
        ahead = (0.06 - sign * style.stagger) * self.body.scale
        s, c = math.sin(yaw), math.cos(yaw)
        return (
            self.x[frame] + side * c + ahead * s,
            self.z[frame] - side * s + ahead * c,
            yaw + sign * style.toe_out,
        )

    def speed(self, frame: int) -> float:
        """Root speed during the next half second, m/s; turning counts a little."""
        a, b = frame, min(frame + 14, len(self.x) - 1)
        if b <= a:
            return 0.0
        way = math.hypot(self.x[b] - self.x[a], self.z[b] - self.z[a]) + 0.15 * abs(self.yaw[b] - self.yaw[a])
        return way * FPS / (b - a)

    def error(self, foot: int, frame: int) -> float:
        """Distance of the planted foot from its place, metres; its turn counts a little."""
        x, z, yaw = self.place(foot, frame)
        px, pz, pyaw = self.feet[foot]
        return math.hypot(x - px, z - pz) + 0.2 * abs(yaw - pyaw)

    def gap(self, foot: int, place: tuple[float, float, float], frame: int) -> float:
        """How far the place is on this foot's own side of the other foot, metres."""
        other, yaw = self.feet[1 - foot], self.yaw[min(frame, len(self.yaw) - 1)]
        across = (place[0] - other[0]) * math.cos(yaw) - (place[1] - other[1]) * math.sin(yaw)
        return across if foot == 0 else -across

    def step(self, foot: int, start: int, end: int, landing: int) -> None:
        """Take one step that lands at the foot's place of frame `landing`."""
        x, z, yaw = self.place(foot, landing)
        missing = _APART_M * self.body.scale - self.gap(foot, (x, z, yaw), landing)
        if missing > 0:
            heading = self.yaw[min(landing, len(self.yaw) - 1)]
            sign = missing if foot == 0 else -missing
            x, z = x + sign * math.cos(heading), z - sign * math.sin(heading)
        self.steps.append((foot, start, end, self.feet[foot], (x, z, yaw)))
        self.feet[foot] = (x, z, yaw)


def plan_feet(root: Array, yaw: Array, body: Body, flights: list[Flight]) -> Footing:
    """Root path (T, 2) in metres (x, z) and heading (T,) in radians -> where both feet are."""
    frames = len(yaw)
    walker = _Walker(root[:, 0].tolist(), root[:, 1].tolist(), yaw.tolist(), body)
    forced = {flight.start: flight for flight in flights}
    free, last = 0, 1
    for t in range(frames):
        if t in forced:
            flight = forced[t]
            walker.step(flight.foot, t, flight.end, flight.end)
            free, last = flight.end + _SETTLE_FRAMES, flight.foot
            continue
        if t < free:
            continue
        duration = round(FPS * min(max(0.52 - 0.13 * walker.speed(t), 0.3), 0.5) * body.style.pace)
        if any(t < start < t + duration + _SETTLE_FRAMES for start in forced):
            continue
        landing = t + round(1.5 * duration)
        foot = _next_foot(walker, landing, last)
        if foot is not None:
            walker.step(foot, t, t + duration, landing)
            free, last = t + duration + _SETTLE_FRAMES, foot
    return _drawn(walker, frames, body)


def _next_foot(walker: _Walker, landing: int, last: int) -> int | None:
    """The foot that should step now: off its place, preferably not the last one, nor across the other."""
    errors = [walker.error(foot, landing) for foot in (0, 1)]
    off = [foot for foot in (1 - last, last) if errors[foot] > _THRESHOLD_M]
    crossing = [walker.gap(foot, walker.place(foot, landing), landing) < 0.0 for foot in off]
    if len(off) == 2 and errors[off[0]] < 1.25 * errors[off[1]] and crossing[0]:
        return off[1]
    return off[0] if off else None


def _drawn(walker: _Walker, frames: int, body: Body) -> Footing:
    """The steps as curves: minimum jerk over the ground; longer steps are lifted higher."""
    place = np.empty((frames, 2, 3))
    place[:] = np.asarray(walker.start)
    lift, swing = np.zeros((frames, 2)), np.zeros((frames, 2))
    for foot, start, end, origin, goal in walker.steps:
        stop = min(end, frames)
        u = (np.arange(start, stop) - start) / (end - start)
        bump = (4.0 * u * (1.0 - u)) ** 2
        way = np.asarray(goal) - np.asarray(origin)
        height = (0.045 + body.style.lift + 0.07 * min(math.hypot(way[0], way[1]) / 0.6, 1.0)) * body.scale
        place[start:stop, foot] = np.asarray(origin) + minimum_jerk(u)[:, None] * way
        place[stop:, foot] = goal
        lift[start:stop, foot] = height * bump
        swing[start:stop, foot] = bump
    return Footing(place[..., 0], place[..., 1], lift, place[..., 2], swing)
