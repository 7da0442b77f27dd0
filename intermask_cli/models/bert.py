"""BERT as a frozen encoder: token ids of one length in, states of every token out.

A page of torch, because importing transformers for it takes longer than importing torch, in every run and in
every worker. The operations are those of its `BertModel` in their order, so the states are the same bits
(`tests/test_text_encoders.py` compares).
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.models.layers import attention

ACTIVATION = "gelu"


class Bert:
    """The network of a Hugging Face checkpoint of type `bert`, without its pooling layer."""

    def __init__(self, config: Mapping[str, object], weights: Mapping[str, Tensor], device: torch.device):
        activation, position = config["hidden_act"], config.get("position_embedding_type", "absolute")
        if activation != ACTIVATION or position != "absolute":
            raise ValueError(
                f"activation {activation} and {position} positions; accepted: {ACTIVATION}, absolute"
            )
        self.dim, self.layers = int(str(config["hidden_size"])), int(str(config["num_hidden_layers"]))
        self.heads, self.eps = int(str(config["num_attention_heads"])), float(str(config["layer_norm_eps"]))
        # Copies, since a tensor in the memory of a file may lie at an odd address: products of few rows then
        # take another kernel, with other rounding.
        self._weights = {
            name.removeprefix("bert."): tensor.to(device, torch.float32, copy=True)
            for name, tensor in weights.items()
        }
        with torch.inference_mode():
            self(torch.zeros(1, 1, dtype=torch.long, device=device))  # so that a missing weight shows here

    def __call__(self, ids: Tensor) -> Tensor:
        """(B, L) int64, nothing padded -> (B, L, dim)."""
        x = self._table("word_embeddings")[ids] + self._table("token_type_embeddings")[0]
        x = self._norm("embeddings", x + self._table("position_embeddings")[: ids.shape[1]])
        for i in range(self.layers):
            layer = f"encoder.layer.{i}"
            x = self._norm(f"{layer}.attention.output", self._heard(f"{layer}.attention", x) + x)
            hidden = F.gelu(self._linear(f"{layer}.intermediate.dense", x))
            x = self._norm(f"{layer}.output", self._linear(f"{layer}.output.dense", hidden) + x)
        return x

    def _heard(self, name: str, x: Tensor) -> Tensor:
        q, k, v = (
            self._linear(f"{name}.self.{part}", x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        return self._linear(f"{name}.output.dense", attention(q, k, v).transpose(1, 2).flatten(2))

    def _table(self, name: str) -> Tensor:
        return self._weights[f"embeddings.{name}.weight"]

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return F.layer_norm(x, (self.dim,), weight, bias, self.eps)


def load_bert(folder: Path, weights: Path, device: torch.device) -> Bert:
    """Read `config.json` and a weights file; ValueError or KeyError for what is no such checkpoint."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if weights.suffix == ".safetensors":
        from safetensors.torch import load_file

        return Bert(config, load_file(weights), device)
    try:
        return Bert(config, torch.load(weights, map_location="cpu", weights_only=True), device)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{weights.name}: {str(error).splitlines()[0]}") from error
