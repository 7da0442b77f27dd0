"""What a choreography plays on: methods that write the motion plan of two bodies, contacts and events.

A choreography (`kinds/`) is written for role 0 (the actor, on the -Z side facing +Z) and role 1 (the partner,
facing -Z), right-handed, on one clock. `clips` plays it, and mirrors, exchanges and places the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.datasets.duets.gait import Flight
from intermask_cli.datasets.duets.labels import Contact
from intermask_cli.datasets.duets.motion_plan import FootLift, MotionPlan, Reach, Trunk
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, trapezoid
from intermask_cli.motion.skeleton import FPS, JOINT

LONGEST_FRAMES = 300
SHORTEST_FRAMES = 60
#: Factor on the duration of gestures, and speed of walking in m/s.
_TEMPO_FACTOR = {"slow": 1.25, "normal": 1.0, "fast": 0.8}
_WALK_SPEED = {"slow": 0.85, "normal": 1.1, "fast": 1.35}


@dataclass(frozen=True)
class Start:
    """Places of both persons at the beginning of a second phase, in its frame: their middle is the origin."""

    root: Array  # (2, 2) ground position x, z
    yaw: Array  # (2,)
    clock: float


class Stage:
    """What a choreography plays on. Times are frames on `t`; the plan is written up to frame `clock`."""

    def __init__(
        self, rng: np.random.Generator, bodies: tuple[Body, Body], tempo: str, manner: str | None,
        repeats: int | None, approach: str, straight: bool, start: Start | None = None,
    ):  # fmt: skip
        self.rng, self.bodies, self.tempo, self.manner = rng, bodies, tempo, manner
        self.repeats, self.approach, self.straight = repeats or 1, approach, straight
        self.t = np.arange(LONGEST_FRAMES + 60, dtype=np.float64)
        n = len(self.t)
        self.plan = MotionPlan(
            root=np.zeros((2, n, 2)), yaw=np.zeros((2, n)), hips_pitch=np.zeros((2, n)),
            hips_roll=np.zeros((2, n)), bend=np.zeros((2, n, 3)), crouch=np.zeros((2, n)),
            shift=np.zeros((2, n, 2)), nod=np.zeros((2, n)), gaze=np.ones((2, n)), look=np.zeros((2, n)),
            elbow=np.zeros((2, n, 2)), jump=np.zeros((2, n)),
        )  # fmt: skip
        self.clock = 0.0 if start is None else start.clock
        self.start = start
        self.first = 0  # frames before this one are cut off (clips that begin in the middle of a walk)
        self.contacts: list[Contact] = []
        self.events: list[tuple[str, int]] = []
        self.size = (bodies[0].scale + bodies[1].scale) / 2

    # -- time ---------------------------------------------------------------------------------------------

    def beat(self, seconds: float) -> float:
        """A duration at normal tempo -> frames at this clip's tempo."""
        return seconds * FPS * _TEMPO_FACTOR[self.tempo]

    def strike(self, seconds: float) -> float:
        """Frames of a fast movement at this tempo; at least 0.35 s, since tokens lose shorter ones."""
        factor: float = _TEMPO_FACTOR[self.tempo] ** 0.5
        return max(seconds * factor, 0.35) * FPS

    def some(self, low: float, high: float) -> float:
        """A random number between two."""
        return float(self.rng.uniform(low, high))

    def delay(self, person: int) -> float:
        """Reaction delay of a person in frames."""
        return self.bodies[person].style.reaction_s * FPS

    # -- place --------------------------------------------------------------------------------------------

    def meet(self, gap: float) -> None:
        """Stand face to face `gap` metres apart (1.70 m bodies); persons who walk up arrive at `clock`."""
        gap *= self.size
        for person, sign in ((0, -1.0), (1, 1.0)):
            place = np.array([self.some(-0.02, 0.02), sign * gap / 2])
            facing = (0.0 if person == 0 else math.pi) + self.some(-0.07, 0.07)
            self.plan.root[person] = place
            self.plan.yaw[person] = facing
        if self.start is not None:
            self._regroup(self.start)
            return
        self.clock = self.some(5, 12)
        walkers = {"near": (), "actor": (0,), "both": (0, 1)}[self.approach]
        for person in walkers:
            self._walk_up(person, self.some(0.7, 1.4) / len(walkers) ** 0.5)
        if self.approach == "actor":
            self._turn_towards(1)

    def _regroup(self, start: Start) -> None:
        """Walk from the places at the end of the first phase to those of this one."""
        speed = _WALK_SPEED[self.tempo]
        for person in (0, 1):
            way = start.root[person] - self.plan.root[person, -1]
            turn = start.yaw[person] - self.plan.yaw[person, -1]
            turn -= 2 * math.pi * round(turn / (2 * math.pi))
            needed = max(math.hypot(*way) / (0.65 * speed), abs(turn) / 2.0, 0.3) * FPS
            begin = start.clock + self.some(0, 5)
            u = (self.t - begin) / needed
            self.plan.root[person] += (1.0 - trapezoid(u, 0.35))[:, None] * way
            self.plan.yaw[person] += turn * (1.0 - ramp(self.t, begin, begin + needed))
            self.clock = max(self.clock, begin + needed)

    def _walk_up(self, person: int, distance: float) -> None:
        """Come from `distance` metres further back, not always straight ahead, and face the partner."""
        facing = self.plan.yaw[person, -1]
        heading = facing + self.some(-0.45, 0.45)
        speed = _WALK_SPEED[self.tempo] * self.some(0.9, 1.1)
        start = self.some(2, 8)
        arrive = start + max(distance / (0.65 * speed) * FPS, 30)
        left = trapezoid((self.t - start) / (arrive - start), 0.35) - 1.0
        self.plan.root[person] += left[:, None] * distance * np.array([math.sin(heading), math.cos(heading)])
        self.plan.yaw[person] += (heading - facing) * (
            1.0 - ramp(self.t, start + 0.4 * (arrive - start), arrive)
        )
        self.clock = max(self.clock, arrive - 4)

    def _turn_towards(self, person: int) -> None:
        """Turn to face the partner during their approach."""
        start = self.some(0.1, 0.4) * self.clock
        self.plan.yaw[person] += self.some(-0.6, 0.6) * (1.0 - ramp(self.t, start, start + self.beat(0.6)))

    def move(self, person: int, start: float, end: float, forward: float, left: float = 0.0) -> None:
        """Walk metres forward and to the left, relative to the heading at `start`."""
        # `start` is past the end only in a second phase that is too long and will be drawn again.
        yaw = self.plan.yaw[person, min(int(start), len(self.t) - 1)]
        way = [forward * math.sin(yaw) + left * math.cos(yaw), forward * math.cos(yaw) - left * math.sin(yaw)]
        self.plan.root[person] += trapezoid((self.t - start) / (end - start), 0.4)[:, None] * np.array(way)

    def turn(self, person: int, curve: Array, left: float) -> None:
        """Turn on the spot by `left` radians times the curve."""
        self.plan.yaw[person] += left * curve

    # -- body ---------------------------------------------------------------------------------------------

    def bend(
        self, person: int, curve: Array, forward: float = 0.0, right: float = 0.0, twist: float = 0.0
    ) -> None:
        """Bend the spine, radians: forward, to the right, twisted to the left."""
        self.plan.bend[person] += curve[:, None] * np.array([forward, right, twist])

    def bow(self, person: int, curve: Array, forward: float) -> None:
        """Bend from the hips and the spine, with the hips going back to keep balance."""
        self.plan.hips_pitch[person] += 0.5 * forward * curve
        self.plan.bend[person, :, 0] += 0.5 * forward * curve
        self.shift(person, curve, forward=-0.13 * math.sin(max(forward, 0.0)))

    def crouch(self, person: int, curve: Array, depth: float) -> None:
        """Lower the pelvis by `depth` metres times the curve."""
        self.plan.crouch[person] += curve * depth * self.bodies[person].scale

    def jump(self, person: int, off: float, land: float, height: float) -> None:
        """Be in the air from frame `off` to `land`, `height` metres high; knees give before and after."""
        u = np.clip((self.t - off) / (land - off), 0.0, 1.0)
        self.plan.jump[person] += 4.0 * u * (1.0 - u) * height * self.bodies[person].scale
        self.crouch(person, pulse(self.t, off - 12, off - 5, off - 5, off + 1), 0.11)
        self.crouch(person, pulse(self.t, land - 3, land + 4, land + 4, land + 12), 0.09)

    def shift(self, person: int, curve: Array, left: float = 0.0, forward: float = 0.0) -> None:
        """Move the pelvis over planted feet, metres."""
        self.plan.shift[person] += curve[:, None] * np.array([left, forward]) * self.bodies[person].scale

    def nod(self, person: int, curve: Array, down: float) -> None:
        """Pitch the head down by `down` radians times the curve."""
        self.plan.nod[person] += curve * down

    def look_away(self, person: int, curve: Array) -> None:
        """Stop looking at the partner where the curve is 1."""
        self.plan.gaze[person] *= 1.0 - curve

    def look(self, person: int, curve: Array, left: float, down: float = 0.0) -> None:
        """Turn the head away from the partner, radians."""
        self.look_away(person, curve)
        self.plan.look[person] += curve * left
        self.nod(person, curve, down)

    def quicken(self, person: int, factor: float) -> None:
        """Let this person take quicker steps, as dancers do: a factor on the time of a step."""
        body = self.bodies[person]
        quick = replace(body, style=replace(body.style, pace=body.style.pace * factor))
        self.bodies = (quick, self.bodies[1]) if person == 0 else (self.bodies[0], quick)

    def elbow(self, person: int, hand: int, curve: Array, out: float) -> None:
        """Push an elbow outward, from 0 (hanging) to 1."""
        self.plan.elbow[person, :, hand] += curve * out

    def hand(
        self, person: int, hand: int, curve: Array, target: Callable[[Trunk], Array], bulge: float = 0.15
    ) -> None:
        """Bring a palm (0 left, 1 right) to a target, on top of the hand's motion so far."""
        self.plan.reaches.append(Reach(person, hand, curve, target, bulge))

    def foot(
        self, person: int, foot: int, curve: Array, target: Callable[[Array, Array], Array], pitch: float
    ) -> None:
        """Lift an ankle from the ground to a target given pelvis (T, 3) and heading (T,)."""
        self.plan.lifts.append(FootLift(person, foot, curve, target, pitch))

    def flight(self, person: int, foot: int, start: float, end: float) -> None:
        """This foot is off the ground between two frames, while the other one stands."""
        self.plan.flights[person].append(Flight(foot, round(start), round(end)))

    # -- labels -------------------------------------------------------------------------------------------

    def contact(self, start: float, end: float, joint1: str, joint2: str) -> None:
        """Joint of role 0 touches joint of role 1."""
        self.contacts.append(Contact(round(start), round(end), JOINT[joint1], JOINT[joint2]))

    def event(self, name: str, frame: float) -> None:
        """A named moment for the labels."""
        self.events.append((name, round(frame)))

    def frames(self) -> tuple[int, int]:
        """First and last (exclusive) frame of the clip: until the clock, within the allowed length."""
        last = self.first + min(max(round(self.clock) - self.first, SHORTEST_FRAMES), LONGEST_FRAMES)
        return self.first, last
