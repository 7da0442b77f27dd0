"""The Inter-M transformer: token maps of two persons in, logits per token out (paper section 3.2).

The computation and the parameter names are the published ones (docs/reference/model.md#transformer,
#transformer-keys). The arrangement is ours: batch first; both persons as one stacked tensor in the half of
each block that treats them alike; modulation vectors computed once per condition (`prepare`); the separator
kept at the end, since it has no position and attention does not depend on the order; masks only where
something is padded.

Axes: B batch, P = 2 persons, n tokens per row, d width of the model, C width of a code, K codes. A person's
5 n tokens are five rows (s) of n time steps (t), row by row; both persons have 10 n.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import BODY_ROWS, PERSONS, TransformerConfig
from intermask_cli.errors import InputError
from intermask_cli.models.layers import (
    AdaLN,
    FeedForward,
    MultiHeadAttention,
    ShiftScale,
    ShiftScaleGate,
    Vectors,
    gated,
    modulate,
    modulated_norm,
    norm,
)
from intermask_cli.models.positional import PositionalEncoding
from intermask_cli.models.text_head import CLIP_DROPOUT, PooledTextHead, clip_condition, text_layers

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextStates

#: Standard deviation of the initial weights of linear layers and embeddings; the published value.
INIT_STD = 0.02
#: Directions in which a codebook varies less than this share of its widest one count as constant: scaled to
#: unit variance they would be rounding errors.
MIN_RELATIVE_SPREAD = 1e-4
#: Ids behind the K codes: mask, padding, separator.
SPECIAL_IDS = 3
#: Rows from which on a row of a matrix product has the same bits in any batch. Measured with one and two
#: threads on an Intel Xeon with AMX, for all widths of the published size: 129 in the worst case; the rest is
#: margin.
ENOUGH_ROWS = 256


class BlockModulation(NamedTuple):
    """Modulation vectors of one block, each (B, 1, d) for both persons or (B, P, d) for each.

    The order of the fields is the order of the published weights.
    """

    # Both persons together:
    attention: ShiftScaleGate
    feed_forward: ShiftScaleGate
    # Each person apart:
    spatial: ShiftScaleGate
    temporal: ShiftScaleGate
    reader: ShiftScale  # of the person who attends to the partner
    partner: ShiftScaleGate  # of the partner who is attended to; the gate is on what is read
    person_feed_forward: ShiftScaleGate


class Modulation(NamedTuple):
    """Everything the network takes from a condition; the same for all steps of a sampling loop."""

    blocks: tuple[BlockModulation, ...]
    head: ShiftScale


def per_token(vectors: Vectors, tokens: int, separator: bool) -> Vectors:
    """Vectors (B, 1, d) unchanged; (B, P, d) as (B, P * tokens, d), then their mean for the separator."""
    if vectors.shift.shape[1] == 1:
        return vectors
    spread = [v.unsqueeze(2).expand(-1, -1, tokens, -1).flatten(1, 2) for v in vectors]  # (B, P * tokens, d)
    if separator:
        spread = [torch.cat((s, v.mean(1, keepdim=True)), 1) for s, v in zip(spread, vectors, strict=True)]
    return type(vectors)(*spread)


def everyone_normed(x: Tensor, vectors: ShiftScaleGate) -> Tensor:
    """`modulated_norm` of both persons and the separator: x (B, 10 n + 1, d), vectors (B, 1 or P, d).

    The separator takes the mean of the persons' vectors.
    """
    if len(vectors.shift[0]) == 1 or not torch.is_inference_mode_enabled():
        return modulated_norm(x, per_token(vectors, x.shape[1] // PERSONS, separator=True))
    normed = norm(x)
    for part, shift, scale in zip(*map(_by_owner, (normed, vectors.shift, vectors.scale)), strict=True):
        torch.addcmul(shift, part, scale, out=part)
    return normed


def everyone_gated(x: Tensor, vectors: ShiftScaleGate, branch: Tensor) -> Tensor:
    """`gated` of both persons and the separator, as in `everyone_normed`."""
    if len(vectors.gate[0]) == 1 or not torch.is_inference_mode_enabled():
        return gated(x, per_token(vectors, x.shape[1] // PERSONS, separator=True).gate, branch)
    for old, gate, part in zip(*map(_by_owner, (x, vectors.gate, branch)), strict=True):
        torch.addcmul(old, gate, part, out=part)
    return branch


def _by_owner(x: Tensor) -> tuple[Tensor, Tensor]:
    """Views of tokens (B, 10 n + 1, d), or vectors (B, P, d) that broadcast over them: of the persons
    (B, P, 5 n or 1, d), and of the separator (B, 1, d)."""
    if x.shape[1] == PERSONS:
        return x.unsqueeze(2), x.mean(1, keepdim=True)
    return x[:, :-1].unflatten(1, (PERSONS, -1)), x[:, -1:]


def per_person(vectors: Vectors) -> Vectors:
    """Vectors (B, 1 or P, d) -> (B, 1 or P, 1, d), which broadcast over the tokens of a person."""
    return type(vectors)(*(v.unsqueeze(2) for v in vectors))


def per_row(vector: Tensor, rows: Tensor, batch: int, tokens: int) -> Tensor:
    """A vector (B or 1, P or 1, d) -> (M, d) of `rows` (M,), places among the B * P * `tokens` tokens."""
    return vector.expand(batch, PERSONS, -1).flatten(0, 1)[rows // tokens]


def each_row(vectors: Vectors, rows: Tensor, batch: int, tokens: int) -> Vectors:
    """`per_row` of shift, scale and gate."""
    return type(vectors)(*(per_row(v, rows, batch, tokens) for v in vectors))


def rows_to_compute(wanted: Tensor) -> Tensor:
    """Places of True in `wanted` (B, N), row by row, then of as many others as `ENOUGH_ROWS` takes."""
    flat = wanted.flatten()
    rows = flat.nonzero()[:, 0]
    if len(rows) < ENOUGH_ROWS:
        rows = torch.cat((rows, (~flat).nonzero()[: ENOUGH_ROWS - len(rows), 0]))
    return rows


class Masks(NamedTuple):
    """Keys that may be attended to, where something is padded."""

    everyone: Tensor  # (B, 1, 1, 10 n + 1)
    person: Tensor  # (P B, 1, 1, 5 n)
    row: Tensor  # (10 B, 1, 1, n)


def padding_masks(lengths: Tensor, tokens: int) -> Masks:
    """Masks for rows of `tokens` tokens of which the first `lengths` (B,), at least 1, are valid."""
    valid = torch.arange(tokens, device=lengths.device) < lengths[:, None]  # (B, n)
    person = valid.repeat(1, BODY_ROWS)  # (B, 5 n)
    everyone = F.pad(person.repeat(1, PERSONS), (0, 1), value=True)  # (B, 10 n + 1)
    return Masks(
        everyone[:, None, None],
        person.repeat_interleave(PERSONS, 0)[:, None, None],
        valid.repeat_interleave(PERSONS * BODY_ROWS, 0)[:, None, None],
    )


class SelfAttention(nn.Module):
    """Attention among all tokens of both persons and the separator: (B, 10 n + 1, d)."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, vectors: ShiftScaleGate, mask: Tensor | None) -> Tensor:
        attended = self.attention(everyone_normed(x, vectors), mask=mask)
        return everyone_gated(x, vectors, self.dropout(attended))


