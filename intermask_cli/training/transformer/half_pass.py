"""The transformer's pass for training in bfloat16 on a CPU: the same function, arranged for its gradients.

`InteractionTransformer.forward` is written for inference, where few tensors are kept. In training, about a
quarter of a step went into copies, masks and soft-max. Here the separator stays apart, so that modulation
needs no vector per token, and attention and modulation have backward passes of their own.

Axes: as in `intermask_cli.models.transformer`; H heads, D = d / H; S x T sequences of N tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from intermask_cli.config import BODY_ROWS, PERSONS
from intermask_cli.models.layers import FeedForward, MultiHeadAttention, ShiftScale, ShiftScaleGate, norm
from intermask_cli.models.transformer import (
    BlockModulation,
    InteractionTransformer,
    InterBlock,
    Modulation,
    per_person,
)

#: Largest size of a score: the sum of exp(score) over some thousand keys stays finite without subtracting
#: each query's maximum first, which would take two more passes over all scores.
SCORE_LIMIT = 75.0
#: Rows of a tile of a processor that multiplies tiles: fewer take as long.
TILE_ROWS = 16


class Attend(torch.autograd.Function):
    """softmax(q k^T / sqrt(D)) v for packed queries, keys and values.

    The denominators are one more column of the values, whose invalid rows are zero: a mask costs nothing per
    pair of tokens, and the soft-max is one exponential. Short sequences are multiplied several at a time, and
    what one would take from another is set to zero.
    """

    @staticmethod
    def forward(
        ctx: Any, first: Tensor, second: Tensor | None, valid: Tensor | None, crossed: bool
    ) -> Tensor:
        """`first` (S, T, N, 3, H, D) with q, k and v, or only q and `second` with k and v -> (S, T, N, H, D).

        `valid` (S, N) keys that are attended to. `crossed`: keys and values are those of the other of T = 2
        sequences.
        """
        s, t, n, _, h, d = first.shape
        other, at = (first, 1) if second is None else (second, 0)
        q, q_heads = _by_heads(first, d)
        k, k_heads = _by_heads(first, d)
        values, v_heads = _by_heads(first, d + 1)
        torch.mul(first[:, :, :, 0].transpose(2, 3), d**-0.5, out=q_heads)
        _put(k_heads, other[:, :, :, at].transpose(2, 3), crossed)
        _put(v_heads[..., :d], other[:, :, :, at + 1].transpose(2, 3), crossed)
        v_heads[..., d] = 1
        if valid is not None:
            v_heads *= valid[:, None, None, :, None]
        weights = torch.bmm(q, k.mT).clamp_(-SCORE_LIMIT, SCORE_LIMIT).exp_()
        if (together := weights.shape[1] // n) > 1:
            weights *= torch.block_diag(*[weights.new_ones(n, n)] * together)
        sums = _heads_of(torch.bmm(weights, values), (s, t, h, n, d + 1))
        denominators = sums[..., d:].clone()
        attended = first.new_empty(s, t, n, h, d)
        torch.div(sums[..., :d], denominators, out=attended.transpose(2, 3))
        ctx.save_for_backward(q, k, values, weights, attended, denominators, valid)
        ctx.crossed, ctx.packed = crossed, second is None
        return attended

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        q, k, values, weights, attended, denominators, valid = ctx.saved_tensors
        s, t, n, h, d = gradient.shape
        heads = (s, t, h, n, d)
        # The gradient of the sums: of the d channels, and of the denominator behind them.
        of_sums, by_heads = _by_heads(gradient.unsqueeze(3), d + 1)
        torch.div(gradient.transpose(2, 3), denominators, out=by_heads[..., :d])
        by_heads[..., d] = -(by_heads[..., :d] * attended.transpose(2, 3)).sum(-1)
        of_values = _heads_of(torch.bmm(weights.mT, of_sums), (*heads[:-1], d + 1))[..., :d]
        if valid is not None:
            of_values = of_values * valid[:, None, None, :, None]
        of_scores = torch.bmm(of_sums, values.mT).mul_(weights)
        of_k = _heads_of(torch.bmm(of_scores.mT, q), heads)
        of_q = _heads_of(torch.bmm(of_scores, k), heads)
        first = gradient.new_empty(s, t, n, 3 if ctx.packed else 1, h, d)
        torch.mul(of_q, d**-0.5, out=first[:, :, :, 0].transpose(2, 3))
        second = None if ctx.packed else gradient.new_empty(s, t, n, 2, h, d)
        rest = first[:, :, :, 1:] if second is None else second
        _put(rest[:, :, :, 0].transpose(2, 3), of_k, ctx.crossed)
        _put(rest[:, :, :, 1].transpose(2, 3), of_values, ctx.crossed)
        return first, second, None, None


def _by_heads(like: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Room for the heads of `like` (S, T, N, ..., H, D), as matrices to multiply and as (S, T, H, N, width).

    Sequences that fill less than half a tile share a matrix; the last one is filled up with zeros.
    """
    s, t, n, _, h, _ = like.shape
    together = max(1, TILE_ROWS // n)
    count = -(-s * t * h // together)
    exact = count * together == s * t * h
    matrices = (like.new_empty if exact else like.new_zeros)(count, together * n, width)
    return matrices, _heads_of(matrices, (s, t, h, n, width))


def _heads_of(matrices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The part of `_by_heads` matrices that holds heads of a shape (S, T, H, N, D)."""
    s, t, h, n, width = shape
    return matrices.view(-1, n, width)[: s * t * h].view(shape)


def _put(target: Tensor, source: Tensor, crossed: bool) -> None:
    """Copy (S, T, ...), or with `crossed` each of the T = 2 into the other's place."""
    if not crossed:
        target.copy_(source)
        return
    for place in range(2):
        target[:, place].copy_(source[:, 1 - place])


class Linear(torch.autograd.Function):
    """x W^T + b. For the weights' gradient the narrow factor is transposed, which takes less time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return nn.functional.linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        rows, inputs = gradient.flatten(0, -2), x.flatten(0, -2)
        narrow = rows.shape[1] < inputs.shape[1]
        of_weight = rows.t() @ inputs if narrow else (inputs.t() @ rows).t()
        return (rows @ weight).view(x.shape), of_weight, rows.sum(0)


class Scaled(torch.autograd.Function):
    """base + x * vector for x (B, P, N, d) and a vector that broadcasts to it, as base may.

    The backward pass of `torch.addcmul` multiplies x by one first.
    """

    @staticmethod
    def forward(ctx: Any, base: Tensor, x: Tensor, vector: Tensor) -> Tensor:
        ctx.save_for_backward(x, vector)
        ctx.base = base.shape
        return torch.addcmul(base, x, vector)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, vector = ctx.saved_tensors
        of_vector = (gradient * x).sum_to_size(vector.shape)
        return gradient.sum_to_size(ctx.base), gradient * vector, of_vector


# `apply` has no types.
_attend: Callable[..., Tensor] = Attend.apply
_linear: Callable[..., Tensor] = Linear.apply
_scaled: Callable[..., Tensor] = Scaled.apply


def linear(x: Tensor, layer: nn.Linear) -> Tensor:
    """What a layer gives for x (..., d)."""
    output: Tensor = _linear(x, layer.weight, layer.bias)
    return output


def feed_forward(x: Tensor, layers: FeedForward) -> Tensor:
    """What the two layers give, without drop-out."""
    first, last = layers.model[0], layers.model[-1]
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    return linear(nn.functional.gelu(linear(x, first)), last)


def modulated(normed: Tensor, vectors: ShiftScale | ShiftScaleGate) -> Tensor:
    """normed * scale + shift."""
    scaled: Tensor = _scaled(vectors.shift, normed, vectors.scale)
    return scaled


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """x + gate * branch."""
    scaled: Tensor = _scaled(x, branch, gate)
    return scaled


def of_separator(vectors: ShiftScaleGate) -> ShiftScaleGate:
    """Vectors (B, 1 or P, d) -> (B, 1, 1, d), the mean of both persons'."""
    return ShiftScaleGate(*(v.mean(1, keepdim=True)[:, None] for v in vectors))


def packed(x: Tensor, heads: int, parts: int) -> Tensor:
    """(S, T, N, parts * d) -> (S, T, N, parts, H, D)."""
    unpacked: Tensor = x.unflatten(-1, (parts, heads, -1))
    return unpacked


def projected(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """(S, T, N, d) -> queries, keys and values (S, T, N, 3, H, D)."""
    return packed(_linear(x, attention.in_proj_weight, attention.in_proj_bias), attention.heads, 3)


class HalfPass(nn.Module):
    """The pass of an `InteractionTransformer`, whose weights are in bfloat16, without drop-out."""

    def __init__(self, transformer: InteractionTransformer):
        super().__init__()
        self.transformer = transformer

    def forward(
        self, ids: Tensor, condition: Tensor, lengths: Tensor | None, wanted: Tensor | None
    ) -> Tensor:
        """As `InteractionTransformer.forward`: logits (B, 10 n, K), or (M, K) of the `wanted` tokens."""
        transformer = self.transformer
        modulation: Modulation = transformer.prepare(condition)
        valid = None
        if lengths is not None:
            valid = torch.arange(ids.shape[1] // (PERSONS * BODY_ROWS)) < lengths[:, None]  # (B, n)
        tokens, separator = transformer.embed(ids).split((ids.shape[1], 1), 1)
        x = tokens.unflatten(1, (PERSONS, -1)).contiguous()  # (B, P, 5 n, d)
        separator = separator[:, None]  # (B, 1, 1, d)
        for block, vectors in zip(transformer.Transformer.blocks, modulation.blocks, strict=True):
            assert isinstance(block, InterBlock)
            x, separator = _together(block, x, separator, vectors, valid)
            x = _apart(block, x, vectors, valid)
        process = transformer.output_process
        head = ShiftScale(*per_person(modulation.head))
        x = modulated(norm(nn.functional.gelu(linear(x, process.dense))), head).flatten(1, 2)  # (B, 10 n, d)
        if wanted is not None:
            x = x.flatten(0, 1).index_select(0, wanted.flatten().nonzero()[:, 0])
        logits: Tensor = linear(x, process.poseFinal)
        return logits


def _together(
    block: InterBlock, x: Tensor, separator: Tensor, vectors: BlockModulation, valid: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The half of a block that treats both persons (B, P, 5 n, d) and the separator (B, 1, 1, d) alike."""
    if valid is not None:
        valid = nn.functional.pad(valid.repeat(1, PERSONS * BODY_ROWS), (0, 1), value=True)  # (B, 10 n + 1)
    of_persons, between = per_person(vectors.attention), of_separator(vectors.attention)
    both = (modulated(norm(x), of_persons), modulated(norm(separator), between))
    everyone = torch.cat([part.flatten(1, 2) for part in both], 1)[:, None]  # (B, 1, 10 n + 1, d)
    attention = block.self_attn.attention
    attended = _attend(projected(attention, everyone), None, valid, False)
    branch, of_between = linear(attended.flatten(3), attention.out_proj).split((everyone.shape[2] - 1, 1), 2)
    x = gated(x, of_persons.gate, branch.unflatten(2, (PERSONS, -1)).squeeze(1))
    separator = gated(separator, between.gate, of_between)

    feed, between = per_person(vectors.feed_forward), of_separator(vectors.feed_forward)
    x = gated(x, feed.gate, feed_forward(modulated(norm(x), feed), block.ffn_combined))
    branch = feed_forward(modulated(norm(separator), between), block.ffn_combined)
    return x, gated(separator, between.gate, branch)


def _apart(block: InterBlock, x: Tensor, vectors: BlockModulation, valid: Tensor | None) -> Tensor:
    """The half of a block in which each person attends in space, in time and to the partner."""
    batch, _, tokens, width = x.shape
    normed = norm(x)
    spatial, temporal = per_person(vectors.spatial), per_person(vectors.temporal)
    attention = block.spa_temp_attn.spatial_attention
    rows = modulated(normed, spatial).view(-1, BODY_ROWS, tokens // BODY_ROWS, width)  # (B P, s, t, d)
    attended = _attend(projected(attention, rows).transpose(1, 2), None, None, False)
    by_step = linear(attended.transpose(1, 2).flatten(3), attention.out_proj).view(x.shape)
    attention = block.spa_temp_attn.temporal_attention
    rows = modulated(normed, temporal).view(batch, PERSONS * BODY_ROWS, -1, width)  # (B, P s, t, d)
    attended = _attend(projected(attention, rows), None, valid, False)
    by_row = linear(attended.flatten(3), attention.out_proj).view(x.shape)
    # Each branch keeps its residual, so the stream is doubled.
    x = gated(gated(x, spatial.gate, by_step), temporal.gate, by_row) + x

    reader, partner = per_person(vectors.reader), per_person(vectors.partner)
    attention = block.local_inter_attn.interaction_attention
    weight, bias, heads = attention.in_proj_weight, attention.in_proj_bias, attention.heads
    queries = _linear(modulated(norm(x), reader), weight[:width], bias[:width])
    others = _linear(modulated(normed, partner), weight[width:], bias[width:])
    of_person = None if valid is None else valid.repeat(1, BODY_ROWS)  # (B, 5 n)
    attended = _attend(packed(queries, heads, 1), packed(others, heads, 2), of_person, True)
    x = gated(x, partner.gate, linear(attended.flatten(3), attention.out_proj))

    feed = per_person(vectors.person_feed_forward)
    return gated(x, feed.gate, feed_forward(modulated(norm(x), feed), block.ffn_split))
