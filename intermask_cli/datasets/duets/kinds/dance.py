"""Dances: mirrored side steps, a circle hand in hand, a turn under the arm; for the right side."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder, halfway
from intermask_cli.datasets.duets.timing import Array, pulse, trapezoid
from intermask_cli.motion.skeleton import FPS

_ROUND = {"slow": 0.5, "normal": 0.7, "fast": 0.95}  # m/s


def mirror_dance(s: Stage) -> None:
    """manner: small = hands low and short steps, large = arms at shoulder height and wide steps."""
    s.meet(s.some(1.05, 1.35))
    large = s.manner == "large"
    begin = s.clock
    length = (s.some(0.36, 0.48) if large else s.some(0.20, 0.28)) * s.size
    beat = s.beat(0.72)
    lag = s.delay(1) + 2
    end = begin + s.beat(0.4) + s.repeats * beat
    style = s.some(0, 1) < 0.5
    for person, late, mirror in ((0, 0.0, 1.0), (1, lag, -1.0)):
        first = begin + s.beat(0.4) + late
        sway = np.zeros_like(s.t)
        for number in range(s.repeats):
            start = first + number * beat
            way = -1.0 if number % 2 == 0 else 1.0  # to the right first
            s.move(person, start, start + 0.85 * beat, 0.0, left=way * mirror * length)
            bounce = pulse(s.t, start, start + 0.4 * beat, start + 0.4 * beat, start + 0.9 * beat)
            s.crouch(person, bounce, 0.05 if large else 0.03)
            sway += way * pulse(s.t, start, start + 0.5 * beat, start + 0.6 * beat, start + 1.15 * beat)
        s.bend(person, -mirror * sway, right=0.16 if large else 0.09, twist=-0.20 if style else 0.0)
        lifted = pulse(s.t, begin + late - 4, first + 2, end + late, end + late + s.beat(0.6))
        for hand, sign in ((0, 1.0), (1, -1.0)):
            up = (0.05 + 0.28 * sign * mirror * sway) if large else (-0.30 + 0.14 * sign * mirror * sway)
            out, forward = (0.34, 0.22) if large else (0.16, 0.34)
            s.hand(person, hand, lifted, by_shoulder(person, hand, out, up, forward), bulge=0.1)
    s.event("action", (begin + end) / 2)
    s.clock = end + lag + s.beat(0.6) + s.some(0, 6)


def circle_hands(s: Stage) -> None:
    """Both hands joined, both walk round towards their own right."""
    radius = s.some(0.43, 0.50) * s.size
    angle = math.radians(s.some(140, 300))
    take = s.some(4, 10)
    held = take + s.beat(0.7) + s.delay(1) * 0.5
    begin = held + s.beat(0.1)
    end = min(begin + radius * angle / (0.75 * _ROUND[s.tempo]) * FPS * s.some(0.9, 1.1), 215.0)
    # Facing +Z at -Z, the own right is -X: seen from above the angle from +Z grows from pi.
    walked = angle * trapezoid((s.t - begin) / (end - begin), 0.2)
    joined = pulse(s.t, take, held, end + 6, end + 6 + s.beat(0.6))
    drop = s.some(0.20, 0.34)
    for person in (0, 1):
        phi = (math.pi if person == 0 else 0.0) + walked
        s.plan.root[person] = radius * np.stack([np.sin(phi), np.cos(phi)], -1)
        s.plan.yaw[person] = phi + math.pi
        s.quicken(person, 0.8)
        s.bend(person, joined, forward=-s.some(0.02, 0.08))
    for hands in ((1, 0), (0, 1)):
        for person in (0, 1):
            late = person * s.delay(1) * 0.3
            grasp = pulse(s.t, take + late, held, end + 6, end + 6 + s.beat(0.6))
            s.hand(person, hands[person], grasp, halfway(hands, drop))
            s.elbow(person, hands[person], grasp, 0.3)
    s.contact(held, end + 6, "right_wrist", "left_wrist")
    s.contact(held, end + 6, "left_wrist", "right_wrist")
    s.event("action", (begin + end) / 2)
    s.clock = end + 6 + s.beat(0.6) + s.some(2, 8)


def turn_under_arm(s: Stage) -> None:
    """The actor's right hand leads the partner's left; repeats = whole turns of the partner."""
    actor, partner = s.bodies
    s.meet(s.some(0.68, 0.74))
    s.quicken(1, 0.66)
    joined = s.clock + s.beat(0.6) + s.delay(1) * 0.5
    raise_ = joined + s.beat(0.15)
    up = raise_ + s.beat(0.7)
    turning = up - s.beat(0.25)
    around = turning + s.repeats * max(s.beat(1.9), 1.75 * FPS)
    low = around + s.beat(0.75)
    release = low + s.beat(0.1)
    end = release + s.beat(0.65)
    hold = pulse(s.t, s.clock, joined, release, end)
    lifted = pulse(s.t, raise_, up, around - s.beat(0.1), low)
    # A tall partner ducks under the arm of a short one.
    duck = 1.74 * partner.scale - 1.39 * actor.scale - 0.32 * actor.scale
    s.crouch(1, lifted, min(max(duck, 0.0), 0.30) / partner.scale + 0.02)

    def above(pose: Trunk) -> Array:
        """Over the partner's head, where both can reach."""
        head = pose.joint(1, "head")
        near = pose.shoulder(0, 1) - head
        place = head + 0.28 * near * np.array([1.0, 0.0, 1.0])
        place[:, 1] += 0.29 * partner.scale
        return pose.within_reach(1, 0, pose.within_reach(0, 1, place))

    for person, hand in ((0, 1), (1, 0)):
        reach = hold if person == 0 else pulse(s.t, s.clock + s.delay(1) * 0.5, joined, release, end)
        s.hand(person, hand, reach, halfway((1, 0), 0.30))
        s.hand(person, hand, lifted, above, bulge=0.0)
    s.move(0, raise_, up, s.some(0.12, 0.16) * s.size)
    s.move(0, around, low + s.beat(0.2), -s.some(0.08, 0.14) * s.size)
    s.bend(0, lifted, twist=0.35, forward=0.06)
    s.turn(1, 2 * math.pi * s.repeats * trapezoid((s.t - turning) / (around - turning), 0.25), 1.0)
    s.look_away(1, pulse(s.t, turning - 6, turning + 4, around - 8, around + 4))
    bounce = pulse(s.t, turning, (turning + around) / 2, (turning + around) / 2, around)
    s.crouch(0, bounce, 0.03)
    s.contact(joined, release, "right_wrist", "left_wrist")
    s.event("turn", (turning + around) / 2)
    s.event("action", (turning + around) / 2)
    s.clock = end + s.some(2, 8)
