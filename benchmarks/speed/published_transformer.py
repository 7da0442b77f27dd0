"""The transformer's forward pass arranged as in the published code: the yardstick for speed.

Sequence first, each person handled by its own calls, modulation vectors recomputed in every pass, a
key mask always passed, the separator in the middle. Batched, with the framework's own multi-head
attention, so it is as fast as the published arrangement allows. Same state dict, same logits.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.oracles.plain_transformer import positions

Weights = dict[str, Tensor]
_positions = lru_cache(positions)  # the published code keeps its table too


def _linear(x: Tensor, w: Weights, name: str) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def _attention(q: Tensor, k: Tensor, padding: Tensor | None, w: Weights, name: str, heads: int) -> Tensor:
    """(Nq, B, d) reads (Nk, B, d); padding (B, Nk) True where a key is not read."""
    weight, bias = w[f"{name}.in_proj_weight"], w[f"{name}.in_proj_bias"]
    out_weight, out_bias = w[f"{name}.out_proj.weight"], w[f"{name}.out_proj.bias"]
    out, _ = F.multi_head_attention_forward(
        q, k, k, q.shape[-1], heads, weight, bias, None, None, False, 0.0, out_weight, out_bias,
        training=False, key_padding_mask=padding, need_weights=False,
    )  # fmt: skip
    return out


def _feed_forward(x: Tensor, w: Weights, name: str) -> Tensor:
    return _linear(F.gelu(_linear(x, w, f"{name}.model.0")), w, f"{name}.model.3")


def _spatio_temporal(
    x: Tensor, c: tuple[Tensor, ...], padding: Tensor, w: Weights, name: str, heads: int
) -> Tensor:
    tokens, batch, width = x.shape
    n = tokens // 5
    spatial = _modulated(x, c[0], c[1]).view(5, n * batch, width)
    spatial = _attention(spatial, spatial, None, w, f"{name}.spatial_attention", heads)
    temporal = _modulated(x, c[3], c[4]).view(5, n, batch, width).transpose(0, 1).reshape(n, 5 * batch, width)
    rows = padding[:, :n].repeat(5, 1)
    temporal = _attention(temporal, temporal, rows, w, f"{name}.temporal_attention", heads)
    temporal = temporal.view(n, 5, batch, width).transpose(0, 1).reshape(tokens, batch, width)
    return (x + c[2] * spatial.reshape(tokens, batch, width)) + (x + c[5] * temporal)


def _block(s: Tensor, e: Tensor, padding: Tensor, w: Weights, name: str, heads: int) -> Tensor:
    half = len(s) // 2
    c = _linear(F.silu(e), w, f"{name}.adaLN_mod_combined.model.1").chunk(6, dim=-1)
    x = _modulated(s, c[0], c[1])
    s = s + c[2] * _attention(x, x, padding, w, f"{name}.self_attn.attention", heads)
    s = s + c[5] * _feed_forward(_modulated(s, c[3], c[4]), w, f"{name}.ffn_combined")
    c = _linear(F.silu(e), w, f"{name}.adaLN_mod_split.model.1").chunk(14, dim=-1)
    one = padding[:, :half]
    before = (s[:half], s[half + 1 :])
    moved = [_spatio_temporal(x, c, one, w, f"{name}.spa_temp_attn", heads) for x in before]
    after = []
    for x, partner in zip(moved, reversed(before), strict=True):
        query, key = _modulated(x, c[6], c[7]), _modulated(partner, c[8], c[9])
        x = x + c[10] * _attention(
            query, key, one, w, f"{name}.local_inter_attn.interaction_attention", heads
        )
        after.append(x + c[13] * _feed_forward(_modulated(x, c[11], c[12]), w, f"{name}.ffn_split"))
    return torch.cat([after[0], s[half : half + 1], after[1]])


def forward(w: Weights, ids: Tensor, condition: Tensor, lengths: Tensor, heads: int) -> Tensor:
    """Logits (B, 10n, K): ids (B, 10n), condition (B, E) (zeros = unconditional), lengths (B,)."""
    batch, tokens = ids.shape
    n, half = tokens // 10, tokens // 2
    separator = torch.full((batch, 1), len(w["token_emb.weight"]) - 1, device=ids.device)
    s = F.embedding(torch.cat([ids[:, :half], separator, ids[:, half:]], 1), w["token_emb.weight"])
    s = _linear(s.transpose(0, 1), w, "input_process.poseEmbedding")
    table = _positions(n, s.shape[-1]).flatten(0, 1)[:, None].to(s)
    s = torch.cat([s[:half] + table, s[half : half + 1], s[half + 1 :] + table])
    row = torch.arange(n, device=ids.device) >= lengths[:, None]
    never = torch.zeros_like(separator, dtype=torch.bool)
    padding = torch.cat([row.repeat(1, 5), never, row.repeat(1, 5)], 1)
    e = _linear(condition, w, "cond_emb")
    blocks = 1 + max(int(key.split(".")[2]) for key in w if key.startswith("Transformer.blocks."))
    for i in range(blocks):
        s = _block(s, e, padding, w, f"Transformer.blocks.{i}", heads)
    s = torch.cat([s[:half], s[half + 1 :]])
    shift, scale = _linear(F.silu(e), w, "output_process.adaLN_mod.model.1").chunk(2, dim=-1)
    s = _modulated(F.gelu(_linear(s, w, "output_process.dense")), shift, scale)
    return _linear(s, w, "output_process.poseFinal").transpose(0, 1)
