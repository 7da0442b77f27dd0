"""The Inter-M transformer: token maps of two persons in, logits per token out (paper section 3.2).

The computation and the parameter names are the published ones (reference `model.md` sections 7 and
11.2). The arrangement is ours: batch first; both persons as one stacked tensor in the half of each
block that treats them alike; modulation vectors computed once per condition (`prepare`); the
separator kept at the end, since it has no position and attention does not care about order; masks
only where something is padded.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import BODY_ROWS, PERSONS, TransformerConfig
from intermask_cli.errors import InputError
from intermask_cli.models.layers import AdaLN, FeedForward, MultiHeadAttention, modulate, norm
from intermask_cli.models.positional import PositionalEncoding
from intermask_cli.models.text_head import CLIP_DROPOUT, PooledTextHead, clip_condition, text_layers

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextStates

INIT_STD = 0.02


class BlockModulation(NamedTuple):
    """Modulation vectors of one block, each (B, 1, d) for both persons or (B, 2, d) for each."""

    combined: tuple[Tensor, ...]  # shift, scale, gate of attention; shift, scale, gate of feed-forward
    split: tuple[
        Tensor, ...
    ]  # spatial x 3, temporal x 3, own shift, scale, partner's shift, scale, gate, feed-forward x 3


class Modulation(NamedTuple):
    """Everything the network takes from a condition; the same for all steps of a sampling loop."""

    blocks: tuple[BlockModulation, ...]
    head: tuple[Tensor, ...]  # shift, scale


def per_token(vectors: tuple[Tensor, ...], tokens: int, separator: bool) -> tuple[Tensor, ...]:
    """Vectors (B, 1, d) as they are; (B, 2, d) as (B, 2 tokens, d), and their mean for the separator."""
    if vectors[0].shape[1] == 1:
        return vectors
    spread = tuple(vector.unsqueeze(2).expand(-1, -1, tokens, -1).flatten(1, 2) for vector in vectors)
    if not separator:
        return spread
    return tuple(torch.cat((s, v.mean(1, keepdim=True)), 1) for s, v in zip(spread, vectors, strict=True))


class Masks(NamedTuple):
    """Keys that may be read, where something is padded."""

    everyone: Tensor  # (B, 1, 1, 10n + 1)
    person: Tensor  # (2B, 1, 1, 5n)
    row: Tensor  # (10B, 1, 1, n)


def padding_masks(lengths: Tensor, tokens: int) -> Masks:
    """Masks for rows of `tokens` tokens of which the first `lengths` (B,), at least 1, are valid."""
    valid = torch.arange(tokens, device=lengths.device) < lengths[:, None]
    person = valid.repeat(1, BODY_ROWS)
    everyone = F.pad(person.repeat(1, PERSONS), (0, 1), value=True)
    return Masks(
        everyone[:, None, None],
        person.repeat_interleave(PERSONS, 0)[:, None, None],
        valid.repeat_interleave(PERSONS * BODY_ROWS, 0)[:, None, None],
    )


class SelfAttention(nn.Module):
    """Attention among all tokens of both persons and the separator: (B, 10n + 1, d)."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor, gate: Tensor, mask: Tensor | None) -> Tensor:
        heard = self.attention(modulate(norm(x), shift, scale), mask=mask)
        return torch.addcmul(x, gate, self.dropout(heard))


class GatedFeedForward(FeedForward):
    """Feed-forward with modulation, gate and residual."""

    def __init__(self, config: TransformerConfig):
        super().__init__(config.latent_dim, config.ff_dim, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor, gate: Tensor) -> Tensor:  # type: ignore[override]
        return torch.addcmul(x, gate, self.dropout(super().forward(modulate(norm(x), shift, scale))))


