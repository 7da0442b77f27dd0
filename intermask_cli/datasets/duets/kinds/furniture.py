"""With things that are not modelled: a bench, a load for two, a table to wrestle at, a rope."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.kinds.together import along, walked_line
from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import Target, now, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, trapezoid
from intermask_cli.motion.skeleton import FPS

_CARRY = {"slow": 0.38, "normal": 0.5, "fast": 0.65}  # m/s
#: Height of a seated pelvis below a standing one, for the 1.70 m body, and how far it goes back.
_SEAT_M, _BACK_M = 0.36, 0.36


def sit_together(s: Stage) -> None:
    """manner: side by side = on one bench, face to face = on two chairs; both sit down and stay."""
    begin = s.some(6, 14)
    if s.manner == "face to face":
        gap = s.some(1.5, 1.9) * s.size
        for person, sign in ((0, -1.0), (1, 1.0)):
            s.plan.root[person] = np.array([s.some(-0.05, 0.05), sign * gap / 2])
            s.plan.yaw[person] = (0.0 if person == 0 else math.pi) + s.some(-0.12, 0.12)
    else:
        aside = s.some(0.30, 0.42) * s.size
        for person, sign in ((0, 1.0), (1, -1.0)):
            s.plan.root[person] = np.array([sign * aside, s.some(-0.05, 0.05)])
            s.plan.yaw[person] = -sign * s.some(0.0, 0.2)
            glance = s.beat(s.some(1.8, 3.0))
            s.look_away(person, 0.5 + 0.5 * np.cos(2 * np.pi * (s.t - s.some(0, 30)) / glance))
    seats = [begin + person * (s.delay(1) + s.some(0, 12)) for person in (0, 1)]
    down = [start + max(s.beat(s.some(1.1, 1.5)), 32.0) for start in seats]
    for person, (start, low) in enumerate(zip(seats, down, strict=True)):
        sat = ramp(s.t, start, low)
        s.crouch(person, sat, _SEAT_M)
        s.shift(person, sat, forward=-_BACK_M)
        lean = pulse(s.t, start - 2, start + 0.55 * (low - start), start + 0.65 * (low - start), low + 10)
        s.bend(person, lean, forward=s.some(0.35, 0.55))
        s.plan.hips_pitch[person] += 0.30 * lean - 0.06 * sat
        s.bend(person, ramp(s.t, low, low + 14), forward=s.some(-0.04, 0.16))
        s.nod(person, lean, s.some(0.05, 0.2))
        _seated_hands(s, person, start, low)
    s.event("action", min(low for low in down))
    s.clock = max(down) + s.beat(s.some(0.9, 1.9))


def _seated_hands(s: Stage, person: int, start: float, low: float) -> None:
    """Hands on the thighs, in the lap, or one next to the body on the seat."""
    rests, style = ramp(s.t, start + 6, low + 6), s.some(0, 1)
    for hand, sign in ((0, 1.0), (1, -1.0)):
        if style < 0.4:
            place = on_body(person, "pelvis", sign * s.some(0.10, 0.14), 0.08, s.some(0.30, 0.36))
        elif style < 0.75:
            place = on_body(person, "pelvis", sign * 0.05, 0.10, s.some(0.20, 0.26))
        elif hand == (0 if style < 0.87 else 1):
            place = on_body(person, "pelvis", sign * s.some(0.24, 0.28), -0.05, -0.02)
        else:
            place = on_body(person, "pelvis", sign * 0.12, 0.08, 0.32)
        s.hand(person, hand, rests, place, bulge=0.1)


def carry_together(s: Stage) -> None:
    """They lift something long between them, carry it sideways or lengthwise, and hold it."""
    gap, lengthwise = s.some(1.15, 1.55) * s.size, s.some(0, 1) < 0.55
    length = s.some(0.8, 1.7)
    grip = s.some(4, 10) + s.beat(0.9)
    lifted = grip + s.beat(0.9)
    walk = lifted + s.beat(0.1)
    end = min(walk + length / (0.75 * _CARRY[s.tempo]) * FPS, 240.0)
    path = walked_line(length, s.some(-0.35, 0.35) if lengthwise else 0.0)
    way = 1.0 if s.some(0, 1) < 0.5 else -1.0
    for person, sign in ((0, -1.0), (1, 1.0)):
        walked = length * trapezoid((s.t - walk - s.some(0, 3)) / (end - walk), 0.25)
        if lengthwise:
            place, heading = along(path, walked + sign * gap / 2)
            s.plan.root[person], s.plan.yaw[person] = place, heading + (math.pi if person else 0.0)
        else:
            s.plan.root[person] = np.stack([way * walked, np.full_like(s.t, sign * gap / 2)], -1)
            s.plan.yaw[person] = (math.pi if person else 0.0) + s.some(-0.05, 0.05)
        stoop = pulse(s.t, grip - s.beat(0.9), grip, grip + s.beat(0.1), lifted)
        s.crouch(person, stoop, s.some(0.16, 0.24))
        s.bow(person, stoop, s.some(0.55, 0.75))
        s.nod(person, stoop, s.some(0.0, 0.2))
        height, ahead, wide = s.some(-0.02, 0.10), s.some(0.28, 0.32), s.some(0.14, 0.22)
        held = ramp(s.t, grip, lifted)
        for hand, side in ((0, 1.0), (1, -1.0)):
            low = on_body(person, "pelvis", wide * side, -0.30, 0.40)
            s.hand(person, hand, ramp(s.t, grip - s.beat(0.8), grip), low, bulge=0.0)
            s.hand(person, hand, held, on_body(person, "pelvis", wide * side, height, ahead), bulge=0.0)
        s.bend(person, held, forward=-s.some(0.03, 0.12))
        s.look_away(person, 0.4 * pulse(s.t, walk, walk + 14, end - 10, end))
        step = np.sin(2 * np.pi * (s.t - walk) / s.beat(1.0)) * pulse(s.t, walk, walk + 12, end - 12, end)
        s.bend(person, step, right=s.some(0.0, 0.04))
    s.event("lift", lifted)
    s.event("action", (walk + end) / 2)
    s.clock = end + s.some(4, 14)


def arm_wrestle(s: Stage) -> None:
    """Right hands clasp over a high table; they strain to and fro until one arm is pressed down."""
    s.meet(s.some(0.80, 0.90))
    begin = s.clock
    grip = begin + s.beat(0.8) + s.delay(1) * 0.4
    strain = grip + s.beat(0.35)
    pinned = strain + s.beat(s.some(1.2, 2.0))
    down = pinned + max(s.beat(s.some(0.5, 0.9)), 16.0)
    release = down + s.beat(0.3)
    end = release + s.beat(0.8)
    struggle = pulse(s.t, strain, strain + 10, pinned, pinned + 10)
    sway = s.some(0.03, 0.06) * np.sin(2 * np.pi * (s.t - strain) / s.beat(s.some(0.9, 1.4))) * struggle
    won = ramp(s.t, pinned, down) * (1.0 if s.some(0, 1) < 0.5 else -1.0)
    clasp = _clasped(s.some(0.04, 0.10), sway + 0.17 * won, 0.14 * np.abs(won))
    low = s.some(0.0, 0.04)
    for person in (0, 1):
        own = won if person == 0 else -won
        over = pulse(s.t, begin + s.delay(person) * 0.3, grip, release, end)
        s.bow(person, over, s.some(0.34, 0.46))
        s.crouch(person, over, low + s.some(0.0, 0.03))
        s.hand(person, 1, over, clasp, bulge=0.0)
        s.elbow(person, 1, over, s.some(0.0, 0.2))
        s.hand(person, 0, over, on_body(person, "spine1", 0.10, -0.04, 0.30), bulge=0.0)
        tense = pulse(s.t, strain, strain + 8, down, release)
        s.bend(person, tense, right=s.some(0.02, 0.06), twist=s.some(0.05, 0.14))
        s.bend(person, np.clip(own, -1.0, 1.0) * over, twist=0.15, right=-0.10)
        s.nod(person, tense, s.some(0.05, 0.3))
        shiver = np.sin(2 * np.pi * (s.t - strain) / 16.0 + s.some(0, 6)) * struggle
        s.bend(person, shiver, right=0.015)
    s.contact(grip, release, "right_wrist", "right_wrist")
    s.event("pinned", down)
    s.event("action", (strain + pinned) / 2)
    s.clock = end + s.some(2, 8)


def _clasped(drop: float, left: Array, lower: Array) -> Target:
    """Where the right hands meet, moved to role 0's left and down."""

    def target(pose: Trunk) -> Array:
        point = pose.between((1, 1), drop)
        point = point + pose.offset(0, np.asarray(now(left, pose)), -np.asarray(now(lower, pose)), 0.0)
        for _ in range(2):
            point = pose.within_reach(1, 1, pose.within_reach(0, 1, point))
        return point

    return target


