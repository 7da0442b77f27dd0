"""What all parts share: model, judges, held-out Duets clips, and motions that several parts measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.judges.label_reader import LabelClassifier
from evaluators.data.cache import Cache
from evaluators.data.sets import DUETS_SEED, LENGTH_STEP, InteractionSet, clip_set
from evaluators.evaluator import Evaluator
from evaluators.protocols.evaluation import item_seeds
from evaluators.protocols.motions import GenerationRequest, MotionGenerator
from intermask_cli.config import SamplingConfig
from intermask_cli.console import counter
from intermask_cli.datasets.duets.corpus import CorpusClip, make_corpus_clip, maker_of, split_of
from intermask_cli.datasets.duets.labels import KindSet
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.physics import physics_table


@dataclass(frozen=True)
class ClipCounts:
    """How many clips are measured in which way."""

    per_kind: int = 5  # generated and reconstructed, of every kind
    further: int = 3  # of these, also in held-out wordings and as reactions
    two_phase: int = 26  # if the corpus has any
    lasting: int = 5  # continued to half a minute
    free: int = 4  # free wordings of every kind


@dataclass(frozen=True)
class HeldOutClips:
    """Test clips: `single` and `others` hold `per_kind` of every kind each, with no clip in common."""

    single: tuple[CorpusClip, ...]
    others: tuple[CorpusClip, ...]
    two_phase: tuple[CorpusClip, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of `single`."""
        return tuple(dict.fromkeys(clip.labels.kind for clip in self.single))

    def first(self, per_kind: int) -> list[int]:
        """Indices in `single` of the first clips of every kind."""
        seen: dict[str, int] = {}
        chosen = []
        for i, clip in enumerate(self.single):
            seen[clip.labels.kind] = seen.get(clip.labels.kind, 0) + 1
            if seen[clip.labels.kind] <= per_kind:
                chosen.append(i)
        return chosen


def held_out(sizes: ClipCounts, corpus: KindSet) -> HeldOutClips:
    """The first test clips of the corpus that fill these numbers; no training used their indices."""
    single: dict[str, list[CorpusClip]] = {kind: [] for kind in corpus.kinds}
    two_phase: list[CorpusClip] = []
    joins = sizes.two_phase if corpus.two_phase else 0
    total = 2 * sizes.per_kind * len(corpus.kinds) + joins
    with counter("make held-out clips", total, "clips") as progress:
        for clip in _test_clips(corpus):
            joined = clip.labels.then is not None
            row = two_phase if joined else single[clip.labels.kind]
            if len(row) < (joins if joined else 2 * sizes.per_kind):
                row.append(_cut(clip))
                progress.advance()
                if progress.done == total:
                    break
    return HeldOutClips(
        tuple(clip for row in single.values() for clip in row[: sizes.per_kind]),
        tuple(clip for row in single.values() for clip in row[sizes.per_kind :]),
        tuple(two_phase),
    )


def _test_clips(corpus: KindSet) -> Iterator[CorpusClip]:
    maker = maker_of(corpus)
    return (make_corpus_clip(DUETS_SEED, i, maker) for i in count() if split_of(i) == "test")


def _cut(clip: CorpusClip) -> CorpusClip:
    """The clip with a multiple of LENGTH_STEP frames, so that clips of equal length form batches."""
    frames = clip.motion.frames // LENGTH_STEP * LENGTH_STEP
    return replace(clip, motion=clip.motion.part(0, frames))


def in_held_out_words(clips: Sequence[CorpusClip]) -> InteractionSet:
    """The clips with the captions whose wordings training never sees."""
    reworded = [
        replace(clip, captions=clip.held_out_captions, mentions=clip.held_out_mentions) for clip in clips
    ]
    return clip_set(reworded, "held-out wordings")


SEED = 3407


@dataclass
class ModelBench:
    """Motions are cached by content, so a part that runs again only measures."""

    model: InteractionModel
    reader: LabelClassifier
    evaluator: Evaluator
    clips: HeldOutClips
    sizes: ClipCounts
    sampling: SamplingConfig
    cache: Cache
    captures: Path | None = None

    @cached_property
    def truth(self) -> InteractionSet:
        """Ground truth with full captions."""
        return clip_set(self.clips.single, "held-out clips")

    @cached_property
    def generated(self) -> InteractionSet:
        """A motion for the full caption of every clip, with as many frames as the clip."""
        return self.generate(self.truth)

    @cached_property
    def few(self) -> list[int]:
        """The clips that are also measured in other wordings and as reactions."""
        return self.clips.first(self.sizes.further)

    @cached_property
    def given(self) -> list[int]:
        """The given person (0 or 1) in the reactions to `few`: each in turn."""
        return [i % 2 for i in range(len(self.few))]

    @cached_property
    def reactions(self) -> InteractionSet:
        """A partner for one person of each of `few`."""
        some = self.truth.take(self.few, "some held-out clips")
        return self.generator(GenerationRequest(some, item_seeds(some, SEED, 0), self.given))

    def generate(self, prompts: InteractionSet) -> InteractionSet:
        """A motion for every prompt."""
        return self.generator(GenerationRequest(prompts, item_seeds(prompts, SEED, 0)))

    @property
    def generator(self) -> MotionGenerator:
        """Generates motions with the model of the bench."""
        return MotionGenerator(self.model, self.sampling, self.cache)

    @cached_property
    def truth_physics(self) -> dict[str, np.ndarray]:
        """Physics of ground truth, one value per clip."""
        return physics_table(joints_of(self.truth))


def joints_of(interactions: InteractionSet, chosen: Sequence[int] | None = None) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) of all or some interactions."""
    numbers = range(len(interactions)) if chosen is None else chosen
    return [interactions.motions[i].joints for i in numbers]
