"""Clips of two phases: the second choreography starts at the places at which the first one ends.

The phases keep their own roles and sides. The second one is written in its own frame (role 0 behind, facing
+Z, right-handed), so it is mirrored and its roles are exchanged where they differ from the first phase's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.datasets.duets.gait import Flight
from intermask_cli.datasets.duets.kinds import perform
from intermask_cli.datasets.duets.labels import KINDS, LEFT, Labels, draw_labels, timed
from intermask_cli.datasets.duets.motion_plan import MIRROR_X, FootLift, MotionPlan, Reach, Trunk
from intermask_cli.datasets.duets.rig import random_body
from intermask_cli.datasets.duets.stage import Stage, Start
from intermask_cli.datasets.duets.timing import Array, ramp
from intermask_cli.motion.skeleton import FPS

#: Longest clip of two phases, seconds.
LONGEST_S = 9.0
#: Frames in which arms and bends of the first phase fade out.
_LET_GO_FRAMES = 18
#: Channels of the motion plan that add up, and their signs in the mirror (None: unchanged).
_SUMS: dict[str, Array | None] = {
    "hips_pitch": None, "hips_roll": np.array(-1.0), "bend": np.array([1.0, -1.0, -1.0]), "crouch": None,
    "shift": np.array([-1.0, 1.0]), "nod": None, "look": np.array(-1.0), "elbow": None, "jump": None,
}  # fmt: skip


def two_phase_stage(rng: np.random.Generator, pairs: list[tuple[str, str]]) -> tuple[Stage, Labels, bool]:
    """A stage on which a pair of kinds has been played, the labels, and whether to exchange the persons.

    Pairs and labels are drawn until the clip is at most `LONGEST_S` long; both phases share the tempo.
    """
    bodies = (random_body(rng), random_body(rng))
    while True:
        one, two = pairs[int(rng.integers(len(pairs)))]
        labels = draw_labels(rng, one)
        second = _second_labels(draw_labels(rng, two), labels.tempo)
        first = perform(rng, labels, bodies)
        exchange = bool(labels.actor) if labels.actor is not None else bool(rng.integers(2))
        later_exchange = exchange if second.actor is None else bool(second.actor)
        view = PhaseView(exchange != later_exchange, (labels.side == LEFT) != (second.side == LEFT))
        stage, then = _continued(first, second, view)
        if stage.clock - stage.first <= LONGEST_S * FPS:
            return stage, replace(labels, then=then), exchange


def _second_labels(labels: Labels, tempo: str) -> Labels:
    """Labels of a second phase: both persons are near already, and it has the tempo of the first."""
    actor = labels.actor if KINDS[labels.kind].has_actor else None
    return replace(labels, tempo=tempo, approach="near", actor=actor)


@dataclass(frozen=True)
class PhaseView:
    """How the second phase sees the first: roles exchanged, left and right mirrored, both or neither."""

    exchanged: bool
    mirrored: bool

    def people(self, values: Array) -> Array:
        """Values (2, ...) in the order of the other view."""
        return values[::-1] if self.exchanged else values

    def person(self, person: int) -> int:
        """Number of a person in the other view."""
        return 1 - person if self.exchanged else person

    def limb(self, limb: int) -> int:
        """Number of a hand or foot (0 left, 1 right) in the other view."""
        return 1 - limb if self.mirrored else limb

    def ground(self, points: Array) -> Array:
        """Ground points (..., 2) in the other view."""
        return points * np.array([-1.0, 1.0]) if self.mirrored else points

    def angle(self, yaw: Array) -> Array:
        """Headings in the other view."""
        return -yaw if self.mirrored else yaw

    def trunk(self, pose: Trunk) -> Trunk:
        """Posed trunks in the other view."""
        pose = pose.mirrored if self.mirrored else pose
        return pose.exchanged if self.exchanged else pose

    def point(self, points: Array) -> Array:
        """Points (..., 3) in the other view."""
        return points * MIRROR_X if self.mirrored else points

    def reach(self, item: Reach) -> Reach:
        """A reach in the other view; its target is still computed in its own."""
        target = item.target
        return item._replace(
            person=self.person(item.person), hand=self.limb(item.hand),
            target=lambda pose: self.point(target(self.trunk(pose))),
        )  # fmt: skip

    def lift(self, item: FootLift) -> FootLift:
        """A lifted foot in the other view; its target is still computed in its own."""
        target = item.target
        return item._replace(
            person=self.person(item.person), foot=self.limb(item.foot),
            target=lambda pelvis, yaw: self.point(target(self.point(pelvis), self.angle(yaw))),
        )  # fmt: skip


def _continued(first: Stage, labels: Labels, view: PhaseView) -> tuple[Stage, Labels]:
    """The first stage with the second phase added, and the labels of that phase in the view of the first."""
    join = round(first.clock)
    root = view.people(view.ground(first.plan.root[:, join]))
    yaw = view.people(view.angle(first.plan.yaw[:, join]))
    middle, line = root.mean(axis=0), root[1] - root[0]
    heading = math.atan2(line[0], line[1])
    start = Start((root - middle) @ _turn(-heading).T, yaw - heading, float(join))
    bodies = (first.bodies[1], first.bodies[0]) if view.exchanged else first.bodies
    second = perform(first.rng, labels, bodies, start)

    later = second.plan.root @ _turn(heading).T + middle
    headings = second.plan.yaw - second.plan.yaw[:, join, None] + yaw[:, None]
    plan = _joined(first, second, join, view)
    plan.root[:, join:] = view.ground(view.people(later))[:, join:]
    plan.yaw[:, join:] = view.angle(view.people(headings))[:, join:]
    first.plan, first.clock = plan, second.clock
    first.bodies = (second.bodies[1], second.bodies[0]) if view.exchanged else second.bodies
    first.contacts = [replace(c, end=min(c.end, join)) for c in first.contacts]
    first.events = [(name, frame) for name, frame in first.events if frame < join]
    never = len(first.t)
    then = timed(labels, second.contacts, second.events, view.mirrored, view.exchanged, 0, never)
    return first, then


def _turn(yaw: float) -> Array:
    """Rotation (2, 2) of ground points (x, z) that takes heading 0 to `yaw`."""
    s, c = math.sin(yaw), math.cos(yaw)
    return np.array([[c, s], [-s, c]])


def _joined(first: Stage, second: Stage, join: int, view: PhaseView) -> MotionPlan:
    """Both plans as one: the first one fades out after frame `join`, the second one is added."""
    one, two = first.plan, second.plan
    keep = 1.0 - ramp(first.t, join - 2, join - 2 + _LET_GO_FRAMES)
    flights = [list(one.flights[0]), list(one.flights[1])]
    for person in (0, 1):
        moved = [Flight(view.limb(f.foot), f.start, f.end) for f in two.flights[person]]
        flights[view.person(person)] += moved
    channels = {}
    for name, signs in _SUMS.items():
        own, added = getattr(one, name), view.people(getattr(two, name))
        if name == "elbow" and view.mirrored:
            added = added[..., ::-1]
        if view.mirrored and signs is not None:
            added = added * signs
        channels[name] = own * keep.reshape(-1, *(1,) * (own.ndim - 2)) + added
    gaze = 1.0 - (1.0 - one.gaze) * keep - (1.0 - view.people(two.gaze)) * (1.0 - keep)
    return replace(
        one, **channels, gaze=gaze,
        reaches=[r._replace(weight=keep * r.weight) for r in one.reaches] + [*map(view.reach, two.reaches)],
        lifts=[r._replace(weight=keep * r.weight) for r in one.lifts] + [*map(view.lift, two.lifts)],
        flights=(flights[0], flights[1]),
    )  # fmt: skip
