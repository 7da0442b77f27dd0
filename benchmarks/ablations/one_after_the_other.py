"""One person after the other: person 1 from the text alone, then person 2 given all of person 1.

The paper's "alternative modelling", as far as its summary tells. The network is the full one; what differs
is what it sees in training and in sampling: never two half-known persons at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from intermask_cli.config import SamplingConfig
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.sampling.sampler import FILL
from intermask_cli.training.transformer.masking import decide, draw
from intermask_cli.training.transformer.objective import TokenBatch
from intermask_cli.training.transformer.stage import TransformerStage

#: Of the samples that hide person 1, the share in which person 2 is not there.
ALONE = 0.5


class OnePersonStage(TransformerStage):
    """Hides tokens of one person (masking.interaction must be 1); the other is given, or not there at all."""

    def batch(self, step: int) -> TokenBatch:
        """A quarter of the samples: person 1 alone, in the own frame; else one person beside the other."""
        items = self._items(step)
        decision = decide(len(items), self._masking)
        assert bool((decision.hidden_person >= 0).all()), "masking.interaction must be 1"
        alone = (decision.hidden_person == 0) & (torch.rand(len(items)) < ALONE)
        # The given person is the canonical one, as everywhere; person 1 alone is canonical as in sampling.
        canonical = ((decision.hidden_person == 0) & ~alone).long()
        ids, lengths = self._data.tokens.take(items, canonical)
        texts, _ = self._data.captions.draw(self._data.tokens.clips[items])
        draws = draw(decision, ids.shape[1], self.model.config.codebook_size, self._masking)
        dropped = torch.rand(2, len(items)) < self.config.cond_drop
        batch = self._assemble(ids, lengths, draws, texts, dropped)
        hidden = batch.hidden
        gone = alone.to(hidden.ids.device)[:, None] & second_person(hidden.ids) & hidden.valid
        return batch._replace(hidden=hidden._replace(ids=torch.where(gone, self.model.mask_id, hidden.ids)))


def second_person(ids: Tensor) -> Tensor:
    """(B, 10n) -> (10n,) bool, True on person 2's tokens."""
    return torch.arange(ids.shape[1], device=ids.device) >= ids.shape[1] // 2


class OneAfterTheOther(TokenFiller):
    """Fills two empty persons one after the other, each with all the steps; any other task as before."""

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
        # A mask id that counts as known is what a person who is not there looks like.
        first = [torch.stack((one[0], torch.full_like(one[1], self.transformer.mask_id))) for one in known]
        first = super().fill(texts, first, generators, sampling, steps, batch_size)
        second = [torch.stack((made[0], one[1])) for made, one in zip(first, known, strict=True)]
        return super().fill(texts, second, generators, sampling, steps, batch_size)
