"""Randomness of the draws: one generator per sample.

A draw sees only the k codes that survived the filter, best first: `kept` (M, k) are their logits divided by
the temperature, `codes` (M, k) their ids, for the M masked positions of `site.masked` in row-major order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from intermask_cli.devices import to_device

#: Lower bound of the argument of a logarithm, which must not be 0; the published value.
_TINY = 1e-20


@dataclass(frozen=True)
class Site:
    """The positions of one draw."""

    step: int
    masked: Tensor  # (B, N) bool, positions to draw codes for
    valid: Tensor  # (B, N) bool, on the CPU, where the generators are
    codebook_size: int  # K


class Noise(Protocol):
    """Turns filtered logits into codes; `mode` is "categorical" or "gumbel" (`SamplingConfig.draw`)."""

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        """kept, codes (M, k) -> drawn codes (M,) int64."""
        ...


def gumbel_noise(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise from uniform numbers in [0, 1), any shape."""
    return -torch.log((-torch.log(uniform.clamp(min=_TINY))).clamp(min=_TINY))


def invert_cdf(kept: Tensor, uniform: Tensor) -> Tensor:
    """Column (M,) drawn from softmax(kept) (M, k): its cumulative sum inverted at uniform (M,) in [0, 1)."""
    cumulative = torch.softmax(kept.float(), dim=-1).cumsum(dim=-1)
    # Scaled by the last sum instead of 1, so that rounding cannot lead past the last code.
    target = uniform[:, None] * cumulative[:, -1:]
    column = torch.searchsorted(cumulative, target, right=True)[:, 0]
    return column.clamp(max=kept.shape[-1] - 1)


def gumbel_argmax(kept: Tensor, codes: Tensor, gumbel: Tensor) -> Tensor:
    """Column (M,) of the largest kept + g, with gumbel (M, K) over all codes."""
    return (kept.float() + gumbel.gather(1, codes)).argmax(dim=-1)


class PerSampleNoise:
    """One CPU generator per sample, read at every step once for each of the sample's valid positions.

    A sample's tokens depend on its own generator only, not on padding or on the rest of the batch.
    """

    def __init__(self, generators: Sequence[torch.Generator]):
        self.generators = list(generators)

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        """kept, codes (M, k) -> drawn codes (M,) int64."""
        width = () if mode == "categorical" else (site.codebook_size,)
        values = torch.zeros(*site.valid.shape, *width)  # (B, N) or (B, N, K)
        for row, valid, generator in zip(values, site.valid, self.generators, strict=True):
            row[valid] = torch.rand(int(valid.sum()), *width, generator=generator)
        values = to_device(values, kept.device)[site.masked]  # (M,) or (M, K)
        if mode == "categorical":
            column = invert_cdf(kept, values)
        else:
            column = gumbel_argmax(kept, codes, gumbel_noise(values))
        return codes.gather(1, column[:, None])[:, 0]
