"""Trained layers between a frozen text encoder's states and the transformer's condition vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from intermask_cli.config import PERSONS, TransformerConfig

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextStates

CLIP_DROPOUT = 0.1


def text_layers(config: TransformerConfig, dropout: float, norm_first: bool = False) -> nn.TransformerEncoder:
    """`config.text_layers` transformer encoder layers of width `config.text_width`, exact GELU."""
    layer = nn.TransformerEncoderLayer(
        config.text_width,
        config.text_heads,
        config.text_ff,
        dropout,
        activation="gelu",
        batch_first=True,
        norm_first=norm_first,
    )
    return nn.TransformerEncoder(layer, config.text_layers, enable_nested_tensor=False)


def clip_condition(layers: nn.TransformerEncoder, norm: nn.LayerNorm, states: TextStates) -> Tensor:
    """The published head: CLIP states (B, 77, E) -> the end token's state (B, E) (model.md section 6).

    No mask: the padding positions take part, and change the result if they are masked or cut off.
    """
    out = layers(states.states.to(norm.weight))
    rows = torch.arange(len(out), device=out.device)
    return norm(out[rows, states.end.to(out.device)])


class PooledTextHead(nn.Module):
    """Our head: states (B, L, D) of any encoder, read by a learned query token; padding masked.

    -> (B, E); with `person_condition` a linear map per person follows: (B, 2, E). "The first person kicks"
    can then say "I kick" to one and "I am kicked at" to the other, which one vector for both cannot.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.project = nn.Linear(config.text_dim, config.text_width)
        self.query = nn.Parameter(torch.randn(1, 1, config.text_width) * 0.02)
        self.layers = text_layers(config, config.dropout, norm_first=True)
        self.norm = nn.LayerNorm(config.text_width)
        self.person_maps = nn.Parameter(_person_maps(config.text_width)) if config.person_condition else None

    def forward(self, states: TextStates) -> Tensor:
        tokens = self.project(states.states.to(self.query))
        tokens = torch.cat((self.query.expand(len(tokens), -1, -1), tokens), dim=1)
        padding = nn.functional.pad(~states.mask.to(tokens.device), (1, 0), value=False)
        read = self.norm(self.layers(tokens, src_key_padding_mask=padding)[:, 0])
        return read if self.person_maps is None else torch.einsum("be,pef->bpf", read, self.person_maps)


def _person_maps(width: int) -> Tensor:
    """Start (2, E, E): what was read, kept, and something else for each person.

    Equal maps would stay equal in who acts: what teaches one would cancel what teaches the other.
    """
    return torch.eye(width) + torch.randn(PERSONS, width, width) * width**-0.5
