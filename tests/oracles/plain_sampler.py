"""The sampling loop written out position by position, as published: no skipped work, no cleverness.

Ids must equal those of `intermask_cli.sampling.sample` when both read the same generators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def plain_sample(
    conditional: Callable[[Tensor], Tensor],
    unconditional: Callable[[Tensor], Tensor],
    known: Tensor,
    valid: Tensor,
    generators: Sequence[torch.Generator],
    codebook_size: int,
    steps: int = 20,
    guidance: float = 2.0,
    filter_share: float = 0.9,
    temperature: float = 1.0,
    draw: str = "categorical",
) -> Tensor:
    """known (B, N) codes or -1, valid (B, N) -> ids (B, N), -1 on padding. Both passes always run."""
    samples, positions = known.shape
    mask, pad = codebook_size, codebook_size + 1
    keep = math.ceil((1 - filter_share) * codebook_size)
    ids = known.clone()
    score = torch.zeros(samples, positions)
    for b in range(samples):
        for p in range(positions):
            if not valid[b, p]:
                ids[b, p], score[b, p] = pad, 1e5
            elif known[b, p] >= 0:
                score[b, p] = 1e5
            else:
                ids[b, p] = mask
    for tau in torch.linspace(0, 1, steps):
        ratio = torch.cos(tau * math.pi / 2)
        masked: list[list[int]] = []
        for b in range(samples):
            free = int((valid[b] & (known[b] == -1)).sum())
            count = min(max(1, round(float(ratio * free))), free)
            order = sorted(range(positions), key=lambda p: (float(score[b, p]), p))
            masked.append(order[:count])
            ids[b, order[:count]] = mask
        c, u = conditional(ids), unconditional(ids)
        logits = u + guidance * (c - u)
        for b in range(samples):
            places = [p for p in range(positions) if valid[b, p]]
            width = () if draw == "categorical" else (codebook_size,)
            uniform = dict(zip(places, torch.rand(len(places), *width, generator=generators[b]), strict=True))
            score[b] = 1e5
            for p in sorted(masked[b]):
                code = _draw(logits[b, p], keep, temperature, draw, uniform[p])
                ids[b, p] = code
                score[b, p] = torch.softmax(logits[b, p], -1)[code]
    return torch.where(valid, ids, -1)


def _draw(logits: Tensor, keep: int, temperature: float, draw: str, uniform: Tensor) -> int:
    values, codes = torch.sort(logits, descending=True)
    values, codes = values[:keep] / temperature, codes[:keep]
    if draw == "gumbel":
        return int(codes[torch.argmax(values - torch.log(-torch.log(uniform[codes].clamp(min=1e-20))))])
    cumulative = torch.softmax(values, -1).cumsum(-1)
    target = uniform * cumulative[-1]
    return int(codes[int((cumulative <= target).sum().clamp(max=keep - 1))])
