"""Pairs that the paper's protocol draws from a test split of InterHuman or Inter-X.

A pass visits the clips in random order with a random caption, crop and, on InterHuman, two random exchanges
of the persons (quirk Q2, docs/reference/data-and-evaluation.md#q2). Passes hold features, which the published
evaluators read unchanged.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from evaluators.evaluator import interx_motion
from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.datasets.interhuman import reader as interhuman
from intermask_cli.datasets.interx import reader as interx
from intermask_cli.datasets.interx.word_vectors import WordVectors
from intermask_cli.datasets.text_files import decoded
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation import INTERHUMAN, INTERX, Representation
from intermask_cli.motion.representation.interx import split_persons


@dataclass(frozen=True, eq=False)
class DrawnPairs:
    """N pairs of a pass: features (2, T, ...), of which the first `frames` are valid.

    `prompts` go to the model and into reports, `texts` to the evaluator.
    """

    ids: tuple[str, ...]
    prompts: tuple[str, ...]
    texts: tuple[str, ...]
    features: tuple[np.ndarray, ...]
    frames: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> list[int]:
        """Tokens per body row of every pair: what a model generates for it."""
        return [frames // FRAMES_PER_TOKEN for frames in self.frames]

    def take(self, indices: Sequence[int]) -> DrawnPairs:
        """Some of the pairs, in the given order."""

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in indices)

        return DrawnPairs(
            pick(self.ids), pick(self.prompts), pick(self.texts), pick(self.features), pick(self.frames)
        )

    def with_features(self, features: Sequence[np.ndarray], frames: Sequence[int]) -> DrawnPairs:
        """The same captions with other motion."""
        return replace(self, features=tuple(features), frames=tuple(frames))


class PaperData(ABC):
    """A dataset's test split as the published evaluation reads it."""

    title: ClassVar[str]
    name: ClassVar[str]  # of `--dataset` and of the protocol
    representation: ClassVar[Representation]
    evaluator: ClassVar[str]  # how to get the evaluator of its protocol

    def __init__(self, root: Path, names: list[str]):
        self.root, self.names = root, names  # of usable clips, in the reader's order

    @property
    @abstractmethod
    def longest(self) -> int:
        """Frames of the longest item that can be drawn."""

    @abstractmethod
    def clip(self, index: int) -> tuple[list[str], np.ndarray]:
        """All captions of a clip and its motion as stored, for the hash of the split."""

    @abstractmethod
    def item(self, index: int, rng: np.random.Generator) -> tuple[str, str, np.ndarray]:
        """One draw: prompt, the evaluator's text, features (2, T, ...)."""

    @abstractmethod
    def motion(self, features: np.ndarray) -> Motion:
        """Features (2, T, ...) with their joints."""

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the names, captions and motions of the split."""
        digest = hashlib.sha256()
        for index, name in enumerate(self.names):
            captions, motion = self.clip(index)
            digest.update(json.dumps([name, captions, motion.shape]).encode())
            digest.update(np.ascontiguousarray(motion).tobytes())
        return digest.hexdigest()

    def drawn(self, rng: np.random.Generator, count: int) -> DrawnPairs:
        """The first `count` pairs of a pass in random order."""
        order = [int(i) for i in rng.permutation(len(self))[:count]]
        items = [self.item(i, rng) for i in order]
        prompts, texts, features = zip(*items, strict=True)
        names = tuple(self.names[i] for i in order)
        return DrawnPairs(names, prompts, texts, features, tuple(pair.shape[1] for pair in features))

    def one_pass(self, seed: int) -> InteractionSet:
        """A complete pass as the reference set for files."""
        drawn = self.drawn(np.random.default_rng(seed), len(self))
        count = len(drawn)
        return InteractionSet(
            f"{self.title} test, {self.root}", drawn.ids, drawn.prompts,
            tuple(self.motion(features) for features in drawn.features),
            (0,) * count, (None,) * count, (BOTH_PERSONS,) * count, texts=drawn.texts,
        )  # fmt: skip


class InterHumanTest(PaperData):
    """InterHuman under the `published` policy."""

    title, name, representation = "InterHuman", "interhuman", INTERHUMAN
    evaluator = "InterCLIP: intermask import-checkpoint interclip.ckpt --out DIR, then --evaluator DIR"

    def __init__(self, root: Path):
        self.pairs = interhuman.InterHumanPairs(interhuman.InterHuman(root, "test", "published"))
        super().__init__(root, self.pairs.names)

    @property
    def longest(self) -> int:
        return max(self.pairs.lengths)

    def clip(self, index: int) -> tuple[list[str], np.ndarray]:
        clip, _ = self.pairs.items[index]
        return self.pairs.captions(index), self.pairs.data.loaded(clip)

    def item(self, index: int, rng: np.random.Generator) -> tuple[str, str, np.ndarray]:
        pair = self.pairs.item(index, rng)
        return pair.caption, pair.caption, pair.features

    def motion(self, features: np.ndarray) -> Motion:
        return INTERHUMAN.to_motion(features)


class InterXTest(PaperData):
    """Inter-X; the evaluator's texts are tokens `word/TAG` separated by blanks."""

    title, name, representation = "Inter-X", "interx", INTERX
    evaluator = "Inter-X's own: intermask import-checkpoint finest.tar --out DIR, then --evaluator DIR"

    def __init__(self, root: Path):
        self.pairs = interx.InterXPairs(interx.InterX(root, "test"), WordVectors.load(glove_folder(root)))
        super().__init__(root, self.pairs.names)

    @property
    def longest(self) -> int:
        return max(self.pairs.possible_frames(len(self) - 1))

    def clip(self, index: int) -> tuple[list[str], np.ndarray]:
        clip = self.pairs.clips[index]
        captions = self.pairs.captions(index)
        return [f"{c.text}#{' '.join(c.tokens)}" for c in captions], self.pairs.data.processed(clip)

    def item(self, index: int, rng: np.random.Generator) -> tuple[str, str, np.ndarray]:
        pair = self.pairs.item(index, rng)
        features = np.stack(split_persons(pair.motion[: pair.frames]))
        return pair.caption, " ".join(pair.words_and_tags), features

    def motion(self, features: np.ndarray) -> Motion:
        return interx_motion(features)