class SpatioTemporalAttention(nn.Module):
    """Attention among the five rows of a time step, and along the time of a row, of each person.

    Both branches start from the same input and each keeps its residual, so the stream is doubled; the
    published weights depend on it.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.spatial_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.temporal_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, normed: Tensor, c: tuple[Tensor, ...], mask: Tensor | None) -> Tensor:
        """x, normed (B, 2, 5n, d), c = shift, scale, gate of space and of time -> (B, 2, 5n, d)."""
        batch, persons, tokens, width = x.shape
        steps = tokens // BODY_ROWS
        spatial = modulate(normed, c[0], c[1]).unflatten(2, (BODY_ROWS, steps)).transpose(2, 3)
        spatial = self.spatial_attention(spatial.reshape(-1, BODY_ROWS, width))
        spatial = spatial.view(batch, persons, steps, BODY_ROWS, width).transpose(2, 3).flatten(2, 3)
        temporal = modulate(normed, c[3], c[4]).view(-1, steps, width)
        temporal = self.temporal_attention(temporal, mask=mask).view(x.shape)
        by_step = torch.addcmul(x, c[2], self.dropout(spatial))
        by_row = torch.addcmul(x, c[5], self.dropout(temporal))
        return by_step + by_row


class PartnerAttention(nn.Module):
    """Each person reads the partner as the partner was before its own spatio-temporal step."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.interaction_attention = MultiHeadAttention(config.latent_dim, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, normed: Tensor, c: tuple[Tensor, ...], mask: Tensor | None) -> Tensor:
        """x (B, 2, 5n, d) now, normed (B, 2, 5n, d) before, c = own shift, scale, partner's, gate."""
        own = modulate(norm(x), c[0], c[1]).flatten(0, 1)
        partner = modulate(normed, c[2], c[3]).flip(1).flatten(0, 1)
        heard = self.interaction_attention(own, partner, mask).view(x.shape)
        return torch.addcmul(x, c[4], self.dropout(heard))


class InterBlock(nn.Module):
    """One Inter-M block: everyone together, then each person in space and time, then with the partner."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width = config.latent_dim
        self.adaLN_mod_combined = AdaLN(width, 6, scales=(1, 4))
        self.self_attn = SelfAttention(config)
        self.ffn_combined = GatedFeedForward(config)
        self.adaLN_mod_split = AdaLN(width, 14, scales=(1, 4, 7, 9, 12))
        self.spa_temp_attn = SpatioTemporalAttention(config)
        self.local_inter_attn = PartnerAttention(config)
        self.ffn_split = GatedFeedForward(config)

    def prepare(self, embedding: Tensor) -> BlockModulation:
        """Modulation vectors for condition embeddings (B, 1 or 2, d)."""
        return BlockModulation(self.adaLN_mod_combined(embedding), self.adaLN_mod_split(embedding))

    def forward(self, x: Tensor, modulation: BlockModulation, masks: Masks | None) -> Tensor:
        """(B, 10n + 1, d) -> the same, the separator last."""
        c = per_token(modulation.combined, x.shape[1] // PERSONS, separator=True)
        x = self.self_attn(x, *c[:3], masks.everyone if masks else None)
        x = self.ffn_combined(x, *c[3:])

        c = tuple(vector.unsqueeze(2) for vector in modulation.split)
        persons, separator = x[:, :-1].unflatten(1, (PERSONS, -1)), x[:, -1:]
        normed = norm(persons)
        persons = self.spa_temp_attn(persons, normed, c[:6], masks.row if masks else None)
        persons = self.local_inter_attn(persons, normed, c[6:11], masks.person if masks else None)
        persons = self.ffn_split(persons, *c[11:])
        return torch.cat((persons.flatten(1, 2), separator), dim=1)


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
        return self.poseEmbedding(x)


class OutputProcess(nn.Module):
    """Linear, GELU, modulated norm, linear to the K codes."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.dense = nn.Linear(config.latent_dim, config.latent_dim)
        self.adaLN_mod = AdaLN(config.latent_dim, 2, scales=(1,))
        self.poseFinal = nn.Linear(config.latent_dim, config.codebook_size)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        return self.poseFinal(modulate(norm(F.gelu(self.dense(x))), shift, scale))


