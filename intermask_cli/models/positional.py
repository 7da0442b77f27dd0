"""2-D sine positions of a token map (reference `model.md` section 7.1)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import BODY_ROWS


def frequencies(width: int) -> Tensor:
    """10000^(-2k/h), k = 0..h/2-1, h = 2 ceil(width / 4): (h/2,) float32."""
    half = 2 * math.ceil(width / 4)
    return 1.0 / (10000 ** (torch.arange(0, half, 2).float() / half))


def position_table(tokens: int, width: int) -> Tensor:
    """(5, n, d): first half of the channels the row, second half the time; sin, cos interleaved."""

    def encode(index: Tensor) -> Tensor:
        angle = index[:, None] * frequencies(width)
        return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)

    rows, times = encode(torch.arange(float(BODY_ROWS))), encode(torch.arange(float(tokens)))
    table = torch.cat((rows[:, None].expand(-1, tokens, -1), times[None].expand(BODY_ROWS, -1, -1)), dim=-1)
    return table[..., :width]


class _Frequencies(nn.Module):
    """Holder of the published key `positional_encoding.inv_freq`."""

    inv_freq: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("inv_freq", frequencies(width))


class PositionalEncoding(nn.Module):
    """Adds its (row, time) position to every token of both persons, and nothing to the separator.

    The frequencies are a key of the published format, but the table is computed from the formula: as a
    buffer they would be rounded with the weights when a model is stored or run in half precision.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.positional_encoding = _Frequencies(width)
        self._table: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, 10n + 1, d), separator last -> the same."""
        positions = self.table((x.shape[1] - 1) // (2 * BODY_ROWS), x).flatten(0, 1)
        return x + F.pad(positions.repeat(2, 1), (0, 0, 0, 1))

    def table(self, tokens: int, like: Tensor) -> Tensor:
        """(5, n, d) with the device and dtype of `like`; the longest one so far is kept."""
        table = self._table
        if (
            table is None
            or table.shape[1] < tokens
            or (table.device, table.dtype) != (like.device, like.dtype)
        ):
            with torch.inference_mode(False):
                table = self._table = position_table(tokens, self.width).to(like.device, like.dtype)
        return table[:, :tokens]
