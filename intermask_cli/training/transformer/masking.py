"""Which tokens are hidden from the transformer in training, and what replaces them (paper section 3.2).

Published form: docs/reference/model.md#training-masks. All random numbers of a batch are drawn first, into
`MaskingDraws`. Everything after that is a pure function of them, so recorded draws reproduce a batch.

Flat order: (B, N), N = 10 n, first the five rows of person 0, then those of person 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from intermask_cli.sampling.sampler import lowest
from intermask_cli.training.config import MaskingConfig

#: Decoding steps that the step unroll imitates: one step is 1 / 21 of the progress.
UNROLL_STEPS = 21
#: Label of positions that do not count in the loss: the default `ignore_index` of torch.
IGNORED = -100


class MaskingDraws(NamedTuple):
    """All random numbers of one batch."""

    hidden_person: Tensor  # (B,) int64: person hidden by interaction masking, -1 for random masking
    ratio: Tensor  # (B,) share of tokens to hide (within the hidden person if there is one)
    keys: Tensor  # (B, N) uniform; order of hiding
    corrupted: Tensor  # (B,) bool: the sample's hidden tokens are corrupted, else plainly masked
    to_random: Tensor  # (B, N) bool
    random_ids: Tensor  # (B, N) int64
    to_mask: Tensor  # (B, N) bool


class HiddenTokens(NamedTuple):
    """One training input."""

    ids: Tensor  # (B, N) input of the model: codes, mask and pad ids
    labels: Tensor  # (B, N) true code where it counts, IGNORED elsewhere
    valid: Tensor  # (B, N) bool, False on padding


class MaskingDecision(NamedTuple):
    """The draws that are needed before the tokens are read, because they decide the canonical person."""

    hidden_person: Tensor  # (B,) int64, -1: random masking
    full: Tensor  # (B,) bool


def decide(batch: int, config: MaskingConfig) -> MaskingDecision:
    """Kind of masking per sample, from the global random state."""
    full = torch.zeros(batch, dtype=torch.bool)
    if config.per_sample:
        kind = torch.rand(batch)
        side = torch.randint(2, (batch,))
        full = (kind >= config.interaction) & (kind < config.interaction + config.full)
        return MaskingDecision(torch.where(kind < config.interaction, side, -1), full)
    if torch.rand(()) < config.interaction:
        return MaskingDecision(half_batch_sides(batch, bool(torch.rand(()) < 0.5)), full)
    return MaskingDecision(torch.full((batch,), -1), full)


def half_batch_sides(batch: int, second_first: bool) -> Tensor:
    """Published interaction masking: person hidden in each sample (B,), the other one in each half."""
    first_half = torch.arange(batch) < batch // 2
    return torch.where(first_half, int(second_first), int(not second_first))


def draw(decision: MaskingDecision, tokens: int, codebook_size: int, config: MaskingConfig) -> MaskingDraws:
    """All other random numbers for (B, tokens), from the global random state (CPU)."""
    hidden, full = decision
    batch = len(hidden)
    ratio = torch.cos(torch.rand(batch) * math.pi / 2)
    partly = (hidden >= 0) & (torch.rand(batch) < config.interaction_partial)
    ratio = torch.where((hidden >= 0) & ~partly | full, 1.0, ratio)
    return MaskingDraws(
        hidden_person=hidden,
        ratio=ratio,
        keys=torch.rand(batch, tokens),
        corrupted=(torch.rand(batch) < config.corrupted_samples) & ~full,
        to_random=torch.rand(batch, tokens) < config.random_code,
        random_ids=torch.randint(codebook_size, (batch, tokens)),
        to_mask=torch.rand(batch, tokens) < config.mask_code,
    )


def valid_positions(lengths: Tensor, tokens_per_row: int) -> Tensor:
    """Tokens per row (B,) -> (B, 10 n) bool; padding is at the end of each of the ten rows."""
    row = torch.arange(tokens_per_row, device=lengths.device)[None, :] < lengths[:, None]
    return row.repeat(1, 10)


def hidden_positions(draws: MaskingDraws, valid: Tensor, published: bool = False) -> Tensor:
    """Which positions are hidden -> (B, N) bool, a subset of `valid`.

    Exactly max(1, round(ratio * candidates)) of the valid tokens are hidden. The published form counts
    padding as well and compares argsort *values* with the count (quirk M21,
    docs/reference/model.md#m21), so short samples may have no hidden token.
    """
    tokens = valid.shape[1]
    if published:
        count = torch.round(draws.ratio * tokens).clamp(min=1)
        lowest_keys = draws.keys.argsort(dim=-1) < count[:, None]
        return torch.where(draws.hidden_person[:, None] >= 0, _of_person(draws, tokens), lowest_keys) & valid
    candidates = valid & ((draws.hidden_person[:, None] < 0) | _of_person(draws, tokens))
    count = torch.round(draws.ratio * candidates.sum(1)).clamp(min=1)
    return lowest(draws.keys.masked_fill(~candidates, math.inf), count) & candidates


def _of_person(draws: MaskingDraws, tokens: int) -> Tensor:
    person = (torch.arange(tokens, device=draws.keys.device) >= tokens // 2).long()
    return person[None, :] == draws.hidden_person[:, None]


def hide(
    ids: Tensor, valid: Tensor, draws: MaskingDraws, codebook_size: int, published: bool = False
) -> HiddenTokens:
    """Training input and labels from true ids (B, N); values at padded positions are ignored."""
    mask_id, pad_id = codebook_size, codebook_size + 1
    hidden = hidden_positions(draws, valid, published)
    ids = torch.where(valid, ids, pad_id)
    random = hidden & draws.to_random & draws.corrupted[:, None]
    masked = hidden & ~random & (draws.to_mask | ~draws.corrupted[:, None])
    inputs = torch.where(random, draws.random_ids, ids)
    inputs = torch.where(masked, mask_id, inputs)
    return HiddenTokens(inputs, torch.where(hidden, ids, IGNORED), valid)


def unroll(hidden: HiddenTokens, logits: Tensor, codebook_size: int, published: bool = False) -> HiddenTokens:
    """Imitate one decoding step: masked positions with the most confident predictions are filled.

    logits (B, N, K) of `hidden`. Filled positions leave the labels; corrupted ones stay in them.
    """
    mask_id = codebook_size
    masked = hidden.ids == mask_id
    total = hidden.ids.shape[1] if published else hidden.valid.sum(1)
    ratio = masked.sum(1) / total
    progress = torch.acos(ratio) / (math.pi / 2)
    ratio = torch.cos((progress + 1 / UNROLL_STEPS).clamp(max=1) * math.pi / 2)
    count = torch.round(ratio * total).clamp(min=1)
    scores, predicted = logits.float().softmax(-1).max(-1)
    stay = lowest(scores.masked_fill(~masked, 1e5), count) & masked
    filled = masked & ~stay
    return HiddenTokens(
        torch.where(filled, predicted, hidden.ids), torch.where(filled, IGNORED, hidden.labels), hidden.valid
    )
