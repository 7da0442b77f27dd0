"""Sine encoding of row and time of the tokens of a map (docs/reference/model.md#positional-encoding).

Axes: s = 5 rows, t = n time steps, d width of the model, h = half of it, rounded up to an even number.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import BODY_ROWS, PERSONS


def frequencies(width: int) -> Tensor:
    """10000^(-2k/h) for k = 0..h/2-1, with h = 2 ceil(width / 4): (h/2,) float32, radians per row or step."""
    half = 2 * math.ceil(width / 4)
    return 1.0 / (10000 ** (torch.arange(0, half, 2).float() / half))


def position_table(tokens: int, width: int) -> Tensor:
    """(s, t, d): first half of the channels the row, second half the time; sin and cos interleaved."""

    def encode(index: Tensor) -> Tensor:
        angle = index[:, None] * frequencies(width)  # (indices, h/2)
        return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)  # (indices, h)

    rows, times = encode(torch.arange(float(BODY_ROWS))), encode(torch.arange(float(tokens)))
    # (s, 1, h) and (1, t, h) -> (s, t, 2 h)
    table = torch.cat((rows[:, None].expand(-1, tokens, -1), times[None].expand(BODY_ROWS, -1, -1)), dim=-1)
    return table[..., :width]


class _Frequencies(nn.Module):
    """Holder of the published key `positional_encoding.inv_freq`."""

    inv_freq: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("inv_freq", frequencies(width))


class PositionalEncoding(nn.Module):
    """Adds the position (row, time) to every token of both persons, and nothing to the separator.

    The frequencies are a key of the published format, but the table is computed from the formula: as a
    buffer they would be rounded with the weights when a model is stored or run in half precision.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.positional_encoding = _Frequencies(width)
        self._table: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, 10 n + 1, d), separator last -> the same."""
        tokens = (x.shape[1] - 1) // (PERSONS * BODY_ROWS)  # n
        positions = self.table(tokens, x).flatten(0, 1)  # (s, t, d) -> (5 n, d)
        return x + F.pad(positions.repeat(PERSONS, 1), (0, 0, 0, 1))  # (10 n + 1, d) added

    def table(self, tokens: int, like: Tensor) -> Tensor:
        """(5, n, d) with the device and dtype of `like`; the longest table so far is kept."""
        table = self._table
        if (
            table is None
            or table.shape[1] < tokens
            or (table.device, table.dtype) != (like.device, like.dtype)
        ):
            with torch.inference_mode(False):
                table = self._table = position_table(tokens, self.width).to(like.device, like.dtype)
        return table[:, :tokens]
