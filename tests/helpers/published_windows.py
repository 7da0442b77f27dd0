"""Windows of equal length from the sequences of a dataset: what the published tokenizer is trained on.

Training here draws its windows another way (`training.sources`), so only tests of published behaviour
need them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from intermask_cli.datasets.interhuman.reader import (
    IGNORE_LISTS,
    InterHuman,
    InterHumanClip,
    features_of_pair,
)
from intermask_cli.datasets.interx.reader import InterX
from intermask_cli.motion.representation.interx import person_features, persons_from_processed

#: Clips whose features `InterHumanWindows` keeps, since windows are mostly visited in order.
_KEPT_CLIPS = 64
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


class InterHumanWindows(SequenceWindows):
    """Windows (64, 262) of single persons: person 0 and its mirror image, then person 1 and its mirror image.

    Mirror images are in every split, as published. Sequences are not cut at 300 frames.
    """

    def __init__(self, data: InterHuman, frames: int = WINDOW_FRAMES, stride: int = WINDOW_STRIDE):
        self.data = data
        # A clip of `frames` raw frames has one feature frame too few for a window (Q12).
        shortest = frames if data.policy == "published" else frames + 1
        self.sequences = [
            (clip, person, mirrored)
            for clip in data.without_ignored(IGNORE_LISTS[0])
            if clip.raw_frames >= shortest
            for person in (0, 1)
            for mirrored in (False, True)
        ]
        super().__init__((clip.raw_frames - 1 for clip, _, _ in self.sequences), frames, stride)
        self._features = lru_cache(maxsize=_KEPT_CLIPS)(self._clip_features)

    def _clip_features(self, clip: InterHumanClip, mirrored: bool) -> np.ndarray:
        return features_of_pair(self.data.loaded(clip, mirrored))

    def sequence(self, index: int) -> np.ndarray:
        """Features (T, 262) of a complete sequence."""
        clip, person, mirrored = self.sequences[index]
        features: np.ndarray = self._features(clip, mirrored)[person]
        return features


class InterXWindows(SequenceWindows):
    """Windows (64, 56, 6) of single persons; both persons of a clip are sequences of their own."""

    def __init__(self, data: InterX, frames: int = WINDOW_FRAMES, stride: int = WINDOW_STRIDE):
        self.data = data
        self.sequences = [(clip, person) for clip in data.clips if clip.frames >= frames for person in (0, 1)]
        super().__init__((clip.frames for clip, _ in self.sequences), frames, stride)

    def sequence(self, index: int) -> np.ndarray:
        """Features (T, 56, 6) of a complete sequence."""
        clip, person = self.sequences[index]
        return person_features(persons_from_processed(self.data.processed(clip))[person])
