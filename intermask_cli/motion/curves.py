"""Curves over time: easing, cross-fades, smoothing, running maxima and runs of frames.

The time axis T is the first axis of every array, (T, ...), unless a function says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Stretches over which a difference at the border of kept frames fades out: 0.4 s at 30 fps where it is
#: small, longer where joints would have to hurry, up to 2 s.
FADE_FRAMES, LONGEST_FADE_FRAMES = 12, 60
#: Metres per frame at which the joints catch up at most, on average: 0.5 m/s.
_CATCH_UP_M = 0.5 / 30
#: Highest speed of `minimum_jerk`.
_PEAK_SPEED = 1.875


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """0 up to u = 0, 1 from u = 1, with flat and uncurved ends between (Flash and Hogan 1985)."""
    u = np.minimum(np.maximum(u, 0.0), 1.0)  # `numpy.clip` goes through several calls of Python
    eased: np.ndarray = u * u * u * (10.0 + u * (6.0 * u - 15.0))
    return eased


def crossfade(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """From old to new over all frames of both, (T, J, C) each, in the precision of `old`."""
    weight = minimum_jerk((np.arange(len(old)) + 1) / (len(old) + 1))[:, None, None]
    mixed: np.ndarray = (old + weight * (new - old)).astype(old.dtype)
    return mixed


class Border(NamedTuple):
    """Where generated frames join a kept one, and how they take over what differs there.

    Attributes:
        kept: the kept frame at the border.
        inner: the kept frame next to it, away from the border; `kept` itself where it is alone.
        frames: the generated frames (n,) that change, the nearest to the border first.
        level: share (n,) of the difference at the border that each of them takes over.
        slope: the same of what the difference changes by from `inner` to `kept`.
    """

    kept: int
    inner: int
    frames: np.ndarray
    level: np.ndarray
    slope: np.ndarray


def borders_of(kept: np.ndarray, apart: np.ndarray | None = None) -> list[Border]:
    """All borders between kept frames, flags (T,), and generated ones.

    Position and speed have no step at a border. The difference is gone after `FADE_FRAMES`, or more
    where `apart`, the difference (T, J, 3) in metres, is large; or after all of the generated frames if they
    are fewer. It is the quintic with these ends that has no acceleration at either ("inertialization" in
    games: Bollo, GDC 2018).
    """
    found = []
    for start, stop in runs_of_true(~kept):
        for border, step in ((start - 1, 1), (stop, -1)):
            if not 0 <= border < len(kept):
                continue
            wanted = FADE_FRAMES
            if apart is not None:
                far = float(np.linalg.norm(apart[border], axis=-1).mean())
                wanted = min(max(round(_PEAK_SPEED * far / _CATCH_UP_M), FADE_FRAMES), LONGEST_FADE_FRAMES)
            span = min(wanted, stop - start + 1)
            distance = np.arange(1, span)  # frames from the border; the difference is gone at `span`
            u = distance / span
            level, slope = 1 - minimum_jerk(u), span * u * (1 - u) ** 3 * (1 + 3 * u)
            inner = border - step
            alone = not 0 <= inner < len(kept) or not kept[inner]
            found.append(Border(border, border if alone else inner, border + step * distance, level, slope))
    return found


def keep_exactly(
    given: np.ndarray, generated: np.ndarray, kept: np.ndarray, borders: Sequence[Border] | None = None
) -> np.ndarray:
    """Given frames where kept (T,) is True, generated frames elsewhere, without jumps at the borders.

    Both are (T, J, C). Next to a border the generated frames take over the difference; `borders` are those of
    `borders_of` without a measure of it, unless given.
    """
    result = np.where(kept[:, None, None], given, generated)
    apart = given - generated
    for border in borders_of(kept) if borders is None else borders:
        step = apart[border.kept]
        change = step - apart[border.inner]
        moved = border.level[:, None, None] * step + border.slope[:, None, None] * change
        result[border.frames] += moved.astype(result.dtype)
    return result


def runs_of_true(flags: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True in (T,) as (start, stop), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def largest_nearby(values: np.ndarray, reach: int) -> np.ndarray:
    """Running maximum of (T, ...) over the frames up to `reach` before and after."""
    padded = np.pad(values, ((reach, reach), *((0, 0),) * (values.ndim - 1)), mode="edge")
    largest: np.ndarray = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1)
    return largest


def smoothed_over_time(values: np.ndarray, sigma_frames: float = 1.0, axis: int = 0) -> np.ndarray:
    """Gaussian along `axis`, which is T, cut at four sigma, ends repeated; same shape and precision.

    As `scipy.ndimage.gaussian_filter1d(mode="nearest")`, which the published clean-up uses
    (docs/reference/data-and-evaluation.md#output-files).
    """
    radius = int(4 * sigma_frames + 0.5)
    reach = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (reach / sigma_frames) ** 2)
    kernel /= kernel.sum()
    values = np.moveaxis(values, axis, 0)  # (T, ...)
    padded = np.concatenate([values[:1].repeat(radius, axis=0), values, values[-1:].repeat(radius, axis=0)])
    total = sum(weight * padded[k : k + len(values)].astype(np.float64) for k, weight in enumerate(kernel))
    return np.moveaxis(np.asarray(total).astype(values.dtype), 0, axis)


def savitzky_golay(values: np.ndarray, window: int = 9, order: int = 2) -> np.ndarray:
    """Least-squares polynomials over a moving window (Savitzky and Golay 1964); ends take the outermost fits.

    Clips shorter than the window use the largest odd window that fits; below `order` + 2 frames nothing
    changes. At 30 fps the default passes movements up to about 5 Hz. Same shape and precision.
    """
    window = min(window, len(values) - (len(values) + 1) % 2)
    if window < order + 2:
        return values
    half = window // 2
    powers = np.arange(-half, half + 1)[:, None] ** np.arange(order + 1)[None]
    # (window, window): the fitted values of a window from the values in it.
    fit = powers @ np.linalg.pinv(powers.astype(np.float64))
    flat = values.reshape(len(values), -1).astype(np.float64)
    smooth = sum(weight * flat[k : len(flat) - window + 1 + k] for k, weight in enumerate(fit[half]))
    first, last = fit @ flat[:window], fit @ flat[-window:]
    result = np.concatenate([first[:half], np.asarray(smooth), last[half + 1 :]])
    return result.reshape(values.shape).astype(values.dtype)
