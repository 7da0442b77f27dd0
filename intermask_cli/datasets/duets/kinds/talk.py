"""Talk without words: gestures, a heated argument, beckoning, comforting; written for the right hand."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import Target, by_shoulder, on_body
from intermask_cli.datasets.duets.timing import Array, pulse, ramp
from intermask_cli.motion.skeleton import FPS


def talk_gestures(s: Stage) -> None:
    """manner: calmly = hands low and slow, animatedly = wide and quick; they talk in turn, and nod."""
    lively = s.manner == "animatedly"
    s.meet(s.some(1.05, 1.6))
    time = s.clock + s.some(0, 8)
    speaker, starts = int(s.some(0, 2)), [time]
    for _ in range(2 if s.some(0, 1) < 0.6 else 3):
        end = time + s.beat(s.some(1.3, 2.0))
        _speak(s, speaker, time, end, 1.0 if lively else 0.62, lively)
        _listen(s, 1 - speaker, time, end)
        speaker = 1 - speaker
        time = end - s.beat(s.some(0.0, 0.35))
        starts.append(time)
    for person in (0, 1):
        away = time + s.some(-20, 10)
        weight = np.sin(2 * np.pi * (s.t - away) / s.beat(s.some(2.5, 4.5)))
        s.shift(person, weight * ramp(s.t, starts[0] - 8, starts[0] + 8), left=s.some(0.01, 0.03))
        s.turn(person, ramp(s.t, starts[0], starts[0] + s.beat(1.0)), s.some(-0.35, 0.35))
    s.event("action", (starts[0] + time) / 2)
    s.clock = time + s.beat(0.7) + s.some(2, 10)


def _speak(s: Stage, person: int, start: float, end: float, size: float, lively: bool) -> None:
    """One turn of talking: both hands, or the right or left one alone, stroke from place to place."""
    up = pulse(s.t, start, start + s.beat(0.45), end - s.beat(0.2), end + s.beat(0.45))
    draw = s.some(0, 1)
    hands = (0, 1) if draw < 0.55 else (0,) if draw < 0.75 else (1,)
    alike = s.some(0, 1) < 0.6  # both hands in the same rhythm
    strokes = _strokes(s, start, end, lively)
    for hand in hands:
        if not alike:
            strokes = _strokes(s, start + s.some(0, 6), end, lively)
        out = _through(s, strokes, 0.02, 0.10 + 0.20 * size)
        high = _through(s, strokes, -0.36, -0.26 + 0.30 * size)
        ahead = _through(s, strokes, 0.22, 0.26 + 0.10 * size)
        s.hand(person, hand, up, by_shoulder(person, hand, out, high, ahead), bulge=0.05)
    stress = sum((pulse(s.t, t - 4, t + 4, t + 4, t + 14) for t in strokes), np.zeros_like(s.t))
    s.nod(person, np.minimum(stress, 1.0) * up, s.some(0.03, 0.14))
    s.bend(person, up, forward=s.some(-0.02, 0.10) * size)
    s.bend(person, np.minimum(stress, 1.0) * up, twist=s.some(-0.12, 0.12), right=s.some(-0.05, 0.05))


def _strokes(s: Stage, start: float, end: float, lively: bool) -> list[float]:
    """Frames at which strokes of a gesture begin."""
    times, time = [], start + s.beat(0.45)
    while time < end - s.beat(0.35):
        times.append(time)
        time += max(s.beat(s.some(0.42, 0.6) if lively else s.some(0.6, 0.95)), 12.0)
    return times


def _through(s: Stage, times: list[float], low: float, high: float) -> Array:
    """A curve that goes to another random value at each of the times."""
    value = s.some(low, high)
    curve = np.full_like(s.t, value)
    for time in times:
        goal = s.some(low, high)
        curve += (goal - value) * ramp(s.t, time, time + max(s.beat(0.4), 12.0))
        value = goal
    return curve


def _listen(s: Stage, person: int, start: float, end: float) -> None:
    """Nod at times; sometimes with a hand at the chin or on the hip."""
    when = start + s.beat(s.some(0.4, 0.8))
    while when < end:
        s.nod(person, pulse(s.t, when, when + 7, when + 7, when + 15), s.some(0.10, 0.28))
        when += s.beat(s.some(0.5, 1.3))
    pose, hand = s.some(0, 1), int(s.some(0, 2))
    sign = 1.0 if hand == 0 else -1.0
    listening = pulse(s.t, start - s.beat(0.1), start + s.beat(0.5), end - s.beat(0.4), end + s.beat(0.2))
    if pose < 0.22:
        s.hand(person, hand, listening, on_body(person, "head", 0.03 * sign, -0.12, 0.14))
    elif pose < 0.45:
        s.hand(person, hand, listening, on_body(person, "pelvis", 0.18 * sign, 0.06, 0.02))
        s.elbow(person, hand, listening, 1.2)


def argument(s: Stage) -> None:
    """Both scold in turn and at once: a finger jabs at the other, arms are thrown up, heads are shaken."""
    s.meet(s.some(1.15, 1.45))
    time = s.clock + s.some(0, 6)
    begin, scolder = time, int(s.some(0, 2))
    for _ in range(3):
        end = time + max(s.beat(s.some(1.0, 1.5)), 34.0)
        if s.some(0, 1) < 0.7:
            _point_and_blame(s, scolder, time, end)
        else:
            _throw_up_arms(s, scolder, time, end)
        _object(s, 1 - scolder, time + s.beat(0.2), end)
        time, scolder = end - s.beat(s.some(0.1, 0.4)), 1 - scolder
    s.event("action", (begin + time) / 2)
    s.clock = time + s.beat(0.9) + s.some(2, 8)


def _point_and_blame(s: Stage, person: int, start: float, end: float) -> None:
    """One arm points at the other's chest or face and jabs, the body leans in; a step closer and back."""
    hand = int(s.some(0, 2))
    up = pulse(s.t, start, start + s.beat(0.4), end - s.beat(0.1), end + s.beat(0.4))
    period = max(s.beat(s.some(0.42, 0.55)), 12.0)
    jab = (0.5 - 0.5 * np.cos(2 * np.pi * (s.t - start - s.beat(0.4)) / period)) * up
    height = s.some(-0.12, 0.10)
    target = by_shoulder(person, hand, -0.10, height - 0.03 * jab, 0.36 + 0.12 * jab)
    s.hand(person, hand, up, target, bulge=0.05)
    s.bend(person, up, forward=s.some(0.10, 0.22), twist=(0.22 if hand == 1 else -0.22))
    s.bend(person, jab, forward=0.05)
    s.nod(person, jab, s.some(0.05, 0.14))
    s.move(person, start, start + s.beat(0.6), s.some(0.04, 0.14))
    s.move(person, end, end + s.beat(0.6), -s.some(0.04, 0.14))
    if s.some(0, 1) < 0.5:  # the other fist on the hip
        other, sign = 1 - hand, (1.0 if hand == 1 else -1.0)
        s.hand(person, other, up, on_body(person, "pelvis", 0.18 * sign, 0.06, 0.02))
        s.elbow(person, other, up, 1.2)