class GatedFeedForward(FeedForward):
    """Feed-forward with modulation, gate and residual."""

    def __init__(self, config: TransformerConfig):
        super().__init__(config.latent_dim, config.ff_dim, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, vectors: ShiftScaleGate) -> Tensor:  # type: ignore[override]
        hidden = super().forward(modulated_norm(x, vectors))
        return gated(x, vectors.gate, self.dropout(hidden))


class CombinedFeedForward(GatedFeedForward):
    """The same for both persons and the separator: (B, 10 n + 1, d), vectors (B, 1 or P, d)."""

    def forward(self, x: Tensor, vectors: ShiftScaleGate) -> Tensor:  # type: ignore[override]
        hidden = FeedForward.forward(self, everyone_normed(x, vectors))
        return everyone_gated(x, vectors, self.dropout(hidden))


class SpatioTemporalAttention(nn.Module):
    """Attention among the five rows of a time step, and along the time of a row, for each person.

    Both branches start from the same input and each keeps its residual, so the stream is doubled; the
    published weights depend on it.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.spatial_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.temporal_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        normed: Tensor,
        spatial: ShiftScaleGate,
        temporal: ShiftScaleGate,
        mask: Tensor | None,
    ) -> Tensor:
        """x and its norm (B, P, 5 n, d), `mask` of the keys of a row -> (B, P, 5 n, d)."""
        steps, width = x.shape[2] // BODY_ROWS, x.shape[3]

        rows = modulate(normed, spatial).view(-1, BODY_ROWS, steps, width)  # (B P, s, t, d)
        step = self.spatial_attention.across(rows).view(x.shape)  # (B, P, 5 n, d)
        row = modulate(normed, temporal).view(-1, steps, width)  # (B P s, t, d)
        row = self.temporal_attention(row, mask=mask).view(x.shape)  # (B, P, 5 n, d)

        by_step = gated(x, spatial.gate, self.dropout(step))
        by_row = gated(x, temporal.gate, self.dropout(row))
        return by_step + by_row


class PartnerAttention(nn.Module):
    """Each person attends to the partner, as the partner was before the spatio-temporal step."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.interaction_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        normed: Tensor,
        reader: ShiftScale,
        partner: ShiftScaleGate,
        mask: Tensor | None,
        rows: Tensor | None = None,
    ) -> Tensor:
        """x now, normed before the spatio-temporal step (B, P, 5 n, d), `mask` of a person's keys -> as x.

        With `rows` (M,), places among all tokens, only those: (M, d).
        """
        queries = modulated_norm(x, reader).flatten(0, 1)  # (B P, 5 n, d)
        keys = modulate(normed, partner).flip(1).flatten(0, 1)  # (B P, 5 n, d), each person's partner
        attended = self.interaction_attention.attended(queries, keys, mask).view(x.shape)
        gate = partner.gate  # (B or 1, P or 1, 1, d)
        if rows is not None:
            gate = per_row(gate.squeeze(2), rows, *x.shape[:3:2])
            x, attended = x.flatten(0, 2)[rows], attended.flatten(0, 2)[rows]
        return gated(x, gate, self.dropout(self.interaction_attention.out_proj(attended)))


