"""Variants of the transformer row by row: what is taken out, how it is trained, how it is sampled.

Nothing of this is in the package: a branch is taken out by putting an identity in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from intermask_cli.config import SamplingConfig
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.sampling.sampler import FILL
from intermask_cli.training.transformer.masking import decide, draw
from intermask_cli.training.transformer.objective import TokenBatch
from intermask_cli.training.transformer.stage import TransformerStage

#: Share of the samples with hidden person 0 in which person 1 is absent.
ALONE = 0.5


class OnePersonStage(TransformerStage):
    """Hides tokens of one person (masking.interaction must be 1); the other is given or absent."""

    def batch(self, step: int) -> TokenBatch:
        """A quarter of the samples: person 0 alone, in the own frame; else one person given the other."""
        items = self._items(step)
        decision = decide(len(items), self._masking)
        assert bool((decision.hidden_person >= 0).all()), "masking.interaction must be 1"
        alone = (decision.hidden_person == 0) & (torch.rand(len(items)) < ALONE)
        # The given person is the canonical one, as everywhere; person 0 alone is canonical as in sampling.
        canonical = ((decision.hidden_person == 0) & ~alone).long()
        ids, lengths = self._data.tokens.take(items, canonical)
        texts, _ = self._data.captions.draw(self._data.tokens.clips[items])
        draws = draw(decision, ids.shape[1], self.model.config.codebook_size, self._masking)
        dropped = torch.rand(2, len(items)) < self.config.cond_drop
        batch = self._assemble(ids, lengths, draws, texts, dropped)
        hidden = batch.hidden
        absent = alone.to(hidden.ids.device)[:, None] & _second_person(hidden.ids) & hidden.valid
        return batch._replace(hidden=hidden._replace(ids=torch.where(absent, self.model.mask_id, hidden.ids)))


def _second_person(ids: Tensor) -> Tensor:
    """(B, 10n) -> (10n,) bool, True on person 1's tokens."""
    return torch.arange(ids.shape[1], device=ids.device) >= ids.shape[1] // 2


class OneAfterTheOther(TokenFiller):
    """Fills two empty persons one after the other, each with all steps; any other task as `TokenFiller`.

    The "alternative modelling" of the paper, as far as its summary describes it: person 0 from the text
    alone, then person 1 given all of person 0. The network is the full one; only what it sees in training
    and in sampling differs.
    """

    def fill(
        self,
        texts: Sequence[str],
        known: Sequence[Tensor],
        generators: Sequence[torch.Generator],
        sampling: SamplingConfig,
        steps: int,
        batch_size: int | None = None,
    ) -> list[Tensor]:
        """As `TokenFiller.fill`."""
        if any(bool((one != FILL).any()) for one in known):
            return super().fill(texts, known, generators, sampling, steps, batch_size)
        # An absent person looks like mask ids that count as known.
        first = [torch.stack((one[0], torch.full_like(one[1], self.transformer.mask_id))) for one in known]
        first = super().fill(texts, first, generators, sampling, steps, batch_size)
        second = [torch.stack((filled[0], one[1])) for filled, one in zip(first, known, strict=True)]
        return super().fill(texts, second, generators, sampling, steps, batch_size)


SELF, SPATIO_TEMPORAL, PARTNER = "self_attn", "spa_temp_attn", "local_inter_attn"


class Skipped(nn.Module):
    """Stands for a branch that adds nothing; all branches take the stream first."""

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
        mask = torch.ones(len(texts), 1, dtype=torch.bool)
        return TextStates(mean, mask, torch.zeros(len(texts), dtype=torch.int64))


@dataclass(frozen=True)
class Variant:
    """What a row does differently from the bundled model."""

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
