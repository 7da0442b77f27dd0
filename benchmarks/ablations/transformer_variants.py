"""Variants of the transformer row by row: what is taken out, how it is trained, how it is sampled.

Nothing of this is in the core: a branch is taken out by putting an identity in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.ablations.one_after_the_other import OneAfterTheOther, OnePersonStage
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.transformer.stage import TransformerStage

SELF, SPATIO_TEMPORAL, PARTNER = "self_attn", "spa_temp_attn", "local_inter_attn"


class Skipped(nn.Module):
    """A branch that adds nothing; all of them take the stream first."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        return x


class SentenceVector:
    """One state per text: the mean of its word states, which is MiniLM's own sentence vector unscaled."""

    def __init__(self, words: TextEncoder):
        self._words = words
        self.id, self.dim = f"{words.id}, mean", words.dim
        self.sha256 = hashlib.sha256(f"{words.sha256} mean".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Texts -> states (B, 1, D)."""
        words = self._words.encode(texts)
        weight = words.mask[..., None].float()
        mean = (words.states * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        there = torch.ones(len(texts), 1, dtype=torch.bool)
        return TextStates(mean, there, torch.zeros(len(texts), dtype=torch.int64))


@dataclass(frozen=True)
class Variant:
    """What a row does differently from the bundled model's way."""

    skipped: tuple[str, ...] = ()  # branches of every block
    stage: type[TransformerStage] = TransformerStage
    filler: type[TokenFiller] = TokenFiller
    sentence: bool = False

    def change(self, model: InteractionTransformer) -> InteractionTransformer:
        """Take the branches out, in place."""
        for block in model.Transformer.blocks:
            for branch in self.skipped:
                assert hasattr(block, branch)
                setattr(block, branch, Skipped())
        return model

    def encoder(self, words: TextEncoder) -> TextEncoder:
        """What the text head reads."""
        return SentenceVector(words) if self.sentence else words


VARIANTS = {
    "": Variant(),
    "without-spatio-temporal": Variant((SPATIO_TEMPORAL,)),
    "without-cross": Variant((PARTNER,)),
    "without-self": Variant((SELF,)),
    "self-only": Variant((SPATIO_TEMPORAL, PARTNER)),
    "one-after-the-other": Variant(stage=OnePersonStage, filler=OneAfterTheOther),
    "sentence-vector": Variant(sentence=True),
}
