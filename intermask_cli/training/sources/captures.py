"""Real captures as a training source, and several sources read as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intermask_cli.datasets.captures import CaptureClip, capture_clips
from intermask_cli.errors import InputError
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.sources.pairs import PairSource
from intermask_cli.training.sources.source import ClipCaption, ClipText, TrainingSource

CAPTURES_INDEX = "index.csv"
#: Parts of words in captions that state who leads.
_ROLE_WORDS = ("lead", "follow")


class CapturesSource(PairSource[CaptureClip]):
    """Windows of a folder of captures (`datasets.captures`); "val" is the held-out trial."""

    def __init__(self, folder: Path, split: str):
        clips = capture_clips(folder, "train" if split == "train" else "test")
        super().__init__(clips, f"{folder}, {'training trials' if split == 'train' else 'held-out trial'}")

    def text(self, index: int) -> ClipText:
        """Captions; those that say who leads mention the actor."""
        clip = self._clips[index]
        roles = [caption for caption in clip.captions if any(word in caption for word in _ROLE_WORDS)]
        captions = tuple(
            ClipCaption(text, frozenset({"kind", "actor"} if text in roles else {"kind"}))
            for text in clip.captions
        )
        leader = "0" if any("the first person leads" in caption for caption in roles) else "1"
        return ClipText(captions, {"kind": "salsa", "actor": leader})


class JoinedSource:
    """Several sources of one representation, one after the other."""

    normalizer: Normalizer | None = None

    def __init__(self, sources: Sequence[TrainingSource]):
        kinds = {source.representation for source in sources}
        if len(kinds) != 1:
            names = ", ".join(sorted(map(str, kinds)))
            raise InputError(f"data sets of different representations cannot be joined: {names}")
        self.representation = kinds.pop()
        self._sources = list(sources)
        self._starts = np.cumsum([0, *map(len, self._sources)])

    @property
    def digest(self) -> str:
        """Changes when the motion of a source does."""
        joined = "+".join(source.digest for source in self._sources)
        return hashlib.sha256(joined.encode()).hexdigest()[:16]

    def check(self) -> None:
        """Raise InputError if a source is empty or has clips that cannot be trained on."""
        for source in self._sources:
            source.check()

    def _at(self, index: int) -> tuple[TrainingSource, int]:
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._sources[number], index - int(self._starts[number])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def frames(self, index: int) -> int:
        """T of a clip."""
        source, inner = self._at(index)
        return source.frames(inner)

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(2, T, D) in real units."""
        source, inner = self._at(index)
        return source.features(inner, canonical, start, stop)

    def text(self, index: int) -> ClipText:
        """Captions and labels."""
        source, inner = self._at(index)
        return source.text(inner)
