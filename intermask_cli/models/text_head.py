"""Trained layers between a frozen text encoder's states and the transformer's condition vector.

Axes: B texts, L tokens of a text, D width of the encoder's states, E width of the text layers, P = 2 persons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from intermask_cli.config import PERSONS, TransformerConfig

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextStates

#: In the published head; fixed in its code, not an option.
CLIP_DROPOUT = 0.1
#: Standard deviation of the learned query's start: small compared with the projected tokens.
QUERY_STD = 0.02


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
    """The published head: CLIP states (B, 77, E) -> the end token's state (B, E).

    Source: docs/reference/model.md#text-encoder.

    No mask: the padding positions take part, and change the result if they are masked or cut off.
    """
    out = layers(states.states.to(norm.weight))  # (B, 77, E)
    rows = torch.arange(len(out), device=out.device)
    condition: Tensor = norm(out[rows, states.end.to(out.device)])  # (B, E)
    return condition


class PooledTextHead(nn.Module):
    """Our head: states (B, L, D) of any encoder, read by a learned query token; padding is masked.

    Returns (B, E); with `person_condition` a linear map per person follows: (B, P, E). "The first person
    kicks" can then say "I kick" to one and "I am kicked at" to the other, which one vector for both cannot.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.project = nn.Linear(config.text_dim, config.text_width)
        self.query = nn.Parameter(torch.randn(1, 1, config.text_width) * QUERY_STD)
        self.layers = text_layers(config, config.dropout, norm_first=True)
        self.norm = nn.LayerNorm(config.text_width)
        self.person_maps = nn.Parameter(_person_maps(config.text_width)) if config.person_condition else None

    def forward(self, states: TextStates) -> Tensor:
        tokens = self.project(states.states.to(self.query))  # (B, L, E)
        tokens = torch.cat((self.query.expand(len(tokens), -1, -1), tokens), dim=1)  # (B, 1 + L, E)
        padding = nn.functional.pad(~states.mask.to(tokens.device), (1, 0), value=False)  # (B, 1 + L)
        pooled = self.norm(self.layers(tokens, src_key_padding_mask=padding)[:, 0])  # (B, E)
        return pooled if self.person_maps is None else torch.einsum("be,pef->bpf", pooled, self.person_maps)


def _person_maps(width: int) -> Tensor:
    """Start (P, E, E): the identity plus different noise for each person.

    From equal maps the transformer would hardly learn who acts: both persons share its weights, and their
    gradients for this cancel as long as both get the same vector.
    """
    maps: Tensor = torch.eye(width) + torch.randn(PERSONS, width, width) * width**-0.5
    return maps
