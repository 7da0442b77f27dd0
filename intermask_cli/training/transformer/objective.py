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
    counted_logits, truth = logits[counted].float(), labels[counted]
    if not len(truth):
        return MaskedLoss(logits.sum() * 0.0, logits.new_zeros(()), counted.sum())
    accuracy = (counted_logits.argmax(-1) == truth).float().mean()
    return MaskedLoss(F.cross_entropy(counted_logits, truth), accuracy, counted.sum())


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
        logits = self._logits(hidden, condition, batch.dropped[0], batch.lengths)
        masked = self._masked_loss(logits, hidden.labels)
        if self.unroll_weight == 0:
            return masked.ce, {"ce": masked.ce, "accuracy": masked.accuracy}
        next_step = unroll(hidden, logits.detach(), self.transformer.mask_id, self.published)
        logits = self._logits(next_step, condition, batch.dropped[1], batch.lengths)
        unrolled = self._masked_loss(logits, next_step.labels)
        terms = {
            "ce": masked.ce,
            "accuracy": masked.accuracy,
            "unroll_ce": unrolled.ce,
            "unroll_accuracy": unrolled.accuracy,
        }
        return masked.ce + self.unroll_weight * unrolled.ce, terms

    def _masked_loss(self, logits: Tensor, labels: Tensor) -> MaskedLoss:
        """Means that count every position of the batch alike, whichever process has it."""
        loss = masked_loss(logits, labels)
        if not self.training:
            return loss
        ce, accuracy = (mean_of_all(value, loss.counted) for value in (loss.ce, loss.accuracy))
        return MaskedLoss(ce, accuracy, loss.counted)

    def _logits(
        self, hidden: HiddenTokens, condition: Tensor, dropped: Tensor, lengths: Tensor | None
    ) -> Tensor:
        # A dropped condition is a zero vector before `cond_emb`: "unconditional" is that layer's bias.
        # dropped (B,) -> (B, 1) or, with a condition per person, (B, 1, 1)
        remaining = condition * (~dropped).to(condition.dtype).view(-1, *[1] * (condition.ndim - 1))
        if not (self.half_weights and self.training):
            logits: Tensor = self.transformer(hidden.ids, remaining, lengths)
            return logits
        weights = {name: weight.bfloat16() for name, weight in self.transformer.named_parameters()}
        with torch.autocast(hidden.ids.device.type, enabled=False):
            halved: Tensor = functional_call(self.transformer, weights, (hidden.ids, remaining, lengths))
        return halved
