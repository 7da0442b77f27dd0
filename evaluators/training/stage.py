"""Training stage of duet-eval: contrastive pairs with hard negatives, on ground truth only.

Validation is retrieval on the validation split, plus two tests: is a clip nearer to its caption than its
version with the persons exchanged (role) and its mirrored version (side)?
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from evaluators.metrics import pool_ranks
from evaluators.networks.duet import DuetEval, collate
from evaluators.training.objective import PairLoss
from evaluators.training.pairs import ContrastiveBatch, VariantTable, augmented
from evaluators.training.recipe import EvaluatorRecipe, EvaluatorTrainConfig
from evaluators.training.text_pretraining import EvaluatorTextPretraining, TextLabels
from intermask_cli.console import note
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.models.text_encoders import TextEncoder
from intermask_cli.training.config import StageConfig
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.schedule import permutation
from intermask_cli.training.transformer.captions import cached_states

#: Clips of one pool of the validation, as in the protocol `duets`.
POOL = 32
#: Positions of two caption types in the order of CAPTION_TYPES.
FULL_CAPTION, ANONYMOUS_CAPTION = 0, 2
#: Clips from which input statistics are computed; more would hardly change means and deviations.
STATISTICS_CLIPS = 200
#: Motions that are embedded together in validation.
EMBED_BATCH = 64


class EvaluatorStage(TrainingStage):
    """Contrastive training on pairs of a caption and a motion."""

    name: ClassVar[str] = "evaluator"
    section: ClassVar[str] = "training"
    #: The other pairs of a batch are its negatives: each process has a batch of its own.
    shares_batch: ClassVar[bool] = False
    config: EvaluatorTrainConfig
    model: DuetEval

    def __init__(
        self, recipe: EvaluatorRecipe, train: Sequence[CorpusClip], validation: Sequence[CorpusClip],
        encoder: TextEncoder, cache: Path, accelerator: Accelerator,
    ):  # fmt: skip
        self.config = config = recipe.training
        self._device = accelerator.device
        self._rank, self._world = accelerator.process_index, accelerator.num_processes
        self._train = VariantTable(train, config.captions, config.seed, "training pairs")
        self._validation = VariantTable(validation, config.captions, config.seed, "validation pairs")
        with accelerator.main_process_first():
            states = cached_states(cache / "train.safetensors", self._train.distinct, encoder)
            self._validation_states = cached_states(
                cache / "val.safetensors", self._validation.distinct, encoder
            )
        torch.manual_seed(config.seed)
        self.model = DuetEval(recipe.network)
        count = min(STATISTICS_CLIPS, len(self._train))
        fitted = np.linspace(0, len(self._train) - 1, count).astype(int)
        self.model.fit_statistics([self._train.positions(v) for i in fitted for v in self._train.of_clip[i]])
        self.model.to(self._device)
        sizes = self._train.label_sizes
        self.objective = PairLoss(self.model, states, sizes, config.label_weight).to(self._device)
        self._states = states
        self.steps_per_epoch = max(1, len(self._train) // (config.batch_size * self._world))
        note(f"evaluator: {len(self._train)} clips, {len(self._train.variants)} variants, "
             f"{len(self._train.distinct)} distinct captions")  # fmt: skip

    def text_pretraining(self) -> EvaluatorTextPretraining:
        """The stage before this one; it trains the same text tower and text classifiers in place."""
        assert isinstance(self.objective, PairLoss)
        config = StageConfig(
            seed=self.config.seed, batch_size=2 * self.config.batch_size, steps=self.config.text_steps,
            epochs=0, lr=self.config.lr, schedule="cosine", warmup_steps=20, precision=self.config.precision,
            validate_minutes=1e9,  # once, at the end
        )  # fmt: skip
        labels = TextLabels(
            self.model.text_encoder, self.model.config.start_scale, self.objective.text_labels, self._states
        )
        return EvaluatorTextPretraining(
            config, labels, self._train, self._validation, self._validation_states
        )

    def batch(self, step: int) -> ContrastiveBatch:
        """`batch_size` clips, up to `variants` of each, a random caption each."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = permutation(self.config.seed, "evaluator clips", epoch, len(self._train))
        start = (position * self._world + self._rank) * self.config.batch_size
        drawn: list[int] = []
        for clip in order[start : start + self.config.batch_size].tolist():
            own = self._train.of_clip[clip]
            drawn += [own[i] for i in torch.randperm(len(own))[: self.config.variants].tolist()]
        variants = torch.tensor(drawn)
        captions = torch.randint(self._train.texts.shape[1], (len(drawn),))
        positions, frames = collate([augmented(self._train.positions(v), self.config) for v in drawn])
        return ContrastiveBatch(
            positions.to(self._device), frames.to(self._device), self._train.texts[variants, captions],
            self._train.relevance(variants, captions).to(self._device),
            self._train.stated[variants, captions].to(self._device),
            self._train.truth[variants].to(self._device),
        )  # fmt: skip

    def validate(self) -> dict[str, float]:
        """Retrieval by caption type, and the role and side tests; `score` is the share of wrong answers."""
        table, first = self._validation, torch.tensor([own[0] for own in self._validation.of_clip])
        motion = self._embed_motions(range(len(table.variants)))
        figures: dict[str, float] = {}
        for caption, name in ((FULL_CAPTION, "full"), (ANONYMOUS_CAPTION, "anonymous")):
            if caption >= self.config.captions:
                continue
            text = self._embed_texts(first, caption)
            figures[f"top1_{name}"] = pooled_hits(text, motion[first], table, first, caption)
        text = self._embed_texts(torch.arange(len(table.variants)), FULL_CAPTION)
        figures["role"] = nearer_than_variant(text, motion, table, swapped=True)
        figures["side"] = nearer_than_variant(text, motion, table, swapped=False)
        known = [value for value in figures.values() if np.isfinite(value)]
        return {"score": 1 - float(np.mean(known)), **figures}

    def _embed_texts(self, variants: Tensor, caption: int) -> Tensor:
        return self.model.embed_text(
            self._validation_states.take(self._validation.texts[variants, caption])
        ).cpu()

    def _embed_motions(self, variants: Sequence[int]) -> Tensor:
        rows = []
        for start in range(0, len(variants), EMBED_BATCH):
            part = variants[start : start + EMBED_BATCH]
            positions, frames = collate([self._validation.positions(v) for v in part])
            rows.append(self.model.embed_motion(positions.to(self._device), frames.to(self._device)).cpu())
        return torch.cat(rows)


