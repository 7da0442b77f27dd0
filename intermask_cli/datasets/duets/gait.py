"""Footsteps from a root path: planted feet step, one at a time, to where the body will be.

A step is drawn as people take it: the heel leaves the ground first, the ball at the end of the stand; the
foot lands on its heel and rolls flat while the other one still carries. Times, heights and angles are those
of ordinary walking (compare Winter, Biomechanics and Motor Control of Human Movement, 2009); how near they
come to captured walks is measured by `benchmarks.duets.statistics --walks`.
"""

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
#: A standing foot does not leave before the body moves this far off it within `_START_FRAMES`.
_START_M, _START_FRAMES = 0.02, 6
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
    """Both feet over time; the last axis is (left, right)."""

    x: Array  # (T, 2) metres: the ball of the flat foot
    z: Array  # (T, 2)
    yaw: Array  # (T, 2) radians
    lift: Array  # (T, 2) metres above the planted height
    pitch: Array  # (T, 2) radians, positive with the toes down
    rolling: Array  # (T, 2) 0 flat on the ground ... 1 pitch decided by the step
    swing: Array  # (T, 2) 0 planted ... 1 in the middle of a step
    stride: Array  # (T, 2) as swing, but larger for longer steps forward


@dataclass(frozen=True)
class _Step:
    """Foot, frames [start, end) in the air, frame at which it is flat, and its places (x, z, yaw)."""

    foot: int
    start: int
    end: int
    flat: int
    origin: tuple[float, float, float]
    goal: tuple[float, float, float]


