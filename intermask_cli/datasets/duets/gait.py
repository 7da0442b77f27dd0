"""Footsteps from a root path: planted feet step, one at a time, to where the body will be.

A step is drawn as people take it: the heel leaves the ground first, the ball at the end of the stand; the
foot lands on its heel and rolls flat while the other one still carries. Times, heights and angles are those
of ordinary walking (compare Winter, Biomechanics and Motor Control of Human Movement, 2009); how near they
come to captured walks is measured by `benchmarks.duets.statistics --walks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from intermask_cli.datasets.duets.ground_path import GroundPath
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.timing import Array
from intermask_cli.motion.curves import minimum_jerk
from intermask_cli.motion.skeleton import FPS

#: A planted foot takes a step if it is farther than this from its place under the body.
_THRESHOLD_M = 0.06
#: A standing foot does not leave before the body moves this far off it within `_START_FRAMES`.
_START_M, _START_FRAMES = 0.02, 6
_DUE_M = np.array([_THRESHOLD_M, _START_M])[:, None]
#: Feet never land closer to each other across the heading, so legs do not cross.
_APART_M = 0.09
#: Share of a step's time in which both feet are on the ground, and in which the landing foot rolls flat.
_DOUBLE = 0.22
#: From the landing to the moment at which the body is over the foot, share of a step's time.
_OVER = 0.53
#: Seconds of a step: at 0 m/s, less per m/s, and bounds, for a body of 1.70 m.
_STEP_S, _STEP_S_PER_SPEED, _STEP_BOUNDS_S = 0.90, 0.27, (0.36, 0.72)
#: Foot pitch in radians, positive with the toes down: highest of short and of long steps, and when landing.
_HEEL_RISE, _HEEL_RISE_LONG, _TOES_UP, _TOES_DOWN = 0.30, 0.92, -0.56, 0.25
#: Frames of the quickest step, and largest distance of a planted ball from the body, share of the leg length.
_SHORTEST, _REACH = 8.0, 0.53
#: Way of a long step over the ground, share of the leg length: two step lengths.
_LONG_WAY = 1.5


@dataclass(frozen=True)
class Flight:
    """A foot (0 left, 1 right) that must be in the air in frames [start, end), e.g. for a kick."""

    foot: int
    start: int
    end: int


@dataclass(frozen=True)
class Footing:
    """All feet over time: arrays (2, 2, T) of person and (left, right)."""

    x: Array  # metres: the ball of the flat foot
    z: Array
    yaw: Array  # radians
    lift: Array  # metres above the planted height
    pitch: Array  # radians, positive with the toes down
    rolling: Array  # 0 flat on the ground ... 1 pitch decided by the step
    swing: Array  # 0 planted ... 1 in the middle of a step
    stride: Array  # as swing, but larger for longer steps forward


@dataclass(frozen=True)
class _Step:
    """Foot, frames [start, end) in the air, frame at which it is flat, and its places (x, z, yaw)."""

    foot: int
    start: int
    end: int
    flat: int
    origin: tuple[float, float, float]
    goal: tuple[float, float, float]


class _StepTimes:
    """For a step that begins in a frame (..., T): how long it takes, and which later frames matter to it."""

    def __init__(self, path: GroundPath, bodies: Sequence[Body]):
        frames = path.x.shape[1]
        now = np.arange(frames)
        ahead = np.minimum(now + FPS // 2, frames - 1)
        way = np.hypot(path.x[:, ahead] - path.x, path.z[:, ahead] - path.z)
        way += 0.15 * np.abs(path.yaw[:, ahead] - path.yaw)
        speed = way * FPS / np.maximum(ahead - now, 1)
        seconds = np.minimum(
            np.maximum(_STEP_S - _STEP_S_PER_SPEED * speed, _STEP_BOUNDS_S[0]), _STEP_BOUNDS_S[1]
        )
        pace = np.array([[body.style.pace] for body in bodies])
        size = np.sqrt([[body.scale] for body in bodies])
        #: Frames (2, T) that it takes, both feet on the ground included.
        self.duration = FPS * seconds * pace * size
        settle = np.maximum(np.rint(_DOUBLE * self.duration), 1)
        landing = now + np.rint(self.duration) - settle + np.rint(_OVER * self.duration)
        #: Frame (2, T) at which the body is over the foot after it.
        self.landing = np.minimum(landing.astype(np.int64), frames - 1)
        #: Frame (T,) in which it is seen that the body moves off the foot.
        self.leaving = np.minimum(now + _START_FRAMES, frames - 1)


class _Walker:
    """Where both feet of one person belong and are planted, and the steps so far."""

    def __init__(self, person: int, path: GroundPath, places: Array, times: _StepTimes, body: Body):
        self.frames, self.body = path.x.shape[1], body
        self.x, self.z, self.yaw = path.x[person], path.z[person], path.yaw[person]
        self.places = places[:, person]  # (3, 2, T)
        self.duration = times.duration[person]
        self.landing, self.leaving = times.landing[person], times.leaving
        #: Places (3, 2, 2, T) of the feet in those frames.
        self.later = self.places[:, :, np.stack([self.landing, self.leaving])]
        self.feet = [self.place(0, 0), self.place(1, 0)]
        self.start = list(self.feet)
        self.steps: list[_Step] = []

    def place(self, foot: int, frame: int) -> tuple[float, float, float]:
        """Where this foot belongs (x, z, yaw) under the body at that frame."""
        x, z, yaw = self.places[:, foot, min(frame, self.frames - 1)].tolist()
        return x, z, yaw

    def error_at(self, foot: int, frame: int) -> float:
        """Distance of the planted foot from its place, metres; its turn counts a little."""
        (x, z, yaw), planted = self.place(foot, frame), self.feet[foot]
        # The absolute value of a complex number is the hypotenuse as NumPy computes it, to the last bit.
        return abs(complex(x - planted[0], z - planted[1])) + 0.2 * abs(yaw - planted[2])

    def due(self, free: int) -> Iterator[int]:
        """Frames from `free` on in which a foot should leave: off its place then, and left by the body."""
        # People who walk take the next step at once: seen without arrays.
        landing, leaving = int(self.landing[free]), int(self.leaving[free])
        if any(
            self.error_at(foot, landing) > _THRESHOLD_M and self.error_at(foot, leaving) > _START_M
            for foot in (0, 1)
        ):
            yield free
        free += 1
        off = self.later[..., free:] - np.array(self.feet).T[:, :, None, None]
        error = np.hypot(off[0], off[1]) + 0.2 * np.abs(off[2])  # `error_at` of (foot, landing or leaving, T)
        (left, left_off), (right, right_off) = error > _DUE_M
        for frame in ((left & left_off) | (right & right_off)).nonzero()[0].tolist():
            yield free + frame

    def reach(self, foot: int, frame: int) -> float:
        """Distance of the planted foot from the body over the ground, metres."""
        frame = min(frame, self.frames - 1)
        return math.hypot(self.feet[foot][0] - self.x[frame], self.feet[foot][1] - self.z[frame])

    def gap(self, foot: int, place: tuple[float, float, float], frame: int) -> float:
        """How far the place is on this foot's own side of the other foot, metres."""
        other, yaw = self.feet[1 - foot], float(self.yaw[min(frame, self.frames - 1)])
        across = (place[0] - other[0]) * math.cos(yaw) - (place[1] - other[1]) * math.sin(yaw)
        return across if foot == 0 else -across

    def step(self, foot: int, start: int, end: int, flat: int, landing: int) -> None:
        """Take one step that lands at the foot's place of frame `landing`."""
        x, z, yaw = self.place(foot, landing)
        missing = _APART_M * self.body.scale - self.gap(foot, (x, z, yaw), landing)
        if missing > 0:
            heading = float(self.yaw[min(landing, self.frames - 1)])
            sign = missing if foot == 0 else -missing
            x, z = x + sign * math.cos(heading), z - sign * math.sin(heading)
        self.steps.append(_Step(foot, start, end, flat, self.feet[foot], (x, z, yaw)))
        self.feet[foot] = (x, z, yaw)


