"""When and where feet are planted, and the displacement that pins each planted foot to one spot.

A foot is planted while its toe is low and slow. The speed limit has hysteresis, and heights count from where
this person's toes usually stand. A span in which the toe wanders too far is cut into two with a step between
them. The displacement moves a foot rigidly, so heels may still rise and turn. The method is our own.
Axes: P persons, 2 feet (left, right), T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.curves import minimum_jerk, runs_of_true, smoothed_over_time
from intermask_cli.motion.skeleton import JOINT

#: Joint numbers (2,) of the left and the right toe.
TOES = np.array([JOINT["left_foot"], JOINT["right_foot"]])

#: Metres per frame (0.24 m/s). A span has a frame slower than this; a foot that only swings past has none.
PLANTED_SPEED_M = 0.008
#: Metres per frame (0.75 m/s). A span lasts while the toe is slower than this, so that noise does not end it.
SPAN_SPEED_M = 0.025
#: Metres above the usual height of this person's toes. A span lasts while the toe is lower.
SPAN_HEIGHT_M = 0.03
#: Metres above the clip's lowest toe. Toes higher than this are lifted and do not count for the usual height.
_MAX_STANDING_HEIGHT_M = 0.20
#: Metres. A spot this near to the usual height is put on it; a higher one (a step, a slope) keeps its height.
_LEVEL_SPOT_M = 0.04
#: Metres of a toe from its mean place. A foot that gets farther has stepped, so the span is cut there.
MAX_WANDER_M = 0.10
#: Frames (0.13 s). Shorter spans are touches in passing and are left unchanged.
MIN_SPAN_FRAMES = 4
#: Sigma in frames: movement of a planted toe that survives this smoothing is drift, the rest is jitter.
_DRIFT_SIGMA_FRAMES = 4.0
#: Frames (0.5 s) beyond each edge of a span over which the correction of drift fades out without showing.
_DRIFT_FADE_FRAMES = 15
#: Frames inside and outside each edge over which the correction of jitter fades: jitter is removed only where
#: the foot stands.
_JITTER_FADE_INSIDE, _JITTER_FADE_OUTSIDE = 4, 1
#: Sigma in frames of the paths that speeds and heights are read from, so that a jittering toe counts as slow.
_DETECTION_SIGMA_FRAMES = 1.5
#: Sigma in frames. The path between a pinned and a free foot is smoothed, so that pinning adds no jerk.
_EDGE_SIGMA_FRAMES = 0.7


@dataclass(frozen=True)
class Planting:
    """displacement (P, 2, T, 3) to add to left and right foot, and weight (P, 2, T): 1 planted, 0 free."""

    displacement: np.ndarray
    weight: np.ndarray


def plant(joints: np.ndarray) -> Planting:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> what pins their planted feet."""
    toes = np.moveaxis(joints[:, :, TOES], 1, 2).astype(np.float64)  # (P, 2, T, 3)
    smooth = smoothed_over_time(toes, _DETECTION_SIGMA_FRAMES, axis=2)
    speed = np.linalg.norm(np.gradient(smooth, axis=2), axis=-1)  # (P, 2, T)
    displacement, weight, pinned = np.zeros_like(toes), np.zeros_like(speed), np.zeros_like(speed)
    for person in range(len(toes)):
        level = planted_height(toes[person, ..., 1], speed[person])
        for foot in range(2):
            path = toes[person, foot]  # (T, 3)
            spans = planted_spans(path, smooth[person, foot, :, 1] - level, speed[person, foot])
            for span, free_frames in zip(spans, _free_frames(spans, len(path)), strict=True):
                pin = _pin(path, span, free_frames, level)
                at = (person, foot, pin.frames)
                displacement[at] += pin.displacement
                weight[at] = np.maximum(weight[at], pin.weight)
                pinned[at] = np.maximum(pinned[at], pin.hold)
    result = toes + displacement
    edges = ((1 - pinned) * weight)[..., None]  # (P, 2, T, 1): 0 where a foot is pinned or free
    eased = smoothed_over_time(result, _EDGE_SIGMA_FRAMES, axis=2)
    return Planting(displacement + edges * (eased - result), weight)


