"""Data sets in folders, recognised by their files -> a `TrainingSource` per split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intermask_cli.datasets.duets.captions import Mention, stated_values
from intermask_cli.datasets.duets.corpus import Corpus, CorpusClip
from intermask_cli.datasets.duets.paraphrases import paraphrase
from intermask_cli.errors import MissingError
from intermask_cli.training.sources.captures import CAPTURES_INDEX, CapturesSource, JoinedSource
from intermask_cli.training.sources.pairs import PairSource
from intermask_cli.training.sources.published import (
    INTERHUMAN_FOLDER,
    INTERX_FOLDER,
    InterHumanSource,
    InterXSource,
)
from intermask_cli.training.sources.source import ClipCaption, ClipText, TrainingSource

DUETS_MANIFEST = "corpus.json"
#: Paraphrases per clip, drawn by recipes with `paraphrases` above 0.
PARAPHRASES = 3
#: Part of the seed of paraphrases, so that they do not share random numbers with the corpus.
PARAPHRASE_STREAM = 0x9A8A


class DuetsSource(PairSource[CorpusClip]):
    """One split of a Duets corpus."""

    def __init__(self, folder: Path, corpus: Corpus, split: str):
        super().__init__(corpus.split(split), f"{folder}, split {split}")

    def text(self, index: int) -> ClipText:
        """Captions with what they state, and the labels they may state."""
        clip = self._clips[index]
        captions = tuple(map(_caption, clip.captions, clip.mentions))
        labels = {name: str(v) for name, v in stated_values(clip.labels).items() if v is not None}
        rng = np.random.default_rng([PARAPHRASE_STREAM, clip.index])
        further = [paraphrase(clip.labels, rng) for _ in range(PARAPHRASES)]
        return ClipText(captions, labels, tuple(_caption(text, mention) for text, _, mention in further))


def _caption(text: str, mention: Mention) -> ClipCaption:
    return ClipCaption(
        text, frozenset(name for name, value in mention._asdict().items() if value is not None)
    )


def checked_splits(folders: Sequence[Path]) -> tuple[TrainingSource, TrainingSource]:
    """The splits "train" and "val" of one or more data sets.

    Raises InputError if one is empty or has clips that cannot be trained on.
    """
    train, validation = open_sources(folders, "train"), open_sources(folders, "val")
    train.check()
    validation.check()
    return train, validation


def open_sources(folders: Sequence[Path], split: str) -> TrainingSource:
    """The split "train" or "val" of one or more data sets, read as one source in the order given."""
    sources = [open_source(folder, split) for folder in folders]
    return sources[0] if len(sources) == 1 else JoinedSource(sources)


def open_source(data: Path, split: str) -> TrainingSource:
    """The split "train" or "val" of the data set in a folder, recognised by its files."""
    if (data / DUETS_MANIFEST).is_file():
        return DuetsSource(data, Corpus(data), split)
    if (data / CAPTURES_INDEX).is_file():
        return CapturesSource(data, split)
    if (data / INTERHUMAN_FOLDER).is_dir():
        return InterHumanSource(data, split)
    if (data / INTERX_FOLDER / f"{split}.h5").is_file():
        return InterXSource(data, split)
    raise MissingError(
        f"--data {data}: no data set found; accepted: a Duets corpus ({DUETS_MANIFEST}, from "
        f"`intermask data duets`), a folder of captures ({CAPTURES_INDEX} and trials/*.npz), InterHuman "
        f"({INTERHUMAN_FOLDER}/) or Inter-X ({INTERX_FOLDER}/{split}.h5)"
    )
