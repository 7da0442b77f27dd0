"""Fights of many blows: dodge and counter, a boxing bout, a sabre duel. Written for the right hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intermask_cli.datasets.duets.kinds.fighting import fists
from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import Target, by_shoulder, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp


def dodge_counter(s: Stage) -> None:
    """manner: duck = under the punch, sidestep = past it; then the actor's right fist hits the body."""
    ducks = s.manner == "duck"
    actor, partner = s.bodies
    s.meet((0.80 * actor.arm + 0.55 * partner.scale + s.some(-0.02, 0.04)) / s.size)
    begin, ready = s.clock, s.clock + s.beat(0.5)
    fists(s, 0, pulse(s.t, begin - 4 + s.delay(0) * 0.4, ready, 900, 901))
    fists(s, 1, pulse(s.t, begin - 6, ready, 900, 901))
    punch = ready + s.beat(s.some(0.1, 0.4))
    hit = punch + s.strike(0.30) + s.strike(0.38)
    attack = int(s.some(0, 2))
    # The blow goes to where the actor's head was: ahead of the own shoulders, at head height.
    height = s.some(0.02, 0.12) + 1.50 * actor.scale - 1.42 * partner.scale
    aim = by_shoulder(1, attack, -0.13, height / partner.scale, 0.56)
    _jab(s, 1, attack, aim, hit, 0.30)
    low = pulse(s.t, punch + 2, hit - 3, hit + 5, hit + 5 + s.strike(0.45))
    if ducks:
        s.crouch(0, low, s.some(0.26, 0.34))
        s.bow(0, low, s.some(0.55, 0.75))
        s.bend(0, low, right=s.some(-0.15, 0.15))
    else:
        aside = 1.0 if attack == 1 else -1.0  # away from the punching arm
        s.bend(0, low, right=-aside * s.some(0.30, 0.42), forward=0.15)
        s.shift(0, low, left=aside * 0.14)
        s.crouch(0, low, s.some(0.06, 0.12))
        s.move(0, punch, hit + 4, 0.0, left=aside * s.some(0.14, 0.22))
    counter = hit + 5 + s.strike(0.45) + s.strike(0.40)
    body = _struck(0, 1, "spine2", 0.20)
    _jab(s, 0, 1, body, counter, 0.5)
    s.move(0, hit + 6, counter, s.some(0.12, 0.18) + 0.08 * (not ducks))
    hurt = pulse(s.t, counter - 1, counter + s.beat(0.3), counter + s.beat(0.4), counter + s.beat(1.1))
    s.bend(1, hurt, forward=s.some(0.25, 0.45))
    s.nod(1, hurt, s.some(0.1, 0.3))
    s.move(1, counter + 1, counter + s.beat(0.9), -s.some(0.15, 0.4))
    s.contact(counter, counter + 3, "right_wrist", "spine2")
    s.event("dodge", hit)
    s.event("strike", counter)
    s.event("action", (hit + counter) / 2)
    s.clock = counter + s.beat(1.2) + s.some(2, 8)


def _jab(s: Stage, person: int, hand: int, target: Target, hit: float, turn: float) -> None:
    """A fist is drawn back a little, driven to the target at frame `hit` with the hips, and taken home."""
    start, home = hit - s.strike(0.38), hit + 3 + s.strike(0.42)
    sign = 1.0 if hand == 1 else -1.0
    drive = pulse(s.t, start, hit, hit + 3, home)
    wound = pulse(s.t, start - s.strike(0.30), start, start + 2, hit)
    s.hand(person, hand, wound, by_shoulder(person, hand, 0.06, -0.14, 0.10), bulge=0.0)
    s.hand(person, hand, drive, target, bulge=0.0)
    s.bend(person, wound, twist=-0.12 * sign)
    s.bend(person, drive, forward=0.12, twist=turn * sign)
    s.shift(person, drive, forward=0.09)
    s.crouch(person, drive, 0.02)


def _struck(attacker: int, hand: int, joint: str, before: float) -> Target:
    """A point `before` metres in front of a trunk joint of the other, no farther than the fist reaches."""

    def target(pose: Trunk) -> Array:
        return pose.within_reach(attacker, hand, on_body(1 - attacker, joint, 0.0, 0.0, before)(pose))

    return target