class InterBlock(nn.Module):
    """One Inter-M block: both persons together, then each in space and time, then each with the partner."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width = config.latent_dim
        self.adaLN_mod_combined = AdaLN(width, ShiftScaleGate, ShiftScaleGate)
        self.self_attn = SelfAttention(config)
        self.ffn_combined = CombinedFeedForward(config)
        self.adaLN_mod_split = AdaLN(
            width, ShiftScaleGate, ShiftScaleGate, ShiftScale, ShiftScaleGate, ShiftScaleGate
        )
        self.spa_temp_attn = SpatioTemporalAttention(config)
        self.local_inter_attn = PartnerAttention(config)
        self.ffn_split = GatedFeedForward(config)

    def prepare(self, embedding: Tensor) -> BlockModulation:
        """Modulation vectors for condition embeddings (B, 1 or P, d)."""
        return BlockModulation(*self.adaLN_mod_combined(embedding), *self.adaLN_mod_split(embedding))

    def forward(
        self, x: Tensor, modulation: BlockModulation, masks: Masks | None, rows: Tensor | None = None
    ) -> Tensor:
        """(B, 10 n + 1, d) -> the same, the separator last.

        With `rows` (M,), places among the B x 10 n tokens, only those come back: (M, d); the layers behind
        the last attention run for them alone.
        """
        tokens = x.shape[1] // PERSONS  # of a person, 5 n
        x = self.self_attn(x, modulation.attention, masks.everyone if masks else None)
        x = self.ffn_combined(x, modulation.feed_forward)

        persons, separator = x[:, :-1].unflatten(1, (PERSONS, -1)), x[:, -1:]  # (B, P, 5 n, d), (B, 1, d)
        normed = norm(persons)
        spatial, temporal = per_person(modulation.spatial), per_person(modulation.temporal)
        persons = self.spa_temp_attn(persons, normed, spatial, temporal, masks.row if masks else None)
        reader, partner = per_person(modulation.reader), per_person(modulation.partner)
        person_mask = masks.person if masks else None
        persons = self.local_inter_attn(persons, normed, reader, partner, person_mask, rows)
        feed_forward = modulation.person_feed_forward
        if rows is None:
            feed_forward = per_person(feed_forward)
        else:
            feed_forward = each_row(feed_forward, rows, len(x), tokens)
        persons = self.ffn_split(persons, feed_forward)
        if rows is not None:
            last: Tensor = persons
            return last
        return torch.cat((persons.flatten(1, 2), separator), dim=1)  # (B, 10 n + 1, d)


class BlockStack(nn.Module):
    """Holder of the published key prefix `Transformer.blocks`. All blocks start as copies of one."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        first = InterBlock(config)
        self.blocks = nn.ModuleList(copy.deepcopy(first) for _ in range(config.layers))


