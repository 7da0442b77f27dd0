"""Play and talk: clapping, pointing, startling, rock-paper-scissors, whispering. Written right-handed."""

from __future__ import annotations

import math

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import Target, by_shoulder, halfway, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp, trapezoid
from intermask_cli.motion.skeleton import FPS

_SNEAK = {"slow": 0.50, "normal": 0.62, "fast": 0.78}  # m/s


def clap_game(s: Stage) -> None:
    """repeats = claps together; before each one both clap their own hands."""
    s.meet(s.some(0.68, 0.78))
    begin = s.clock
    ready = begin + s.beat(0.5)
    own, pair = np.zeros_like(s.t), np.zeros_like(s.t)
    time = ready
    hits = []
    for _ in range(s.repeats):
        clap = time + s.strike(0.36)
        own += pulse(s.t, time, clap, clap + 2, clap + 2 + s.strike(0.36))
        hit = clap + 2 + s.strike(0.38)
        pair += pulse(s.t, clap + 2, hit, hit + 3, hit + 3 + s.strike(0.38))
        hits.append(hit)
        time = hit + 3 + s.strike(0.20)
    done = hits[-1] + 3 + s.beat(0.2)
    end = done + s.beat(0.7)
    drop = s.some(0.04, 0.12)
    for person in (0, 1):
        late = person * s.delay(1) * 0.5
        up = pulse(s.t, begin + late, ready + late * 0.5, done, end)
        for hand, sign in ((0, 1.0), (1, -1.0)):
            s.hand(person, hand, up, on_body(person, "spine3", 0.12 * sign, -0.02, 0.26))
            s.hand(
                person, hand, np.minimum(own, 1.0), on_body(person, "spine3", 0.018 * sign, 0.0, 0.27), 0.0
            )
            hands = (hand, 1 - hand) if person == 0 else (1 - hand, hand)
            s.hand(person, hand, np.minimum(pair, 1.0), halfway(hands, drop), bulge=0.0)
            s.elbow(person, hand, up, 0.2)
        s.bend(person, np.minimum(pair, 1.0), forward=s.some(0.03, 0.08))
        s.nod(person, np.minimum(pair, 1.0), s.some(0.0, 0.10))
        s.crouch(person, np.minimum(own, 1.0), s.some(0.0, 0.02))
    for hit in hits:
        s.contact(hit, hit + 3, "right_wrist", "left_wrist")
        s.contact(hit, hit + 3, "left_wrist", "right_wrist")
    s.event("action", hits[0])
    s.clock = end + s.some(2, 8)


def point_and_look(s: Stage) -> None:
    """manner: level = along the ground, up = into the sky; to the actor's right, so to the partner's left."""
    s.meet(s.some(0.95, 1.4))
    up = s.manner == "up"
    begin = s.clock
    raised = begin + s.beat(0.6)
    seen = begin + s.beat(0.35) + s.delay(1) + 4
    looked = seen + s.beat(0.6)
    away = looked + s.beat(s.some(0.8, 1.5))
    end = away + s.beat(0.75)
    height = s.some(0.38, 0.44) if up else s.some(0.02, 0.10)
    forward = 0.25 if up else 0.33
    out = math.sqrt(0.61**2 - height**2 - forward**2)
    wag = 0.03 * np.sin(2 * np.pi * (s.t - raised) / s.beat(0.5)) * ramp(s.t, raised, raised + 10)
    point = pulse(s.t, begin, raised, away, end)
    s.turn(0, pulse(s.t, begin, raised + 4, away, end), -s.some(0.1, 0.35))
    s.hand(0, 1, point, by_shoulder(0, 1, out, height + wag, forward), bulge=0.15)
    s.bend(0, point, right=-0.05 if up else 0.04)
    face = pulse(s.t, begin + 6, raised, raised + s.beat(0.5), raised + s.beat(0.8))
    s.look(0, face, -s.some(0.6, 0.8), down=-0.35 if up else 0.0)  # then back to see whether the other looks
    look = pulse(s.t, seen, looked, away + 6, end + 6)
    s.turn(1, pulse(s.t, seen + 4, looked + 6, away + 6, end + 8), s.some(0.6, 0.9))
    s.look(1, look, s.some(0.5, 0.7), down=-0.40 if up else -0.02)
    s.bend(1, look, twist=s.some(0.15, 0.3), forward=-0.10 if up else 0.05)
    if s.some(0, 1) < 0.4:  # a hand above the eyes
        s.hand(1, 0, look, on_body(1, "head", 0.10, 0.10, 0.15))
        s.elbow(1, 0, look, 1.0)
    s.event("action", (looked + away) / 2)
    s.clock = end + 8 + s.some(2, 8)


