"""Our all-MiniLM-L6-v2 gives the bits of transformers' `BertModel`, its tokenizer the same tokens."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from intermask_cli.models.minilm import MiniLMNetwork, load_tokenizer
from intermask_cli.models.text_encoders import load_text_encoder

ODD_TEXTS = [
    "", "a", "[SEP] hello [MASK] [CLS] [PAD] ##ing", "Ünïcödé café naïve", "两个人 互相鞠躬", "🙂💃 dance",
    "a\nb\tc\x00\x07d", "x" * 400, "can’t “quote” — dash", "the " * 300, "ﬁne ｆｕｌｌ", "ЖИВОЙ привет",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Path:
    return load_text_encoder("minilm").folder


@pytest.fixture(scope="module")
def texts(folder: Path) -> list[str]:
    words = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    draw = random.Random(0)
    return [*ODD_TEXTS, *(" ".join(draw.choices(words, k=draw.randint(1, 120))) for _ in range(40))]


@pytest.fixture(scope="module")
def of_transformers(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoTokenizer, BertModel

    network = BertModel.from_pretrained(folder, local_files_only=True).eval()
    return AutoTokenizer.from_pretrained(folder, local_files_only=True), network


@pytest.mark.slow
def test_tokens_are_those_of_transformers(folder: Path, texts: list[str], of_transformers: Any) -> None:
    tokenize = load_tokenizer(folder)
    for text in texts:
        assert tokenize(text) == of_transformers[0](text)["input_ids"], text


@pytest.mark.slow
def test_states_are_the_bits_of_transformers(folder: Path, texts: list[str], of_transformers: Any) -> None:
    network, tokenize = MiniLMNetwork(folder, "cpu"), load_tokenizer(folder)
    batches = [torch.tensor([tokenize(text)[:256]]) for text in texts]
    batches.append(torch.randint(1000, 2000, (7, 33), generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        for ids in batches:
            assert torch.equal(network(ids), of_transformers[1](input_ids=ids).last_hidden_state)