class InputProcess(nn.Module):
    """Token embedding to model width."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.poseEmbedding = nn.Linear(config.code_dim, config.latent_dim)

    def forward(self, x: Tensor) -> Tensor:
        embedded: Tensor = self.poseEmbedding(x)
        return embedded


class OutputProcess(nn.Module):
    """Linear, GELU, modulated norm, linear to the K codes."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.dense = nn.Linear(config.latent_dim, config.latent_dim)
        self.adaLN_mod = AdaLN(config.latent_dim, ShiftScale)
        self.poseFinal = nn.Linear(config.latent_dim, config.codebook_size)

    def forward(self, x: Tensor, vectors: ShiftScale) -> Tensor:
        """(B, N, d) -> logits (B, N, K)."""
        logits: Tensor = self.poseFinal(modulated_norm(F.gelu(self.dense(x)), vectors))
        return logits


class InteractionTransformer(nn.Module):
    """Predicts masked tokens of two persons' maps from the other tokens and a text condition.

    Ids: 0..K-1 codes, `mask_id` K, `pad_id` K + 1; the separator K + 2 is added inside. All weights start as
    published (`_published_start`), which leaves every block an identity: its gates are shut.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        codes = config.codebook_size
        self.mask_id, self.pad_id, self.separator_id = codes, codes + 1, codes + 2
        self.input_process = InputProcess(config)
        self.position_enc = PositionalEncoding(config.latent_dim)
        self.Transformer = BlockStack(config)
        self.cond_emb = nn.Linear(config.text_width, config.latent_dim)
        self.output_process = OutputProcess(config)
        self.token_emb = nn.Embedding(codes + SPECIAL_IDS, config.code_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.person_embedding = (
            nn.Parameter(torch.zeros(PERSONS, config.latent_dim)) if config.person_embedding else None
        )
        self.apply(_published_start)
        if config.text_head == "clip":
            self.clipTrans = text_layers(config, CLIP_DROPOUT)
            self.clipln = nn.LayerNorm(config.text_width)
        else:
            self.text_head = PooledTextHead(config)

    def text_modules(self) -> list[nn.Module]:
        """The trained modules between the states of the frozen text encoder and the condition."""
        return [self.clipTrans, self.clipln] if self.config.text_head == "clip" else [self.text_head]

    def condition(self, states: TextStates) -> Tensor:
        """Encoded texts -> condition (B, E) for both persons, or (B, P, E) with `person_condition`.

        Zeros in its place mean unconditional.
        """
        if self.config.text_head == "clip":
            return clip_condition(self.clipTrans, self.clipln, states)
        condition: Tensor = self.text_head(states)
        return condition

    def prepare(self, condition: Tensor | None) -> Modulation:
        """What the network takes from a `condition`; None: unconditional, for batches of any size."""
        if condition is None:
            embedding = self.cond_emb.bias[None, None]  # (1, 1, d): the embedding of a condition of zeros
        else:
            embedding = self.cond_emb(condition.to(self.cond_emb.weight.dtype))  # (B, d) or (B, P, d)
            embedding = embedding if embedding.ndim == 3 else embedding[:, None]  # (B, 1 or P, d)
        blocks = tuple(block.prepare(embedding) for block in self.Transformer.blocks)  # type: ignore[operator]
        (head,) = self.output_process.adaLN_mod(embedding)
        return Modulation(blocks, head)

    def forward(
        self,
        ids: Tensor,
        condition: Tensor | Modulation | None = None,
        lengths: Tensor | None = None,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """Logits (B, 10 n, K) of ids (B, 10 n): person 1's five rows, then person 2's.

        `condition` as `condition()` gives it, its `prepare`d form, or None for unconditional. `lengths`
        (B,) valid tokens per row, at least 1, when some rows are padded at their end; logits there mean
        nothing. With `wanted` (B, 10 n) bool, only the logits (M, K) of the M tokens that are True, in
        row-major order; the same bits in less time. Raises InputError for ids of another shape.
        """
        tokens = ids.shape[-1] // (PERSONS * BODY_ROWS)  # n
        if ids.ndim != 2 or tokens * PERSONS * BODY_ROWS != ids.shape[1]:
            raise InputError(f"ids of shape {tuple(ids.shape)}; expected (batch, 10 n)")
        modulation = condition if isinstance(condition, Modulation) else self.prepare(condition)
        masks = None if lengths is None else padding_masks(lengths.to(ids.device), tokens)
        rows = None if wanted is None else rows_to_compute(wanted)
        last = len(modulation.blocks) - 1
        x = self.embed(ids)  # (B, 10 n + 1, d)
        for i, (block, vectors) in enumerate(zip(self.Transformer.blocks, modulation.blocks, strict=True)):
            x = block(x, vectors, masks, rows if i == last else None)
        of_person = ids.shape[1] // PERSONS
        if rows is not None:
            chosen: Tensor = self.output_process(x, each_row(modulation.head, rows, len(ids), of_person))
            return chosen[: int(wanted.sum())]  # type: ignore[union-attr]
        head = per_token(modulation.head, of_person, separator=False)
        # Contiguous, because a strided input takes another kernel, with other rounding, in batches above 1.
        logits: Tensor = self.output_process(x[:, :-1].contiguous(), head)
        return logits

    def embed(self, ids: Tensor) -> Tensor:
        """(B, 10 n) -> (B, 10 n + 1, d), the separator last and without position."""
        x = self.token_emb(F.pad(ids, (0, 1), value=self.separator_id))  # (B, 10 n + 1, C)
        x = self.position_enc(self.input_process(x))  # (B, 10 n + 1, d)
        if self.person_embedding is not None:
            person = self.person_embedding.repeat_interleave(ids.shape[1] // PERSONS, 0)  # (10 n, d)
            x = x + F.pad(person, (0, 0, 0, 1))
        embedded: Tensor = self.dropout(x)
        return embedded

    @torch.no_grad()
    def init_from_codebook(self, codebook: Tensor) -> None:
        """Start the token embedding from the tokenizer's codes (K, C), whitened to unit deviation.

        The published start (deviation 0.02 twice in a row) leaves the tokens a hundred times weaker than
        their positions; short trainings do not recover from that. Raises InputError for a codebook of other
        sizes.
        """
        codes, width = self.config.codebook_size, self.config.code_dim
        if tuple(codebook.shape) != (codes, width):
            raise InputError(
                f"codebook of shape {tuple(codebook.shape)}; this transformer has codebook_size {codes} and "
                f"code_dim {width}"
            )
        nn.init.normal_(self.token_emb.weight)
        self.token_emb.weight[:codes] = whitened(codebook.float())
        nn.init.xavier_uniform_(self.input_process.poseEmbedding.weight)
        nn.init.zeros_(self.input_process.poseEmbedding.bias)


def whitened(rows: Tensor) -> Tensor:
    """Rows (K, C) turned, scaled and centred to unit variance in every direction they vary in."""
    centred = rows - rows.mean(0)
    directions, spread, _ = torch.linalg.svd(centred.t(), full_matrices=False)  # (C, r), (r,)
    kept = spread > spread.max() * MIN_RELATIVE_SPREAD
    turned = (centred @ directions)[:, kept] / spread[kept] * len(rows) ** 0.5  # (K, kept)
    white: Tensor = turned @ directions[:, kept].t()  # (K, C)
    return white


def _published_start(module: nn.Module) -> None:
    """Weights of docs/reference/model.md#initialisation; attention projections keep their Xavier start."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INIT_STD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, AdaLN):
        module.zero()
