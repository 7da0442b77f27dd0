"""Classifier-free guidance around a network: one callable `ids -> logits` for the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class TokensToLogits(Protocol):
    """A network with its condition fixed."""

    def __call__(self, ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Logits (B, N, K) of ids (B, N); with `wanted` (B, N) bool the (M, K) where that is True."""
        ...


def combine(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Guided logits u + w (c - u), any shape."""
    return unconditional + scale * (conditional - unconditional)


def guided(
    conditional: TokensToLogits,
    unconditional: TokensToLogits,
    scale: float,
    first_unconditional: Tensor | None = None,
) -> TokensToLogits:
    """Guided logits; scale 1 runs only the first network, scale 0 only the second.

    `first_unconditional` (1 or B, N, K) takes the place of the first unconditional pass: with every token
    masked its logits depend on the length alone, so callers can keep them from one call to the next.
    """
    if scale == 1.0:
        return conditional
    if scale == 0.0:
        return unconditional
    first_pass = first_unconditional

    def logits(ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        nonlocal first_pass
        if first_pass is None:
            without_text = unconditional(ids, wanted)
        else:
            without_text = first_pass if wanted is None else first_pass.expand(len(ids), -1, -1)[wanted]
        first_pass = None
        return combine(conditional(ids, wanted), without_text, scale)

    return logits


def in_steps(guides: Sequence[bool], guided: TokensToLogits, plain: TokensToLogits) -> TokensToLogits:
    """One network or the other, call by call: `guided` where `guides` is True. For one sampling loop."""
    calls = iter(guides)

    def logits(ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        return (guided if next(calls) else plain)(ids, wanted)

    return logits


def network_passes(guidance: float, guides: Sequence[bool]) -> int:
    """Passes of the network in a sampling loop: two in a step with guidance other than 0 and 1."""
    return len(guides) + (sum(guides) if guidance not in (0.0, 1.0) else 0)
