"""Building blocks of the transformer: attention, AdaLN modulation, feed-forward. Batch first throughout.

Axes: B batch, N tokens, d width of the model, H heads, D = d / H.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Added to the variance in every layer norm; the published value.
NORM_EPS = 1e-6
#: Keys from which on the fused kernel is faster in bfloat16 on a processor that multiplies tiles: 1.1-1.4x at
#: 96 to 384 keys, 1.7x at 751, equal at 75, half as fast at 5 (benchmarks/speed/attention.py).
LONG_ROW = 96


@lru_cache
def multiplies_tiles() -> bool:
    """Whether this processor multiplies tiles of bfloat16 (Intel AMX), and torch is new enough to say so.

    The fused kernel of older versions does not use them.
    """
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def runs_fused(device: torch.device, dtype: torch.dtype, keys: int, training: bool) -> bool:
    """Whether `attention` takes the fused kernel; by shape and processor only, never by batch or by timing.

    Float32 and GPUs always do. Half precision on a CPU is written out as matrix products, which are 1.5-2x
    faster in the forward pass, and make a training step 1.4x faster (measured). An exception are long rows
    where the processor multiplies tiles: there the fused kernel is 1.4x faster from some hundred keys on.
    """
    if device.type != "cpu" or dtype == torch.float32:
        return True
    return dtype == torch.bfloat16 and keys >= LONG_ROW and not training and multiplies_tiles()


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """softmax(q k^T / sqrt(D)) v: (B, H, Nq, D), (B, H, Nk, D) x 2 -> (B, H, Nq, D).

    `mask` broadcasts to (B, H, Nq, Nk), True where a key may be attended to; every query needs one.
    """
    if runs_fused(q.device, q.dtype, k.shape[-2], q.requires_grad):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    with torch.autocast("cpu", enabled=False):  # it would copy the scores to float32 and back
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # batched products would copy each by parts
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
        """(B, Nq, d) attends to itself or `context` (B, Nk, d) -> (B, Nq, d); `mask` as in `attention`."""
        output: Tensor = self.out_proj(self.attended(x, context, mask))
        return output

    def attended(self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`forward` before the output projection."""
        weight, bias, width = self.in_proj_weight, self.in_proj_bias, x.shape[-1]
        if context is None:
            q, k, v = F.linear(x, weight, bias).chunk(3, dim=-1)  # each (B, N, d)
        else:
            q = F.linear(x, weight[:width], bias[:width])  # (B, Nq, d)
            k, v = F.linear(context, weight[width:], bias[width:]).chunk(2, dim=-1)  # each (B, Nk, d)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))  # (B, H, N, D)
        return self._attend(q, k, v, mask).transpose(1, 2).flatten(2)  # (B, Nq, H, D) -> (B, Nq, d)

    def across(self, x: Tensor) -> Tensor:
        """Attention along the second axis of (B, S, T, d), for each step of the third: -> (B, S, T, d)."""
        packed = F.linear(x, self.in_proj_weight, self.in_proj_bias)  # (B, S, T, 3 d)
        packed = packed.unflatten(-1, (3, self.heads, -1)).permute(3, 0, 2, 4, 1, 5)  # (3, B, T, H, S, D)
        q, k, v = packed.flatten(1, 2)  # one copy: each (B T, H, S, D)
        attended = self._attend(q, k, v, None).unflatten(0, (len(x), -1))  # (B, T, H, S, D)
        output: Tensor = self.out_proj(attended.permute(0, 3, 1, 2, 4).flatten(3))  # (B, S, T, H, D) -> d
        return output

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        return attention(q, k, v, mask, self.dropout if self.training else 0.0)


class FeedForward(nn.Module):
    """Linear, exact GELU, dropout, linear."""

    def __init__(self, width: int, hidden: int, dropout: float):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.model(x)
        return output


class ShiftScale(NamedTuple):
    """Modulation of a normed tensor: `normed * scale + shift`."""

    shift: Tensor
    scale: Tensor  # already 1 + the predicted scale


class ShiftScaleGate(NamedTuple):
    """Modulation of what goes into a branch, and the gate on what comes out: `x + gate * branch`."""

    shift: Tensor
    scale: Tensor  # already 1 + the predicted scale
    gate: Tensor


Vectors = TypeVar("Vectors", ShiftScale, ShiftScaleGate)


class AdaLN(nn.Module):
    """Modulation vectors from the condition embedding e: Linear(SiLU(e)), cut into chunks of d.

    `parts` lists what the chunks are, in their order in the weights. All weights start at zero: no shift, no
    scale, gates shut. A scale s comes back as 1 + s, so that modulation is one multiply-add.
    """

    def __init__(self, width: int, *parts: type[ShiftScale] | type[ShiftScaleGate]):
        super().__init__()
        self.parts = parts
        self.chunks = sum(len(part._fields) for part in parts)
        self.model = nn.Sequential(nn.SiLU(), nn.Linear(width, self.chunks * width))

    def forward(self, embedding: Tensor) -> tuple[ShiftScale | ShiftScaleGate, ...]:
        """(..., d) -> one record per part, of tensors (..., d)."""
        chunks = iter(self.model(embedding).chunk(self.chunks, dim=-1))  # (..., chunks * d) -> (..., d) each
        return tuple(
            part(*(next(chunks) + 1 if name == "scale" else next(chunks) for name in part._fields))
            for part in self.parts
        )

    def zero(self) -> None:
        """Set all weights to zero, the published start."""
        for parameter in self.model[1].parameters():
            nn.init.zeros_(parameter)


def norm(x: Tensor) -> Tensor:
    """Layer norm over the last axis, without parameters."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPS)


def modulate(normed: Tensor, vectors: ShiftScale | ShiftScaleGate) -> Tensor:
    """normed * scale + shift, any shapes that broadcast."""
    return torch.addcmul(vectors.shift, normed, vectors.scale)


def modulated_norm(x: Tensor, vectors: ShiftScale | ShiftScaleGate) -> Tensor:
    """`modulate(norm(x), vectors)`, on a CPU in one go where no gradient is needed.

    There the layer norm takes scale and shift as its own, one sample (or person) at a time where they differ.
    In float32 both give the same bits; in half precision the one-go result is rounded once instead of twice,
    and is the same in every batch.
    """
    scale, shift = vectors.scale, vectors.shift
    groups = scale.numel() // scale.shape[-1]  # of rows of x that share a shift and a scale
    alike = scale.shape[-2] == 1 and (groups == 1 or len(scale) == len(x))
    if x.device.type != "cpu" or torch.is_grad_enabled() or not alike:
        return modulate(norm(x), vectors)
    if groups > 1 and x.dtype == torch.float32:
        normed = norm(x)
        return torch.addcmul(shift, normed, scale, out=normed)
    if groups == 1:
        return F.layer_norm(x, x.shape[-1:], scale.flatten(), shift.flatten(), NORM_EPS)
    result = torch.empty_like(x)
    rows = zip(*(t.view(groups, -1, x.shape[-1]) for t in (x, result)), strict=True)
    for (one, out), a, b in zip(rows, scale.flatten(0, -2), shift.flatten(0, -2), strict=True):
        out.copy_(F.layer_norm(one, one.shape[-1:], a, b, NORM_EPS))
    return result


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """x + gate * branch, the residual of a branch; without gradients it takes the memory of the branch."""
    if torch.is_inference_mode_enabled():
        return torch.addcmul(x, gate, branch, out=branch)
    return torch.addcmul(x, gate, branch)
