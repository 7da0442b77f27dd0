"""The core's tokenizer stage with another layout of tokens, and paired windows for layouts of a pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.ablations.token_layouts import PERSONS, PairTokenizer
from intermask_cli.config import TokenizerConfig
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.config import Recipe
from intermask_cli.training.sources.source import TrainingSource, WindowSet
from intermask_cli.training.tokenizer.stage import TokenizerStage


class PairedWindows(WindowSet):
    """Windows drawn as before, each returned with the partner's at the same time; half as many are drawn."""

    def __init__(self, single: WindowSet, partners: Tensor, first: Tensor):
        self.__dict__.update(vars(single))
        self.partners, self.first = partners, first  # (windows,) partner's start; whether it is person 1's

    def random(self, size: int, fast_share: float) -> Tensor:
        """Numbers (size // 2,): the batch holds as much motion as that of single persons."""
        return super().random(size // PERSONS, fast_share)

    def take(self, chosen: Tensor) -> Tensor:
        """Window numbers (B,) -> (2B, window, D), persons 1 and 2 of each in turn."""
        own, partner, first = self.starts[chosen], self.partners[chosen], self.first[chosen]
        starts = torch.stack((torch.where(first, own, partner), torch.where(first, partner, own)), 1)
        return self.motion[starts.view(-1, 1) + self._offsets]


def paired(single: WindowSet, source: TrainingSource, stride: int) -> PairedWindows:
    """Partners of all windows: `build_windows` puts a clip's two tracks one after the other."""
    partners, first = [], []
    done = 0
    for clip in range(len(source)):
        frames = source.frames(clip)
        if frames < single.window:
            continue
        count = len(range(0, frames - single.window + 1, stride))
        for person, shift in ((0, frames), (1, -frames)):
            partners.append(single.starts[done : done + count] + shift)
            first.append(torch.full((count,), person == 0))
            done += count
    assert done == len(single), "windows of another source"
    return PairedWindows(single, torch.cat(partners), torch.cat(first))


class LayoutStage(TokenizerStage):
    """`TokenizerStage` around the tokenizer that `layout` builds."""

    def __init__(self, layout: Callable[[TokenizerConfig], Tokenizer], *args: Any):
        self._layout = layout
        super().__init__(*args)

    def _new_model(self, recipe: Recipe) -> Tokenizer:
        return self._layout(recipe.tokenizer)

    def _build_windows(self, train: TrainingSource, normalizer: Normalizer) -> WindowSet:
        windows = super()._build_windows(train, normalizer)
        if isinstance(self.model, PairTokenizer):
            return paired(windows, train, self.config.window_stride)
        return windows