def sneak_startle(s: Stage) -> None:
    """manner: slightly = a start and a turn, badly = arms flung up and a step away."""
    badly = s.manner == "badly"
    close = s.some(0.46, 0.50) * s.size
    way = s.some(1.0, 1.6)
    begin = s.some(4, 10)
    arrive = begin + way / (0.75 * _SNEAK[s.tempo]) * FPS
    boo = arrive + s.beat(0.15) + s.strike(0.38)
    s.plan.root[1] = np.array([s.some(-0.04, 0.04), 0.4])
    s.plan.yaw[1] = s.some(-0.12, 0.12)
    s.plan.root[0] = np.array([0.0, 0.4 - close])
    s.plan.root[0, :, 1] += way * (trapezoid((s.t - begin) / (arrive - begin), 0.25) - 1.0)

    sneak = 1.0 - ramp(s.t, arrive, boo + s.beat(0.3))
    s.crouch(0, sneak, s.some(0.10, 0.15))
    s.bow(0, sneak, s.some(0.40, 0.55))
    creep = np.sin(2 * np.pi * s.t / s.beat(1.1)) * sneak
    s.bend(0, creep, right=0.04)
    grab = pulse(s.t, arrive + s.beat(0.1), boo, boo + 6, boo + 6 + s.beat(0.6))
    for hand, sign in ((0, 1.0), (1, -1.0)):
        s.hand(0, hand, sneak, by_shoulder(0, hand, 0.02, 0.02 + 0.02 * sign, 0.32))
        s.hand(0, hand, grab, _shoulder_of_partner(hand), bulge=0.1)

    startled = boo + 2 + 0.35 * s.delay(1)
    size = 1.0 if badly else 0.45
    start = pulse(s.t, startled, startled + 11, startled + 14, startled + s.beat(0.9))
    for hand in (0, 1):
        s.hand(1, hand, (0.35 + 0.65 * badly) * start, by_shoulder(1, hand, 0.20, 0.16, 0.30), bulge=0.1)
    s.bend(1, start, forward=-0.20 * size)
    s.crouch(1, start, 0.08 * size)
    s.nod(1, start, -0.20 * size)
    turned = startled + s.beat(1.3)
    side = 1.0 if s.some(0, 1) < 0.5 else -1.0
    s.move(1, startled + 2, turned, (s.some(0.35, 0.55) if badly else s.some(0.18, 0.3)) * s.size)
    s.move(0, boo + 6, boo + s.beat(0.9), -s.some(0.15, 0.3) * s.size)
    s.quicken(1, 0.8)
    s.turn(1, side * math.pi * trapezoid((s.t - startled - 6) / (turned - startled - 6), 0.35), 1.0)
    s.look_away(1, 1.0 - ramp(s.t, turned - s.beat(0.35), turned))
    laugh = pulse(s.t, boo + s.beat(0.6), boo + s.beat(1.0), turned + s.beat(0.4), turned + s.beat(0.8))
    s.bend(0, laugh, forward=-0.08)
    for hand, sign in ((0, 1.0), (1, -1.0)):
        s.hand(0, hand, laugh, on_body(0, "spine1", 0.06 * sign, 0.0, 0.20))
    s.contact(boo, boo + 5, "right_wrist", "right_shoulder")
    s.contact(boo, boo + 5, "left_wrist", "left_shoulder")
    s.event("startle", startled)
    s.event("action", boo)
    s.clock = turned + s.beat(0.8) + s.some(4, 10)


def _shoulder_of_partner(hand: int) -> Target:
    """On top of the partner's shoulder of the same side, from behind."""

    def target(pose: Trunk) -> Array:
        return pose.shoulder(1, hand) + pose.offset(1, 0.0, 0.07, -0.06)

    return target