DATASETS: dict[str, type[InterHumanTest] | type[InterXTest]] = {
    "interhuman": InterHumanTest,
    "interx": InterXTest,
}


def open_dataset(name: str, root: Path) -> PaperData:
    """The test split of a copy; InputError if nothing in it is usable."""
    data = DATASETS[name](root)
    if not len(data):
        raise InputError(f"{root}: no usable test clip; `intermask data check {name} --root {root}` says why")
    return data


def dataset_at(path: Path) -> str | None:
    """Name of the dataset whose published layout a folder has, or None."""
    if (path / "motions_processed").is_dir():
        return InterHumanTest.name
    if (path / "splits").is_dir() and (path / "texts_processed").is_dir():
        return InterXTest.name
    return None


def glove_folder(root: Path) -> Path:
    """Folder of the word vectors in a copy of Inter-X."""
    return root / "glove"


def interx_texts(root: Path, prompts: Sequence[str]) -> tuple[str, ...]:
    """Tokens of prompts that are captions of this copy of Inter-X; InputError names one that is not."""
    known: dict[str, str] = {}
    for path in sorted((root / "texts_processed").glob("*.txt")):
        if decoded(path)[0].strip():
            known |= {c.text.strip(): " ".join(c.tokens) for c in interx.read_captions(path)}
    for prompt in prompts:
        if prompt.strip() not in known:
            raise InputError(
                f"prompt {prompt[:60]!r} is not a caption of {root}, and Inter-X's evaluator reads the parts "
                "of speech stored with its captions: score motion made for those, or use another evaluator"
            )
    return tuple(known[prompt.strip()] for prompt in prompts)
