"""Recorded noise in the place of drawn noise: reproduces runs of the published system number by number."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from intermask_cli.models.codebook import Codebook
from intermask_cli.sampling.noise import Site, gumbel_argmax


class RecordedNoise:
    """Sampler noise: Gumbel values recorded as (steps, B, N, K)."""

    def __init__(self, gumbel: Tensor):
        self.gumbel = gumbel.float()

    def draw(self, kept: Tensor, codes: Tensor, mode: str, site: Site) -> Tensor:
        """kept, codes (M, k) -> drawn codes (M,) int64."""
        if mode == "categorical":
            kept = torch.log_softmax(kept, dim=-1)
        gumbel = self.gumbel[site.step].to(kept.device)[site.masked]
        return codes.gather(1, gumbel_argmax(kept, codes, gumbel)[:, None])[:, 0]


class RecordedCodebook(Codebook):
    """A codebook whose next training step uses recorded noise; without any it draws its own."""

    gumbel: Tensor | None = None  # (N, K)
    tiles: Sequence[Tensor] = ()  # standard normal (ceil(K / N) * N, C), one per tiling, in order of use

    def record(self, gumbel: Tensor, tiles: Sequence[Tensor] = ()) -> None:
        """Noise of the next training step."""
        self.gumbel, self.tiles = gumbel, list(tiles)

    def _gumbel(self, scores: Tensor) -> Tensor:
        return super()._gumbel(scores) if self.gumbel is None else self.gumbel

    def _normal(self, copies: Tensor) -> Tensor:
        if not self.tiles:
            return super()._normal(copies)
        first, *self.tiles = self.tiles
        return first
