"""Building blocks of the transformer: attention, AdaLN modulation, feed-forward. Batch first throughout."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-6


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """softmax(q k^T / sqrt(D)) v: (B, H, Nq, D), (B, H, Nk, D) x 2 -> (B, H, Nq, D).

    `mask` broadcasts to (B, H, Nq, Nk), True where a key may be read; every query needs one.

    The fused kernel, except for half precision on a CPU: there, at a few hundred tokens, the products
    written out run 1.5-2x faster forward, and a whole training step 1.4x (measured; in float32 the fused
    kernel wins forward and draws in training).
    """
    if q.device.type != "cpu" or q.dtype == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    with torch.autocast("cpu", enabled=False):  # it would copy the scores to float32 and back
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-2, -1))
        if mask is not None:
            scores.masked_fill_(~mask, -torch.inf)
        return torch.matmul(F.dropout(scores.softmax(-1), dropout), v)


class MultiHeadAttention(nn.Module):
    """Multi-head attention with one packed input projection (rows q, k, v) and biases."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, Nq, d) reads itself, or `context` (B, Nk, d); `mask` as in `attention`."""
        weight, bias, width = self.in_proj_weight, self.in_proj_bias, x.shape[-1]
        if context is None:
            q, k, v = F.linear(x, weight, bias).chunk(3, dim=-1)
        else:
            q = F.linear(x, weight[:width], bias[:width])
            k, v = F.linear(context, weight[width:], bias[width:]).chunk(2, dim=-1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        heard = attention(q, k, v, mask, self.dropout if self.training else 0.0)
        return self.out_proj(heard.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Linear, exact GELU, dropout, linear."""

    def __init__(self, width: int, hidden: int, dropout: float):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class AdaLN(nn.Module):
    """Modulation vectors from the condition embedding: Linear(SiLU(e)), one chunk of d per item.

    Starts at zero: no shift, no scale, gates shut. `scales` names the chunks that are scales; they
    come back as 1 + scale, so that modulation is one multiply-add.
    """

    def __init__(self, width: int, chunks: int, scales: tuple[int, ...]):
        super().__init__()
        self.chunks, self.scales = chunks, scales
        self.model = nn.Sequential(nn.SiLU(), nn.Linear(width, chunks * width))

    def forward(self, embedding: Tensor) -> tuple[Tensor, ...]:
        """(..., d) -> `chunks` tensors (..., d)."""
        parts = self.model(embedding).chunk(self.chunks, dim=-1)
        return tuple(part + 1 if i in self.scales else part for i, part in enumerate(parts))

    def zero(self) -> None:
        """The published start."""
        nn.init.zeros_(self.model[1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.model[1].bias)  # type: ignore[arg-type]


def norm(x: Tensor) -> Tensor:
    """Layer norm over the last axis, without parameters."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPS)


def modulate(normed: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """normed * scale + shift, with `scale` already 1 + the predicted one."""
    return torch.addcmul(shift, normed, scale)
