"""Dances: mirrored side steps, the first to the actor's right (the stage mirrors for the left)."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.targets import by_shoulder
from intermask_cli.datasets.duets.timing import pulse


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