class _Walker:
    """Where both feet belong and are planted, and the steps so far."""

    def __init__(self, root: Array, yaw: Array, body: Body):
        self.frames, self.body = len(yaw), body
        self.root, self.yaw = root, yaw
        self.places = _places(root, yaw, body)  # (2, T, 3)
        now = np.arange(self.frames)
        ahead = np.minimum(now + FPS // 2, self.frames - 1)
        way = np.hypot(*(root[ahead] - root).T) + 0.15 * np.abs(yaw[ahead] - yaw)
        speed = way * FPS / np.maximum(ahead - now, 1)
        seconds = np.clip(_STEP_S - _STEP_S_PER_SPEED * speed, *_STEP_BOUNDS_S)
        #: Frames (T,) of a step that begins then, both feet on the ground included.
        self.duration = FPS * seconds * body.style.pace * math.sqrt(body.scale)
        settle = np.maximum(np.rint(_DOUBLE * self.duration), 1)
        landing = now + np.rint(self.duration) - settle + np.rint(_OVER * self.duration)
        #: Frame (T,) at which the body is over the foot after a step that begins then.
        self.landing = np.minimum(landing.astype(np.int64), self.frames - 1)
        self.leaving = np.minimum(now + _START_FRAMES, self.frames - 1)
        self.feet = [self.place(0, 0), self.place(1, 0)]
        self.start = list(self.feet)
        self.steps: list[_Step] = []

    def place(self, foot: int, frame: int) -> tuple[float, float, float]:
        """Where this foot belongs (x, z, yaw) under the body at that frame."""
        x, z, yaw = self.places[foot, min(frame, self.frames - 1)].tolist()
        return x, z, yaw

    def error(self, foot: int, frames: Array) -> Array:
        """Distance of the planted foot from its places of some frames, metres; its turn counts a little."""
        off = self.places[foot, frames] - np.array(self.feet[foot])
        error: Array = np.hypot(off[..., 0], off[..., 1]) + 0.2 * np.abs(off[..., 2])
        return error

    def error_at(self, foot: int, frame: int) -> float:
        """`error` of one frame, without arrays."""
        (x, z, yaw), planted = self.place(foot, frame), self.feet[foot]
        # The absolute value of a complex number is the hypotenuse as NumPy computes it, to the last bit.
        return abs(complex(x - planted[0], z - planted[1])) + 0.2 * abs(yaw - planted[2])

    def due(self, free: int) -> list[int]:
        """Frames from `free` on in which a foot should leave: off its place then, and left by the body."""
        off = [
            (self.error(foot, self.landing[free:]) > _THRESHOLD_M)
            & (self.error(foot, self.leaving[free:]) > _START_M)
            for foot in (0, 1)
        ]
        return [free + int(frame) for frame in np.flatnonzero(off[0] | off[1])]

    def reach(self, foot: int, frame: int) -> float:
        """Distance of the planted foot from the body over the ground, metres."""
        x, z = self.root[min(frame, self.frames - 1)]
        return math.hypot(self.feet[foot][0] - x, self.feet[foot][1] - z)

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


def _places(root: Array, yaw: Array, body: Body) -> Array:
    """Where both feet belong under the body: (2, T, 3) of x, z, yaw. Who walks forward, walks narrowly."""
    style, scale = body.style, body.scale
    s, c = np.sin(yaw), np.cos(yaw)
    velocity = np.gradient(root, axis=0) * FPS
    forward = np.clip(velocity[:, 0] * s + velocity[:, 1] * c, 0.0, 1.0)
    places = np.empty((2, len(yaw), 3))
    for foot, sign in enumerate((1.0, -1.0)):
        side = sign * scale * (style.stance - forward * (style.stance - 0.055))
        ahead = scale * (0.06 - sign * style.stagger * (1.0 - forward))
        places[foot, :, 0] = root[:, 0] + side * c + ahead * s
        places[foot, :, 1] = root[:, 1] - side * s + ahead * c
        places[foot, :, 2] = yaw + sign * style.toe_out * (1.0 - 0.5 * forward)
    return places


def plan_feet(root: Array, yaw: Array, body: Body, flights: list[Flight]) -> Footing:
    """Root path (T, 2) in metres (x, z) and heading (T,) in radians -> where both feet are."""
    walker = _Walker(root, yaw, body)
    forced = sorted(flights, key=lambda flight: flight.start)
    free, last = 0, 1
    for flight in [*forced, Flight(-1, walker.frames, walker.frames)]:
        free, last = _walk(walker, free, flight.start, last)
        if flight.foot >= 0 and flight.start < walker.frames:
            walker.step(flight.foot, flight.start, flight.end, flight.end + 2, flight.end)
            free, last = flight.end + 2, flight.foot
    return _drawn(walker, body)


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


def _drawn(walker: _Walker, body: Body) -> Footing:
    """The steps as curves over time."""
    frames = walker.frames
    place = np.empty((frames, 2, 3))
    place[:] = np.asarray(walker.start)
    lift, pitch, rolling, swing, stride = np.zeros((5, frames, 2))
    flat = [0, 0]
    for step in walker.steps:
        foot, length = step.foot, step.end - step.start
        way = np.asarray(step.goal) - np.asarray(step.origin)
        forward = (way[0] * math.sin(step.goal[2]) + way[1] * math.cos(step.goal[2])) / (_LONG_WAY * body.leg)
        long = min(max(forward, 0.0), 1.15)
        # The heel leaves the ground before the ball, but not before the foot has stood flat.
        rise = max(step.start - 0.39 * length, flat[foot])
        first, stop = math.ceil(rise), min(step.flat, frames)
        t = np.arange(first, stop, dtype=np.float64)
        u = np.clip((t - step.start) / length, 0.0, 1.0)
        # The ball has left the ground before it travels.
        travel = np.clip((u - 0.06) / 0.94, 0.0, 1.0)
        place[first:stop, foot] = np.asarray(step.origin) + (travel**2 * (3.0 - 2.0 * travel))[:, None] * way
        place[stop:, foot] = step.goal
        pitch[first:stop, foot] = _rolled(t, step, rise, long, min(max(-3.0 * forward, 0.0), 1.0))
        rolling[first:stop, foot] = minimum_jerk((t - rise) / max(step.start - rise, 1.0)) - minimum_jerk(
            (t - step.end) / (step.flat - step.end)
        )
        # Highest early in the step, when the heel is up, with some clearance left in its second half.
        early, late = 45.6 * u**2 * (1.0 - u) ** 4, 45.6 * u**4 * (1.0 - u) ** 2
        far = min(math.hypot(way[0], way[1]) / 0.4, 1.0)
        lift[first:stop, foot] = body.scale * (
            (0.035 + 0.5 * body.style.lift + 0.035 * far) * early + (0.018 + 0.020 * far) * late
        )
        swing[first:stop, foot] = 4.0 * u * (1.0 - u)
        stride[first:stop, foot] = long * swing[first:stop, foot]
        flat[foot] = step.flat
    return Footing(place[..., 0], place[..., 1], place[..., 2], lift, pitch, rolling, swing, stride)


def _rolled(t: Array, step: _Step, rise: float, long: float, back: float) -> Array:
    """Pitch of a stepping foot: the heel rises, the toes come up, the foot lands and is flat."""
    length = step.end - step.start
    highest = _HEEL_RISE + _HEEL_RISE_LONG * min(long**0.7, 1.0)
    landing = _TOES_UP * min(long, 1.0) + _TOES_DOWN * back
    up = minimum_jerk((t - rise) / (step.start + 0.24 * length - rise))
    over = minimum_jerk((t - step.start - 0.16 * length) / (0.84 * length))
    down = minimum_jerk((t - step.end) / (step.flat - step.end))
    pitch: Array = highest * up - (highest - landing) * over - landing * down
    return pitch