def boxing_bout(s: Stage) -> None:
    """Both box: punches in turn and in pairs to guarded heads, counters, steps round each other."""
    reach = min(body.arm for body in s.bodies)
    gap = (1.52 * reach + 0.16 * s.size) / s.size
    s.meet(gap)
    begin, ready = s.clock, s.clock + s.beat(0.5)
    for person in (0, 1):
        fists(s, person, pulse(s.t, begin - 6 + person * s.delay(1) * 0.5, ready, 900, 901))
        bob = np.sin(2 * np.pi * (s.t - s.some(0, 20)) / s.beat(s.some(0.7, 1.0)))
        sway = np.sin(2 * np.pi * (s.t - s.some(0, 40)) / s.beat(s.some(1.2, 2.0)))
        moving = ramp(s.t, begin, ready)
        s.crouch(person, (0.5 + 0.5 * bob) * moving, s.some(0.02, 0.04))
        s.bend(person, sway * moving, right=s.some(0.03, 0.07))
        s.shift(person, sway * moving, left=s.some(0.01, 0.03))
        s.quicken(person, 0.85)
    hit, attacker, last = ready + s.beat(0.3) + s.strike(0.7), int(s.some(0, 2)), 0.0
    latest, count = 205.0 + begin, int(s.some(5, 9))
    guards: list[list[tuple[float, int, float]]] = [[], []]
    lead = int(s.some(0, 2))
    for number in range(count):
        if hit > latest:
            break
        hand = lead if number % 2 == 0 else 1 - lead
        guard = 1 - hand  # the glove opposite the fist
        lower = s.some(0.0, 0.08)
        catch = _gloves_meet(attacker, hand, guard, lower)
        _jab(s, attacker, hand, catch, hit, s.some(0.35, 0.55))
        guards[1 - attacker].append((hit, guard, lower))
        caught = pulse(s.t, hit - 12, hit - 1, hit + 3, hit + 14)
        s.hand(1 - attacker, guard, caught, catch, bulge=0.0)
        impact = pulse(s.t, hit - 2, hit + 4, hit + 4, hit + 16)
        s.bend(1 - attacker, impact, forward=-0.08)
        s.shift(1 - attacker, impact, forward=-0.03)
        first, second = ("left_wrist", "right_wrist")[hand], ("left_wrist", "right_wrist")[guard]
        s.contact(hit, hit + 3, *((first, second) if attacker == 0 else (second, first)))
        s.event("strike", hit)
        if number == 0:
            s.event("action", hit)
        last = hit
        if s.some(0, 1) < 0.55:  # counter; else the next punch of the same one
            attacker, lead = 1 - attacker, int(s.some(0, 2))
            hit += 3 + s.strike(0.42) + s.strike(s.some(0.30, 0.6))
        else:
            hit += 3 + s.strike(0.45) + s.beat(s.some(0.0, 0.2))
    end = last + s.beat(0.8)
    _go_round(s, begin, end, s.some(-0.9, 0.9))
    s.clock = end + s.some(4, 12)


def _gloves_meet(attacker: int, hand: int, guard: int, lower: float) -> Callable[[Trunk], Array]:
    """Before the defender's face, where a fist and the opposite guarding glove both reach."""
    defender = 1 - attacker

    def target(pose: Trunk) -> Array:
        sign = 1.0 if guard == 0 else -1.0
        place = on_body(defender, "head", 0.07 * sign, -0.05 - lower, 0.24)(pose)
        for _ in range(3):
            place = pose.within_reach(defender, guard, pose.within_reach(attacker, hand, place))
        return place

    return target


def _go_round(s: Stage, start: float, end: float, angle: float) -> None:
    """Turn the whole scene about the middle: both step round each other by `angle` radians."""
    # In pushes, with pauses, as boxers and fencers move.
    turned = angle * (ramp(s.t, start, (start + end) / 2) + ramp(s.t, (start + end) / 2, end)) / 2
    c, n = np.cos(turned), np.sin(turned)
    x, z = s.plan.root[..., 0].copy(), s.plan.root[..., 1].copy()
    s.plan.root[..., 0] = x * c + z * n
    s.plan.root[..., 1] = z * c - x * n
    s.plan.yaw += turned


