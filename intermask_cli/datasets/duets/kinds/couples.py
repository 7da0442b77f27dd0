"""Couple dances in hold: a waltz and a Latin dance. Role 0 leads."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import Target, halfway, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, trapezoid


def waltz_hold(s: Stage) -> None:
    """Closed hold: joined hands out to the side, a hand on the back, a hand on the shoulder; box steps."""
    apart, aside = s.some(0.46, 0.52) * s.size, s.some(0.03, 0.06) * s.size
    take = s.some(4, 10)
    held = take + s.beat(0.9)
    begin = held + s.beat(0.1)
    step = max(s.beat(0.62), 17.0)
    bars = int(s.some(2, 4)) if 6 * step < 130 else 2
    end = begin + 3 * bars * step
    ahead, side = s.some(0.20, 0.32) * s.size, s.some(0.18, 0.28) * s.size
    centre = np.zeros((len(s.t), 2))
    heading = np.zeros_like(s.t)
    turn = s.some(0.35, 0.8) * (1.0 if s.some(0, 1) < 0.5 else -1.0)
    for bar in range(bars):
        start, way = begin + 3 * bar * step, 1.0 if bar % 2 == 0 else -1.0
        # Forward, then to the side; on three the feet close. Every bar also turns the couple.
        yaw = turn * bar
        first, second = trapezoid((s.t - start) / step, 0.4), trapezoid((s.t - start - step) / step, 0.4)
        centre += first[:, None] * way * ahead * np.array([math.sin(yaw), math.cos(yaw)])
        centre += second[:, None] * -way * side * np.array([math.cos(yaw), -math.sin(yaw)])
        heading += turn * trapezoid((s.t - start) / (3 * step), 0.3)
    rise = sum(
        (pulse(s.t, begin + (3 * b + 0.8) * step, begin + (3 * b + 1.8) * step, begin + (3 * b + 2.2) * step,
               begin + (3 * b + 3) * step) for b in range(bars)),
        np.zeros_like(s.t),
    )  # fmt: skip
    dance = pulse(s.t, held, begin + 8, end - 8, end + 8)
    for person, sign in ((0, -1.0), (1, 1.0)):
        s.plan.yaw[person] = heading + (math.pi if person else 0.0)
        along, across = sign * apart / 2, -sign * aside
        place = np.stack([np.sin(heading), np.cos(heading)], -1) * along
        place += np.stack([np.cos(heading), -np.sin(heading)], -1) * across
        s.plan.root[person] = centre + place
        s.quicken(person, 0.85)
        s.crouch(person, dance * (1.0 - rise), s.some(0.02, 0.04))
        sway = np.sin(2 * np.pi * (s.t - begin) / (6 * step)) * dance
        s.bend(person, sway * sign, right=s.some(0.02, 0.06))
        s.bend(person, dance, forward=-s.some(0.04, 0.10), right=0.02)
        s.look(person, dance, s.some(0.35, 0.6))  # both look past the other, to the own left
    _closed_hold(s, take, held, s.some(0.36, 0.44), s.some(-0.02, 0.06), s.some(0, 1) < 0.75)
    s.contact(held, end, "left_wrist", "right_wrist")
    s.contact(held, end, "right_wrist", "spine3")
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(4, 10)


def _closed_hold(s: Stage, take: float, held: float, out: float, up: float, on_shoulder: bool) -> None:
    """The leader's left hand holds the follower's right one out to the side; the other arms embrace."""
    join = ramp(s.t, take, held)
    late = ramp(s.t, take + 0.5 * s.delay(1), held)
    s.hand(0, 0, join, _held_out(out, up), bulge=0.1)
    s.hand(1, 1, late, _held_out(out, up), bulge=0.1)
    s.elbow(0, 0, join, 0.5)
    s.elbow(1, 1, late, 0.5)
    s.hand(0, 1, join, on_body(1, "spine3", 0.15, -0.06, -0.09), bulge=-0.1)
    s.elbow(0, 1, join, 0.9)
    if on_shoulder:
        s.hand(1, 0, late, on_body(0, "right_shoulder", -0.04, 0.05, 0.02), bulge=0.1)
    else:
        s.hand(1, 0, late, on_body(0, "spine3", -0.12, 0.08, -0.12), bulge=0.1)
    s.elbow(1, 0, late, 0.9)


def _held_out(out: float, up: float) -> Target:
    """Between the leader's left and the follower's right shoulder, moved out of the couple."""

    def target(pose: Trunk) -> Array:
        point = 0.5 * (pose.shoulder(0, 0) + pose.shoulder(1, 1)) + pose.offset(0, out, up, 0.0)
        for _ in range(3):
            point = pose.within_reach(1, 1, pose.within_reach(0, 0, point))
        return point

    return target


def latin_dance(s: Stage) -> None:
    """In hold or hand in hand, quick basic steps to and fro or to the side, with swinging hips."""
    closed, sideways = s.some(0, 1) < 0.5, s.some(0, 1) < 0.4
    apart = (s.some(0.48, 0.54) if closed else s.some(0.60, 0.70)) * s.size
    take = s.some(4, 10)
    held = take + s.beat(0.8)
    begin = held + s.beat(0.1)
    beat = max(s.beat(s.some(0.42, 0.52)), 12.0)
    beats = 4 * int(min(max(round(150 / (4 * beat)), 2), 4))
    end = begin + beats * beat
    dance = pulse(s.t, held, begin + 6, end - 6, end + 8)
    phase = np.pi * (s.t - begin) / beat
    size = s.some(0.09, 0.14) * s.size
    # Four beats there and four back: the basic step of salsa and rumba, or a cucaracha to the side.
    travel = size * np.sin(0.5 * phase) * dance
    turn = s.some(-1.2, 1.2) * ramp(s.t, begin, end)
    c, n = np.cos(turn), np.sin(turn)
    for person, sign in ((0, -1.0), (1, 1.0)):
        along = sign * apart / 2 + (0.0 if sideways else 1.0) * travel
        across = (1.0 if sideways else 0.0) * travel
        s.plan.root[person] = np.stack([across * c + along * n, along * c - across * n], -1)
        s.plan.yaw[person] = turn + (math.pi if person else 0.0)
        s.quicken(person, 0.66)
        hips = np.sin(phase + (0.0 if person else np.pi)) * dance
        swing = s.some(0.03, 0.05)
        s.shift(person, hips, left=swing)
        s.plan.hips_roll[person] += s.some(0.10, 0.16) * hips
        s.bend(person, hips, right=s.some(0.16, 0.22), twist=s.some(0.08, 0.16))
        s.crouch(person, dance, s.some(0.03, 0.06))
        s.crouch(person, dance * (0.5 - 0.5 * np.cos(2 * phase)), 0.015)
        s.nod(person, dance, s.some(-0.1, 0.1))
    if closed:
        _closed_hold(s, take, held, s.some(0.30, 0.38), s.some(-0.10, 0.02), s.some(0, 1) < 0.6)
        s.contact(held, end, "left_wrist", "right_wrist")
        s.contact(held, end, "right_wrist", "spine3")
    else:
        drop = s.some(0.22, 0.32)
        pump = s.some(0.02, 0.04) * np.sin(phase) * dance
        for hands in ((1, 0), (0, 1)):
            for person in (0, 1):
                grasp = ramp(s.t, take + person * s.delay(1) * 0.3, held)
                s.hand(person, hands[person], grasp, halfway(hands, drop + (pump if hands[0] else -pump)))
                s.elbow(person, hands[person], grasp, 0.4)
        s.contact(held, end, "right_wrist", "left_wrist")
        s.contact(held, end, "left_wrist", "right_wrist")
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(2, 8)
