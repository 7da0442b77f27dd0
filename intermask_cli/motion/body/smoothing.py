"""Targets without the decoder's noise: paths whose jerk is penalised (Whittaker 1923), as one filter."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline

#: Weight of the squared third difference against the squared distance from the decoded path. 0.5 takes 40 %
#: of the jerk for 0.5 mm at the wrists (64 generated clips).
_JERK_WEIGHT = 0.5
#: Frames each way after which the filter's weights are below 0.2 %.
_REACH_FRAMES = 8


def _kernel() -> np.ndarray:
    """Middle row of (I + w D'D)^-1, D the third difference: the filter far from the ends."""
    frames = 10 * _REACH_FRAMES + 1
    third = np.diff(np.eye(frames), n=3, axis=0)
    row = np.linalg.inv(np.eye(frames) + _JERK_WEIGHT * third.T @ third)[frames // 2]
    kernel = row[frames // 2 - _REACH_FRAMES : frames // 2 + _REACH_FRAMES + 1]
    smooth: np.ndarray = kernel / kernel.sum()
    return smooth


_KERNEL = _kernel()


def smoothed_path(values: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Joints or rotations (F, ...) -> the same without the noise of a decoder."""
    return timeline.filtered(values, _KERNEL)