class InteractionTransformer(nn.Module):
    """Predicts masked tokens of two persons' maps from the other tokens and a text condition.

    Ids: 0..K-1 codes, `mask_id` K, `pad_id` K + 1; the separator K + 2 is added inside.
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
        self.token_emb = nn.Embedding(codes + 3, config.code_dim)
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
        """The trained modules between the frozen encoder's states and the condition."""
        return [self.clipTrans, self.clipln] if self.config.text_head == "clip" else [self.text_head]

    def condition(self, states: TextStates) -> Tensor:
        """Condition of encoded texts; zeros in its place mean unconditional.

        (B, E) for both persons, or (B, 2, E) with `person_condition`.
        """
        if self.config.text_head == "clip":
            return clip_condition(self.clipTrans, self.clipln, states)
        return self.text_head(states)

    def prepare(self, condition: Tensor | None) -> Modulation:
        """What the network takes from a `condition`; None: unconditional, good for any batch."""
        if condition is None:
            embedding = self.cond_emb.bias[None, None]
        else:
            embedding = self.cond_emb(condition.to(self.cond_emb.weight.dtype))
            embedding = embedding if embedding.ndim == 3 else embedding[:, None]
        blocks = tuple(block.prepare(embedding) for block in self.Transformer.blocks)  # type: ignore[operator]
        return Modulation(blocks, self.output_process.adaLN_mod(embedding))

    def forward(
        self, ids: Tensor, condition: Tensor | Modulation | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        """Logits (B, 10n, K) of ids (B, 10n): person 1's five rows, then person 2's.

        `condition` as `condition()` gives it, its `prepare`d form, or None for unconditional. `lengths`
        (B,) valid tokens per row, at least 1, when some rows are padded at their end; logits there mean
        nothing.
        """
        tokens = ids.shape[-1] // (PERSONS * BODY_ROWS)
        if ids.ndim != 2 or tokens * PERSONS * BODY_ROWS != ids.shape[1]:
            raise InputError(f"ids of shape {tuple(ids.shape)}; expected (batch, 10 n)")
        modulation = condition if isinstance(condition, Modulation) else self.prepare(condition)
        masks = None if lengths is None else padding_masks(lengths.to(ids.device), tokens)
        x = self._embed(ids)
        for block, vectors in zip(self.Transformer.blocks, modulation.blocks, strict=True):
            x = block(x, vectors, masks)
        # Contiguous, because a strided input takes another kernel, with other rounding, in batches above 1.
        head = per_token(modulation.head, ids.shape[1] // PERSONS, separator=False)
        return self.output_process(x[:, :-1].contiguous(), *head)

    def _embed(self, ids: Tensor) -> Tensor:
        """(B, 10n) -> (B, 10n + 1, d), the separator last and without position."""
        x = self.token_emb(F.pad(ids, (0, 1), value=self.separator_id))
        x = self.position_enc(self.input_process(x))
        if self.person_embedding is not None:
            person = self.person_embedding.repeat_interleave(ids.shape[1] // PERSONS, 0)
            x = x + F.pad(person, (0, 0, 0, 1))
        return self.dropout(x)

    @torch.no_grad()
    def init_from_codebook(self, codebook: Tensor) -> None:
        """Start the token embedding from the tokenizer's codes (K, C), whitened to unit deviation.

        The published start (deviation 0.02 twice in a row) leaves the tokens a hundred times weaker
        than their positions; short trainings do not recover from that.
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
    directions, spread, _ = torch.linalg.svd(centred.t(), full_matrices=False)
    kept = spread > spread.max() * 1e-4
    turned = (centred @ directions)[:, kept] / spread[kept] * len(rows) ** 0.5
    return turned @ directions[:, kept].t()


def _published_start(module: nn.Module) -> None:
    """Initial weights of model.md section 7.5; packed attention projections keep their Xavier start."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INIT_STD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, AdaLN):
        module.zero()
