"""The published graph layers' dependence on the batch, needed to compare with recorded batches."""

from __future__ import annotations

from types import MethodType

import torch
from torch import Tensor

from intermask_cli.models.tokenizer import GraphLayer, Tokenizer


def send_messages_in_first_sample_only(tokenizer: Tokenizer) -> None:
    """Only the first sample of a batch gets messages from then on, as published."""
    for module in tokenizer.modules():
        if isinstance(module, GraphLayer):
            module.forward = MethodType(_published_forward, module)  # type: ignore[method-assign]


def _published_forward(layer: GraphLayer, x: Tensor) -> Tensor:
    """(B, in, 22, T) -> (B, out, 22, T)."""
    return torch.cat([GraphLayer.forward(layer, x[:1]), layer.without_messages(x[1:])])
