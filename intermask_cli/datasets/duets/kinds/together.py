"""Moving together: circling, leading by the hand, following, side by side, passing; for the right side."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.kinds.fighting import fists
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import halfway
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, trapezoid
from intermask_cli.motion.skeleton import FPS

_SPEED = {"slow": 0.55, "normal": 0.75, "fast": 1.0}
_WALK = {"slow": 0.8, "normal": 1.05, "fast": 1.35}


def circle_each_other(s: Stage) -> None:
    """manner: relaxed = arms hanging, guarded = fists up; both walk towards their own right."""
    radius = s.some(0.60, 0.85) * s.size
    angle = math.radians(s.some(90, 200))
    begin = s.some(4, 12)
    way = radius * angle
    end = begin + way / (0.7 * _SPEED[s.tempo]) * FPS * s.some(0.9, 1.1)
    end = min(end, 210.0)
    for person in (0, 1):
        late = 0.5 * s.delay(1) * person
        # Facing +Z at -Z, the own right is -X: seen from above the angle from +Z grows from pi.
        phi = (math.pi if person == 0 else 0.0) + angle * trapezoid((s.t - begin - late) / (end - begin), 0.2)
        s.plan.root[person] = radius * np.stack([np.sin(phi), np.cos(phi)], -1)
        s.plan.yaw[person] = phi + math.pi
    if s.manner == "guarded":
        for person in (0, 1):
            fists(s, person, ramp(s.t, begin - 10 + 0.5 * person * s.delay(1), begin + s.beat(0.4)))
    else:
        for person in (0, 1):
            s.bend(
                person,
                pulse(s.t, begin, begin + 12, end - 12, end),
                right=s.some(0.0, 0.06),
                twist=s.some(-0.1, 0.1),
            )
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(4, 14)


def walked_line(length: float, turn: float) -> tuple[Array, Array, Array]:
    """A walked line from the origin along +Z turning by `turn` radians: distances, points, headings."""
    grid = np.arange(-3.0, length + 1.0, 0.02)
    heading = turn * ramp(grid, 0.15 * length, 0.95 * length)
    steps = 0.02 * np.stack([np.sin(heading), np.cos(heading)], -1)
    points = np.cumsum(steps, axis=0)
    points -= points[np.searchsorted(grid, 0.0)]
    return grid, points, heading


def along(path: tuple[Array, Array, Array], distance: Array) -> tuple[Array, Array]:
    """Position (T, 2) and heading (T,) after walking `distance` (T,)."""
    grid, points, heading = path
    place = np.stack([np.interp(distance, grid, points[:, i]) for i in (0, 1)], -1)
    return place, np.interp(distance, grid, heading)


def lead_by_hand(s: Stage) -> None:
    """The actor takes the partner's left hand with the right one and walks ahead."""
    length = s.some(1.6, 2.8)
    path = walked_line(length, s.some(-0.9, 0.9))
    apart, behind = s.some(0.36, 0.44) * s.size, s.some(0.42, 0.52) * s.size
    take = s.some(4, 10)
    held = take + s.beat(0.6)
    walk = held + s.beat(0.1)
    end = walk + length / (0.7 * _WALK[s.tempo]) * FPS
    for person in (0, 1):
        late = person * (3 + 0.35 * s.delay(1))
        place, heading = along(path, length * trapezoid((s.t - walk - late) / (end - walk), 0.3))
        s.plan.yaw[person] = heading
        s.plan.root[person] = place
        if person == 1:
            s.plan.root[1, :, 0] += -apart * np.cos(heading) - behind * np.sin(heading)
            s.plan.root[1, :, 1] += apart * np.sin(heading) - behind * np.cos(heading)
    join = ramp(s.t, take, held)
    meeting = halfway((1, 0), s.some(0.36, 0.46))
    s.hand(0, 1, join, meeting, bulge=-0.1)
    s.hand(1, 0, ramp(s.t, take + 0.5 * s.delay(1), held), meeting, bulge=0.1)
    s.elbow(0, 1, join, 1.0)
    s.bend(0, join, twist=-s.some(0.08, 0.2))
    s.bend(1, join, twist=-s.some(0.05, 0.15), forward=s.some(0.0, 0.05))
    glance = pulse(s.t, take - 6, take + 6, held, held + s.beat(0.5))
    s.look_away(0, np.ones_like(s.t))
    s.bend(0, glance, twist=-0.35)
    s.look_away(1, s.some(0.2, 0.7) * ramp(s.t, walk, walk + 20))
    s.contact(held, end + 400, "right_wrist", "left_wrist")
    s.event("action", (walk + end) / 2)
    s.clock = end + s.some(2, 10)


