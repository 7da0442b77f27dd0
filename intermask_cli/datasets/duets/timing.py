"""Easing curves over a frame axis: minimum jerk for gestures, trapezoid speed for walking, slow noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from intermask_cli.motion.curves import minimum_jerk
from intermask_cli.motion.skeleton import FPS

#: Arrays of choreographies and posing; only finished clips are float32.
Array = npt.NDArray[np.float64]


def ramp(t: Array, start: float, end: float) -> Array:
    """0 before `start`, 1 from `end` on, minimum jerk between (frames)."""
    return minimum_jerk((t - start) / max(end - start, 1e-6))


def pulse(t: Array, up: float, top: float, down: float, end: float) -> Array:
    """Rises from 0 at frame `up` to 1 at `top`, stays there until `down`, is back at 0 at `end`."""
    return ramp(t, up, top) - ramp(t, down, end)


def trapezoid(u: Array, share: float = 0.3) -> Array:
    """Fraction of time -> fraction of way: speeds up during `share` of the time, slows down as long."""
    u = np.minimum(np.maximum(u, 0.0), 1.0)
    top = 1.0 / (1.0 - share)
    rising = 0.5 * top * u * u / share
    falling = 1.0 - 0.5 * top * (1.0 - u) ** 2 / share
    return np.where(u < share, rising, np.where(u > 1.0 - share, falling, top * (u - 0.5 * share)))


def oscillation(t: Array, start: float, end: float, cycles: float) -> Array:
    """Sine of `cycles` periods between two frames, 0 outside; eased in and out over a quarter period."""
    quarter = (end - start) / max(cycles, 1.0) / 4.0
    window = pulse(t, start, start + quarter, end - quarter, end)
    return np.sin(2 * np.pi * cycles * (t - start) / (end - start)) * window


#: Frames from one block to the next in `wander`.
_BLOCK = 16


def wander(rng: np.random.Generator, frames: int, channels: int, period_s: float, fps: float) -> Array:
    """Slow smooth noise (channels, frames) of about unit size: three sines of random period and phase."""
    speed = 2 * np.pi / (period_s * fps * rng.uniform(0.6, 1.8, (channels, 3, 1)))
    phase = rng.uniform(0, 2 * np.pi, (channels, 3, 1))
    # sin(a + b) = sin a cos b + cos a sin b, with a at the start of each block of frames and b within blocks.
    start, within = speed * np.arange(0, frames, _BLOCK) + phase, speed * np.arange(_BLOCK)
    starts = np.concatenate([np.sin(start), np.cos(start)], axis=1)
    blocks = starts.swapaxes(1, 2) @ np.concatenate([np.cos(within), np.sin(within)], axis=1)
    noise: Array = blocks.reshape(channels, -1)[:, :frames] * 0.6
    return noise


def rate(values: Array) -> Array:
    """Change per second of curves (..., T) in frames: central differences, one-sided at the ends."""
    change = np.empty_like(values)
    np.subtract(values[..., 2:], values[..., :-2], out=change[..., 1:-1])
    change[..., 1:-1] *= 0.5
    change[..., 0], change[..., -1] = values[..., 1] - values[..., 0], values[..., -1] - values[..., -2]
    change *= FPS
    return change


def nearby(values: Array, reach: int, axis: int) -> Array:
    """Values and those up to `reach` frames before and after along `axis`, as a last axis; ends repeated."""
    count = values.shape[axis]
    # A frame list is several times faster than `numpy.pad` for arrays as small as these.
    padded = values.take(_frames_nearby(count, reach), axis=axis)
    shape = (*values.shape, 2 * reach + 1)
    strides = (*padded.strides, padded.strides[axis])
    # As `numpy.lib.stride_tricks.sliding_window_view`, which takes longer than most sums over its windows.
    windows: Array = np.ndarray(shape, padded.dtype, padded, strides=strides)
    return windows


@lru_cache(maxsize=1024)
def _frames_nearby(count: int, reach: int) -> npt.NDArray[np.int64]:
    return np.clip(np.arange(-reach, count + reach), 0, count - 1)


@lru_cache
def _hann(reach: int) -> Array:
    kernel = np.hanning(2 * reach + 3)[1:-1]
    weights: Array = kernel / kernel.sum()
    return weights


def softened(values: Array, reach: int, axis: int) -> Array:
    """Values smoothed along `axis` by a Hann window over `reach` frames each way, ends repeated."""
    smooth: Array = nearby(values, reach, axis) @ _hann(reach)
    return smooth