def _places(path: GroundPath, bodies: Sequence[Body]) -> Array:
    """Where feet belong under the body: (3, 2, 2, T) of x, z, yaw. Who walks forward, walks narrowly."""
    stance, stagger, toe_out, scale = np.array(
        [(b.style.stance, b.style.stagger, b.style.toe_out, b.scale) for b in bodies]
    ).T[:, :, None]
    sign = np.array([[1.0], [-1.0]])
    forward = np.minimum(np.maximum(path.forward, 0.0), 1.0)
    side = (scale * (stance - forward * (stance - 0.055)))[:, None] * sign
    ahead = scale[:, None] * (0.06 - (stagger * (1.0 - forward))[:, None] * sign)
    sine, cosine = path.sine[:, None], path.cosine[:, None]
    places = np.empty((3, *side.shape))
    places[0] = path.x[:, None] + side * cosine + ahead * sine
    places[1] = path.z[:, None] - side * sine + ahead * cosine
    places[2] = path.yaw[:, None] + (toe_out * (1.0 - 0.5 * forward))[:, None] * sign
    return places


def plan_feet(path: GroundPath, bodies: Sequence[Body], flights: Sequence[Sequence[Flight]]) -> Footing:
    """Where all feet are while both bodies go their ways; `flights` of each person."""
    places, times = _places(path, bodies), _StepTimes(path, bodies)
    walkers = [_Walker(person, path, places, times, body) for person, body in enumerate(bodies)]
    for walker, own in zip(walkers, flights, strict=True):
        _take_steps(walker, own)
    return _drawn(walkers)


