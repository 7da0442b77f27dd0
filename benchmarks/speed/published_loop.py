"""The published sampling loop and transformer, as a yardstick: every pass of every step, nothing kept.

The loop: batches are padded to the longest sample with a mask; the conditional and the unconditional
pass are two calls; filter, soft-max and draw work on all positions; two sorts choose what is masked again.
The draw inverts the CDF of one uniform number per token from one generator per sample, as ours does, so
that both make the same tokens.

The network: sequence first, each person handled by its own calls, modulation vectors recomputed in every
pass, a key mask always passed, the separator in the middle. It is batched and uses the framework's own
multi-head attention, so it is as fast as the published arrangement allows. It reads the state dict of our
transformer.

Axes: B batch, P = 2 persons, n tokens per row, h = 5 n tokens of a person, N = 2 h of both, d width, K codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.config import BODY_ROWS, PERSONS, SamplingConfig, TransformerConfig
from intermask_cli.models.positional import position_table

Weights = dict[str, Tensor]
_positions = lru_cache(position_table)  # the published code keeps its table too


@torch.inference_mode()
def plain_generate(
    weights: Weights,
    config: TransformerConfig,
    condition: Tensor,
    lengths: Sequence[int],
    generators: Sequence[torch.Generator],
    sampling: SamplingConfig,
) -> list[Tensor]:
    """Conditions (B, E), tokens per row (B) -> one map (2, 5, n) per sample."""
    device, codes = condition.device, config.codebook_size
    longest, sizes = max(lengths), torch.tensor(lengths, device=device)
    row = torch.arange(longest, device=device) < sizes[:, None]  # (B, n)
    valid = row.repeat(1, PERSONS * BODY_ROWS)  # (B, N)
    none = torch.zeros_like(condition)
    mask_id, pad_id = codes, codes + 1
    ids = torch.full(valid.shape, mask_id, device=device).masked_fill(~valid, pad_id)
    scores = torch.zeros(valid.shape, device=device).masked_fill(~valid, 1e5)
    for tau in torch.linspace(0, 1, sampling.steps):
        ratio = torch.cos(tau * math.pi * 0.5).to(device)
        count = torch.round(ratio * (sizes * BODY_ROWS * PERSONS)).clamp(min=1)  # (B,)
        rank = scores.argsort(dim=1, stable=True).argsort(dim=1)  # (B, N)
        masked = rank < count[:, None]
        ids = ids.masked_fill(masked, mask_id)
        with_text = forward(weights, ids, condition, sizes, config.heads)
        without = forward(weights, ids, none, sizes, config.heads)
        logits = without + sampling.guidance * (with_text - without)  # (B, N, K)
        drawn = _draw(logits, valid, generators, sampling)
        ids = torch.where(masked, drawn, ids)
        confidence = logits.softmax(-1).gather(2, drawn[..., None])[..., 0]  # (B, N)
        scores = confidence.masked_fill(~masked, 1e5)
    maps = ids.cpu().unflatten(1, (PERSONS, BODY_ROWS, longest))
    return [one[:, :, :n] for one, n in zip(maps, lengths, strict=True)]


def _draw(
    logits: Tensor, valid: Tensor, generators: Sequence[torch.Generator], sampling: SamplingConfig
) -> Tensor:
    """A code for every position (B, N), from the filtered probabilities over all K codes."""
    keep = math.ceil((1 - sampling.filter) * logits.shape[-1])
    values, codes = logits.topk(keep, dim=-1)  # (B, N, keep)
    filtered = torch.full_like(logits, -torch.inf).scatter(2, codes, values)  # (B, N, K)
    chance = torch.softmax(filtered / sampling.temperature, dim=-1)
    uniform = torch.zeros(valid.shape)  # (B, N)
    for b, generator in enumerate(generators):
        positions = valid[b].cpu()
        uniform[b, positions] = torch.rand(int(positions.sum()), generator=generator)
    rising = chance.gather(2, codes).cumsum(-1)  # (B, N, keep)
    target = uniform.to(logits.device)[..., None] * rising[..., -1:]
    column = (rising <= target).sum(-1, keepdim=True).clamp(max=keep - 1)
    return codes.gather(2, column)[..., 0]


def forward(w: Weights, ids: Tensor, condition: Tensor, lengths: Tensor, heads: int) -> Tensor:
    """Logits (B, N, K): ids (B, N), condition (B, E) (zeros: unconditional), lengths (B,) tokens per row."""
    batch, tokens = ids.shape
    n, half = tokens // (PERSONS * BODY_ROWS), tokens // PERSONS
    separator = torch.full((batch, 1), len(w["token_emb.weight"]) - 1, device=ids.device)
    s = F.embedding(torch.cat([ids[:, :half], separator, ids[:, half:]], 1), w["token_emb.weight"])
    s = _linear(s.transpose(0, 1), w, "input_process.poseEmbedding")  # (N + 1, B, d)
    table = _positions(n, s.shape[-1]).flatten(0, 1)[:, None].to(s)  # (h, 1, d)
    s = torch.cat([s[:half] + table, s[half : half + 1], s[half + 1 :] + table])
    row = torch.arange(n, device=ids.device) >= lengths[:, None]  # (B, n)
    never = torch.zeros_like(separator, dtype=torch.bool)
    padding = torch.cat([row.repeat(1, BODY_ROWS), never, row.repeat(1, BODY_ROWS)], 1)  # (B, N + 1)
    e = _linear(condition, w, "cond_emb")  # (B, d)
    blocks = 1 + max(int(key.split(".")[2]) for key in w if key.startswith("Transformer.blocks."))
    for i in range(blocks):
        s = _block(s, e, padding, w, f"Transformer.blocks.{i}", heads)
    s = torch.cat([s[:half], s[half + 1 :]])  # (N, B, d)
    shift, scale = _modulation(e, w, "output_process.adaLN_mod", 2)
    s = _modulated(F.gelu(_linear(s, w, "output_process.dense")), shift, scale)
    return _linear(s, w, "output_process.poseFinal").transpose(0, 1)


def _block(s: Tensor, e: Tensor, padding: Tensor, w: Weights, name: str, heads: int) -> Tensor:
    """s (N + 1, B, d), condition embedding e (B, d), padding (B, N + 1) True where padded -> as s."""
    half = len(s) // PERSONS
    shift, scale, gate, ff_shift, ff_scale, ff_gate = _modulation(e, w, f"{name}.adaLN_mod_combined", 6)
    x = _modulated(s, shift, scale)
    s = s + gate * _attention(x, x, padding, w, f"{name}.self_attn.attention", heads)
    s = s + ff_gate * _feed_forward(_modulated(s, ff_shift, ff_scale), w, f"{name}.ffn_combined")

    split = _modulation(e, w, f"{name}.adaLN_mod_split", 14)
    space_time, partner_and_ff = split[:6], split[6:]
    q_shift, q_scale, k_shift, k_scale, gate, ff_shift, ff_scale, ff_gate = partner_and_ff
    person_padding = padding[:, :half]
    before = (s[:half], s[half + 1 :])  # (h, B, d) each
    moved = [
        _spatio_temporal(x, space_time, person_padding, w, f"{name}.spa_temp_attn", heads) for x in before
    ]
    after = []
    for x, partner in zip(moved, reversed(before), strict=True):
        query, key = _modulated(x, q_shift, q_scale), _modulated(partner, k_shift, k_scale)
        attention = f"{name}.local_inter_attn.interaction_attention"
        x = x + gate * _attention(query, key, person_padding, w, attention, heads)
        after.append(x + ff_gate * _feed_forward(_modulated(x, ff_shift, ff_scale), w, f"{name}.ffn_split"))
    return torch.cat([after[0], s[half : half + 1], after[1]])


def _spatio_temporal(
    x: Tensor, modulation: tuple[Tensor, ...], padding: Tensor, w: Weights, name: str, heads: int
) -> Tensor:
    """x (h, B, d), shift, scale and gate (B, d) of space and of time, padding (B, h) -> (h, B, d)."""
    shift, scale, gate, t_shift, t_scale, t_gate = modulation
    tokens, batch, width = x.shape
    n = tokens // BODY_ROWS
    spatial = _modulated(x, shift, scale).view(BODY_ROWS, n * batch, width)
    spatial = _attention(spatial, spatial, None, w, f"{name}.spatial_attention", heads)
    temporal = _modulated(x, t_shift, t_scale).view(BODY_ROWS, n, batch, width)
    temporal = temporal.transpose(0, 1).reshape(n, BODY_ROWS * batch, width)
    rows = padding[:, :n].repeat(BODY_ROWS, 1)  # (5 B, n)
    temporal = _attention(temporal, temporal, rows, w, f"{name}.temporal_attention", heads)
    temporal = temporal.view(n, BODY_ROWS, batch, width).transpose(0, 1).reshape(tokens, batch, width)
    return (x + gate * spatial.reshape(tokens, batch, width)) + (x + t_gate * temporal)


def _attention(q: Tensor, k: Tensor, padding: Tensor | None, w: Weights, name: str, heads: int) -> Tensor:
    """(Nq, B, d) attends to (Nk, B, d); padding (B, Nk) is True at keys that are left out."""
    weight, bias = w[f"{name}.in_proj_weight"], w[f"{name}.in_proj_bias"]
    out_weight, out_bias = w[f"{name}.out_proj.weight"], w[f"{name}.out_proj.bias"]
    out, _ = F.multi_head_attention_forward(
        q, k, k, q.shape[-1], heads, weight, bias, None, None, False, 0.0, out_weight, out_bias,
        training=False, key_padding_mask=padding, need_weights=False,
    )  # fmt: skip
    return out


def _modulation(e: Tensor, w: Weights, name: str, chunks: int) -> tuple[Tensor, ...]:
    return _linear(F.silu(e), w, f"{name}.model.1").chunk(chunks, dim=-1)


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def _feed_forward(x: Tensor, w: Weights, name: str) -> Tensor:
    return _linear(F.gelu(_linear(x, w, f"{name}.model.0")), w, f"{name}.model.3")


def _linear(x: Tensor, w: Weights, name: str) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def flops_per_pass(config: TransformerConfig, tokens: int) -> float:
    """Multiply-adds, counted as 2, of one pass over one pair with `tokens` tokens per body row."""
    n, d = PERSONS * BODY_ROWS * tokens, config.latent_dim
    linear = n * (32 * d * d + 8 * d * config.ff_dim)
    attention = 4 * n * d * (n + n // PERSONS + tokens + BODY_ROWS)
    ends = 2 * n * d * (config.code_dim + d + config.codebook_size)
    return float(config.layers * (linear + attention) + ends)
