"""When and where feet stand: planted spans of the toes, and the displacement that pins each foot to one spot.

A foot is planted where its toe is low and slow; both limits have hysteresis, heights count from where this
person's toes stand, and a span that wanders too far is two stands with a step between. A foot moves as a
whole, so heels may still rise and turn. Own method. Axes: P person, 2 left and right foot, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.curves import minimum_jerk, runs_of_true, smoothed_over_time
from intermask_cli.motion.skeleton import JOINT

TOES = np.array([JOINT["left_foot"], JOINT["right_foot"]])
#: A stand has a frame slower than the first speed, metres a frame, and none faster than the second.
SLOW_ENOUGH_M, STILL_SLOW_M = 0.008, 0.025
#: The same for heights above where this person's toes stand, metres; noise is sorted out by the speeds.
LOW_ENOUGH_M, STILL_LOW_M = 0.04, 0.03
#: Nobody stands with a toe higher than this above the clip's lowest.
_HIGHEST_STAND_M = 0.20
#: Farthest from its mean place a toe may be seen during a stand, metres; farther means two stands.
FARTHEST_M = 0.10
SHORTEST_FRAMES = 4
#: The drift of a stand, all slower than this, is undone up to so many frames beyond the stand's edges,
DRIFT_SIGMA_FRAMES = 4.0
BLEND_FRAMES = 15
#: what is quicker only within the stand: it fades in from so many frames before each edge to so many after.
RAMP_INSIDE, RAMP_OUTSIDE = 4, 1
_DETECT_SIGMA_FRAMES = 1.5
#: Between the ramps and free motion the foot's path is smoothed a little, so that pinning adds no jerk.
_EDGE_SIGMA_FRAMES = 0.7


@dataclass(frozen=True)
class Planting:
    """displacement (P, 2, T, 3) to add to left and right foot, and weight (P, 2, T): 1 planted, 0 free."""

    displacement: np.ndarray
    weight: np.ndarray


def plant(joints: np.ndarray) -> Planting:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> what pins their planted feet."""
    toes = np.moveaxis(joints[:, :, TOES], 1, 2).astype(np.float64)  # (P, 2, T, 3)
    smooth = _smoothed(toes, _DETECT_SIGMA_FRAMES)
    speed = np.linalg.norm(np.gradient(smooth, axis=2), axis=-1)
    displacement, weight, pinned = np.zeros_like(toes), np.zeros(toes.shape[:-1]), np.zeros(toes.shape[:-1])
    for person in range(len(toes)):
        level = planted_height(toes[person, ..., 1], speed[person])
        for foot in range(2):
            path = toes[person, foot]
            spans = planted_spans(path, smooth[person, foot, :, 1] - level, speed[person, foot])
            for span, room in zip(spans, _rooms(spans, len(path)), strict=True):
                where, moved, near, held = _stand(path, span, room, level)
                displacement[person, foot, where] += moved
                weight[person, foot, where] = np.maximum(weight[person, foot, where], near)
                pinned[person, foot, where] = np.maximum(pinned[person, foot, where], held)
    result = toes + displacement
    edges = ((1 - pinned) * weight)[..., None]
    return Planting(displacement + edges * (_smoothed(result, _EDGE_SIGMA_FRAMES) - result), weight)


def _smoothed(paths: np.ndarray, sigma_frames: float) -> np.ndarray:
    return np.moveaxis(smoothed_over_time(np.moveaxis(paths, 2, 0), sigma_frames), 0, 2)


def _rooms(spans: list[tuple[int, int]], frames: int) -> list[tuple[int, int]]:
    """Number of free frames before and after each span."""
    stops = [0, *(stop for _, stop in spans)]
    starts = [*(start for start, _ in spans), frames]
    return [
        (start - last, following - stop)
        for (start, stop), last, following in zip(spans, stops, starts[1:], strict=False)
    ]


def _stand(
    path: np.ndarray, span: tuple[int, int], room: tuple[int, int], level: float
) -> tuple[slice, np.ndarray, np.ndarray, np.ndarray]:
    """What holds one stand of a toe's path (T, 3) still: frames, displacement, nearness and hold (0 to 1).

    Its slow drift is undone far beyond its edges, where nobody sees it end; the rest only near them.
    """
    start, stop = span
    spot = _spot(path[start:stop], level)
    before, after = (min(BLEND_FRAMES, frames) for frames in room)
    where = slice(start - before, stop + after)
    frames = np.arange(where.start, where.stop)
    drift = np.pad(
        smoothed_over_time(path[start:stop], DRIFT_SIGMA_FRAMES), ((before, after), (0, 0)), mode="edge"
    )
    near = minimum_jerk((frames - start + before + 1) / (before + 1)) * minimum_jerk(
        (stop + after - frames) / (after + 1)
    )
    inside = min(RAMP_INSIDE, (stop - start - 1) // 2)
    held = np.ones(len(frames))
    if start > 0:
        outside = min(RAMP_OUTSIDE, before)
        held *= minimum_jerk((frames - start + outside + 1) / (inside + outside + 1))
    if stop < len(path):
        outside = min(RAMP_OUTSIDE, after)
        held *= minimum_jerk((stop + outside - frames) / (inside + outside + 1))
    displacement = near[:, None] * (spot - drift) + held[:, None] * (drift - path[where])
    return where, displacement, near, held


def planted_height(heights: np.ndarray, speed: np.ndarray) -> float:
    """Height at which one person's toes stand, heights and speeds (2, T): the median of slow, low frames."""
    low = (speed < SLOW_ENOUGH_M) & (heights < heights.min() + _HIGHEST_STAND_M)
    return float(np.median(heights[low]) if low.any() else heights.min())


def planted_spans(path: np.ndarray, height: np.ndarray, speed: np.ndarray) -> list[tuple[int, int]]:
    """Spans start..stop in which a joint stands: path (T, 3), height above its level and speed (T,)."""
    sure = (speed < SLOW_ENOUGH_M) & (height < LOW_ENOUGH_M)
    lasting = (speed < STILL_SLOW_M) & (height < STILL_LOW_M)
    spans = []
    for start, stop in runs_of_true(lasting):
        if sure[start:stop].any():
            spans += _stands(path, speed, start, stop)
    return spans


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