def _take_steps(walker: _Walker, flights: Sequence[Flight]) -> None:
    """All steps of one person, those of the flights among them."""
    forced = sorted(flights, key=lambda flight: flight.start)
    free, last = 0, 1
    for flight in [*forced, Flight(-1, walker.frames, walker.frames)]:
        free, last = _walk(walker, free, flight.start, last)
        if flight.foot >= 0 and flight.start < walker.frames:
            walker.step(flight.foot, flight.start, flight.end, flight.end + 2, flight.end)
            free, last = flight.end + 2, flight.foot


def _walk(walker: _Walker, free: int, until: int, last: int) -> tuple[int, int]:
    """Take the steps from frame `free` on that end before `until`; the next free frame and the last foot.

    A step that begins after the last frame of the motion is none; one may end after it.
    """
    bound = until if until < walker.frames else 10 * walker.frames
    while free < min(until, walker.frames):
        for frame in walker.due(free):
            foot, swing, settle, landing = _next_step(walker, frame, last)
            if frame + swing + settle <= bound:
                walker.step(foot, frame, frame + swing, frame + swing + settle, landing)
                free, last = frame + swing + settle, foot
                break
        else:
            return free, last
    return free, last


def _next_step(walker: _Walker, frame: int, last: int) -> tuple[int, int, int, int]:
    """The step to begin now: foot, frames in the air, frames to roll flat, frame of its place."""
    duration = float(walker.duration[frame])
    while True:
        settle = max(round(_DOUBLE * duration), 1)
        swing = round(duration) - settle
        landing = frame + swing + round(_OVER * duration)
        foot = _next_foot(walker, landing, last)
        # The standing leg must still reach the ground when the step ends, however fast the body moves.
        if duration < _SHORTEST or walker.reach(1 - foot, frame + swing + settle) < _REACH * walker.body.leg:
            return foot, swing, settle, landing
        duration *= 0.9


def _next_foot(walker: _Walker, landing: int, last: int) -> int:
    """The foot to step now: off its place, preferably not the last one, nor across the other."""
    landing = min(landing, walker.frames - 1)
    errors = [walker.error_at(foot, landing) for foot in (0, 1)]
    off = [foot for foot in (1 - last, last) if errors[foot] > _THRESHOLD_M] or [1 - last]
    crossing = walker.gap(off[0], walker.place(off[0], landing), landing) < 0.0
    if len(off) == 2 and errors[off[0]] < 1.25 * errors[off[1]] and crossing:
        return off[1]
    return off[0]


class _Shape(NamedTuple):
    """What the curves of one step are made of; or of many steps: then every field is an array."""

    x: Any  # the place at which it begins, and the way from there; metres and radians
    z: Any
    yaw: Any
    way_x: Any
    way_z: Any
    way_yaw: Any
    start: Any  # frame at which the ball leaves the ground, and frames until the foot lands
    length: Any
    rise: Any  # frame at which the heel leaves the ground
    flat: Any
    long: Any  # 0 short ... 1 a long step forward
    highest: Any  # foot pitch with the heel up, and when it lands, radians
    landing: Any
    early: Any  # clearance at the beginning and at the end, metres
    late: Any