def follow(s: Stage) -> None:
    """The actor walks ahead, straight on or turning right; the partner comes behind on the same line."""
    length = s.some(2.2, 3.6)
    turn = 0.0 if s.straight else -math.radians(s.some(50, 110))
    path = walked_line(length, turn)
    gap = s.some(0.85, 1.15) * s.size
    speed = _WALK[s.tempo]
    begin = s.some(4, 12)
    lag = s.some(2, 10) + s.delay(1)
    end = begin + length / (0.68 * speed) * FPS
    for person in (0, 1):
        walked = length * trapezoid((s.t - begin - person * lag) / (end - begin), 0.32)
        place, heading = along(path, walked - person * gap)
        s.plan.root[person], s.plan.yaw[person] = place, heading
    s.look_away(0, np.ones_like(s.t))
    if s.some(0, 1) < 0.4:
        when = s.some(0.3, 0.7) * end
        s.bend(0, pulse(s.t, when, when + 12, when + 20, when + 34), twist=s.some(-0.4, 0.4))
    if s.some(0, 1) < 0.5:
        s.first = round(begin + s.some(10, 24))  # begins in the middle of the walk
    s.event("action", (begin + end) / 2)
    s.clock = end + (lag if s.some(0, 1) < 0.6 else -s.some(5, 20))


def walk_side_by_side(s: Stage) -> None:
    """manner: apart = arms swinging, hand in hand = inner hands joined; straight on or turning right."""
    length = s.some(2.2, 3.6)
    turn = 0.0 if s.straight else -math.radians(s.some(45, 90))
    path = walked_line(length, turn)
    holding = s.manner == "hand in hand"
    aside = (s.some(0.25, 0.29) if holding else s.some(0.33, 0.40)) * s.size
    begin = s.some(14, 20) if holding else s.some(4, 12)
    end = begin + length / (0.68 * _WALK[s.tempo]) * FPS
    for person, sign in ((0, 1.0), (1, -1.0)):
        late = person * 0.4 * s.delay(1)
        place, heading = along(path, length * trapezoid((s.t - begin - late) / (end - begin), 0.32))
        s.plan.root[person] = place + sign * aside * np.stack([np.cos(heading), -np.sin(heading)], -1)
        s.plan.yaw[person] = heading
        when = s.some(0.1, 0.7) * end
        glance = pulse(s.t, when, when + s.beat(0.3), when + s.beat(0.9), when + s.beat(1.3))
        s.look_away(person, 1.0 - s.some(0.3, 0.9) * glance)
    if holding:
        drop = s.some(0.46, 0.52) + 0.03 * np.sin(2 * np.pi * s.t / s.beat(1.0))
        for person, hand in ((0, 1), (1, 0)):
            s.hand(person, hand, np.ones_like(s.t), halfway((1, 0), drop))
        s.contact(0, end + 400, "right_wrist", "left_wrist")
    if s.some(0, 1) < 0.5:
        s.first = round(begin + s.some(8, 20))  # begins in the middle of the walk
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(-12, 8)


def pass_by(s: Stage) -> None:
    """Both walk towards each other, give way to the left, pass right shoulder to right shoulder, walk on."""
    length = s.some(2.6, 3.4)
    begin = s.some(2, 8)
    speed = _WALK[s.tempo]
    end = begin + length / (0.8 * speed) * FPS
    passing = s.some(0.44, 0.50) * s.size
    for person, sign in ((0, 1.0), (1, -1.0)):
        late = person * s.some(0, 6)
        way = length * (trapezoid((s.t - begin - late) / (end - begin), 0.2) - 0.5)
        from_middle = s.some(0.0, 0.10)
        aside = from_middle + (passing - from_middle) * ramp(way, -0.42 * length, -0.08 * length)
        place = np.stack([aside, way], -1) * sign
        s.plan.root[person] = place
        step = np.gradient(place, axis=0) * sign
        s.plan.yaw[person] = (0.0 if person == 0 else math.pi) + np.arctan2(
            step[:, 0], np.maximum(step[:, 1], 0.01)
        )
        middle = (begin + end) / 2 + late
        s.look_away(person, ramp(s.t, middle - s.beat(0.5), middle - s.beat(0.1)))
        if s.some(0, 1) < 0.5:
            met = middle - s.beat(0.9)
            s.nod(person, pulse(s.t, met, met + 8, met + 8, met + 18), s.some(0.1, 0.3))
    s.event("action", (begin + end) / 2)
    s.clock = end + s.some(-8, 6)
