"""Fights: punch and guard, kick and dodge, push and stagger, block. Written right-handed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder, now, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp


def fists(s: Stage, person: int, curve: Array) -> None:
    """Boxing guard: both fists in front of the chin, knees soft."""
    for hand in (0, 1):
        s.hand(person, hand, curve, by_shoulder(person, hand, -0.06, -0.03, 0.28))
    s.crouch(person, curve, s.some(0.03, 0.06))
    s.bend(person, curve, forward=s.some(0.05, 0.12))


def punch_guard(s: Stage) -> None:
    """manner: low = at the belly, high = at the head; repeats = punches with the same fist."""
    high = s.manner == "high"
    actor, partner = s.bodies
    above = (1.48 * partner.scale if high else 1.14 * partner.scale) - 1.33 * actor.scale
    lower = max(above - 0.22, 0.0)  # a much taller partner's guard is not met at the head but below
    across = math.sqrt((0.84 * actor.arm) ** 2 - min(above - lower, 0.25) ** 2)
    s.meet((across + 0.25 * actor.scale + 0.27 * partner.scale + s.some(-0.04, 0.02)) / s.size)
    begin, ready = s.clock, s.clock + s.beat(0.55)
    fists(s, 0, pulse(s.t, begin - 6, ready, 900, 901))
    s.turn(0, ramp(s.t, begin - 4, ready), -0.35)

    wound = ready + s.strike(0.30)
    hits = []
    for _ in range(s.repeats):
        hits.append(wound + s.strike(0.38))
        wound = hits[-1] + 3 + s.strike(0.42) + s.beat(0.12) + s.strike(0.30)
    end = hits[-1] + 3 + s.strike(0.45) + s.beat(0.35)
    impact, caught = np.zeros_like(s.t), np.zeros_like(s.t)
    for hit in hits:
        impact += pulse(s.t, hit - 2, hit + 3, hit + 3, hit + 18)
        caught += pulse(s.t, hit - 12, hit, hit + 3, hit + 15)
    for hit in hits:
        s.contact(hit, hit + 3, "right_wrist", "left_wrist")
        s.event("strike", hit)
    s.event("action", hits[0])

    covered = hits[0] - 2
    seen = min(hits[0] - s.strike(0.38) - s.beat(0.25) + s.delay(1) * 0.6, covered - 13)
    guard = pulse(s.t, seen, covered, hits[-1] + 6, max(end - s.beat(0.1), hits[-1] + 20))
    block = Block(high, lower, impact, caught)
    for hit in hits:
        _punch(s, hit, block)
    s.hand(1, 0, guard, block.struck_palm)
    s.hand(1, 1, guard, block.other_palm)
    s.bend(1, guard, forward=0.12 if high else 0.30)
    s.bend(1, impact, forward=-0.10)
    s.nod(1, guard, 0.2)
    s.crouch(1, guard, s.some(0.04, 0.09))
    s.shift(1, impact, forward=-0.05)
    s.move(1, hits[-1] + 2, hits[-1] + 2 + s.beat(0.6), -s.some(0.12, 0.3))
    s.clock = end + s.some(2, 8)


@dataclass(frozen=True)
class Block:
    """The partner's palms side by side before the face or the belly, giving way a little on impact."""

    high: bool
    lower: float  # metres below the face, for partners much taller than the actor
    impact: Array
    caught: Array  # how far the struck palm comes to meet a fist that would fall short

    def _palm(self, pose: Trunk, left: float) -> Array:
        back = 0.04 * now(self.impact, pose)
        if self.high:
            below = np.array([0.0, self.lower, 0.0])
            palm: Array = on_body(1, "head", left, -0.03, 0.22 - back)(pose) - below
            return palm
        return on_body(1, "spine2", left, -0.02, 0.30 - back)(pose)

    def struck_palm(self, pose: Trunk) -> Array:
        palm = self._palm(pose, 0.07)
        return palm + np.asarray(now(self.caught, pose))[:, None] * (pose.within_reach(0, 1, palm) - palm)

    def other_palm(self, pose: Trunk) -> Array:
        return self._palm(pose, -0.07)

    def fist(self, pose: Trunk) -> Array:
        """Where the actor's fist lands: on the struck palm, two centimetres before it."""
        return self.struck_palm(pose) + pose.offset(1, 0.0, 0.0, 0.02)


def _punch(s: Stage, hit: float, block: Block) -> None:
    """Wind up at the ribs, then drive the right fist into the partner's left palm with hips and a lunge."""
    start, home = hit - s.strike(0.38), hit + 3 + s.strike(0.42)
    wound = pulse(s.t, start - s.strike(0.30), start, hit + 3, home)
    drive = pulse(s.t, start, hit, hit + 3, home)
    s.hand(0, 1, wound, by_shoulder(0, 1, 0.11, -0.26, 0.02), bulge=0.0)
    s.hand(0, 1, drive, block.fist, bulge=0.0)
    s.bend(0, wound, twist=-0.25)
    s.bend(0, drive, forward=0.16 if block.high else 0.26, twist=0.85)
    s.shift(0, drive, forward=0.14)
    s.shift(0, wound, forward=-0.04)
    s.crouch(0, drive, 0.03 if block.high else 0.10)


