"""What all parts share: model, readers, held-out clips, and motions that several parts look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.bundled_model.clips import HeldOut, Sizes
from benchmarks.judges.label_reader import LabelClassifier
from evaluators.data.cache import Cache
from evaluators.data.sets import InteractionSet, clip_set
from evaluators.evaluator import Evaluator
from evaluators.protocols.evaluation import item_seeds
from evaluators.protocols.motions import GenerationRequest, MotionGenerator
from intermask_cli.config import SamplingConfig
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.physics import physics_table

SEED = 3407


@dataclass
class Bench:
    """Motions are kept in `cache` by content, so a part that runs again only measures."""

    model: InteractionModel
    reader: LabelClassifier
    evaluator: Evaluator
    clips: HeldOut
    sizes: Sizes
    sampling: SamplingConfig
    cache: Cache
    captures: Path | None = None

    @cached_property
    def truth(self) -> InteractionSet:
        """Ground truth with full captions."""
        return clip_set(self.clips.single, "held-out clips")

    @cached_property
    def made(self) -> InteractionSet:
        """A motion for the full caption of every clip, as long as the clip."""
        return self.generate(self.truth)

    @cached_property
    def few(self) -> list[int]:
        """The clips that are also measured in other wordings and as reactions."""
        return self.clips.first(self.sizes.further)

    @cached_property
    def given(self) -> list[int]:
        """Who is given in the reactions to `few`: each person in turn."""
        return [i % 2 for i in range(len(self.few))]

    @cached_property
    def reactions(self) -> InteractionSet:
        """A partner for one person of each of `few`."""
        some = self.truth.take(self.few, "some held-out clips")
        return self.maker(GenerationRequest(some, item_seeds(some, SEED, 0), self.given))

    def generate(self, asked: InteractionSet) -> InteractionSet:
        """A motion for every prompt."""
        return self.maker(GenerationRequest(asked, item_seeds(asked, SEED, 0)))

    @property
    def maker(self) -> MotionGenerator:
        """Makes motions with the model of the bench."""
        return MotionGenerator(self.model, self.sampling, self.cache)

    @cached_property
    def truth_physics(self) -> dict[str, np.ndarray]:
        return physics_table(joints_of(self.truth))


def joints_of(interactions: InteractionSet, chosen: Sequence[int] | None = None) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) of all or some interactions."""
    numbers = range(len(interactions)) if chosen is None else chosen
    return [interactions.motions[i].joints for i in numbers]
