"""InterCLIP, InterHuman's contrastive text-motion encoder, as published.

Described in docs/reference/data-and-evaluation.md#interclip. Both persons are concatenated frame by frame, so
an embedding depends on who is first. Parameter names are those of the released file without its `model.`
prefix. B batch, T frames, L text positions, D features, d width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from intermask_cli.config import OptionalLayers, Probability, Size, check_fields, check_heads

#: Features per person that enter the encoder; the four contact flags that follow do not (quirk Q5,
#: docs/reference/data-and-evaluation.md#q5).
PERSON_FEATURES = 258


@dataclass(frozen=True)
class TowerConfig:
    """One stack of post-norm transformer layers."""

    width: Size
    layers: OptionalLayers
    heads: Size
    ff: Size

    def __post_init__(self) -> None:
        check_fields(self)
        check_heads("width", self.width, self.heads)


@dataclass(frozen=True)
class MotionTowerConfig(TowerConfig):
    """A tower over frames; `patch` consecutive frames make one position."""

    person_features: Size = PERSON_FEATURES
    patch: Size = 1
    max_positions: Size = 2000


@dataclass(frozen=True)
class InterClipConfig:
    """Sizes of the released InterCLIP."""

    text: TowerConfig = TowerConfig(768, 8, 8, 2048)
    motion: MotionTowerConfig = MotionTowerConfig(1024, 8, 8, 2048)
    vocabulary: Size = 49408
    context: Size = 77
    out_dim: Size = 512
    dropout: Probability = 0.1

    def __post_init__(self) -> None:
        check_fields(self)


def sinusoids(positions: int, width: int) -> Tensor:
    """(positions, width): sin(p * 10000^(-2i/d)) in even columns, the cosine in odd ones."""
    angle = torch.arange(positions)[:, None] * 10000 ** (-torch.arange(0, width, 2) / width)
    table = torch.empty(positions, width)
    table[:, 0::2], table[:, 1::2] = angle.sin(), angle.cos()
    return table


def encoder_stack(config: TowerConfig, dropout: float) -> nn.TransformerEncoder:
    """Post-norm layers with exact gelu and no final norm."""
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, config.ff, dropout, activation="gelu", batch_first=True
    )
    return nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)


class PositionTable(nn.Module):
    """Sinusoidal positions, kept as a buffer because the released file holds them."""

    pe: Tensor

    def __init__(self, positions: int, width: int):
        super().__init__()
        self.register_buffer("pe", sinusoids(positions, width))


class MotionEncoder(nn.Module):
    """Features of both persons (B, T, 2 x person_features), lengths (B,) -> (B, out_dim), not normalised."""

    def __init__(self, config: MotionTowerConfig, out_dim: int, dropout: float):
        super().__init__()
        self.patch = config.patch
        self.embed_motion = nn.Linear(2 * config.person_features * config.patch, config.width)
        self.query_token = nn.Parameter(torch.randn(1, config.width) * 0.02)
        self.sequence_pos_encoder = PositionTable(config.max_positions, config.width)
        self.transformer = encoder_stack(config, dropout)
        self.out_ln = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, out_dim)

    def forward(self, pair: Tensor, lengths: Tensor) -> Tensor:
        B, T, D = pair.shape
        if T % self.patch:
            pair = F.pad(pair, (0, 0, 0, self.patch - T % self.patch))
        x = self.embed_motion(pair.reshape(B, -1, D * self.patch))  # (B, T / patch, d)
        x = torch.cat([self.query_token.expand(B, 1, -1), x], dim=1)  # (B, 1 + T / patch, d)
        positions = self.sequence_pos_encoder.pe
        if x.shape[1] > len(positions):
            raise ValueError(f"{T} frames; this encoder accepts at most {(len(positions) - 1) * self.patch}")
        x = x + positions[: x.shape[1]]
        steps = torch.div(lengths + self.patch - 1, self.patch, rounding_mode="floor")
        # The query is position 0, so `steps` frames end at position `steps`.  (B, 1 + T / patch)
        padding = torch.arange(x.shape[1], device=x.device)[None] > steps[:, None]
        x = self.transformer(x, src_key_padding_mask=padding)
        embedding: Tensor = self.out(self.out_ln(x[:, 0]))
        return embedding


def pair_input(motion1: Tensor, motion2: Tensor) -> Tensor:
    """Two persons' features (B, T, >= 258) -> (B, T, 516), contact flags dropped."""
    return torch.cat([motion1[..., :PERSON_FEATURES], motion2[..., :PERSON_FEATURES]], dim=-1)


class InterClip(nn.Module):
    """Text and motion encoder; input features are *not* normalised.

    As published, the text has no mask: all 77 positions attend to each other, padding (id 0) included
    (docs/reference/data-and-evaluation.md#interclip-text).
    """

    def __init__(self, config: InterClipConfig | None = None):
        super().__init__()
        config = config or InterClipConfig()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary, config.text.width)
        self.positional_embedding = nn.Parameter(torch.randn(config.context, config.text.width) * 0.01)
        self.textTransEncoder = encoder_stack(config.text, config.dropout)
        self.text_ln = nn.LayerNorm(config.text.width)
        self.out = nn.Linear(config.text.width, config.out_dim)
        self.motion_encoder = MotionEncoder(config.motion, config.out_dim, config.dropout)
        self.latent_scale = nn.Parameter(torch.ones(1))

    def text_output(self, token_ids: Tensor) -> Tensor:
        """Token ids (B, context) -> (B, out_dim) before normalisation; the end token has the largest id."""
        x = self.token_embedding(token_ids) + self.positional_embedding  # (B, L, d)
        x = self.text_ln(self.textTransEncoder(x))
        output: Tensor = self.out(x[torch.arange(len(x), device=x.device), token_ids.argmax(dim=-1)])
        return output

    def embed_text(self, token_ids: Tensor) -> Tensor:
        """(B, context) -> unit vectors times `latent_scale` (B, out_dim)."""
        return F.normalize(self.text_output(token_ids), dim=-1) * self.latent_scale

    def embed_motion(self, motion1: Tensor, motion2: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, >= 258) twice, (B,) -> unit vectors times `latent_scale` (B, out_dim)."""
        output = self.motion_encoder(pair_input(motion1, motion2), lengths)
        return F.normalize(output, dim=-1) * self.latent_scale