def tug(s: Stage) -> None:
    """A rope, each end in both fists: both lean back and pull, the rope gives, until one is dragged along."""
    s.meet(s.some(1.55, 1.95))
    begin = s.clock
    tight = begin + s.beat(0.8)
    period = max(s.beat(s.some(0.8, 1.1)), 22.0)
    pulls = int(s.some(2, 4))
    yields = tight + pulls * period
    end = yields + s.beat(1.2)
    loser = int(s.some(0, 2))
    force = s.some(0.04, 0.10)
    heave = (0.5 - 0.5 * np.cos(2 * np.pi * (s.t - tight) / period)) * pulse(
        s.t, tight - 1, tight, yields, yields + 1
    )
    for person in (0, 1):
        late = person * s.delay(1) * 0.4
        for number in range(pulls):
            start = tight + number * period
            back = force if (number + person) % 2 else -force
            s.move(person, start, start + 0.9 * period, back)
        s.move(person, yields, end - 6, s.some(0.30, 0.5) if person == loser else -s.some(0.25, 0.4))
        held = ramp(s.t, begin + late, tight)
        s.crouch(person, held, s.some(0.05, 0.12))
        s.shift(person, held, forward=-s.some(0.20, 0.26))
        s.plan.hips_pitch[person] -= s.some(0.22, 0.32) * held
        s.bend(person, held, forward=-s.some(0.02, 0.12), twist=-0.25)
        s.shift(person, heave, forward=-0.05)
        s.bend(person, heave, forward=-0.12)
        s.crouch(person, heave, 0.03)
        if person == loser:
            s.bend(person, ramp(s.t, yields, yields + s.beat(0.5)), forward=s.some(0.35, 0.5))
        high = s.some(-0.04, 0.08)
        s.hand(person, 0, held, on_body(person, "spine2", 0.02, high, 0.52 - 0.06 * heave), bulge=0.0)
        s.hand(person, 1, held, on_body(person, "spine1", -0.08, high, 0.27 - 0.03 * heave), bulge=0.0)
        s.nod(person, held, s.some(0.0, 0.2))
    s.event("action", (tight + yields) / 2)
    s.clock = end + s.some(2, 10)