def _throw_up_arms(s: Stage, person: int, start: float, end: float) -> None:
    """Both arms fly up next to the head and fall, once or twice, and the head shakes."""
    flight = max(s.beat(0.45), 13.0)
    time = start
    while time < end - flight:
        flung = pulse(s.t, time, time + flight, time + flight + 3, time + 2.1 * flight + 3)
        for hand in (0, 1):
            out, high = s.some(0.22, 0.36), s.some(-0.02, 0.30)
            s.hand(person, hand, flung, by_shoulder(person, hand, out, high, 0.26))
        s.bend(person, flung, forward=s.some(-0.08, 0.10))
        time += 2.2 * flight
    s.turn(person, pulse(s.t, start, start + s.beat(0.5), end, end + s.beat(0.6)), s.some(-0.4, 0.4))


def _object(s: Stage, person: int, start: float, end: float) -> None:
    """Shake the head; wave it off with one hand, put both on the hips, or lean away."""
    held = pulse(s.t, start, start + s.beat(0.4), end - s.beat(0.2), end + s.beat(0.3))
    shake = np.sin(2 * np.pi * (s.t - start) / max(s.beat(0.5), 13.0)) * held
    s.plan.look[person] += s.some(0.2, 0.4) * shake
    draw, hand = s.some(0, 1), int(s.some(0, 2))
    if draw < 0.4:
        for side, sign in ((0, 1.0), (1, -1.0)):
            s.hand(person, side, held, on_body(person, "pelvis", 0.18 * sign, 0.06, 0.02))
            s.elbow(person, side, held, 1.2)
    elif draw < 0.75:
        sweep = np.sin(2 * np.pi * (s.t - start) / max(s.beat(0.6), 15.0))
        s.hand(person, hand, held, by_shoulder(person, hand, 0.06 + 0.10 * sweep, -0.22, 0.32))
    s.bend(person, held, forward=-s.some(0.04, 0.16), twist=s.some(-0.15, 0.15))


