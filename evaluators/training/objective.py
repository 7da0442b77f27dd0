"""Loss of the evaluator: contrastive, plus cross-entropies of label classifiers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.networks.duet import DuetEval
from evaluators.training.pairs import ContrastiveBatch
from intermask_cli.training.transformer.captions import StateCache
from intermask_cli.training.transformer.text_pretraining import stated_loss


class PairLoss(nn.Module):
    """forward(ContrastiveBatch) -> (loss, terms): InfoNCE without false negatives, plus label classifiers.

    Who acts, and with which hand, is a small part of what distinguishes pairs, and is learnt late. Linear
    classifiers on both embeddings, discarded after training, make the towers learn it from the start.
    """

    def __init__(self, model: DuetEval, states: StateCache, label_sizes: Sequence[int], label_weight: float):
        super().__init__()
        self.model = model
        self._states, self._label_weight = states, label_weight
        width = model.config.out_dim
        self.text_labels = nn.ModuleList(nn.Linear(width, size) for size in label_sizes)
        self.motion_labels = nn.ModuleList(nn.Linear(width, size) for size in label_sizes)

    def forward(self, batch: ContrastiveBatch) -> tuple[Tensor, dict[str, Tensor]]:
        text = self.model.embed_text(self._states.take(batch.texts))
        motion = self.model.embed_motion(batch.positions, batch.frames)
        with torch.autocast(text.device.type, enabled=False):  # bfloat16 would blur the hard negatives
            logits = text.float() @ motion.float().T  # (B, B)
        logits = logits.masked_fill(false_negatives(batch.also_true), -torch.inf)
        target = torch.arange(len(logits), device=logits.device)
        from_text, from_motion = F.cross_entropy(logits, target), F.cross_entropy(logits.T, target)
        hits = (logits.argmax(1) == target).float().mean()
        labels = _label_loss(self.text_labels, text, batch.stated)
        labels = labels + _label_loss(self.motion_labels, motion, batch.truth)
        total = (from_text + from_motion) / 2 + self._label_weight * labels
        return total, {"hits": hits, "labels": labels, "scale": self.model.latent_scale.detach()[0]}


def _label_loss(classifiers: nn.ModuleList, embedding: Tensor, values: Tensor) -> Tensor:
    """Sum over labels of the cross-entropy of their values (B, labels), classified from embeddings (B, D)."""
    losses = [stated_loss(classify(embedding), values[:, i])[0] for i, classify in enumerate(classifiers)]
    return torch.stack(losses).sum()


def false_negatives(also_true: Tensor) -> Tensor:
    """Pairs (i, j), i != j, that must not count as negatives: (B, B) -> (B, B) bool."""
    return also_true & ~torch.eye(len(also_true), dtype=torch.bool, device=also_true.device)
