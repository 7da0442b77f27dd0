"""Trunks that fold flat while they turn round: the turn is made over the frames around.

A decoder that turns a person within a few frames fades joints from one side to the other instead: hips and
shoulders meet in the middle, and for a frame pelvis and chest face anywhere, also against each other.
Axes: F frames of all persons.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import HIPS, SHOULDERS
from intermask_cli.motion.curves import runs_of_true
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle

#: Share of the usual distance between both hips, or shoulders, below which the trunk is folded. Shoulders
#: that people pull in come to 0.8.
_FOLDED = 0.6


def folded_frames(joints: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Frames (F,) in which the trunk of joints (F, 22, 3) is folded."""
    folded = np.zeros(len(joints), dtype=bool)
    for pair in (HIPS, SHOULDERS):
        width = np.linalg.norm(joints[:, pair[0]] - joints[:, pair[1]], axis=-1)
        folded |= width < _FOLDED * timeline.quantile(width, 0.5)[timeline.person]
    return folded


def unfolded(
    joints: np.ndarray, pelvis: np.ndarray, chest: np.ndarray, timeline: Timeline
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations (F, 3, 3) of pelvis and chest that turn evenly where joints (F, 22, 3) are folded.

    Both turn the same way: between the frames around, the pelvis goes the shorter way and carries the chest.
    """
    folded = folded_frames(joints, timeline)
    if not folded.any():
        return pelvis, chest
    pelvis, chest = pelvis.copy(), chest.copy()
    for own in timeline:
        twist = np.swapaxes(pelvis[own], -1, -2) @ chest[own]
        for start, stop in runs_of_true(folded[own]):
            for rotations in (pelvis[own], twist):
                _turn_evenly(rotations, start, stop)
            chest[own][start:stop] = pelvis[own][start:stop] @ twist[start:stop]
    return pelvis, chest


def _turn_evenly(rotations: np.ndarray, start: int, stop: int) -> None:
    """Replace rotations [start, stop) of (T, 3, 3), in place, by a turn from the one before to the one after.

    At an end of the clip there is only one of them, which is kept.
    """
    before, after = max(start - 1, 0), min(stop, len(rotations) - 1)
    if start == 0 and stop == len(rotations):
        return
    if start == 0 or stop == len(rotations):
        rotations[start:stop] = rotations[after if start == 0 else before]
        return
    way = axis_angle_from_matrix(rotations[before].T @ rotations[after])
    share = np.arange(1, stop - start + 1)[:, None] / (stop - start + 1)
    rotations[start:stop] = rotations[before] @ matrix_from_axis_angle(share * way)