def _free_frames(spans: list[tuple[int, int]], frames: int) -> list[tuple[int, int]]:
    """Number of frames before and after each span up to its neighbours or the ends of the clip."""
    stops = [0, *(stop for _, stop in spans)]
    starts = [*(start for start, _ in spans), frames]
    return [
        (start - previous_stop, next_start - stop)
        for (start, stop), previous_stop, next_start in zip(spans, stops, starts[1:], strict=False)
    ]


@dataclass(frozen=True)
class _Pin:
    """What holds one foot still during one span.

    frames: the n frames it acts on; displacement (n, 3); weight (n,): how much the foot counts as planted;
    hold (n,): how much it is held still. Both are 1 inside the span and fall to 0 outside.
    """

    frames: slice
    displacement: np.ndarray
    weight: np.ndarray
    hold: np.ndarray


def _pin(path: np.ndarray, span: tuple[int, int], free_frames: tuple[int, int], level: float) -> _Pin:
    """The pin of one span of a toe's path (T, 3).

    The slow drift is undone far beyond the edges of the span, where the end of the correction does not show;
    jitter is removed only near them.
    """
    start, stop = span
    spot = _spot(path[start:stop], level)
    before, after = (min(_DRIFT_FADE_FRAMES, free) for free in free_frames)
    frames = np.arange(start - before, stop + after)
    drift = smoothed_over_time(path[start:stop], _DRIFT_SIGMA_FRAMES)
    drift = np.pad(drift, ((before, after), (0, 0)), mode="edge")  # (n, 3)
    rise = minimum_jerk((frames - start + before + 1) / (before + 1))
    fall = minimum_jerk((stop + after - frames) / (after + 1))
    weight = rise * fall
    inside = min(_JITTER_FADE_INSIDE, (stop - start - 1) // 2)
    hold = np.ones(len(frames))
    if start > 0:
        outside = min(_JITTER_FADE_OUTSIDE, before)
        hold *= minimum_jerk((frames - start + outside + 1) / (inside + outside + 1))
    if stop < len(path):
        outside = min(_JITTER_FADE_OUTSIDE, after)
        hold *= minimum_jerk((stop + outside - frames) / (inside + outside + 1))
    acting = slice(start - before, stop + after)
    displacement = weight[:, None] * (spot - drift) + hold[:, None] * (drift - path[acting])
    return _Pin(acting, displacement, weight, hold)


def planted_height(heights: np.ndarray, speed: np.ndarray) -> float:
    """Usual height of one person's standing toes: their median over slow, low frames; arguments (2, T)."""
    low = (speed < PLANTED_SPEED_M) & (heights < heights.min() + _MAX_STANDING_HEIGHT_M)
    return float(np.median(heights[low]) if low.any() else heights.min())


def planted_spans(path: np.ndarray, height: np.ndarray, speed: np.ndarray) -> list[tuple[int, int]]:
    """Spans (start, stop) in which a toe is planted.

    path (T, 3); height (T,) above the usual height of this person's toes, metres; speed (T,) metres per
    frame.
    """
    planted = speed < PLANTED_SPEED_M
    lasting = (speed < SPAN_SPEED_M) & (height < SPAN_HEIGHT_M)
    spans = []
    for start, stop in runs_of_true(lasting):
        if planted[start:stop].any():
            spans += _cut_at_steps(path, speed, start, stop)
    return spans


def _cut_at_steps(path: np.ndarray, speed: np.ndarray, start: int, stop: int) -> list[tuple[int, int]]:
    """Cut a span at its fastest frame until each part stays near one spot; short parts are dropped."""
    if stop - start < MIN_SPAN_FRAMES:
        return []
    level_path = path[start:stop, (0, 2)]
    if np.linalg.norm(level_path - level_path.mean(axis=0), axis=-1).max() <= MAX_WANDER_M:
        return [(start, stop)]
    cut = start + 1 + int(np.argmax(speed[start + 1 : stop - 1]))
    half = MIN_SPAN_FRAMES // 2  # frames on either side of the cut for the step from one spot to the next
    return _cut_at_steps(path, speed, start, cut - half) + _cut_at_steps(path, speed, cut + half, stop)


def _spot(path: np.ndarray, level: float) -> np.ndarray:
    """The place (3,) of a toe during a span (n, 3): its median, at the usual height if that is near."""
    spot: np.ndarray = np.median(path, axis=0)
    if abs(spot[1] - level) < _LEVEL_SPOT_M:
        spot[1] = level
    return spot
