"""Persons of several clips one after the other along one axis of frames.

Clips of different lengths are solved together without padding. Whatever looks at other frames goes through a
`Timeline`, which never leaves a person, so results do not depend on the batch.
Axes: N persons of all clips, F frames of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class Timeline:
    """Where each of N persons starts and stops among F frames."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.stops = np.cumsum(self.lengths)
        self.starts = self.stops - self.lengths
        #: Person (F,) of each frame, and the first and the last frame (F,) of that person.
        self.person = np.repeat(np.arange(len(self.lengths)), self.lengths)
        self.first, self.last = self.starts[self.person], self.stops[self.person] - 1
        self._frames = np.arange(len(self.person))

    def __iter__(self) -> Iterator[slice]:
        """The frames of each person."""
        return (slice(int(a), int(b)) for a, b in zip(self.starts, self.stops, strict=True))

    def shifted(self, values: np.ndarray, frames: int) -> np.ndarray:
        """Values (F, ...) this many frames later; the ends of a person are repeated."""
        later: np.ndarray = values[np.clip(self._frames + frames, self.first, self.last)]
        return later

    def filtered(self, values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Weighted sum of paths (F, ...) over the neighbouring frames.

        kernel (odd,), symmetric about its middle, which is the frame itself. Paths are continued beyond their
        ends by reflection in the end.
        """
        half = len(kernel) // 2
        result = np.empty_like(values)
        for own in self:
            path = values[own]
            wanted = np.arange(-half, len(path) + half)
            end = np.clip(wanted, 0, len(path) - 1)
            inside = np.clip(2 * end - wanted, 0, len(path) - 1)
            path = 2 * path[end] - path[inside]  # between the ends both are the frame itself
            total, pair = result[own], np.empty_like(result[own])
            np.multiply(path[half : len(path) - half], kernel[half], out=total)
            for k in range(1, half + 1):
                later, earlier = path[half + k : len(path) - half + k], path[half - k : len(path) - half - k]
                np.add(later, earlier, out=pair)
                pair *= kernel[half + k]
                total += pair
        return result

    def smoothed(self, values: np.ndarray, sigma_frames: float) -> np.ndarray:
        """Gaussian over (F, ...), cut at three sigma."""
        radius = int(3 * sigma_frames + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
        return self.filtered(values, kernel / kernel.sum())

    def largest_nearby(self, values: np.ndarray, reach: int) -> np.ndarray:
        """Running maximum of (F, ...) over the frames up to `reach` before and after."""
        largest = values
        for k in range(1, reach + 1):
            largest = np.maximum(largest, np.maximum(self.shifted(values, k), self.shifted(values, -k)))
        return largest

    def quantile(self, values: np.ndarray, share: float) -> np.ndarray:
        """Quantile over the frames of each person, the nearest of the values: (F, ...) -> (N, ...)."""
        places = np.round(share * (self.lengths - 1)).astype(int)
        parts = zip(self, places, strict=True)
        return np.stack([np.partition(values[own], place, axis=0)[place] for own, place in parts])
