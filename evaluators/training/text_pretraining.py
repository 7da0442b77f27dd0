"""Pretraining of the evaluator's text tower: it classifies labels from captions, before the main stage.

"The first person kicks the second" and its opposite have the same words, and it takes about a thousand
batches to distinguish them. Nearly all of the time of a contrastive step is spent on motions; without them,
these batches take two minutes.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.networks.duet import StatesEncoder
from evaluators.training.pairs import UNSTATED, VariantTable
from intermask_cli.training.config import StageConfig
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.transformer.captions import StateCache
from intermask_cli.training.transformer.text_pretraining import stated_loss

#: Captions that are validated together.
VALIDATION_BATCH = 128


class TextBatch(NamedTuple):
    """B captions and what they state."""

    texts: Tensor  # (B,) caption numbers
    stated: Tensor  # (B, labels) value numbers, UNSTATED if not stated


class TextLabels(nn.Module):
    """forward(TextBatch) -> (loss, terms): labels classified from the text embedding, as in `PairLoss`."""

    def __init__(self, encoder: StatesEncoder, scale: float, classifiers: nn.ModuleList, states: StateCache):
        super().__init__()
        self.encoder, self.classifiers = encoder, classifiers
        self.scale, self._states = scale, states

    def forward(self, batch: TextBatch) -> tuple[Tensor, dict[str, Tensor]]:
        device = self.encoder.query_token.device
        states = self._states.take(batch.texts)
        output = self.encoder(states.states.to(device), states.mask.to(device))
        embedding = F.normalize(output.float(), dim=-1) * self.scale
        results = [
            stated_loss(classify(embedding), batch.stated[:, i])
            for i, classify in enumerate(self.classifiers)
        ]
        loss = torch.stack([loss for loss, _ in results]).sum()
        return loss, {f"label{i}": accuracy for i, (_, accuracy) in enumerate(results)}


class EvaluatorTextPretraining(TrainingStage):
    """A short stage before the contrastive one; it changes the text encoder in place."""

    name: ClassVar[str] = "text_start"
    section: ClassVar[str] = "training"
    shares_batch: ClassVar[bool] = False
    objective: TextLabels

    def __init__(
        self, config: StageConfig, objective: TextLabels, train: VariantTable, validation: VariantTable,
        validation_states: StateCache,
    ):  # fmt: skip
        self.config, self.model, self.objective = config, objective.encoder, objective
        self._train, self._validation, self._validation_states = train, validation, validation_states
        self._device = objective.encoder.query_token.device
        self.steps_per_epoch = max(1, len(train.variants) // config.batch_size)

    def batch(self, step: int) -> TextBatch:
        """Random captions of random variants."""
        size = (self.config.batch_size,)
        variants = torch.randint(len(self._train.variants), size)
        captions = torch.randint(self._train.texts.shape[1], size)
        return TextBatch(
            self._train.texts[variants, captions], self._train.stated[variants, captions].to(self._device)
        )

    def validate(self) -> dict[str, float]:
        """Share of stated labels classified correctly, over all validation captions; score: 1 minus it."""
        table = self._validation
        objective = TextLabels(
            self.objective.encoder, self.objective.scale, self.objective.classifiers, self._validation_states
        ).eval()
        texts, stated = table.texts.flatten(), table.stated.flatten(0, 1)
        known = torch.tensor(self._train.label_sizes)
        stated = torch.where(stated < known, stated, UNSTATED)  # without values that training never had
        shares = []
        for part in torch.split(torch.arange(len(texts)), VALIDATION_BATCH):
            _, terms = objective(TextBatch(texts[part], stated[part].to(self._device)))
            shares.append(torch.stack(list(terms.values())).mean())
        accuracy = float(torch.stack(shares).mean())
        return {"score": 1 - accuracy, "accuracy": accuracy}
