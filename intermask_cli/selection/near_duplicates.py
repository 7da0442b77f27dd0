"""Interactions that are nearly the same movement, by the mean distance of their joints.

Two interactions are compared as if both began at the same place: each is moved and turned so that in its
first half second the persons' pelves are around the origin, person 2 in direction +Z of person 1. Both are
read at `MOMENTS` moments of their own length. Lengths that differ by more than `LENGTHS` are never
near-duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from intermask_cli.motion.placement import turned_about_y
from intermask_cli.motion.skeleton import FPS

#: Moments at which movements are compared.
MOMENTS = 16
#: Largest ratio of the lengths of near-duplicates.
LENGTHS = 1.1
#: Parts of the time over which the cheap bound takes means.
_PARTS = 4
#: Movements for which there is room at first; the room doubles.
_FIRST_CAPACITY = 1024


def moments_of(joints: np.ndarray) -> np.ndarray:
    """Joints (2, T, J, 3) of one interaction -> (2, MOMENTS, J, 3) float32, placed for comparison."""
    begin = joints[:, : FPS // 2, 0].astype(np.float64).mean(axis=1)  # (2, 3), pelves
    across = begin[1] - begin[0]
    centre = begin.mean(axis=0) * (1.0, 0.0, 1.0)
    placed = turned_about_y(joints - centre, -float(np.arctan2(across[0], across[2])))
    times = np.linspace(0, joints.shape[1] - 1, MOMENTS)
    low = np.floor(times).astype(int)
    high = np.minimum(low + 1, joints.shape[1] - 1)
    share = (times - low)[None, :, None, None]
    return np.asarray(placed[:, low] * (1 - share) + placed[:, high] * share, np.float32)


class DistinctMoves:
    """Movements further than `distance_mm` from each other; later ones that are nearer are refused."""

    def __init__(self, distance_mm: float):
        self._limit = distance_mm / 1000.0
        self._moments: list[np.ndarray] = []  # (2, MOMENTS, J, 3) of those kept
        #: (capacity, groups, 3) of those kept, for the cheap bound, and (capacity,) their frames
        self._means = np.empty((_FIRST_CAPACITY, 2 * _PARTS, 3), np.float32)
        self._frames = np.empty(_FIRST_CAPACITY)

    def add(self, joints: np.ndarray) -> bool:
        """Keep joints (2, T, J, 3) and return True, or return False for a near-duplicate of one kept."""
        return self.add_moments(moments_of(joints), joints.shape[1])

    def add_moments(self, moments: np.ndarray, frames: int) -> bool:
        """The same for `moments_of` an interaction and its number of frames."""
        means = moments.reshape(2, _PARTS, -1, 3).mean(axis=2).reshape(-1, 3)  # (2 * _PARTS, 3)
        for index in self._candidates(means, frames):
            if np.linalg.norm(self._moments[index] - moments, axis=-1).mean() <= self._limit:
                return False
        kept = len(self._moments)
        if kept == len(self._means):
            self._means = np.concatenate([self._means, np.empty_like(self._means)])
            self._frames = np.concatenate([self._frames, np.empty_like(self._frames)])
        self._means[kept], self._frames[kept] = means, frames
        self._moments.append(moments)
        return True

    def _candidates(self, means: np.ndarray, frames: int) -> Iterable[int]:
        """Kept movements that may be near: a mean distance is at least the mean over groups of the distance
        of the groups' means."""
        kept = len(self._moments)
        bound = np.linalg.norm(self._means[:kept] - means, axis=-1).mean(axis=-1)
        ratio = np.maximum(frames, self._frames[:kept]) / np.minimum(frames, self._frames[:kept])
        near: list[int] = np.nonzero((bound <= self._limit) & (ratio <= LENGTHS))[0].tolist()
        return near
