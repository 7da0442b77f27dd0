"""The training objective of the transformer: hidden tokens, text and condition drop-out to one loss."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from intermask_cli.models.text_encoders import TextStates
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.processes import mean_of_all
from intermask_cli.training.transformer.masking import IGNORED, HiddenTokens, unroll


class TokenBatch(NamedTuple):
    """One batch on the training device."""

    hidden: HiddenTokens
    lengths: Tensor | None  # (B,) tokens per row; None: nothing is padded
    text: TextStates
    dropped: Tensor  # (2, B) bool: condition dropped in the first and in the unrolled pass
    full: TextStates | None = None  # of the clips' full captions, where conditions are mixed
    own_share: Tensor | None = None  # (B,) share of `text` in a mixed condition, that of `full` is the rest
    noise: Tensor | None = None  # (B, P or 1, E) added to conditions, as a share of their size


class MaskedLoss(NamedTuple):
    """Cross-entropy and top-1 accuracy over the `counted` positions that count; 0 if there are none."""

    ce: Tensor
    accuracy: Tensor
    counted: Tensor


def masked_loss(logits: Tensor, labels: Tensor) -> MaskedLoss:
    """logits (B, N, K), labels (B, N) with IGNORED -> means over the positions that count."""
    counted = labels != IGNORED
    return counted_loss(logits[counted], labels[counted])


def counted_loss(logits: Tensor, truth: Tensor) -> MaskedLoss:
    """logits (M, K) of the positions that count, their true codes (M,) -> means over them."""
    logits, counted = logits.float(), torch.tensor(len(truth), device=truth.device)
    if not len(truth):
        return MaskedLoss(logits.sum() * 0.0, logits.new_zeros(()), counted)
    accuracy = (logits.argmax(-1) == truth).float().mean()
    return MaskedLoss(F.cross_entropy(logits, truth), accuracy, counted)


class TransformerObjective(nn.Module):
    """forward(TokenBatch) -> (loss, terms).

    `half_weights`: passes compute in bfloat16 throughout; gradients reach the float32 weights, which the
    optimiser moves by less than bfloat16 can show.
    """

    def __init__(
        self,
        transformer: InteractionTransformer,
        unroll_weight: float,
        published: bool,
        half_weights: bool = False,
    ):
        super().__init__()
        self.transformer, self.unroll_weight, self.published = transformer, unroll_weight, published
        self.half_weights = half_weights

    def forward(self, batch: TokenBatch) -> tuple[Tensor, dict[str, Tensor]]:
        return self.token_loss(batch, self._condition(batch))

    def _condition(self, batch: TokenBatch) -> Tensor:
        """(B, E) or (B, P, E), mixed with that of the full captions and noisy where the batch says so.

        So the transformer meets the neighbourhood of the conditions that it gets when a reader replaces a
        prompt by a full caption.
        """
        condition = self.transformer.condition(batch.text)
        if batch.full is not None and batch.own_share is not None:
            own = batch.own_share.view(-1, *[1] * (condition.ndim - 1)).to(condition.dtype)
            condition = own * condition + (1 - own) * self.transformer.condition(batch.full)
        if batch.noise is not None:
            size = condition.square().mean(-1, keepdim=True).sqrt()
            condition = condition + size * batch.noise.view(condition.shape).to(condition.dtype)
        return condition

    def token_loss(self, batch: TokenBatch, condition: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and terms for condition vectors from `InteractionTransformer.condition`."""
        hidden = batch.hidden
        remaining = kept(condition, batch.dropped[0])
        if self.unroll_weight == 0:
            counted = hidden.labels != IGNORED
            logits = self._logits(hidden.ids, remaining, batch.lengths, counted)
            masked = self._over_all(counted_loss(logits, hidden.labels[counted]))
            return masked.ce, {"ce": masked.ce, "accuracy": masked.accuracy}
        logits = self._logits(hidden.ids, remaining, batch.lengths)
        masked = self._over_all(masked_loss(logits, hidden.labels))
        next_step = unroll(hidden, logits.detach(), self.transformer.mask_id, self.published)
        remaining = kept(condition, batch.dropped[1])
        logits = self._logits(next_step.ids, remaining, batch.lengths)
        unrolled = self._over_all(masked_loss(logits, next_step.labels))
        terms = {
            "ce": masked.ce,
            "accuracy": masked.accuracy,
            "unroll_ce": unrolled.ce,
            "unroll_accuracy": unrolled.accuracy,
        }
        return masked.ce + self.unroll_weight * unrolled.ce, terms

    def _over_all(self, loss: MaskedLoss) -> MaskedLoss:
        """Means that count every position of the batch alike, whichever process has it."""
        if not self.training:
            return loss
        ce, accuracy = (mean_of_all(value, loss.counted) for value in (loss.ce, loss.accuracy))
        return MaskedLoss(ce, accuracy, loss.counted)

    def _logits(
        self, ids: Tensor, condition: Tensor, lengths: Tensor | None, counted: Tensor | None = None
    ) -> Tensor:
        """Logits (B, N, K), or (M, K) of the positions `counted` (B, N)."""
        if not (self.half_weights and self.training):
            logits: Tensor = self.transformer(ids, condition, lengths)
            return logits if counted is None else logits[counted]
        weights = {name: weight.bfloat16() for name, weight in self.transformer.named_parameters()}
        with torch.autocast(ids.device.type, enabled=False):
            halved: Tensor = functional_call(self.transformer, weights, (ids, condition, lengths))
        return halved if counted is None else halved[counted]


def kept(condition: Tensor, dropped: Tensor) -> Tensor:
    """Conditions (B, E) or (B, P, E) with zeros where they are `dropped` (B,).

    Zeros before `cond_emb` are what unconditional means: that layer's bias.
    """
    return condition * (~dropped).to(condition.dtype).view(-1, *[1] * (condition.ndim - 1))