def kick_dodge(s: Stage) -> None:
    """manner: height of the foot, low = 0.7 m, middle = 0.9 m, high = 1.05 m (1.70 m body)."""
    s.meet(s.some(1.12, 1.3))
    foot_height = {"low": 0.70, "middle": 0.87, "high": 1.05}[str(s.manner)] + s.some(-0.03, 0.05)
    begin = s.clock + 4
    body = s.bodies[0]
    lifted = begin + s.beat(0.30) + 4
    knee = lifted + s.strike(0.38)
    hit = knee + s.strike(0.36)
    back = hit + 3 + s.strike(0.40)
    end = back + s.strike(0.42)
    s.flight(0, 1, lifted, end)

    def from_hip(forward: float, up: float) -> Callable[[Array, Array], Array]:
        def target(pelvis: Array, yaw: Array) -> Array:
            way = np.stack([np.sin(yaw), np.zeros_like(yaw), np.cos(yaw)], -1) * forward * body.scale
            side = np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], -1) * -0.07 * body.scale
            foot: Array = pelvis + way + side + np.array([0.0, up * body.scale, 0.0])
            return foot

        return target

    ankle = foot_height - 0.90 - 0.04  # of the ankle above the pelvis; the ball is a little higher
    forward = math.sqrt(max((0.93 * body.leg / body.scale) ** 2 - (ankle + 0.085) ** 2, 0.04))
    chamber = pulse(s.t, lifted, knee, back, end)
    extend = pulse(s.t, knee - 4, hit, hit + 3, back + 3)
    s.foot(0, 1, chamber, from_hip(0.22, -0.50), pitch=0.25)
    s.foot(0, 1, extend, from_hip(forward, ankle), pitch=-0.75)
    weight = pulse(s.t, begin, lifted + 3, back + 4, end)
    s.shift(0, weight, left=0.10)
    s.bend(0, weight, right=-0.05)
    lean = {"low": 0.12, "middle": 0.22, "high": 0.34}[str(s.manner)]
    s.plan.hips_pitch[0] -= 0.6 * lean * extend
    s.bend(0, extend, forward=-0.4 * lean, twist=-0.15)
    s.shift(0, extend, forward=0.05)
    fists(s, 0, 0.85 * pulse(s.t, begin - 6, lifted + 4, back, end + 10))

    seen = knee - s.beat(0.12) + s.delay(1) * 0.4
    away = hit + 4
    distance = s.some(0.42, 0.60) * s.size
    s.move(1, seen, max(away, seen + 16), -distance)
    dodge = pulse(s.t, seen, hit, hit + 8, hit + s.beat(0.9))
    s.bend(1, dodge, forward=s.some(-0.22, -0.08))
    s.plan.hips_pitch[1] += 0.18 * dodge
    s.crouch(1, dodge, s.some(0.05, 0.10))
    for hand in (0, 1):
        s.hand(1, hand, dodge, by_shoulder(1, hand, 0.12, -0.10, 0.34))
    s.event("strike", hit)
    s.event("action", hit)
    s.clock = end + s.some(8, 16)


