"""Windows of equal length from the sequences of a dataset: what the published tokenizer is trained on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np

#: Frames of a window, and frames between the starts of windows; the published values.
WINDOW_FRAMES, WINDOW_STRIDE = 64, 10


class SequenceWindows(ABC):
    """All windows of `frames` frames, one every `stride` frames, of sequences with the given lengths.

    `windows[i]` -> features (frames, ...), not normalised. `starts` lists (sequence, first frame) of each.
    """

    def __init__(self, lengths: Iterable[int], frames: int, stride: int):
        self.frames = frames
        self.starts = [
            (index, start)
            for index, length in enumerate(lengths)
            for start in range(0, length - frames + 1, stride)
        ]

    @abstractmethod
    def sequence(self, index: int) -> np.ndarray:
        """Features (T, ...) of a complete sequence."""

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> np.ndarray:
        sequence, start = self.starts[index]
        return self.sequence(sequence)[start : start + self.frames]
