"""Tokenizers with another arrangement of tokens: along time only, or one map for both persons.

All keep the core's losses, quantiser and training, and take and return motion as it does. Those of a pair
read batches in which rows 2i and 2i + 1 are the two persons of one moment.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor, nn

from intermask_cli.config import TokenizerConfig
from intermask_cli.models.tokenizer import ACTIVATIONS, PLANES, Tokenizer, Upsample

PERSONS = 2
#: Five tokens a step are as many as the 2D map has.
FIVE = 5
#: With it the time-only networks have as many parameters as the 2D ones (tested to a tenth).
TIME_WIDTH = Fraction(3, 2)


class TimeBlock(nn.Module):
    """The core's residual block with a kernel along time only."""

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
        return self.model(x.flatten(1, 2)).unflatten(1, (-1, self.codes))


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
        x = self.model(latents.flatten(1, 2))
        with torch.autocast(x.device.type, enabled=False):  # as in the core: bfloat16 rounds positions
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
        apart = super().pack(motion).unflatten(0, (-1, PERSONS))  # (B, 2, channels, joints, T)
        return self._joined(apart).contiguous(memory_format=torch.channels_last)

    def _unpack(self, plane: Tensor) -> Tensor:
        return super()._unpack(self._separated(plane).flatten(0, 1))

    def _joined(self, apart: Tensor) -> Tensor:
        """(B, 2, channels, joints, T) -> (B, channels of the plane, its rows, T)."""
        raise NotImplementedError

    def _separated(self, plane: Tensor) -> Tensor:
        """Back again."""
        raise NotImplementedError


class PairRowsTokenizer(PairTokenizer):
    """The second person's joints below the first's: 44 joints shrink to 11 rows."""

    def __init__(self, config: TokenizerConfig):
        super().__init__(config)
        for stage, rows in zip(self.decoder.model[2:4], (11, 22), strict=True):
            stage[1] = Upsample(rows, Fraction(2))  # type: ignore[operator]

    def _joined(self, apart: Tensor) -> Tensor:
        return apart.transpose(1, 2).flatten(2, 3)

    def _separated(self, plane: Tensor) -> Tensor:
        return plane.unflatten(2, (PERSONS, -1)).transpose(1, 2)


class PairChannelsTokenizer(PairTokenizer):
    """The second person as further channels of the same joints: 5 rows for both."""

    def __init__(self, config: TokenizerConfig):
        super().__init__(config)
        both = PERSONS * PLANES[config.representation].channels
        self.encoder.model[0] = nn.Conv2d(both, config.width, 3, padding=1)
        self.decoder.model[-1] = nn.Conv2d(config.width, both, 3, padding=1)

    def _joined(self, apart: Tensor) -> Tensor:
        return apart.flatten(1, 2)

    def _separated(self, plane: Tensor) -> Tensor:
        return plane.unflatten(1, (PERSONS, -1))


LAYOUTS: dict[str, Callable[[TokenizerConfig], Tokenizer]] = {
    "": Tokenizer,
    "time": TimeTokenizer,
    "time-five": lambda config: TimeTokenizer(config, FIVE),
    "pair-rows": PairRowsTokenizer,
    "pair-channels": PairChannelsTokenizer,
}
