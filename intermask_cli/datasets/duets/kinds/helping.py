"""Helping: pulling up from the floor, supporting while walking, handing over. Written right-handed."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.kinds.together import along, walked_line
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder, halfway, on_body
from intermask_cli.datasets.duets.timing import pulse, ramp, trapezoid
from intermask_cli.motion.skeleton import FPS

_LIMP = {"slow": 0.42, "normal": 0.52, "fast": 0.66}  # m/s


def pull_up(s: Stage) -> None:
    """The partner sits on the heels; right hands clasp, the actor leans back and the partner rises."""
    s.meet(s.some(0.84, 0.94))
    begin = s.clock + s.beat(0.2)
    grip = begin + s.beat(0.85) + s.delay(1) * 0.5
    pull = grip + s.beat(0.25)
    risen = pull + s.beat(1.2)
    release = risen + s.beat(0.35)
    end = release + s.beat(0.65)
    low = 1.0 - ramp(s.t, pull, risen)
    s.crouch(1, low, s.some(0.46, 0.52))
    s.bow(1, low, s.some(0.45, 0.60))
    for hand in (0, 1):
        s.hand(1, hand, low, by_shoulder(1, hand, -0.02, -0.34, 0.30), bulge=0.0)
    clasp = halfway((1, 1), s.some(0.16, 0.24))
    s.hand(0, 1, pulse(s.t, begin, grip, release, end), clasp)
    s.hand(1, 1, pulse(s.t, begin + s.delay(1), grip, release, end), clasp)
    stoop = pulse(s.t, begin, grip, pull, risen)
    s.bow(0, stoop, s.some(0.75, 0.95))
    s.crouch(0, stoop, s.some(0.08, 0.14))
    s.hand(0, 0, stoop, on_body(0, "pelvis", 0.14, -0.22, 0.22), bulge=0.0)
    strain = pulse(s.t, pull, pull + s.beat(0.5), risen - s.beat(0.3), risen + s.beat(0.2))
    s.bend(0, strain, forward=-0.10)
    s.shift(0, strain, forward=-0.10)
    s.crouch(0, strain, 0.05)
    s.move(1, pull + s.beat(0.5), release, s.some(0.04, 0.12) * s.size)
    s.contact(grip, release, "right_wrist", "right_wrist")
    s.event("action", (pull + risen) / 2)
    s.clock = end + s.some(2, 10)


def support_walk(s: Stage) -> None:
    """The partner limps on the actor's right with an arm over the actor's shoulders, held at the waist."""
    length = s.some(1.2, 2.0)
    path = walked_line(length, s.some(-0.4, 0.4))
    begin = s.some(4, 10)
    end = min(begin + length / (0.75 * _LIMP[s.tempo]) * FPS, 235.0)
    aside = 0.205 * s.size
    for person, sign in ((0, 1.0), (1, -1.0)):
        place, heading = along(path, length * trapezoid((s.t - begin) / (end - begin), 0.2))
        s.plan.root[person] = place + sign * aside * np.stack([np.cos(heading), -np.sin(heading)], -1)
        s.plan.yaw[person] = heading
    # Half a step behind, so that the arm passes behind the actor's neck.
    s.plan.root[1] -= 0.12 * s.size * np.stack([np.sin(heading), np.cos(heading)], -1)
    whole = np.ones_like(s.t)
    step = s.beat(1.3)
    limp = np.sin(np.pi * (s.t - begin) / step) ** 2 * pulse(s.t, begin, begin + 10, end - 10, end)
    s.crouch(1, whole, s.some(0.02, 0.05))
    s.crouch(1, limp, s.some(0.05, 0.08))
    s.bend(1, whole, forward=s.some(0.10, 0.18), right=-s.some(0.03, 0.08))
    s.bend(1, limp, forward=0.08, right=-0.04)
    s.bend(0, whole, forward=s.some(0.04, 0.10), right=s.some(0.02, 0.06))
    s.nod(1, whole, s.some(0.15, 0.35))
    s.look_away(1, whole)
    glance = s.beat(2.2)
    s.look_away(0, 0.5 + 0.5 * np.cos(2 * np.pi * s.t / glance))
    s.hand(0, 1, whole, on_body(1, "spine1", -0.10, 0.02, -0.12))
    s.elbow(0, 1, whole, 0.1)
    s.hand(1, 0, whole, on_body(0, "neck", 0.15, 0.0, -0.13))
    if s.some(0, 1) < 0.6:
        s.hand(1, 1, whole, on_body(1, "pelvis", -0.13, -0.10, 0.16), bulge=0.0)
    if s.some(0, 1) < 0.5:
        s.hand(0, 0, whole, on_body(1, "left_shoulder", 0.30, -0.22, 0.26), bulge=0.0)
    s.contact(0, end + 400, "right_wrist", "spine1")
    s.contact(0, end + 400, "neck", "left_wrist")
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(-10, 8)


def hand_over(s: Stage) -> None:
    """Both hands carry a thing before the belly, stretch it out; the partner takes and holds it."""
    s.meet(s.some(0.84, 0.94))
    begin = s.clock
    grip = begin + s.beat(0.9) + s.delay(1) * 0.6
    given = grip + s.beat(0.3)
    held = given + s.beat(0.8)
    weight = s.some(0.0, 1.0)  # heavy things bend the back
    width, height = s.some(0.12, 0.16), s.some(0.02, 0.10)
    for hand, other in ((0, 1), (1, 0)):
        sign = 1.0 if hand == 0 else -1.0
        s.hand(0, hand, 1.0 - ramp(s.t, given, held), on_body(0, "spine1", width * sign, height, 0.27), 0.0)
        meeting = halfway((hand, other), s.some(0.26, 0.27))
        s.hand(0, hand, pulse(s.t, begin, grip, given, held), meeting)
        s.hand(1, other, pulse(s.t, begin + s.delay(1), grip, 900, 901), meeting)
        taken = ramp(s.t, given + 3, held + 3)
        s.hand(1, other, taken, on_body(1, "spine1", -width * sign, height, 0.27), bulge=0.0)
    s.bend(0, 1.0 - ramp(s.t, grip, held), forward=-0.03 - 0.06 * weight)
    s.bend(1, ramp(s.t, given, held), forward=-0.03 - 0.06 * weight)
    out = pulse(s.t, begin, grip, given, held)
    for person in (0, 1):
        s.bend(person, out, forward=0.10 + 0.14 * weight)
        s.nod(person, out, 0.18)
    s.shift(0, out, forward=0.05)
    s.crouch(0, out, 0.05 * weight)
    s.move(0, held - s.beat(0.2), held + s.beat(0.5), -s.some(0.05, 0.2))
    s.contact(grip, given, "right_wrist", "left_wrist")
    s.contact(grip, given, "left_wrist", "right_wrist")
    s.event("action", (grip + given) / 2)
    s.clock = held + s.beat(0.6) + s.some(2, 10)
