"""Exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Shadow of a model's parameters; early on the decay is smaller, so the start is forgotten quickly."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self._live = dict(model.named_parameters())
        self.shadow = {name: p.detach().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the weights after step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.shadow.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model holds the averaged weights."""
        kept = {name: p.detach().clone() for name, p in self._live.items()}
        self._copy(self.shadow)
        try:
            yield
        finally:
            self._copy(kept)

    @torch.no_grad()
    def _copy(self, values: dict[str, Tensor]) -> None:
        for name, p in self._live.items():
            p.copy_(values[name])

    def load(self, values: dict[str, Tensor]) -> None:
        """Continue from saved averages."""
        for name, shadow in self.shadow.items():
            shadow.copy_(values[name])
