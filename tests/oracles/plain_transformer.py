"""The transformer's forward pass written out plainly (docs/reference/model.md#transformer).

Loops over samples and persons, one attention at a time, nothing shared or cached, the separator in
the middle. Works on the published state dict. Slow on purpose: it is the yardstick for tests and
benchmarks.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


def linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    """x W^T + b with the parameters called `name`."""
    return x @ weights[f"{name}.weight"].t() + weights[f"{name}.bias"]


def norm(x: Tensor) -> Tensor:
    """Layer norm without parameters, eps 1e-6."""
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-6)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """AdaLN: normalised, scaled, shifted."""
    return norm(x) * (1 + scale) + shift


def attention(q_in: Tensor, kv_in: Tensor, valid: Tensor, weights: Weights, name: str, heads: int) -> Tensor:
    """Multi-head attention of (Nq, d) on (Nk, d); keys with valid False are left out."""
    d = q_in.shape[1]
    w, b = weights[f"{name}.in_proj_weight"], weights[f"{name}.in_proj_bias"]
    q, k, v = (
        x @ w[i * d : (i + 1) * d].t() + b[i * d : (i + 1) * d] for i, x in enumerate((q_in, kv_in, kv_in))
    )
    size, attended = d // heads, []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        scores = q[:, part] @ k[:, part].t() / math.sqrt(size)
        scores[:, ~valid] = -torch.inf
        attended.append(scores.softmax(-1) @ v[:, part])
    return linear(torch.cat(attended, -1), weights, f"{name}.out_proj")


def feed_forward(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Linear, exact GELU, linear."""
    return linear(F.gelu(linear(x, weights, f"{name}.model.0")), weights, f"{name}.model.3")


def positions(n: int, d: int) -> Tensor:
    """2-D sine table (5, n, d): first half of the channels the row, second half the time."""
    h = 2 * math.ceil(d / 4)
    table = torch.zeros(5, n, 2 * h)
    for k in range(h // 2):
        f = 10000.0 ** (-2 * k / h)
        for offset, index in ((0, torch.arange(5.0)[:, None]), (h, torch.arange(float(n))[None, :])):
            table[:, :, offset + 2 * k] = torch.sin(index * f)
            table[:, :, offset + 2 * k + 1] = torch.cos(index * f)
    return table[:, :, :d]


def spatio_temporal(
    a: Tensor, valid: Tensor, c: list[Tensor], weights: Weights, name: str, heads: int
) -> Tensor:
    """Rows per time step and times per row, both from the same (5n, d) input, both keeping its residual."""
    n = len(a) // 5
    spatial, temporal = modulated(a, c[0], c[1]), modulated(a, c[3], c[4])
    by_step, by_row = torch.zeros_like(a), torch.zeros_like(a)
    everyone = torch.ones(5, dtype=torch.bool)
    for t in range(n):
        x = spatial[t::n]
        by_step[t::n] = attention(x, x, everyone, weights, f"{name}.spatial_attention", heads)
    for r in range(5):
        row = slice(r * n, (r + 1) * n)
        x = temporal[row]
        by_row[row] = attention(x, x, valid[:n], weights, f"{name}.temporal_attention", heads)
    return (a + c[2] * by_step) + (a + c[5] * by_row)


def block(
    s: Tensor, valid: Tensor, e: Tensor, weights: Weights, name: str, heads: int, trace: dict
) -> Tensor:
    """One Inter-M block on (10n + 1, d), separator in the middle; `trace` collects what each part returns."""
    d, half = s.shape[1], (len(s) - 1) // 2
    c = linear(F.silu(e), weights, f"{name}.adaLN_mod_combined.model.1").split(d)
    x = modulated(s, c[0], c[1])
    s = s + c[2] * attention(x, x, valid, weights, f"{name}.self_attn.attention", heads)
    trace["self_attn"] = s
    s = s + c[5] * feed_forward(modulated(s, c[3], c[4]), weights, f"{name}.ffn_combined")
    trace["ffn_combined"] = s

    c = linear(F.silu(e), weights, f"{name}.adaLN_mod_split.model.1").split(d)
    before = {1: s[:half], 2: s[half + 1 :]}
    after = {}
    for person, partner in ((1, 2), (2, 1)):
        x = spatio_temporal(before[person], valid[:half], c, weights, f"{name}.spa_temp_attn", heads)
        trace[f"spa_temp_attn/person{person}"] = x
        query, key = modulated(x, c[6], c[7]), modulated(before[partner], c[8], c[9])
        cross = f"{name}.local_inter_attn.interaction_attention"
        x = x + c[10] * attention(query, key, valid[:half], weights, cross, heads)
        trace[f"local_inter_attn/person{person}"] = x
        x = x + c[13] * feed_forward(modulated(x, c[11], c[12]), weights, f"{name}.ffn_split")
        trace[f"ffn_split/person{person}"] = x
        after[person] = x
    return torch.cat([after[1], s[half : half + 1], after[2]])


def forward_one(
    weights: Weights, ids: Tensor, condition: Tensor, length: int, heads: int, trace: dict | None = None
) -> Tensor:
    """Logits (10n, K) of one sample: ids (10n,), condition (E,) (zeros = unconditional), tokens per row."""
    trace = {} if trace is None else trace
    n, half = len(ids) // 10, len(ids) // 2
    codes = len(weights["token_emb.weight"]) - 3
    separator = torch.tensor([codes + 2])
    s = weights["token_emb.weight"][torch.cat([ids[:half], separator, ids[half:]])]
    s = trace["input_process"] = linear(s, weights, "input_process.poseEmbedding")
    table = positions(n, s.shape[1]).flatten(0, 1)
    s = trace["position_enc"] = s + torch.cat([table, torch.zeros(1, s.shape[1]), table])
    row = torch.arange(n) < length
    valid = torch.cat([row.repeat(5), torch.tensor([True]), row.repeat(5)])
    e = trace["cond_emb"] = linear(condition, weights, "cond_emb")
    blocks = 1 + max(int(key.split(".")[2]) for key in weights if key.startswith("Transformer.blocks."))
    for i in range(blocks):
        inner: dict = {}
        s = block(s, valid, e, weights, f"Transformer.blocks.{i}", heads, inner)
        trace |= {f"block{i}.{key}": value for key, value in inner.items()} | {f"block{i}": s}
    s = trace["transformer"] = torch.cat([s[:half], s[half + 1 :]])
    shift, scale = linear(F.silu(e), weights, "output_process.adaLN_mod.model.1").split(s.shape[1])
    s = F.gelu(linear(s, weights, "output_process.dense"))
    return linear(modulated(s, shift, scale), weights, "output_process.poseFinal")


def forward(
    weights: Weights, ids: Tensor, condition: Tensor, lengths: Tensor, heads: int, trace: dict | None = None
) -> Tensor:
    """Logits (B, 10n, K) of a batch, sample by sample; `trace` gets (..., B, d) like the fixtures."""
    traces: list[dict] = [{} for _ in ids]
    out = [
        forward_one(weights, ids[b], condition[b], int(lengths[b]), heads, traces[b]) for b in range(len(ids))
    ]
    if trace is not None:
        trace |= {key: torch.stack([t[key] for t in traces], dim=-2) for key in traces[0]}
    return torch.stack(out)