def sabre_duel(s: Stage) -> None:
    """Both hold a sabre in the right hand: lunges, parries and ripostes, steps to and fro."""
    s.meet(s.some(1.75, 2.05))
    begin, guard = s.clock, s.clock + s.beat(0.7)
    for person in (0, 1):
        held = pulse(s.t, begin - 4 + person * s.delay(1) * 0.5, guard, 900, 901)
        s.turn(person, held, s.some(0.45, 0.7))
        s.hand(person, 1, held, by_shoulder(person, 1, 0.06, -0.14, 0.36))
        behind = s.some(0, 1)
        if behind < 0.5:  # the free hand raised behind, on the hip, or hanging
            s.hand(person, 0, held, by_shoulder(person, 0, 0.26, 0.06, -0.26))
        elif behind < 0.8:
            s.hand(person, 0, held, on_body(person, "pelvis", 0.18, 0.06, 0.0))
            s.elbow(person, 0, held, 1.2)
        s.crouch(person, held, s.some(0.05, 0.10))
        s.quicken(person, 0.85)
    time, attacker = guard + s.beat(0.3), int(s.some(0, 2))
    for number in range(int(s.some(3, 6))):
        if time > begin + 190.0:
            break
        hit = time + s.strike(0.45) + s.strike(0.38)
        _lunge(s, attacker, time, hit, s.some(0, 1))
        _parry(s, 1 - attacker, hit, s.some(0, 1))
        s.event("strike", hit)
        if number == 0:
            s.event("action", hit)
        time = hit + s.beat(s.some(0.45, 0.8))
        if s.some(0, 1) < 0.65:  # riposte
            attacker = 1 - attacker
    end = time + s.beat(0.5)
    _go_round(s, begin, end, s.some(-0.6, 0.6))
    s.clock = end + s.some(2, 10)


def _lunge(s: Stage, person: int, start: float, hit: float, style: float) -> None:
    """Step in, the armed hand cuts from above or the side, or thrusts; then recover."""
    home = hit + 3 + s.strike(0.5)
    wound = pulse(s.t, start, hit - s.strike(0.38), hit - 4, hit + 2)
    drive = pulse(s.t, hit - s.strike(0.38), hit, hit + 4, home)
    if style < 0.45:  # a cut from above
        s.hand(person, 1, wound, by_shoulder(person, 1, 0.10, 0.40, 0.10), bulge=0.1)
        goal = by_shoulder(person, 1, -0.08, 0.02, 0.54)
    elif style < 0.75:  # a cut from the side
        s.hand(person, 1, wound, by_shoulder(person, 1, 0.34, 0.12, 0.16), bulge=0.1)
        goal = by_shoulder(person, 1, -0.16, -0.06, 0.50)
    else:  # a thrust
        s.hand(person, 1, wound, by_shoulder(person, 1, 0.06, -0.20, 0.14), bulge=0.0)
        goal = by_shoulder(person, 1, 0.0, -0.02, 0.56)
    s.hand(person, 1, drive, goal, bulge=0.0)
    s.bend(person, drive, forward=s.some(0.14, 0.24), twist=0.25)
    s.shift(person, drive, forward=0.12)
    s.crouch(person, drive, s.some(0.05, 0.10))
    step = s.some(0.16, 0.30)
    s.move(person, start, hit, step)
    s.move(person, hit + 4, hit + 4 + s.beat(0.7), -step * s.some(0.7, 1.1))


def _parry(s: Stage, person: int, hit: float, style: float) -> None:
    """The armed hand goes across, out or up to meet the blade, while the body gives way."""
    met = pulse(s.t, hit - s.strike(0.42), hit - 1, hit + 4, hit + 4 + s.strike(0.45))
    across, high = ((-0.16, 0.0), (0.26, 0.02), (0.04, 0.30))[int(3 * style)]
    s.hand(person, 1, met, by_shoulder(person, 1, across, high, 0.36), bulge=0.0)
    s.bend(person, met, forward=-s.some(0.06, 0.14))
    s.shift(person, met, forward=-0.06)
    back = s.some(0.10, 0.24)
    s.move(person, hit - s.strike(0.40), hit + 4, -back)
    s.move(person, hit + 8, hit + 8 + s.beat(0.7), back * s.some(0.7, 1.1))