def pooled_hits(text: Tensor, motion: Tensor, table: VariantTable, variants: Tensor, caption: int) -> float:
    """Top-1 of text and motion (N, D) in pools of POOL; every motion a caption is true of is relevant."""
    hits = []
    size = min(POOL, len(variants))
    for start in range(0, len(variants) - size + 1, size):
        part = slice(start, start + size)
        own = variants[part]
        relevant = table.relevance(own, torch.full((size,), caption)).numpy()
        hits.append(pool_ranks(text[part].numpy(), motion[part].numpy(), relevant) == 0)
    return float(np.concatenate(hits).mean())


def nearer_than_variant(text: Tensor, motion: Tensor, table: VariantTable, swapped: bool) -> float:
    """Share of captions nearer to their motion than to its swapped (else mirrored) variant.

    Only captions that are not true of the other variant as well; NaN if there is none.
    """
    correct: list[bool] = []
    for own in table.of_clip:
        for i in own:
            for j in own:
                a, b = table.variants[i], table.variants[j]
                if (a.swapped != b.swapped, a.mirrored != b.mirrored) != (swapped, not swapped):
                    continue
                pair = torch.tensor([i, j])
                if bool(table.relevance(pair, torch.tensor([FULL_CAPTION, FULL_CAPTION]))[0, 1]):
                    continue
                correct.append(bool((text[i] - motion[i]).norm() < (text[i] - motion[j]).norm()))
    return float(np.mean(correct)) if correct else float("nan")
