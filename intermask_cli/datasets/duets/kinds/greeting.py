"""Greetings: handshake, bow, wave, high five, high ten, hug, fist bump; written for the right hand."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder, halfway, on_body
from intermask_cli.datasets.duets.timing import Array, oscillation, pulse


def handshake(s: Stage) -> None:
    """manner: gently = small shakes, hard = large ones; repeats = shakes up and down."""
    s.meet(s.some(0.72, 0.84))
    hard = s.manner == "hard"
    begin = s.clock
    grip = begin + s.beat(0.65) + s.delay(1) * 0.5
    period = s.beat(0.42)
    release = grip + s.beat(0.15) + s.repeats * period + s.beat(0.1)
    end = release + s.beat(0.7)
    shake = (0.055 if hard else 0.025) * oscillation(
        s.t, grip + s.beat(0.1), release - s.beat(0.1), s.repeats
    )
    grasp = halfway((1, 1), s.some(0.32, 0.44) - shake)
    for person, late in ((0, 0.0), (1, s.delay(1) * 0.5)):
        reach = pulse(s.t, begin + late, grip, release, end - s.some(0, 5))
        s.hand(person, 1, reach, grasp)
        s.bend(person, reach, forward=s.some(0.08, 0.16), twist=s.some(0.12, 0.24))
        s.nod(person, pulse(s.t, grip, grip + 8, release, end), s.some(-0.05, 0.15))
    s.contact(grip, release, "right_wrist", "right_wrist")
    s.event("action", (grip + release) / 2)
    s.clock = end + s.some(2, 10)


def bow(s: Stage) -> None:
    """manner: slightly = 20-30 degrees, deeply = 50-70; repeats = bows of the actor."""
    s.meet(s.some(1.35, 1.7))
    depth = math.radians(s.some(52, 72) if s.manner == "deeply" else s.some(22, 32))
    hands_front = s.some(0, 1) < 0.4
    for number in range(s.repeats):
        down = s.clock + s.beat(0.12)
        low = down + s.beat(0.6 + 0.25 * (s.manner == "deeply"))
        rise = low + s.beat(s.some(0.15, 0.45))
        up = rise + s.beat(0.65 + 0.2 * (s.manner == "deeply"))
        bend = pulse(s.t, down, low, rise, up)
        s.bow(0, bend, depth)
        s.look_away(0, bend)
        s.nod(0, bend, 0.2)
        if number == 0:
            s.event("action", (low + rise) / 2)
            first = down
        s.clock = up
    if hands_front:
        clasp = pulse(
            s.t, first - s.beat(0.1), first + s.beat(0.5), s.clock - s.beat(0.3), s.clock + s.beat(0.2)
        )
        for hand, left in ((0, 0.05), (1, -0.05)):
            s.hand(0, hand, clasp, on_body(0, "pelvis", left, -0.02, 0.2))
    if s.some(0, 1) < 0.6:
        answer = pulse(s.t, first + s.delay(1) + 8, first + s.beat(0.7) + 8, s.clock - s.beat(0.4), s.clock)
        s.bow(1, answer, math.radians(s.some(4, 9)))
        s.nod(1, answer, s.some(0.1, 0.3))
    s.clock += s.some(6, 14)


def both_bow(s: Stage) -> None:
    """manner: slightly = 20-32 degrees, deeply = 48-66; repeats = bows of each, nearly together."""
    deeply = s.manner == "deeply"
    s.meet(s.some(1.55, 1.9) if deeply else s.some(1.25, 1.8))
    begin, up = s.clock, [0.0, 0.0]
    for person in (0, 1):
        depth = math.radians(s.some(48, 66) if deeply else s.some(22, 32))
        pause, start = s.some(0.15, 0.5), begin + s.beat(0.12) + person * min(s.delay(1) * 1.5, 14.0)
        arms, first = s.some(0, 1), start
        for number in range(s.repeats):
            low = start + s.beat(0.6 + 0.25 * deeply)
            rise = low + s.beat(pause)
            up[person] = rise + s.beat(0.65 + 0.2 * deeply)
            bend = pulse(s.t, start, low, rise, up[person])
            s.bow(person, bend, depth * (1.0 if number == 0 else s.some(0.85, 1.0)))
            s.look_away(person, bend)
            s.nod(person, bend, s.some(0.1, 0.3))
            if (person, number) == (0, 0):
                s.event("action", (low + rise) / 2)
            start = up[person] + s.beat(0.12)
        folded = pulse(
            s.t, first - s.beat(0.2), first + s.beat(0.35), up[person] - s.beat(0.2), up[person] + 10
        )
        # Hands before the lap, on the thighs, before the chest, or hanging.
        lap, thighs = ((0.04, -0.04, 0.2), (0.12, -0.20, 0.17))
        for hand, sign in ((0, 1.0), (1, -1.0)):
            if arms < 0.55:
                left, high, ahead = lap if arms < 0.3 else thighs
                s.hand(person, hand, folded, on_body(person, "pelvis", left * sign, high, ahead))
            elif arms < 0.75:
                s.hand(person, hand, folded, on_body(person, "spine3", 0.02 * sign, 0.02, 0.26))
                s.elbow(person, hand, folded, 0.5)
    s.clock = max(up) + s.some(6, 14)


def wave(s: Stage) -> None:
    """manner: small = next to the face, large = overhead and wide; repeats = swings in both directions."""
    s.meet(s.some(1.3, 2.3))
    up, seen = s.clock, s.clock + s.delay(1) + 10
    top, down, end = _waving(s, 0, 1, up, s.repeats, s.manner == "large")
    s.nod(1, pulse(s.t, seen, seen + 8, seen + 8, seen + 18), s.some(0.0, 0.35))
    s.event("action", (top + down) / 2)
    s.clock = end + s.some(3, 10)


def _waving(
    s: Stage, person: int, hand: int, up: float, swings: int, large: bool
) -> tuple[float, float, float]:
    """A hand goes up at frame `up`, waves, and sinks: the frames at which it is up, sinks and hangs again."""
    top = up + s.beat(0.6)
    down = top + swings * s.beat(0.55 if large else 0.45)
    end = down + s.beat(0.65)
    wide, high = (
        (s.some(0.20, 0.26), s.some(0.40, 0.46)) if large else (s.some(0.09, 0.13), s.some(0.18, 0.26))
    )
    swing = wide * oscillation(s.t, top - s.beat(0.1), down + s.beat(0.1), swings)
    raised = pulse(s.t, up, top, down, end)
    side = 1.0 if hand == 1 else -1.0
    target = by_shoulder(person, hand, 0.22 - swing, high - 0.5 * np.abs(swing), 0.16)
    s.hand(person, hand, raised, target, bulge=0.25)
    s.bend(person, raised, right=-side * (s.some(0.02, 0.10) + 0.05 * large))
    s.bend(person, swing / wide, right=-side * 0.04 * (1 + large))
    return top, down, end


def waves_back(s: Stage) -> None:
    """The actor waves first, then the partner with either hand; repeats = swings of the actor."""
    s.meet(s.some(1.4, 2.6))
    up = s.clock
    top, down, end = _waving(s, 0, 1, up, s.repeats, s.manner == "large")
    late = up + max(s.beat(s.some(0.6, 1.0)) + s.delay(1), 16.0)
    hand, swings = int(s.some(0, 2)), int(s.some(2, 4))
    answered, _, over = _waving(s, 1, hand, late, swings, s.some(0, 1) < 0.4)
    for person, when in ((0, answered), (1, late)):
        s.nod(person, pulse(s.t, when, when + 8, when + 8, when + 18), s.some(0.0, 0.3))
    s.event("answer", answered)
    s.event("action", (top + down) / 2)
    s.clock = max(end, over) + s.some(3, 10)


def high_five(s: Stage) -> None:
    """manner: low = at shoulder height, high = overhead; repeats = slaps."""
    s.meet(s.some(0.74, 0.86))
    drop = s.some(-0.36, -0.30) if s.manner == "high" else s.some(-0.06, 0.04)
    begin = s.clock
    cocked = begin + s.beat(0.6)
    late = s.delay(1) * 0.5
    hits, slap = _hands_meet(s, cocked, s.strike(0.36), 4, s.strike(0.40))
    done = hits[-1] + s.beat(0.2)
    end = done + s.beat(0.75)
    for person in (0, 1):
        raised = pulse(s.t, begin + late * person, cocked, done, end)
        s.hand(person, 1, raised, by_shoulder(person, 1, 0.17, 0.20 - 0.5 * drop, 0.10))
        s.hand(person, 1, np.minimum(slap, 1.0), halfway((1, 1), drop), bulge=0.2)
        s.bend(person, raised, twist=-0.15)
        s.bend(person, np.minimum(slap, 1.0), forward=s.some(0.05, 0.12), twist=0.42)
        s.crouch(person, pulse(s.t, begin, cocked, cocked, hits[0]), s.some(0.0, 0.04))
    s.event("action", hits[0])
    s.clock = end + s.some(2, 8)


def high_ten(s: Stage) -> None:
    """manner: low = at shoulder height, high = overhead; repeats = slaps with both hands."""
    s.meet(s.some(0.74, 0.88))
    drop = s.some(-0.34, -0.28) if s.manner == "high" else s.some(-0.06, 0.06)
    begin = s.clock
    cocked = begin + s.beat(s.some(0.5, 0.7))
    late = s.delay(1) * 0.5
    crossed = (("right_wrist", "left_wrist"), ("left_wrist", "right_wrist"))
    hits, slap = _hands_meet(s, cocked, s.strike(0.38), 4, s.strike(0.42), crossed)
    done = hits[-1] + s.beat(0.2)
    end = done + s.beat(0.75)
    slap = np.minimum(slap, 1.0)
    for person in (0, 1):
        raised = pulse(s.t, begin + late * person, cocked, done, end + s.some(0, 8))
        for hand in (0, 1):
            s.hand(person, hand, raised, by_shoulder(person, hand, 0.14, 0.16 - 0.5 * drop, 0.10))
            s.hand(person, hand, slap, halfway((hand, 1 - hand) if person == 0 else (1 - hand, hand), drop))
        s.bend(person, raised, forward=-s.some(0.02, 0.10))
        s.bend(person, slap, forward=s.some(0.08, 0.16))
        s.crouch(person, pulse(s.t, begin, cocked, cocked, hits[0]), s.some(0.0, 0.06))
        if s.some(0, 1) < 0.5:  # pleased, a few nods after it
            s.nod(person, np.maximum(oscillation(s.t, done, end, 2.0), 0.0), s.some(0.1, 0.25))
    s.event("action", hits[0])
    s.clock = end + s.some(2, 10)


def _hands_meet(
    s: Stage, start: float, out: float, stay: int, back: float,
    pairs: tuple[tuple[str, str], ...] = (("right_wrist", "right_wrist"),),
) -> tuple[list[float], Array]:  # fmt: skip
    """Hands move out, touch and move back, `s.repeats` times; `out`, `stay` and `back` are frames.

    Returns the frames at which they meet, and the weight (T,) of the movement.
    """
    hits = []
    curve = np.zeros_like(s.t)
    hit = start + out
    for _ in range(s.repeats):
        curve += pulse(s.t, hit - out, hit, hit + stay, hit + stay + back)
        for joints in pairs:
            s.contact(hit, hit + stay, *joints)
        hits.append(hit)
        hit += stay + back + out
    return hits, curve


def hug(s: Stage) -> None:
    """manner: gently = loose and short, hard = tight and long. Right arms over, left arms under."""
    hard = s.manner == "hard"
    s.meet(s.some(0.95, 1.1))
    close = (s.some(0.34, 0.37) if hard else s.some(0.38, 0.42)) * s.size
    apart = float(np.linalg.norm(s.plan.root[0, -1] - s.plan.root[1, -1]))
    begin = s.clock
    inside = begin + s.beat(0.9)
    hold = inside + s.beat(s.some(0.9, 1.5) if hard else s.some(0.5, 0.9))
    end = hold + s.beat(1.0)
    back = s.some(0.6, 1.0) * (apart - close) / 2
    for person in (0, 1):
        late = s.delay(1) * 0.5 * person
        s.move(person, begin + late, inside, (apart - close) / 2, left=0.09)
        s.move(person, hold + s.beat(0.15), end, -back)
        opened = pulse(s.t, begin - s.beat(0.15) + late, begin + s.beat(0.55), hold, end - s.beat(0.1))
        wrapped = pulse(s.t, begin + s.beat(0.45), inside + s.beat(0.1), hold, hold + s.beat(0.45))
        _embrace(s, person, opened, wrapped)
        held = pulse(s.t, inside - s.beat(0.3), inside + s.beat(0.15), hold, hold + s.beat(0.5))
        s.bend(person, held, forward=s.some(0.10, 0.16) + 0.04 * hard, right=-s.some(0.08, 0.14))
        s.nod(person, held, s.some(0.1, 0.25))
        s.look_away(person, 0.9 * held)
        s.bend(person, held * np.sin((s.t - inside) / s.beat(0.5)), right=s.some(0.01, 0.03))
    s.contact(inside + s.beat(0.12), hold, "right_wrist", "spine3")
    s.contact(inside + s.beat(0.12), hold, "left_wrist", "spine3")
    s.contact(inside + s.beat(0.12), hold, "spine3", "right_wrist")
    s.contact(inside + s.beat(0.12), hold, "spine3", "left_wrist")
    s.event("action", (inside + hold) / 2)
    s.clock = end + s.some(2, 8)


def _embrace(s: Stage, person: int, opened: Array, wrapped: Array) -> None:
    """Arms open wide, then the right one over the partner's shoulder and the left one under the arm."""
    other = 1 - person
    for hand, over in ((0, False), (1, True)):
        s.hand(person, hand, opened, by_shoulder(person, hand, 0.26, 0.10 if over else -0.22, 0.36))
        # On the partner's back; left and forward are the partner's, who faces the other way.
        up, across = (0.14, -0.05) if over else (-0.08, 0.03)
        s.hand(person, hand, wrapped, on_body(other, "spine3", across, up, -0.15), bulge=0.0)
        s.elbow(person, hand, opened, 0.9)


def fist_bump(s: Stage) -> None:
    """repeats = bumps; right fists drawn back at the ribs, then meeting with almost straight arms."""
    s.meet(s.some(0.86, 0.95))
    drop = s.some(0.10, 0.20)
    begin = s.clock
    cocked = begin + s.beat(0.55)
    late = s.delay(1) * 0.5
    hits, bump = _hands_meet(s, cocked, s.strike(0.38), 5, s.strike(0.42))
    done = hits[-1] + 5 + s.beat(0.1)
    end = done + s.beat(0.8)
    for person in (0, 1):
        ready = pulse(s.t, begin + late * person, cocked, done, end)
        s.hand(person, 1, ready, by_shoulder(person, 1, 0.10, -0.24, 0.10), bulge=0.0)
        s.hand(person, 1, np.minimum(bump, 1.0), halfway((1, 1), drop), bulge=0.0)
        s.bend(person, ready, twist=-0.18)
        s.bend(person, np.minimum(bump, 1.0), forward=s.some(0.04, 0.10), twist=0.45)
        s.nod(person, pulse(s.t, hits[0], hits[0] + 8, done, end), s.some(0.0, 0.2))
    s.event("action", hits[0])
    s.clock = end + s.some(2, 8)
