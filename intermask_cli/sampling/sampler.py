"""Iterative parallel decoding of masked tokens (paper section 3.3; docs/reference/model.md#sampling).

One loop serves every task: some tokens are known, the rest are filled. All masked tokens are drawn at
every step; the least confident are masked again and redrawn, fewer each time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from intermask_cli.config import SamplingConfig
from intermask_cli.sampling.guidance import TokensToLogits
from intermask_cli.sampling.noise import Noise, Site
from intermask_cli.sampling.schedule import kept_codes, masked_counts

#: Marks a token to sample in `known`, and padding in the result.
FILL = -1
#: Score of a token that is never masked again, above every confidence.
DECIDED = 1e5


def lowest(scores: Tensor, counts: Tensor) -> Tensor:
    """The counts (B,) lowest of scores (B, N) in each row -> (B, N) bool; ties take the first position."""
    order = scores.argsort(dim=1, stable=True)  # (B, N), position of each rank
    ranks = torch.arange(scores.shape[1], device=scores.device).expand_as(order)
    rank_of = torch.empty_like(order).scatter_(1, order, ranks)  # (B, N), rank of each position
    return rank_of < counts[:, None]


def draw_codes(
    logits: Tensor, config: SamplingConfig, codebook_size: int, noise: Noise, site: Site
) -> tuple[Tensor, Tensor]:
    """Filtered, tempered draw: guided logits (M, K) -> codes (M,) and their confidence (M,).

    Confidence is the probability under the *unfiltered* logits at temperature 1.
    """
    logits = logits.float()
    kept, codes = logits.topk(kept_codes(config.filter, codebook_size), dim=-1)  # (M, k), (M, k)
    drawn = noise.draw(kept / config.temperature, codes, config.draw, site)
    confidence = logits.softmax(dim=-1).gather(1, drawn[:, None])[:, 0]
    return drawn, confidence


@torch.no_grad()
def sample(
    tokens_to_logits: TokensToLogits,
    known: Tensor,
    valid: Tensor,
    config: SamplingConfig,
    codebook_size: int,
    noise: Noise,
    steps: int | None = None,
) -> Tensor:
    """Fill unknown tokens: known (B, N) int64 codes or FILL, valid (B, N) bool -> (B, N), FILL on padding.

    `steps` overrides `config.steps` (reaction runs half of them). `tokens_to_logits` maps ids (B, N) with
    K = mask and K + 1 = pad, and the positions that are masked, to guided logits there (M, K). Known tokens
    are never changed, and the schedule counts only the tokens to fill.
    """
    steps = config.steps if steps is None else steps
    mask_id, pad_id = codebook_size, codebook_size + 1
    free = valid & (known == FILL)  # (B, N)
    ids = known.masked_fill(free, mask_id).masked_fill(~valid, pad_id)
    scores = torch.full(ids.shape, DECIDED, device=ids.device).masked_fill(free, 0.0)
    counts = masked_counts(free.sum(dim=1), steps).to(ids.device)  # (steps, B)
    valid_on_cpu = valid.cpu()
    for step in range(steps):
        masked = lowest(scores, counts[step])  # (B, N), M positions in all
        ids = ids.masked_fill(masked, mask_id)
        logits = tokens_to_logits(ids, masked)  # (M, K)
        site = Site(step, masked, valid_on_cpu, codebook_size)
        drawn, confidence = draw_codes(logits, config, codebook_size, noise, site)  # (M,), (M,)
        ids = ids.masked_scatter(masked, drawn)
        scores = torch.full_like(scores, DECIDED).masked_scatter(masked, confidence)
    return ids.masked_fill(~valid, FILL)