def push_stagger(s: Stage) -> None:
    """manner: gently = one step back, hard = the partner is thrown back most of a metre."""
    s.meet(s.some(0.70, 0.80))
    hard = s.manner == "hard"
    begin = s.clock
    ready = begin + s.beat(0.55)
    touch = ready + s.strike(0.36)
    gone = touch + 7
    end = touch + s.beat(1.5 if hard else 1.2)
    chamber = pulse(s.t, begin, ready, gone + 4, gone + 4 + s.beat(0.6))
    thrust = pulse(s.t, ready, touch, gone, gone + s.beat(0.6))
    for hand, sign in ((0, 1.0), (1, -1.0)):
        s.hand(0, hand, chamber, by_shoulder(0, hand, 0.05, -0.14, 0.10), bulge=0.0)
        s.hand(0, hand, thrust, on_body(1, "spine3", -0.10 * sign, 0.05, 0.14), bulge=0.0)
        s.elbow(0, hand, chamber, 0.25)
    s.bend(0, chamber, forward=-0.06)
    s.bend(0, thrust, forward=0.28 + 0.10 * hard)
    s.shift(0, chamber, forward=-0.05)
    s.shift(0, thrust, forward=0.13)
    s.crouch(0, thrust, 0.04)
    s.move(0, touch - 4, touch + s.beat(0.5), s.some(0.08, 0.2) * s.size)

    distance = (s.some(0.65, 0.95) if hard else s.some(0.28, 0.42)) * s.size
    s.move(1, touch, touch + s.beat(0.95 if hard else 0.75), -distance)
    hurt = pulse(s.t, touch - 1, touch + s.beat(0.28), touch + s.beat(0.35), touch + s.beat(0.95))
    strength = 1.0 if hard else 0.5
    s.bend(1, hurt, forward=-0.22 * strength)
    s.plan.hips_pitch[1] += (0.30 * strength) * pulse(
        s.t, touch + 2, touch + s.beat(0.4), touch + s.beat(0.5), end
    )
    s.nod(1, hurt, 0.25 * strength)
    s.crouch(1, pulse(s.t, touch, touch + s.beat(0.4), touch + s.beat(0.6), end), 0.07 * strength)
    for hand in (0, 1):
        late = s.some(0, 4)
        flung = pulse(s.t, touch + late, touch + s.beat(0.4) + late, touch + s.beat(0.55), end)
        out, up = s.some(0.30, 0.42), s.some(-0.30, -0.05)
        s.hand(1, hand, (0.45 + 0.5 * hard) * flung, by_shoulder(1, hand, out, up, 0.30))
    s.contact(touch, touch + 4, "right_wrist", "spine3")
    s.contact(touch, touch + 4, "left_wrist", "spine3")
    s.event("strike", touch)
    s.event("action", touch)
    s.clock = end + s.some(4, 12)


def block(s: Stage) -> None:
    """repeats = blows with the right arm, from overhead at the head; the left forearm stops them."""
    actor, partner = s.bodies
    above = 1.68 * partner.scale - 1.36 * actor.scale
    lower = max(above - 0.34, 0.0)  # a much taller partner is struck at lower down
    across = math.sqrt((0.86 * actor.arm) ** 2 - min(above - lower, 0.34) ** 2)
    s.meet((across + 0.24 * partner.scale + 0.16 * actor.scale + s.some(-0.03, 0.02)) / s.size)
    begin, ready = s.clock, s.clock + s.beat(0.5)
    fists(s, 0, pulse(s.t, begin - 6, ready, 900, 901))
    fists(s, 1, pulse(s.t, begin - 4 + s.delay(1) * 0.5, ready + 4, 900, 901))

    hits = []
    raised = ready
    for _ in range(s.repeats):
        hits.append(raised + s.strike(0.45) + s.strike(0.40))
        raised = hits[-1] + 4 + s.strike(0.45)
    end = hits[-1] + 4 + s.strike(0.45) + s.beat(0.35)

    def struck(pose: Trunk) -> Array:
        """Where arm meets arm: before and above the partner's forehead."""
        place = on_body(1, "head", 0.05, 0.13, 0.24)(pose) - np.array([0.0, lower, 0.0])
        return pose.within_reach(0, 1, place)

    def covering(pose: Trunk) -> Array:
        """The palm of the arm that lies across before the blow."""
        return struck(pose) + pose.offset(1, -0.17, 0.05, 0.0)

    impact = np.zeros_like(s.t)
    for hit in hits:
        top, start = hit - s.strike(0.40), hit - s.strike(0.40) - s.strike(0.45)
        wound = pulse(s.t, start, top, hit, hit + 4 + s.strike(0.45))
        drive = pulse(s.t, top, hit, hit + 4, hit + 4 + s.strike(0.45))
        s.hand(0, 1, wound, by_shoulder(0, 1, 0.10, 0.46, 0.02), bulge=0.0)
        s.hand(0, 1, drive, struck, bulge=0.25)
        s.bend(0, wound, forward=-0.12, twist=-0.2)
        s.bend(0, drive, forward=0.30, twist=0.45)
        s.shift(0, drive, forward=0.08)
        impact += pulse(s.t, hit - 2, hit + 3, hit + 3, hit + 16)
        s.contact(hit, hit + 4, "right_wrist", "left_elbow")
        s.event("strike", hit)
    seen = hits[0] - s.strike(0.40) - s.strike(0.35) * 0.4 + s.delay(1) * 0.5
    guard = pulse(s.t, seen, max(hits[0] - 3, seen + 11), hits[-1] + 8, hits[-1] + 8 + s.beat(0.6))
    s.hand(1, 0, guard, covering, bulge=0.3)
    s.elbow(1, 0, guard, 1.1)
    s.bend(1, guard, forward=-0.04, twist=-0.15)
    s.crouch(1, impact, 0.05)
    s.nod(1, guard, 0.12)
    s.move(1, hits[-1] + 6, hits[-1] + 6 + s.beat(0.7), -s.some(0.10, 0.25))
    s.event("action", hits[0])
    s.clock = end + s.some(2, 8)
