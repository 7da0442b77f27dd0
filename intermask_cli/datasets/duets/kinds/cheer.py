"""Being glad together: toast, shoulder bump, applause, jumps, a photo; written for the right side."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder, halfway, on_body
from intermask_cli.datasets.duets.timing import pulse, ramp
from intermask_cli.motion.skeleton import FPS


def toast(s: Stage) -> None:
    """Glasses are held before the chest, raised until the hands touch, and drunk from."""
    s.meet(s.some(0.84, 1.0))
    begin = s.clock
    clink = begin + s.beat(0.8) + s.delay(1) * 0.5
    parted = clink + 4 + s.beat(s.some(0.0, 0.3))
    drop = s.some(-0.02, 0.10)
    ends = []
    for person in (0, 1):
        late = person * s.delay(1) * 0.5
        drink = parted + s.beat(s.some(0.55, 0.75)) + late
        drunk = drink + s.beat(s.some(0.5, 1.2))
        end = drunk + s.beat(0.8)
        whole = 1.0 - ramp(s.t, end, end + s.beat(0.6)) * (s.some(0, 1) < 0.4)
        place = on_body(person, "spine2", -s.some(0.10, 0.18), s.some(-0.04, 0.06), s.some(0.24, 0.30))
        s.hand(person, 1, whole, place)
        out = pulse(s.t, begin + late, clink, parted, drink)
        s.hand(person, 1, out, halfway((1, 1), drop))
        s.bend(person, out, forward=s.some(0.04, 0.10), twist=s.some(0.15, 0.3))
        sip = pulse(s.t, parted + 4, drink, drunk, end)
        s.hand(person, 1, sip, on_body(person, "head", -0.03, -0.04, s.some(0.15, 0.17)))
        s.elbow(person, 1, sip, s.some(0.4, 0.8))
        s.nod(person, sip, -s.some(0.15, 0.35))
        s.bend(person, sip, forward=-s.some(0.02, 0.08))
        if s.some(0, 1) < 0.35:  # the other hand on the hip
            s.hand(person, 0, np.ones_like(s.t), on_body(person, "pelvis", 0.17, 0.06, 0.03))
            s.elbow(person, 0, np.ones_like(s.t), 1.2)
        ends.append(end)
    s.contact(clink, clink + 4, "right_wrist", "right_wrist")
    s.event("action", clink)
    s.clock = max(ends) + s.some(4, 12)


def shoulder_bump(s: Stage) -> None:
    """repeats = bumps; both step in with the right shoulder ahead, bump it, and rebound."""
    s.meet(s.some(0.95, 1.15))
    apart = float(np.linalg.norm(s.plan.root[0, -1] - s.plan.root[1, -1]))
    close = 0.49 * s.size
    begin = s.clock
    hit = begin + s.beat(0.75)
    bump, hits = np.zeros_like(s.t), []
    for _ in range(s.repeats):
        hits.append(hit)
        bump += pulse(s.t, hit - s.strike(0.38), hit, hit + 3, hit + 3 + s.strike(0.42))
        s.contact(hit, hit + 3, "right_shoulder", "right_shoulder")
        hit += 3 + s.strike(0.42) + s.strike(0.42)
    done = hits[-1] + 3 + s.beat(0.1)
    end = done + s.beat(0.8)
    for person in (0, 1):
        late = person * s.delay(1) * 0.3
        s.move(person, begin + late, hits[0] - 3, (apart - close) / 2 - 0.01, left=0.10 * s.size)
        s.move(person, done, end, -s.some(0.7, 1.0) * (apart - close) / 2, left=-0.06 * s.size)
        turned = pulse(s.t, begin + late, hits[0] - 4, done, end)
        s.turn(person, turned, s.some(0.55, 0.65))
        s.bend(person, turned, twist=0.15)
        s.bend(person, bump, right=s.some(0.08, 0.12), twist=0.18)
        s.shift(person, bump, forward=0.02, left=-0.03)
        s.crouch(person, turned, s.some(0.02, 0.05))
        if s.some(0, 1) < 0.5:  # forearms up
            for hand in (0, 1):
                s.hand(person, hand, turned, by_shoulder(person, hand, 0.16, -0.34, 0.02))
    s.event("action", hits[0])
    s.clock = end + s.some(3, 10)


def applause(s: Stage) -> None:
    """The partner claps; the actor has performed and thanks with bows, raised arms or a hand on the heart."""
    s.meet(s.some(1.5, 2.4))
    begin = s.clock
    first = begin + s.beat(0.5)
    claps = int(s.some(4, 8))
    period = max(s.beat(0.5), 0.44 * FPS)
    last = first + claps * period
    end = last + s.beat(0.7)
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * (s.t - first) / period)  # 0 when the palms meet
    up = pulse(s.t, begin, first, last, end)
    height, ahead = s.some(-0.10, 0.06), s.some(0.26, 0.30)
    wide = s.some(0.09, 0.14)
    for hand, sign in ((0, 1.0), (1, -1.0)):
        s.hand(1, hand, up, on_body(1, "spine3", sign * (0.02 + wide * beat), height, ahead))
        s.elbow(1, hand, up, s.some(0.1, 0.4))
    s.nod(1, up * beat, s.some(0.0, 0.12))
    s.bend(1, up, forward=s.some(-0.06, 0.06))
    thanks = begin + s.beat(s.some(0.4, 0.9))
    if s.some(0, 1) < 0.55:
        _thankful_bow(s, thanks, last)
    else:
        _raised_arms(s, thanks, last)
    s.event("action", (first + last) / 2)
    s.clock = max(end, last + s.beat(0.6)) + s.some(2, 10)


def _thankful_bow(s: Stage, start: float, last: float) -> None:
    """The actor bows once or twice, a hand on the heart or both arms opened."""
    heart = s.some(0, 1) < 0.5
    while start < last - s.beat(0.9):
        low = start + s.beat(0.6)
        rise = low + s.beat(s.some(0.3, 0.7))
        bend = pulse(s.t, start, low, rise, rise + s.beat(0.7))
        s.bow(0, bend, math.radians(s.some(25, 55)))
        s.look_away(0, bend)
        if heart:
            s.hand(0, 1, bend, on_body(0, "spine3", 0.03, -0.02, 0.20))
            s.elbow(0, 1, bend, 0.5)
        else:
            for hand in (0, 1):
                s.hand(0, hand, bend, by_shoulder(0, hand, s.some(0.28, 0.36), -0.30, 0.18))
        start = rise + s.beat(0.8)


def _raised_arms(s: Stage, start: float, last: float) -> None:
    """The actor lifts one arm or both to the side and turns a little, as to a hall."""
    top = start + s.beat(0.7)
    down = max(last - s.beat(0.2), top + s.beat(0.4))
    lifted = pulse(s.t, start, top, down, down + s.beat(0.8))
    for hand in (0, 1) if s.some(0, 1) < 0.6 else (1,):
        s.hand(0, hand, lifted, by_shoulder(0, hand, s.some(0.34, 0.42), s.some(0.10, 0.38), 0.12))
    s.turn(0, lifted * np.sin((s.t - start) / s.beat(0.8)), s.some(-0.2, 0.2))
    s.nod(0, pulse(s.t, top, top + 8, top + 12, top + 24), s.some(0.1, 0.4))


def celebrate_jump(s: Stage) -> None:
    """repeats = jumps of both in one rhythm, arms up; face to face or half towards a crowd."""
    s.meet(s.some(0.95, 1.4))
    begin = s.clock
    flight = s.some(0.34, 0.42)
    period = max(s.beat(0.85), (flight + 0.42) * FPS)
    first = begin + s.beat(0.7)
    aside = s.some(0.0, 0.7)
    done = first + s.repeats * period
    end = done + s.beat(0.8)
    for person in (0, 1):
        late = person * s.some(0.0, 2.0)
        high, style = s.some(0.10, 0.17), s.some(0, 1)
        aside_curve = ramp(s.t, begin, first - 10)
        s.turn(person, aside_curve, aside if person == 0 else -aside)
        up = pulse(s.t, begin + late, first + late, done, end + s.some(0, 6))
        pump = np.zeros_like(s.t)
        for number in range(s.repeats):
            off = first + number * period + late
            s.jump(person, off, off + flight * FPS, high)
            pump += pulse(s.t, off - 6, off + 5, off + 6, off + 17)
        for hand in (0, 1):
            if style < 0.55 or hand == 1:  # both arms up, or one fist
                out = s.some(0.12, 0.24)
                s.hand(person, hand, up, by_shoulder(person, hand, out, 0.24 + 0.20 * pump, 0.12))
            else:
                s.hand(person, hand, up, by_shoulder(person, hand, 0.10, -0.28, 0.16))
        s.bend(person, up, forward=-s.some(0.02, 0.08))
        s.nod(person, pump, -s.some(0.05, 0.25))
    s.event("jump", first + 6)
    s.event("action", (first + done) / 2)
    s.clock = end + s.some(2, 10)


def photo_together(s: Stage) -> None:
    """Both step side by side, inner arms round each other, heads together, and hold still for a picture."""
    near, apart = s.some(0.19, 0.22) * s.size, s.some(0.38, 0.55) * s.size
    begin = s.some(6, 14)
    joined = begin + max(s.beat(0.9), 26.0)
    still = joined + s.beat(0.5)
    over = still + s.beat(s.some(1.0, 2.2))
    end = over + s.beat(0.8)
    for person, sign in ((0, 1.0), (1, -1.0)):
        s.plan.yaw[person] = s.some(-0.08, 0.08) - sign * s.some(0.3, 0.9) * (1.0 - ramp(s.t, begin, joined))
        s.plan.root[person, :, 0] = sign * (apart - (apart - near) * ramp(s.t, begin, joined))
    # The inner arm of person 0 is the right one: round the waist; that of person 1 over the back.
    held = ramp(s.t, begin + 4, joined)
    s.hand(0, 1, held, on_body(1, "spine1", -0.06, s.some(-0.02, 0.04), -0.13), bulge=-0.3)
    s.hand(1, 0, held, on_body(0, "spine3", 0.04, s.some(0.02, 0.08), -0.15), bulge=-0.3)
    s.contact(joined, end + 400, "right_wrist", "spine1")
    s.contact(joined, end + 400, "spine3", "left_wrist")
    for person, sign, outer in ((0, 1.0, 0), (1, -1.0, 1)):
        s.look_away(person, 0.9 * ramp(s.t, begin + 10, joined))
        s.bend(person, held, right=sign * s.some(0.02, 0.07))
        pose = s.some(0, 1)
        posed = pulse(s.t, joined - 4, still, over, end)
        if pose < 0.35:  # two fingers or a wave next to the face
            s.hand(person, outer, posed, by_shoulder(person, outer, 0.18, s.some(0.10, 0.24), 0.20))
        elif pose < 0.6:
            s.hand(person, outer, posed, on_body(person, "pelvis", sign * 0.18, 0.05, 0.02))
            s.elbow(person, outer, posed, 1.2)
        s.turn(person, held, -sign * s.some(0.0, 0.12))
    s.event("action", (still + over) / 2)
    s.clock = end + s.some(0, 8)
