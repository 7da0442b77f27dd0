"""Tokenizers with another arrangement of tokens: along time only, or one map for both persons.

All keep the losses, quantizer and training of the package, and take and return motion as its tokenizer does.
Layouts of a pair read batches in which rows 2i and 2i + 1 are the two persons at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from intermask_cli.config import TokenizerConfig
from intermask_cli.models.tokenizer import ACTIVATIONS, PLANES, Tokenizer, Upsample
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.config import Recipe
from intermask_cli.training.sources.source import TrainingSource, WindowSet
from intermask_cli.training.tokenizer.stage import TokenizerStage

PERSONS = 2
#: Tokens per person and step: as many as the rows of the 2D map.
FIVE = 5
#: Of the 2D networks' width: gives the time-only networks as many parameters (a test allows 10 %).
TIME_WIDTH = Fraction(3, 2)


class TimeBlock(nn.Module):
    """The tokenizer's residual block with a kernel along time only."""

    def __init__(self, width: int, dilation: int, activation: str, dropout: float):
        super().__init__()
        self.layers = nn.Sequential(
            ACTIVATIONS[activation](),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            ACTIVATIONS[activation](),
            nn.Conv1d(width, width, 1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _time_stack(config: TokenizerConfig, width: int) -> nn.Sequential:
    dilations = [config.dilation_growth**i for i in reversed(range(config.depth))]
    return nn.Sequential(*(TimeBlock(width, d, config.activation, config.dropout) for d in dilations))


class TimeEncoder(nn.Module):
    """(B, channels, joints, T) -> latents (B, C, codes, T // 4); joints are channels like any other."""

    def __init__(self, config: TokenizerConfig, codes: int):
        super().__init__()
        width, plane = int(config.width * TIME_WIDTH), PLANES[config.representation]
        self.codes = codes
        layers: list[nn.Module] = [nn.Conv1d(plane.channels * plane.joints, width, 3, padding=1), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv1d(width, width, 4, stride=2, padding=1), _time_stack(config, width)]
        layers.append(nn.Conv1d(width, config.code_dim * codes, 3, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        latents = self.model(x.flatten(1, 2))  # (B, channels * joints, T) -> (B, C * codes, T // 4)
        return latents.unflatten(1, (-1, self.codes))


class TimeDecoder(nn.Module):
    """Latents (B, C, codes, n) -> (B, channels, joints, 4n)."""

    def __init__(self, config: TokenizerConfig, codes: int):
        super().__init__()
        width, plane = int(config.width * TIME_WIDTH), PLANES[config.representation]
        self.channels = plane.channels
        layers: list[nn.Module] = [nn.Conv1d(config.code_dim * codes, width, 3, padding=1), nn.ReLU()]
        for _ in range(2):
            layers += [_time_stack(config, width), nn.Upsample(scale_factor=2)]
            layers.append(nn.Conv1d(width, width, 3, padding=1))
        self.model = nn.Sequential(*layers, nn.Conv1d(width, width, 3, padding=1), nn.ReLU())
        self.last = nn.Conv1d(width, plane.channels * plane.joints, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        x = self.model(latents.flatten(1, 2))  # (B, C * codes, n) -> (B, width, 4n)
        with torch.autocast(x.device.type, enabled=False):  # as in the tokenizer: bfloat16 rounds positions
            x = self.last(x.to(self.last.weight.dtype))
        return x.unflatten(1, (self.channels, -1))


class TimeTokenizer(Tokenizer):
    """1D tokens: `codes` of them per person and step of four frames."""

    def __init__(self, config: TokenizerConfig, codes: int = 1):
        super().__init__(config)
        self.encoder, self.decoder = TimeEncoder(config, codes), TimeDecoder(config, codes)  # type: ignore[assignment]


class PairTokenizer(Tokenizer):
    """One map for both persons: motion (2B, T, 262), persons of a pair in turn -> latents (B, C, rows, n)."""

    def pack(self, motion: Tensor) -> Tensor:
        """(2B, T, 262) -> the pair's plane."""
        planes = super().pack(motion).unflatten(0, (-1, PERSONS))  # (B, 2, channels, joints, T)
        return self._joined(planes).contiguous(memory_format=torch.channels_last)

    def _unpack(self, plane: Tensor) -> Tensor:
        return super()._unpack(self._separated(plane).flatten(0, 1))

    def _joined(self, planes: Tensor) -> Tensor:
        """(B, 2, channels, joints, T) -> (B, channels of the plane, its rows, T)."""
        raise NotImplementedError

    def _separated(self, plane: Tensor) -> Tensor:
        """The inverse of `_joined`."""
        raise NotImplementedError


class PairRowsTokenizer(PairTokenizer):
    """The second person's joints below the first's: 44 joints shrink to 11 rows."""

    def __init__(self, config: TokenizerConfig):
        super().__init__(config)
        for stage, rows in zip(self.decoder.model[2:4], (11, 22), strict=True):
            stage[1] = Upsample(rows, Fraction(2))  # type: ignore[operator]

    def _joined(self, planes: Tensor) -> Tensor:
        return planes.transpose(1, 2).flatten(2, 3)  # (B, channels, 2 * joints, T)

    def _separated(self, plane: Tensor) -> Tensor:
        return plane.unflatten(2, (PERSONS, -1)).transpose(1, 2)


class PairChannelsTokenizer(PairTokenizer):
    """The second person as further channels of the same joints: 5 rows for both."""

    def __init__(self, config: TokenizerConfig):
        super().__init__(config)
        both = PERSONS * PLANES[config.representation].channels
        self.encoder.model[0] = nn.Conv2d(both, config.width, 3, padding=1)
        self.decoder.model[-1] = nn.Conv2d(config.width, both, 3, padding=1)

    def _joined(self, planes: Tensor) -> Tensor:
        return planes.flatten(1, 2)  # (B, 2 * channels, joints, T)

    def _separated(self, plane: Tensor) -> Tensor:
        return plane.unflatten(1, (PERSONS, -1))


LAYOUTS: dict[str, Callable[[TokenizerConfig], Tokenizer]] = {
    "": Tokenizer,
    "time": TimeTokenizer,
    "time-five": lambda config: TimeTokenizer(config, FIVE),
    "pair-rows": PairRowsTokenizer,
    "pair-channels": PairChannelsTokenizer,
}


class PairedWindows(WindowSet):
    """Windows drawn as usual and returned with the partner's at the same time; half as many are drawn."""

    def __init__(self, single: WindowSet, partners: Tensor, first: Tensor):
        self.__dict__.update(vars(single))
        #: (windows,) where the partner's window starts, and whether the window is person 0's.
        self.partners, self.first = partners, first

    def random(self, size: int, fast_share: float) -> Tensor:
        """Window numbers (size // 2,): a batch holds as much motion as one of single persons."""
        return super().random(size // PERSONS, fast_share)

    def take(self, chosen: Tensor) -> Tensor:
        """Window numbers (B,) -> (2B, window, D), persons 0 and 1 of each in turn."""
        own, partner, first = self.starts[chosen], self.partners[chosen], self.first[chosen]
        starts = torch.stack((torch.where(first, own, partner), torch.where(first, partner, own)), 1)
        return self.motion[starts.view(-1, 1) + self._offsets]


def paired(single: WindowSet, source: TrainingSource, stride: int) -> PairedWindows:
    """All windows with their partners': `build_windows` stores a clip's two tracks one after the other."""
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
    assert done == len(single), "the windows belong to another source"
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
