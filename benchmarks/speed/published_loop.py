"""The published sampling loop, as a yardstick: every pass of every step, on every position, nothing kept.

Batches are padded to the longest sample with a mask; conditional and unconditional pass are two calls;
filter, soft-max and draw work on all positions; two sorts choose what is masked again. The network is the
published arrangement (`benchmarks.speed.published_transformer`). The draw inverts the CDF of one uniform
number per token from one generator per sample, as ours does, so that both make the same tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from benchmarks.speed import published_transformer
from intermask_cli.config import BODY_ROWS, PERSONS, SamplingConfig, TransformerConfig


@torch.inference_mode()
def plain_generate(
    weights: dict[str, Tensor],
    config: TransformerConfig,
    condition: Tensor,
    lengths: Sequence[int],
    generators: Sequence[torch.Generator],
    sampling: SamplingConfig,
) -> list[Tensor]:
    """Conditions (B, E), tokens per row (B) -> one map (2, 5, n) per sample."""
    device, codes = condition.device, config.codebook_size
    longest, sizes = max(lengths), torch.tensor(lengths, device=device)
    row = torch.arange(longest, device=device) < sizes[:, None]
    valid = row.repeat(1, PERSONS * BODY_ROWS)
    none = torch.zeros_like(condition)
    ids = torch.full(valid.shape, codes, device=device).masked_fill(~valid, codes + 1)
    scores = torch.zeros(valid.shape, device=device).masked_fill(~valid, 1e5)
    for tau in torch.linspace(0, 1, sampling.steps):
        ratio = torch.cos(tau * math.pi * 0.5).to(device)
        count = torch.round(ratio * (sizes * BODY_ROWS * PERSONS)).clamp(min=1)
        rank = scores.argsort(dim=1, stable=True).argsort(dim=1)
        masked = rank < count[:, None]
        ids = ids.masked_fill(masked, codes)
        with_text = published_transformer.forward(weights, ids, condition, sizes, config.heads)
        without = published_transformer.forward(weights, ids, none, sizes, config.heads)
        logits = without + sampling.guidance * (with_text - without)
        drawn = _draw(logits, valid, generators, sampling)
        ids = torch.where(masked, drawn, ids)
        sure = logits.softmax(-1).gather(2, drawn[..., None])[..., 0]
        scores = sure.masked_fill(~masked, 1e5)
    maps = ids.cpu().unflatten(1, (PERSONS, BODY_ROWS, longest))
    return [one[:, :, :n] for one, n in zip(maps, lengths, strict=True)]


def _draw(
    logits: Tensor, valid: Tensor, generators: Sequence[torch.Generator], sampling: SamplingConfig
) -> Tensor:
    """A code for every position (B, N), from the filtered probabilities over all K codes."""
    keep = math.ceil((1 - sampling.filter) * logits.shape[-1])
    values, codes = logits.topk(keep, dim=-1)
    filtered = torch.full_like(logits, -torch.inf).scatter(2, codes, values)
    chance = torch.softmax(filtered / sampling.temperature, dim=-1)
    uniform = torch.zeros(valid.shape)
    for b, generator in enumerate(generators):
        where = valid[b].cpu()
        uniform[b, where] = torch.rand(int(where.sum()), generator=generator)
    rising = chance.gather(2, codes).cumsum(-1)
    target = uniform.to(logits.device)[..., None] * rising[..., -1:]
    column = (rising <= target).sum(-1, keepdim=True).clamp(max=keep - 1)
    return codes.gather(2, column)[..., 0]


def flops_per_pass(config: TransformerConfig, tokens: int) -> float:
    """Multiply-adds, counted as 2, of one pass over one pair with so many tokens per body row."""
    n, d = PERSONS * BODY_ROWS * tokens, config.latent_dim
    linear = n * (32 * d * d + 8 * d * config.ff_dim)
    attention = 4 * n * d * (n + n // PERSONS + tokens + BODY_ROWS)
    ends = 2 * n * d * (config.code_dim + d + config.codebook_size)
    return float(config.layers * (linear + attention) + ends)
