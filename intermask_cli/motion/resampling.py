"""Motion at another frame rate: positions interpolated linearly, rotations along the shortest way."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle

#: A time this near to a frame, in frames, is that frame: rates such as 29.97 are rounded in files.
_SAME_FRAME = 1e-6


def frame_times(frames: int, fps: float, new_fps: float) -> np.ndarray:
    """Times of the frames at a new rate, in frames of the old one, from the first up to the last."""
    last = frames - 1
    # A rate such as 120.0048 (frame time 0.008333) must not lose the last frame to rounding.
    times = np.minimum(np.arange(int(last * new_fps / fps + 1e-3) + 1) * (fps / new_fps), last)
    near = np.rint(times)
    exact: np.ndarray = np.where(np.abs(times - near) < _SAME_FRAME, near, times)
    return exact


def values_at(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, ...) -> (len(times), ...) between the two nearest frames; coinciding frames are kept exactly."""
    before, after, weight = _neighbours(len(values), times)
    weight = weight.reshape(-1, *([1] * (values.ndim - 1)))
    between: np.ndarray = values[before] * (1 - weight) + values[after] * weight
    return between


def rotations_at(matrices: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Rotations (T, ..., 3, 3) -> (len(times), ..., 3, 3) on the shortest way between the nearest frames."""
    before, after, weight = _neighbours(len(matrices), times)
    turn = axis_angle_from_matrix(np.swapaxes(matrices[before], -1, -2) @ matrices[after])
    weight = weight.reshape(-1, *([1] * (turn.ndim - 1)))
    between: np.ndarray = matrices[before] @ matrix_from_axis_angle(turn * weight)
    return between


def _neighbours(frames: int, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame before, frame after and weight of the latter, (n,) each, for times in frames."""
    before = np.minimum(times.astype(np.int64), max(frames - 2, 0))
    return before, np.minimum(before + 1, frames - 1), times - before
