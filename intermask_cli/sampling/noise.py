"""Where a draw's randomness comes from: one generator per sample, or a recording (parity).

A draw sees only the codes that survived the filter, best first: `kept` (M, k) logits divided by the
temperature, and `codes` (M, k), for the M masked positions of `site.where` in row-major order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from intermask_cli.devices import to_device

_TINY = 1e-20


@dataclass(frozen=True)
class Site:
    """What is being drawn: step number, masked and valid positions (B, N) bool, number of codes K."""

    step: int
    where: Tensor
    valid: Tensor  # on the CPU, where the generators are
    codebook_size: int


class Noise(Protocol):
    """Turns filtered logits into codes; `mode` is "categorical" or "gumbel" (`SamplingConfig.draw`)."""

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        """kept, codes (M, k) -> drawn codes (M,) int64."""
        ...


def invert_cdf(kept: Tensor, uniform: Tensor) -> Tensor:
    """Column (M,) drawn from softmax(kept) (M, k): its cumulative sum inverted at uniform (M,) in [0, 1)."""
    cumulative = torch.softmax(kept.float(), dim=-1).cumsum(dim=-1)
    # Scaling by the last sum instead of 1 keeps rounding from pointing behind the last code.
    target = uniform[:, None] * cumulative[:, -1:]
    column = torch.searchsorted(cumulative, target, right=True)[:, 0]
    return column.clamp(max=kept.shape[-1] - 1)


def gumbel_argmax(kept: Tensor, codes: Tensor, gumbel: Tensor) -> Tensor:
    """Column (M,) of the largest kept + g, with gumbel (M, K) over all codes."""
    return (kept.float() + gumbel.gather(1, codes)).argmax(dim=-1)


class PerSampleNoise:
    """One CPU generator per sample, read at every step for exactly that sample's valid positions.

    So a sample's tokens depend on its own generator, never on padding or on the rest of the batch.
    """

    def __init__(self, generators: Sequence[torch.Generator]):
        self.generators = list(generators)

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        width = () if mode == "categorical" else (site.codebook_size,)
        values = torch.zeros(*site.valid.shape, *width)
        for row, valid, generator in zip(values, site.valid, self.generators, strict=True):
            row[valid] = torch.rand(int(valid.sum()), *width, generator=generator)
        values = to_device(values, kept.device)[site.where]
        if mode == "categorical":
            column = invert_cdf(kept, values)
        else:
            gumbel = -torch.log((-torch.log(values.clamp(min=_TINY))).clamp(min=_TINY))
            column = gumbel_argmax(kept, codes, gumbel)
        return codes.gather(1, column[:, None])[:, 0]


class RecordedNoise:
    """Gumbel values recorded as (S, B, N, K): reproduces the published draws number by number."""

    def __init__(self, gumbel: Tensor):
        self.gumbel = gumbel.float()

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        if mode == "categorical":
            kept = torch.log_softmax(kept, dim=-1)
        gumbel = self.gumbel[site.step].to(kept.device)[site.where]
        return codes.gather(1, gumbel_argmax(kept, codes, gumbel)[:, None])[:, 0]
