"""The small engine that runs a choreography: random bodies and labels in, an exact two-person clip out.

A choreography (`kinds/`) is written for role 0 (the actor, on the -Z side facing +Z) and role 1 (the partner,
facing -Z), right-handed, on one clock. The stage mirrors it for the left side, exchanges the people when the
actor is person 2, and puts everything at a random place and heading. Clips of two phases: `two_phase`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.datasets.duets.gait import Flight
from intermask_cli.datasets.duets.labels import (
    CORE,
    KINDS,
    LEFT,
    RIGHT,
    TEMPOS,
    Contact,
    DuetClip,
    KindSet,
    Labels,
)
from intermask_cli.datasets.duets.posing import Posed, pose
from intermask_cli.datasets.duets.rig import Body, random_body
from intermask_cli.datasets.duets.score import MIRROR_X, FootLift, Reach, Score, Trunk
from intermask_cli.datasets.duets.timing import ramp, trapezoid
from intermask_cli.motion.rotation import matrix_about_y, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FPS, JOINT, MIRROR

Array = np.ndarray

LONGEST_FRAMES = 300
SHORTEST_FRAMES = 60
_TEMPO_FACTOR = {"slow": 1.25, "normal": 1.0, "fast": 0.8}
_WALK_SPEED = {"slow": 0.85, "normal": 1.1, "fast": 1.35}
WORLD_M = 3.0  # clips lie within this distance of the origin, each way


@dataclass(frozen=True)
class Start:
    """Where both stand when a second phase begins, seen from that phase; the middle between them is 0."""

    root: Array  # (2, 2) ground position x, z
    yaw: Array  # (2,)
    clock: float


class Stage:
    """What a choreography plays on. Times are frames on `t`; `clock` is the frame authoring has come to."""

    def __init__(
        self, rng: np.random.Generator, bodies: tuple[Body, Body], tempo: str, manner: str | None,
        repeats: int | None, approach: str, straight: bool, start: Start | None = None,
    ):  # fmt: skip
        self.rng, self.bodies, self.tempo, self.manner = rng, bodies, tempo, manner
        self.repeats, self.approach, self.straight = repeats or 1, approach, straight
        self.t = np.arange(LONGEST_FRAMES + 60, dtype=np.float64)
        n = len(self.t)
        self.score = Score(
            root=np.zeros((2, n, 2)), yaw=np.zeros((2, n)), hips_pitch=np.zeros((2, n)),
            hips_roll=np.zeros((2, n)), bend=np.zeros((2, n, 3)), crouch=np.zeros((2, n)),
            shift=np.zeros((2, n, 2)), nod=np.zeros((2, n)), gaze=np.ones((2, n)), look=np.zeros((2, n)),
            elbow=np.zeros((2, n, 2)),
        )  # fmt: skip
        self.clock = 0.0 if start is None else start.clock
        self.start = start
        self.first = 0  # frames before this one are cut off (clips that begin in the middle of a walk)
        self.contacts: list[Contact] = []
        self.events: list[tuple[str, int]] = []
        self.size = (bodies[0].scale + bodies[1].scale) / 2

    # -- time ---------------------------------------------------------------------------------------------

    def beat(self, seconds: float) -> float:
        """Frames of so many seconds at this clip's tempo."""
        return seconds * FPS * _TEMPO_FACTOR[self.tempo]

    def strike(self, seconds: float) -> float:
        """Frames of a fast movement: tempo counts, but never under 0.35 s (shorter ones vanish in tokens)."""
        return max(seconds * _TEMPO_FACTOR[self.tempo] ** 0.5, 0.35) * FPS

    def some(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def delay(self, person: int) -> float:
        """Reaction delay of a person, frames."""
        return self.bodies[person].style.reaction_s * FPS

    # -- where --------------------------------------------------------------------------------------------

    def meet(self, gap: float) -> None:
        """Stand face to face `gap` metres apart (1.70 m bodies); whoever walks up arrives at `clock`."""
        gap *= self.size
        for person, sign in ((0, -1.0), (1, 1.0)):
            place = np.array([self.some(-0.02, 0.02), sign * gap / 2])
            facing = (0.0 if person == 0 else math.pi) + self.some(-0.07, 0.07)
            self.score.root[person] = place
            self.score.yaw[person] = facing
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
        """Go from where a phase before this one has ended to the places just taken."""
        speed = _WALK_SPEED[self.tempo]
        for person in (0, 1):
            way = start.root[person] - self.score.root[person, -1]
            turn = start.yaw[person] - self.score.yaw[person, -1]
            turn -= 2 * math.pi * round(turn / (2 * math.pi))
            needed = max(math.hypot(*way) / (0.65 * speed), abs(turn) / 2.0, 0.3) * FPS
            begin = start.clock + self.some(0, 5)
            u = (self.t - begin) / needed
            self.score.root[person] += (1.0 - trapezoid(u, 0.35))[:, None] * way
            self.score.yaw[person] += turn * (1.0 - ramp(self.t, begin, begin + needed))
            self.clock = max(self.clock, begin + needed)

    def _walk_up(self, person: int, distance: float) -> None:
        """Come from `distance` metres further back, not always straight ahead, and face the partner."""
        facing = self.score.yaw[person, -1]
        heading = facing + self.some(-0.45, 0.45)
        speed = _WALK_SPEED[self.tempo] * self.some(0.9, 1.1)
        start = self.some(2, 8)
        arrive = start + max(distance / (0.65 * speed) * FPS, 30)
        left = trapezoid((self.t - start) / (arrive - start), 0.35) - 1.0
        self.score.root[person] += left[:, None] * distance * np.array([math.sin(heading), math.cos(heading)])
        self.score.yaw[person] += (heading - facing) * (
            1.0 - ramp(self.t, start + 0.4 * (arrive - start), arrive)
        )
        self.clock = max(self.clock, arrive - 4)

    def _turn_towards(self, person: int) -> None:
        """Notice somebody coming: turn to face them during the approach."""
        start = self.some(0.1, 0.4) * self.clock
        self.score.yaw[person] += self.some(-0.6, 0.6) * (1.0 - ramp(self.t, start, start + self.beat(0.6)))

    def move(self, person: int, start: float, end: float, forward: float, left: float = 0.0) -> None:
        """Walk so many metres relative to the heading at `start`."""
        # Past the end only in a second phase that is drawn again because it gets too long.
        yaw = self.score.yaw[person, min(int(start), len(self.t) - 1)]
        way = [forward * math.sin(yaw) + left * math.cos(yaw), forward * math.cos(yaw) - left * math.sin(yaw)]
        self.score.root[person] += trapezoid((self.t - start) / (end - start), 0.4)[:, None] * np.array(way)

    def turn(self, person: int, curve: Array, left: float) -> None:
        """Turn on the spot by `left` radians times the curve."""
        self.score.yaw[person] += left * curve

    # -- body ---------------------------------------------------------------------------------------------

    def bend(
        self, person: int, curve: Array, forward: float = 0.0, right: float = 0.0, twist: float = 0.0
    ) -> None:
        """Bend the spine, radians: forward, to the right, twisted to the left."""
        self.score.bend[person] += curve[:, None] * np.array([forward, right, twist])

    def bow(self, person: int, curve: Array, forward: float) -> None:
        """Bend from the hips and the spine, with the hips going back to keep balance."""
        self.score.hips_pitch[person] += 0.5 * forward * curve
        self.score.bend[person, :, 0] += 0.5 * forward * curve
        self.shift(person, curve, forward=-0.13 * math.sin(max(forward, 0.0)))

    def crouch(self, person: int, curve: Array, depth: float) -> None:
        self.score.crouch[person] += curve * depth * self.bodies[person].scale

    def shift(self, person: int, curve: Array, left: float = 0.0, forward: float = 0.0) -> None:
        """Move the pelvis over planted feet, metres."""
        self.score.shift[person] += curve[:, None] * np.array([left, forward]) * self.bodies[person].scale

    def nod(self, person: int, curve: Array, down: float) -> None:
        self.score.nod[person] += curve * down

    def look_away(self, person: int, curve: Array) -> None:
        """Stop looking at the partner while the curve is up."""
        self.score.gaze[person] *= 1.0 - curve

    def look(self, person: int, curve: Array, left: float, down: float = 0.0) -> None:
        """Turn the head away from the partner, radians."""
        self.look_away(person, curve)
        self.score.look[person] += curve * left
        self.nod(person, curve, down)

    def quicken(self, person: int, factor: float) -> None:
        """Let this person take quicker steps (a dancer's), as a factor on their time."""
        body = self.bodies[person]
        quick = replace(body, style=replace(body.style, pace=body.style.pace * factor))
        self.bodies = (quick, self.bodies[1]) if person == 0 else (self.bodies[0], quick)

    def elbow(self, person: int, hand: int, curve: Array, out: float) -> None:
        self.score.elbow[person, :, hand] += curve * out

    def hand(
        self, person: int, hand: int, curve: Array, target: Callable[[Trunk], Array], bulge: float = 0.15
    ) -> None:
        """Bring a palm (0 left, 1 right) to a target, on top of what the hand did before."""
        self.score.reaches.append(Reach(person, hand, curve, target, bulge))

    def foot(
        self, person: int, foot: int, curve: Array, target: Callable[[Array, Array], Array], pitch: float
    ) -> None:
        """Lift an ankle from the ground to a target given pelvis (T, 3) and heading (T,)."""
        self.score.lifts.append(FootLift(person, foot, curve, target, pitch))

    def flight(self, person: int, foot: int, start: float, end: float) -> None:
        """This foot is off the ground between two frames; the other one stands."""
        self.score.flights[person].append(Flight(foot, round(start), round(end)))

    # -- labels -------------------------------------------------------------------------------------------

    def contact(self, start: float, end: float, joint1: str, joint2: str) -> None:
        """Joint of role 0 touches joint of role 1."""
        self.contacts.append(Contact(round(start), round(end), JOINT[joint1], JOINT[joint2]))

    def event(self, name: str, frame: float) -> None:
        self.events.append((name, round(frame)))

    def frames(self) -> tuple[int, int]:
        """First and last (exclusive) frame of the clip: until the clock, within the allowed length."""
        last = self.first + min(max(round(self.clock) - self.first, SHORTEST_FRAMES), LONGEST_FRAMES)
        return self.first, last


def make_clip(seed: int, index: int, kind: str | None = None, kinds: KindSet = CORE) -> DuetClip:
    """Clip `index` of the corpus with this seed: the same bytes every time; `kind` None draws one of `kinds`.

    Raises ValueError for an unknown kind.
    """
    from intermask_cli.datasets.duets.two_phase import two_phase_stage

    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    if kind is None and kinds.two_phase > 0.0 and rng.random() < kinds.two_phase:
        stage, labels, exchange = two_phase_stage(rng, kinds.pairs())
        return _finished(stage, pose_stage(stage), labels, exchange, seed, index)
    drawn = kinds.kinds[int(rng.integers(len(kinds.kinds)))]
    name = drawn if kind is None else kind
    if name not in KINDS:
        raise ValueError(f"unknown kind {name!r}; choose one of {', '.join(KINDS)}")
    labels = draw_labels(rng, name)
    stage = staged(rng, labels, (random_body(rng), random_body(rng)))
    posed = pose_stage(stage)
    exchange = bool(labels.actor) if labels.actor is not None else bool(rng.integers(2))
    return _finished(stage, posed, labels, exchange, seed, index)


def staged(
    rng: np.random.Generator, labels: Labels, bodies: tuple[Body, Body], start: Start | None = None
) -> Stage:
    """A stage on which the choreography of these labels has been played."""
    from intermask_cli.datasets.duets.kinds import CHOREOGRAPHY

    stage = Stage(
        rng, bodies, labels.tempo, labels.manner, labels.repeats, labels.approach,
        straight=labels.side is None, start=start,
    )  # fmt: skip
    CHOREOGRAPHY[labels.kind](stage)
    return stage


def pose_stage(stage: Stage) -> Posed:
    return pose(stage.score.until(stage.frames()[1]), stage.bodies, stage.rng)


def draw_labels(rng: np.random.Generator, name: str) -> Labels:
    """Everything a clip varies in, evenly; contacts and events come from the choreography."""
    info = KINDS[name]

    def one_of(options: tuple) -> object:
        return options[int(rng.integers(len(options)))] if options else None

    side = one_of((LEFT, RIGHT, None) if info.side_optional else (LEFT, RIGHT)) if info.side else None
    approach = str(one_of(info.approaches))
    actor = int(rng.integers(2))
    return Labels(
        kind=name,
        actor=actor if info.has_actor or approach == "actor" else None,
        side=side if side is None else str(side),
        tempo=str(one_of(TEMPOS)),
        manner=None if not info.manners else str(one_of(info.manners)),
        repeats=None if not info.repeats else int(info.repeats[int(rng.integers(len(info.repeats)))]),
        approach=approach,
        contacts=(),
        events=(),
    )


def _finished(stage: Stage, posed: Posed, labels: Labels, exchange: bool, seed: int, index: int) -> DuetClip:
    """Mirror for the left side, exchange people, place in the world, and pack with final labels."""
    first, last = stage.frames()
    joints, local = posed.joints[:, first:], posed.local[:, first:]
    offsets = np.stack([body.offsets for body in stage.bodies])
    if labels.side == LEFT:
        order = list(MIRROR)
        joints, offsets = joints[:, :, order] * MIRROR_X, offsets[:, order] * MIRROR_X
        local = local[:, :, order] * (MIRROR_X[:, None] * MIRROR_X)
    if exchange:
        joints, local, offsets = joints[::-1], local[::-1], offsets[::-1]
    joints, local = _in_the_world(stage.rng, joints, local)
    then = labels.then
    if then is not None:
        then = timed(then, then.contacts, then.events, labels.side == LEFT, exchange, first, last)
    final = timed(labels, stage.contacts, stage.events, labels.side == LEFT, exchange, first, last)
    return DuetClip(
        joints=joints.astype(np.float32),
        rotations6d=sixd_columns_from_matrix(local[:, :, 1:]).astype(np.float32),
        root_rotation=np.ascontiguousarray(local[:, :, 0]).astype(np.float32),
        offsets=offsets.astype(np.float32),
        labels=replace(final, then=then),
        seed=seed,
        index=index,
    )


def timed(
    labels: Labels, contacts: Iterable[Contact], events: Iterable[tuple[str, int]], mirror: bool,
    exchange: bool, first: int, last: int,
) -> Labels:  # fmt: skip
    """Labels with the contacts and events between two frames, counted from the first of them."""
    touches = []
    for touch in contacts:
        one, two = (MIRROR[touch.joint1], MIRROR[touch.joint2]) if mirror else (touch.joint1, touch.joint2)
        one, two = (two, one) if exchange else (one, two)
        touches.append(Contact(max(touch.start - first, 0), min(touch.end, last) - first, one, two))
    moments = sorted(((name, frame - first) for name, frame in events if first <= frame < last), key=_frame)
    return replace(labels, contacts=tuple(touches), events=tuple(moments))


def _frame(event: tuple[str, int]) -> int:
    return event[1]


def _in_the_world(rng: np.random.Generator, joints: Array, local: Array) -> tuple[Array, Array]:
    """Both people turned and moved together to a random heading and place."""
    world = matrix_about_y(rng.uniform(-math.pi, math.pi))
    middle = joints[:, :, 0].mean(axis=(0, 1)) * np.array([1.0, 0.0, 1.0])
    place = rng.uniform(-WORLD_M, WORLD_M, 3) * np.array([1.0, 0.0, 1.0])
    turned = local.copy()
    turned[:, :, 0] = world @ local[:, :, 0]
    return (joints - middle) @ world.T + place, turned
