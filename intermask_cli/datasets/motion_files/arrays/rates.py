"""Frames per second among the arrays of a file, under any plain spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from intermask_cli.errors import InputError

#: Names of a rate, in lower case without separators; a prefix such as `mocap` or `video` may come first.
_RATE = re.compile(
    r".*(fps|framerate|framespersecond|framespersec|samplerate|samplingrate|frequency|hz)$|freq$|rate$"
)
#: Beginnings of names of other rates than that of the arrays.
_OTHER_RATES = ("original", "orig", "source", "src", "raw", "input")
#: Names of the time from one frame to the next, in seconds.
_STEP = re.compile(r"(frametime|timestep|dt|timeperframe|secondsperframe)$")
#: Names of the time of each frame, in seconds.
_TIMES = re.compile(r"(frame|mocap|video)?(times|timestamps?|time)$|t$")
#: Seconds from frame to frame that are accepted: other steps are numbers of frames or milliseconds.
_STEPS_S = (0.002, 0.2)
#: Share by which a step may differ from the others.
_EVEN = 0.1
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)\s*(fps|hz)?\s*", re.IGNORECASE)


def rate_of(names: Iterable[str], value_of: Callable[[str], float | str | None]) -> float | None:
    """Frames per second of a file; None if no name is that of a rate.

    value_of(name): the one number or text under a name, or None if it holds anything else.

    Raises:
        InputError: a rate that is not understood, or two that differ; names them.
    """
    found: dict[str, float] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        if plain.startswith(_OTHER_RATES) or not (_RATE.match(plain) or _STEP.match(plain)):
            continue
        value = value_of(name)
        match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
        number = float(match[1]) if match else value
        if not isinstance(number, int | float) or not 0 < number < float("inf"):
            shown = f"is {value!r}" if isinstance(value, str) else "is not one number above 0"
            raise InputError(f"`{name}` {shown}; accepted as frames per second: one number, such as 60")
        found[name] = 1 / number if _STEP.match(plain) else float(number)
    rates = set(round(rate, 6) for rate in found.values())
    if len(rates) > 1:
        given = ", ".join(f"`{name}` {rate:g}" for name, rate in found.items())
        raise InputError(f"two rates: {given}; keep the one that is right")
    return next(iter(found.values()), None)


def rate_in(values: Mapping[str, float | str | None]) -> float | None:
    """`rate_of` plain values by name."""
    return rate_of(values, values.get)


def rate_of_times(names: Iterable[str], values_of: Callable[[str], np.ndarray | None]) -> float | None:
    """Frames per second by an array with the time of every frame in seconds; None if there is none.

    values_of(name): the numbers (T,) under a name, or None if it holds anything else.
    """
    for name in names:
        if not _TIMES.match(re.sub(r"[^a-z0-9]", "", name.lower())):
            continue
        times = values_of(name)
        steps = np.zeros(0) if times is None else np.diff(times)
        if not len(steps):
            continue
        step = float(np.median(steps))
        if _STEPS_S[0] <= step <= _STEPS_S[1] and np.abs(steps - step).max() <= _EVEN * step:
            return round(1 / float(steps.mean()), 3)
    return None
