"""The network and the tokenizer of all-MiniLM-L6-v2, without transformers.

Importing its `BertModel` takes longer than importing PyTorch or than generating an interaction. These are the
same operations in the same order, so the states have the same bits (tests/models/test_minilm.py).
Architecture: Devlin et al. 2019, BERT, https://arxiv.org/abs/1810.04805.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor


class MiniLMNetwork:
    """The frozen network of a folder: token ids (B, L) of equally long texts -> states (B, L, D) float32.

    It has no modules: these would draw 22 million initial weights, only to replace them.
    """

    def __init__(self, folder: Path, device: str):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.width: int = config["hidden_size"]
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._eps: float = config["layer_norm_eps"]
        stored = load_file(folder / "model.safetensors", device=device)
        self._weights = {name: value.float() for name, value in stored.items() if value.is_floating_point()}

    def __call__(self, ids: Tensor) -> Tensor:
        words = F.embedding(ids, self._weights["embeddings.word_embeddings.weight"])
        sentence = self._weights["embeddings.token_type_embeddings.weight"][0]  # the text is one sentence
        positions = self._weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        states = self._norm("embeddings.LayerNorm", words + sentence + positions)
        for number in range(self._layers):
            states = self._layer(f"encoder.layer.{number}", states)
        return states

    def _layer(self, name: str, states: Tensor) -> Tensor:
        """Self-attention and a feed-forward part, each added to its input and normalised."""
        query, key, value = (
            self._linear(f"{name}.attention.self.{part}", states)
            .unflatten(-1, (self._heads, -1))
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        attended = self._linear(f"{name}.attention.output.dense", attended)
        states = self._norm(f"{name}.attention.output.LayerNorm", attended + states)
        inner = F.gelu(self._linear(f"{name}.intermediate.dense", states))
        return self._norm(f"{name}.output.LayerNorm", self._linear(f"{name}.output.dense", inner) + states)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(x, (self.width,), weight, bias, self._eps)


def load_tokenizer(folder: Path) -> Callable[[str], list[int]]:
    """Text -> token ids, start and end token included, of any length."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text).ids
        return ids

    return tokenize
