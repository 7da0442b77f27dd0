"""The network of a label reader: states of a text encoder -> logits of the kind and of every label.

Axes: B texts, L tokens, D width of the encoder's states, E width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.reading.label_tables import LabelNetworkConfig

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextStates

#: Standard deviation of the learned query's start: small compared with the projected tokens.
QUERY_STD = 0.02
DROPOUT = 0.1


class LabelNetwork(nn.Module):
    """kinds(TextStates) -> logits (B, 1 + kinds); labels(TextStates) -> {label: logits (B, 1 + values)}.

    Class 0 of the kind is "none of them", of a label "not stated". The kind is linear in the mean state of
    the tokens: what stands where does not matter for it, and a larger network learns the templates instead.
    Who acts, with which hand and so on depends on the order of words: these labels are linear in what a
    learned query reads through a small transformer, which has the form of `models.text_head.PooledTextHead`
    and starts from a model's.
    """

    def __init__(self, config: LabelNetworkConfig, kinds: int, labels: Mapping[str, Sequence[str]]):
        super().__init__()
        self.config = config
        self.kind = nn.Linear(config.text_dim, 1 + kinds)
        self.project = nn.Linear(config.text_dim, config.width)
        self.query = nn.Parameter(torch.randn(1, 1, config.width) * QUERY_STD)
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            config.ff,
            DROPOUT,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(config.width)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(config.width, 1 + len(values)) for name, values in labels.items()}
        )

    def kinds(self, states: TextStates) -> Tensor:
        """Logits of the kinds (B, 1 + kinds)."""
        logits: Tensor = self.kind(self.mean(states))
        return logits

    def mean(self, states: TextStates) -> Tensor:
        """The normalised mean state of the tokens of each text (B, D)."""
        tokens, mask = states.states.to(self.query), states.mask.to(self.query.device)
        mean = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.layer_norm(mean, mean.shape[-1:])

    def labels(self, states: TextStates) -> dict[str, Tensor]:
        """Logits of every label (B, 1 + values); the texts call the people as `people.People` does."""
        tokens, mask = states.states.to(self.query), states.mask.to(self.query.device)
        tokens = torch.cat((self.query.expand(len(tokens), -1, -1), self.project(tokens)), dim=1)
        padding = F.pad(~mask, (1, 0), value=False)  # (B, 1 + L)
        read = self.norm(self.layers(tokens, src_key_padding_mask=padding)[:, 0])  # (B, E)
        return {name: head(read) for name, head in self.heads.items()}