def rock_paper_scissors(s: Stage) -> None:
    """Right fists beat on the left palms three times and are thrown forward; then the actor cheers."""
    s.meet(s.some(0.95, 1.1))
    begin = s.clock
    ready = begin + s.beat(0.55)
    period = max(s.beat(0.55), 0.46 * FPS)
    throw = ready + 3 * period
    thrown = throw + s.strike(0.38)
    known = thrown + s.beat(s.some(0.5, 0.8))
    cheer = known + s.beat(0.6)
    over = cheer + s.beat(s.some(0.7, 1.1))
    end = over + s.beat(0.7)
    beat = np.cos(2 * np.pi * (s.t - ready) / period) * pulse(s.t, begin, ready, throw - 2, throw + 4)
    for person in (0, 1):
        late = person * s.delay(1) * 0.3
        game = pulse(s.t, begin + late, ready, thrown, known + late)
        s.hand(person, 0, game, on_body(person, "spine1", 0.02, 0.02, 0.26))
        fist = pulse(s.t, begin + late, ready, known, known + s.beat(0.6))
        s.hand(person, 1, fist, on_body(person, "spine1", -0.03, 0.17 + 0.09 * beat, 0.27))
        shown = pulse(s.t, throw, thrown, known, known + s.beat(0.6))
        s.hand(person, 1, shown, on_body(person, "spine3", -0.06, -0.08, s.some(0.36, 0.40)), bulge=0.0)
        s.bend(person, fist, forward=s.some(0.06, 0.12))
        s.nod(person, fist, s.some(0.15, 0.25))
        s.crouch(person, 0.5 * (1.0 - beat) * game, 0.02)
        s.bend(person, shown, twist=0.15)
    won = pulse(s.t, known, cheer, over, end)
    pump = (
        0.05 * np.sin(2 * np.pi * (s.t - cheer) / s.beat(0.5)) * pulse(s.t, cheer, cheer + 8, over - 8, over)
    )
    for hand in (0, 1):
        s.hand(0, hand, won, by_shoulder(0, hand, 0.16, 0.46 + pump, 0.08), bulge=0.3)
    s.bend(0, won, forward=-0.12)
    lost = pulse(s.t, known + s.delay(1), cheer + s.delay(1), over + 4, end + 6)
    s.bend(1, lost, forward=s.some(0.22, 0.34))
    s.nod(1, lost, s.some(0.35, 0.5))
    s.look_away(1, 0.8 * lost)
    s.crouch(1, lost, s.some(0.02, 0.05))
    s.event("throw", thrown)
    s.event("win", cheer)
    s.event("action", (throw + cheer) / 2)
    s.clock = end + s.some(2, 8)


def whisper(s: Stage) -> None:
    """The actor steps in, leans past the partner's cheek with the right hand at the mouth, and steps back."""
    s.meet(s.some(0.85, 1.0))
    apart = float(np.linalg.norm(s.plan.root[0, -1] - s.plan.root[1, -1]))
    begin = s.clock
    close = begin + s.beat(0.9)
    away = close + s.beat(s.some(1.1, 1.9))
    end = away + s.beat(0.9)
    near = 0.50 * s.size
    s.move(0, begin, close, apart - near, left=0.15 * s.size)
    s.move(0, away, end, -0.75 * (apart - near))
    lean = pulse(s.t, begin + s.beat(0.4), close, away, end - s.beat(0.2))
    taller = s.bodies[0].scale - s.bodies[1].scale
    s.bow(0, lean, s.some(0.22, 0.28) + max(taller, 0.0))
    s.bend(0, lean, twist=-0.2)
    s.hand(0, 1, pulse(s.t, begin + s.beat(0.2), close - 3, away, end - s.beat(0.1)), _at_the_mouth)
    s.elbow(0, 1, lean, 0.5)
    talk = 0.5 * (1.0 + np.sin(2 * np.pi * (s.t - close) / s.beat(0.55))) * lean
    s.nod(0, talk, 0.07)
    s.look(0, lean, -0.15)
    late = pulse(s.t, begin + s.beat(0.5) + s.delay(1), close, away, end)
    s.bend(1, late, right=s.some(0.08, 0.14), forward=s.some(0.04, 0.08) + max(-0.5 * taller, 0.0))
    s.look(1, late, s.some(0.15, 0.35), down=0.10)
    answer = pulse(s.t, away + 8, away + 16, away + 16, away + 28)
    s.nod(1, answer, s.some(0.15, 0.35))
    s.event("action", (close + away) / 2)
    s.clock = end + s.some(2, 10)


def _at_the_mouth(pose: Trunk) -> Array:
    """Next to the actor's own mouth, to shield the words."""
    return on_body(0, "head", -0.09, -0.05, 0.14)(pose)