def beckon(s: Stage) -> None:
    """repeats = strokes with which the right hand calls the partner, who walks up from afar."""
    near, far = s.some(0.8, 1.1) * s.size, s.some(1.0, 1.5) * s.size
    s.meet((near + far) / s.size)
    begin = s.clock
    ready = begin + s.beat(0.55)
    period = max(s.beat(s.some(0.55, 0.7)), 15.0)
    over = ready + s.repeats * period
    end = over + s.beat(0.7)
    stroke = (0.5 - 0.5 * np.cos(2 * np.pi * (s.t - ready) / period)) * pulse(
        s.t, ready - 2, ready, over, over + 2
    )
    up, style = pulse(s.t, begin, ready, over, end), s.some(0, 1)
    if style < 0.5:  # the forearm sweeps up to the own shoulder
        target = by_shoulder(0, 1, 0.10 - 0.06 * stroke, -0.14 + 0.16 * stroke, 0.48 - 0.26 * stroke)
    else:  # a wide sweep from the side
        target = by_shoulder(0, 1, 0.34 - 0.36 * stroke, 0.02 - 0.06 * stroke, 0.34 - 0.06 * stroke)
    s.hand(0, 1, up, target, bulge=0.15)
    s.bend(0, up * stroke, forward=-s.some(0.0, 0.06), twist=s.some(0.05, 0.2))
    s.nod(0, up * stroke, -s.some(0.05, 0.2))
    walk = begin + s.beat(s.some(0.5, 0.9)) + s.delay(1) + 6
    arrived = max(walk + far / (0.68 * {"slow": 0.8, "normal": 1.05, "fast": 1.35}[s.tempo]) * FPS, over)
    s.move(1, walk, arrived, far, left=s.some(-0.1, 0.1))
    s.nod(1, pulse(s.t, walk - 8, walk, walk, walk + 10), s.some(0.0, 0.3))
    s.event("action", (ready + over) / 2)
    s.clock = max(end, arrived) + s.some(4, 12)


def comfort(s: Stage) -> None:
    """The actor steps up and lays the right hand on the drooping partner's left shoulder, and pats it."""
    s.meet(s.some(0.85, 1.05))
    apart = float(np.linalg.norm(s.plan.root[0, -1] - s.plan.root[1, -1]))
    near = s.some(0.56, 0.62) * s.size
    begin = s.clock + s.some(0, 8)
    touch = begin + s.beat(0.95)
    over = touch + s.beat(s.some(1.4, 2.2))
    end = over + s.beat(0.8)
    s.move(0, begin, touch, apart - near, left=s.some(0.0, 0.06))
    s.move(0, over, end, -s.some(0.3, 0.8) * (apart - near))
    pat = 0.02 * np.abs(np.sin(np.pi * (s.t - touch) / max(s.beat(0.55), 15.0)))
    s.hand(0, 1, pulse(s.t, begin + s.beat(0.2), touch, over, end), _on_shoulder(pat))
    s.elbow(0, 1, pulse(s.t, begin, touch, over, end), s.some(0.0, 0.3))
    s.bend(0, pulse(s.t, begin, touch, over, end), forward=s.some(0.06, 0.16), right=s.some(-0.06, 0.06))
    s.nod(0, pulse(s.t, touch, touch + 12, over, end), s.some(0.05, 0.25))
    sad = 1.0 - ramp(s.t, over - s.beat(0.4), end) * s.some(0.3, 1.0)
    if s.start is not None:  # after a first phase grief comes over the partner
        sad *= ramp(s.t, s.start.clock, s.clock)
    s.bend(1, sad, forward=s.some(0.12, 0.24))
    s.nod(1, sad, s.some(0.35, 0.55))
    s.look_away(1, 0.9 * sad)
    s.turn(1, np.ones_like(s.t), s.some(-0.35, 0.35))
    grief = s.some(0, 1)
    if grief < 0.4 and s.start is None:  # a hand or both before the face
        for hand, sign in ((0, 1.0), (1, -1.0)) if grief < 0.2 else ((1, -1.0),):
            s.hand(1, hand, sad, on_body(1, "head", 0.05 * sign, -0.04, 0.15))
    elif grief < 0.6:
        sob = np.maximum(np.sin(2 * np.pi * s.t / s.beat(0.8)), 0.0) * sad
        s.bend(1, sob, forward=0.05)
    s.contact(touch, over, "right_wrist", "left_shoulder")
    s.event("action", (touch + over) / 2)
    s.clock = end + s.some(2, 10)


def _on_shoulder(lifted: Array) -> Target:
    """On top of the partner's left shoulder, `lifted` metres above while patting."""

    def target(pose: Trunk) -> Array:
        up = 0.075 + lifted[: pose.frames]
        return pose.within_reach(0, 1, pose.shoulder(1, 0) + pose.offset(1, -0.02, up, 0.02))

    return target
