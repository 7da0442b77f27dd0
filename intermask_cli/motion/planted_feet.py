"""When and where feet stand: planted spans of ankles and toes, and the displacement that pins each to one spot.

A foot joint is planted where it is low and slow; both limits have hysteresis, heights count from where this
person's planted feet are, and a span that wanders too far is two stands with a step between. Own method.
Axes: P person, F the four joints of `skeleton.FEET`, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.foot_locking import smoothed_over_time
from intermask_cli.motion.skeleton import JOINT

#: Fastest a joint may be when a span begins, and while it lasts, metres a frame (0.45 and 0.75 m/s).
SLOW_ENOUGH_M, STILL_SLOW_M = 0.008, 0.014
#: Highest above its planted height, the same two limits, metres.
LOW_ENOUGH_M, STILL_LOW_M = 0.04, 0.06
#: Nobody stands with a foot joint higher than this above the clip's lowest.
_HIGHEST_STAND_M = 0.20
#: Farthest from its spot a planted joint may be seen, metres; farther is another stand.
FARTHEST_M = 0.07
SHORTEST_FRAMES = 4
#: Frames over which a displacement starts before a span and ends after it.
BLEND_FRAMES = 15
TOES = np.array([JOINT["left_foot"], JOINT["right_foot"]])
_DETECT_SIGMA_FRAMES = 1.5
DRIFT_SIGMA_FRAMES = 4.0
RAMP_INSIDE, RAMP_OUTSIDE = 3, 2


@dataclass(frozen=True)
class Planting:
    """displacement (P, 2, T, 3) to add to the left and the right foot, and weight (P, 2, T): 1 planted, 0 free."""

    displacement: np.ndarray
    weight: np.ndarray


def plant(joints: np.ndarray) -> Planting:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> what pins their planted feet."""
    toes = np.moveaxis(joints[:, :, TOES], 1, 2).astype(np.float64)  # (P, 2, T, 3)
    smooth = _smoothed(toes, _DETECT_SIGMA_FRAMES)
    speed = np.linalg.norm(np.gradient(smooth, axis=2), axis=-1)
    displacement, weight = np.zeros_like(toes), np.zeros(toes.shape[:-1])
    for person in range(len(toes)):
        level = planted_height(toes[person, ..., 1], speed[person])
        for foot in range(2):
            path = toes[person, foot]
            spans = planted_spans(path, smooth[person, foot, :, 1] - level, speed[person, foot])
            for start, stop, before, after in _with_room(spans, len(path)):
                _pin(path, start, stop, before, after, level, displacement[person, foot], weight[person, foot])
    return Planting(displacement, weight)


def _with_room(spans: list[tuple[int, int]], frames: int) -> list[tuple[int, int, int, int]]:
    """Spans with the number of free frames before and after each."""
    stops = [0, *(stop for _, stop in spans)]
    starts = [*(start for start, _ in spans), frames]
    return [
        (start, stop, start - last, following - stop)
        for (start, stop), last, following in zip(spans, stops, starts[1:], strict=False)
    ]


def _pin(path, start, stop, before, after, level, displacement, weight) -> None:
    """Add what holds one stand still. Its slow drift is undone far beyond its edges, the rest only near them."""
    spot = _spot(path[start:stop], level)
    drift = smoothed_over_time(path[start:stop], DRIFT_SIGMA_FRAMES)
    out1, out2 = (0 if room == 0 else min(RAMP_OUTSIDE, room) for room in (before, after))
    far1, far2 = min(BLEND_FRAMES, before), min(BLEND_FRAMES, after)
    first, last = start - far1, stop + far2
    drift = np.concatenate([drift[:1].repeat(far1, 0), drift, drift[-1:].repeat(far2, 0)])
    frames = np.arange(first, last)
    slow = _rise((frames - first + 1) / (far1 + 1)) * _rise((last - frames) / (far2 + 1))
    at_start, at_stop = start == 0, stop == len(path)
    quick = np.ones(len(frames))
    inside = min(RAMP_INSIDE, (stop - start - 1) // 2)
    if not at_start:
        quick *= _rise((frames - (start - out1) + 1) / (inside + out1 + 1))
    if not at_stop:
        quick *= _rise(((stop + out2) - frames) / (inside + out2 + 1))
    displacement[first:last] += slow[:, None] * (spot - drift) + quick[:, None] * (drift - path[first:last])
    weight[first:last] = np.maximum(weight[first:last], slow)


def _rise(s: np.ndarray) -> np.ndarray:
    """0 up to s = 0, 1 from s = 1, with flat and uncurved ends."""
    s = np.clip(s, 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)


def _smoothed(paths: np.ndarray, sigma_frames: float) -> np.ndarray:
    return np.moveaxis(smoothed_over_time(np.moveaxis(paths, 2, 0), sigma_frames), 0, 2)


def planted_height(heights: np.ndarray, speed: np.ndarray) -> float:
    """Height at which one person's toes stand, heights and speeds (2, T): the median of slow, low frames."""
    low = (speed < SLOW_ENOUGH_M) & (heights < heights.min() + _HIGHEST_STAND_M)
    return float(np.median(heights[low]) if low.any() else heights.min())


def planted_spans(path: np.ndarray, height: np.ndarray, speed: np.ndarray) -> list[tuple[int, int]]:
    """Spans start..stop in which a joint stands: path (T, 3), height above its level and speed (T,)."""
    sure = (speed < SLOW_ENOUGH_M) & (height < LOW_ENOUGH_M)
    lasting = (speed < STILL_SLOW_M) & (height < STILL_LOW_M)
    spans = []
    for start, stop in _runs(lasting):
        if sure[start:stop].any():
            spans += _stands(path, speed, start, stop)
    return spans


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _stands(path: np.ndarray, speed: np.ndarray, start: int, stop: int) -> list[tuple[int, int]]:
    """Cut a span at its fastest frame until every part keeps near one spot; short parts are dropped."""
    if stop - start < SHORTEST_FRAMES:
        return []
    part = path[start:stop, (0, 2)]
    if np.linalg.norm(part - part.mean(axis=0), axis=-1).max() <= FARTHEST_M:
        return [(start, stop)]
    inner = slice(start + 1, stop - 1)
    cut = start + 1 + int(np.argmax(speed[inner]))
    half = SHORTEST_FRAMES // 2  # room for the step from one spot to the next
    return _stands(path, speed, start, cut - half) + _stands(path, speed, cut + half, stop)


def _spot(path: np.ndarray, level: float) -> np.ndarray:
    """Where a joint stands during a span (n, 3): its mean place, at its planted height if that is near."""
    spot = np.median(path, axis=0)
    if abs(spot[1] - level) < LOW_ENOUGH_M:
        spot[1] = level
    return spot