def _shape(step: _Step, flat: int, body: Body) -> _Shape:
    """The shape of a step of a foot that is flat from frame `flat` on."""
    length = step.end - step.start
    way_x, way_z, way_yaw = (goal - origin for goal, origin in zip(step.goal, step.origin, strict=True))
    forward = (way_x * math.sin(step.goal[2]) + way_z * math.cos(step.goal[2])) / (_LONG_WAY * body.leg)
    long = min(max(forward, 0.0), 1.15)
    far = min(math.hypot(way_x, way_z) / 0.4, 1.0)
    return _Shape(
        *step.origin, way_x, way_z, way_yaw, step.start, length,
        # The heel leaves the ground before the ball, but not before the foot has stood flat.
        rise=max(step.start - 0.39 * length, flat), flat=step.flat, long=long,
        highest=_HEEL_RISE + _HEEL_RISE_LONG * min(long**0.7, 1.0),
        landing=_TOES_UP * min(long, 1.0) + _TOES_DOWN * min(max(-3.0 * forward, 0.0), 1.0),
        early=body.scale * (0.035 + 0.5 * body.style.lift + 0.035 * far),
        late=body.scale * (0.018 + 0.020 * far),
    )  # fmt: skip


def _drawn(walkers: Sequence[_Walker]) -> Footing:
    """The steps as curves over time."""
    frames = walkers[0].frames
    place, rest = np.empty((3, len(walkers), 2, frames)), np.zeros((5, len(walkers), 2, frames))
    shapes, spans = [], []
    for person, walker in enumerate(walkers):
        place[:, person] = np.array(walker.start).T[:, :, None]
        flat = [0, 0]
        for step in walker.steps:
            shape, stop = _shape(step, flat[step.foot], walker.body), min(step.flat, frames)
            place[:, person, step.foot, stop:] = np.array(step.goal)[:, None]
            flat[step.foot] = step.flat
            if (first := math.ceil(shape.rise)) < stop:
                shapes.append(shape)
                spans.append((person, step.foot, first, stop))
    if shapes:
        # All frames of all steps, one after the other.
        t = np.concatenate([np.arange(first, stop) for _, _, first, stop in spans])
        counts = [stop - first for _, _, first, stop in spans]
        people, feet = np.repeat(np.array([span[:2] for span in spans]).T, counts, axis=1)
        curves = _step_curves(t, _Shape(*np.repeat(np.array(shapes).T, counts, axis=1)))
        place[:, people, feet, t], rest[:, people, feet, t] = curves[:3], curves[3:]
    return Footing(*place, *rest)


def _step_curves(t: Array, step: _Shape) -> Array:
    """The fields of `Footing` (8, n) at frames t (n,) of steps."""
    u = np.minimum(np.maximum((t - step.start) / step.length, 0.0), 1.0)
    # The ball has left the ground before it travels.
    travel = np.maximum((u - 0.06) / 0.94, 0.0)
    travel = travel * travel * (3.0 - 2.0 * travel)
    # The heel rises, the toes come up, the foot lands and rolls flat.
    up = minimum_jerk((t - step.rise) / (step.start + 0.24 * step.length - step.rise))
    over = minimum_jerk((t - step.start - 0.16 * step.length) / (0.84 * step.length))
    end = step.start + step.length
    down = minimum_jerk((t - end) / (step.flat - end))
    rolling = minimum_jerk((t - step.rise) / np.maximum(step.start - step.rise, 1.0)) - down
    # Highest early in the step, when the heel is up, with some clearance left in its second half.
    done, left = u * u, (1.0 - u) * (1.0 - u)
    lift = 45.6 * done * left * (step.early * left + step.late * done)
    swing = 4.0 * u * (1.0 - u)
    return np.stack(
        [
            step.x + travel * step.way_x,
            step.z + travel * step.way_z,
            step.yaw + travel * step.way_yaw,
            lift,
            step.highest * up - (step.highest - step.landing) * over - step.landing * down,
            rolling,
            swing,
            step.long * swing,
        ]
    )
