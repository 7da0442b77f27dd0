"""Base of sources whose clips have joints and rotations: features in the frame of a person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation import INTERHUMAN, Representation
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.training.sources.inspection import Inspection, pair_of_persons


class PairClip(Protocol):
    """joints (2, T, 22, 3) metres, Y up, 30 fps; rotations6d (2, T, 21, 6) `sixd_columns`."""

    @property
    def id(self) -> str: ...

    @property
    def joints(self) -> np.ndarray: ...

    @property
    def rotations6d(self) -> np.ndarray: ...


C = TypeVar("C", bound=PairClip)


class PairSource(Generic[C]):
    """A sequence of paired clips; a subclass adds `text`."""

    representation: Representation = INTERHUMAN
    normalizer: Normalizer | None = None

    def __init__(self, clips: Sequence[C], where: str):
        self._clips, self._where = clips, where

    @cached_property
    def _inspection(self) -> Inspection:
        return Inspection(
            person
            for clip in self._clips
            for person in pair_of_persons(clip.id, clip.joints, clip.rotations6d)
        )

    @property
    def digest(self) -> str:
        """Changes when the motion does."""
        return self._inspection.digest

    def check(self) -> None:
        """Raise InputError without clips, or with clips that cannot be trained on."""
        if not self._clips:
            raise InputError(f"{self._where}: no clips; training needs clips in train and val")
        self._inspection.check(self._where, "make the data again without these clips")

    def __len__(self) -> int:
        return len(self._clips)

    def frames(self, index: int) -> int:
        """T of a clip."""
        return int(self._clips[index].joints.shape[1])

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(2, T, 262); the last frame repeats the velocity before it."""
        clip = self._clips[index]
        joints, rotations6d = clip.joints[:, start:stop], clip.rotations6d[:, start:stop]
        return pair_features(joints, rotations6d, canonical=canonical, keep_last=True)
