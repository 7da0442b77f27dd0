"""Stand-ins for tests: a text encoder without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from intermask_cli.models.text_encoders import TextStates


class FakeTextEncoder:
    """One random state per word, the same for the same word everywhere, plus an end token."""

    id = "fake"
    sha256 = "0" * 64

    def __init__(self, dim: int = 12):
        self.dim = dim
        self.calls = 0

    def _state(self, word: str) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:7], "big")
        return torch.randn(self.dim, generator=torch.Generator().manual_seed(seed))

    def encode(self, texts: Sequence[str]) -> TextStates:
        self.calls += 1
        rows = [torch.stack([self._state(w) for w in [*text.split(), "<end>"]]) for text in texts]
        longest = max(map(len, rows))
        states = torch.zeros(len(rows), longest, self.dim)
        mask = torch.zeros(len(rows), longest, dtype=torch.bool)
        for i, row in enumerate(rows):
            states[i, : len(row)] = row
            mask[i, : len(row)] = True
        return TextStates(states, mask, torch.tensor([len(row) - 1 for row in rows]))
