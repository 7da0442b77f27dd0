"""Classifier-free guidance around a network: one callable `ids -> logits` for the sampler."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

TokensToLogits = Callable[[Tensor], Tensor]


def combine(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Guided logits u + w (c - u), any shape."""
    return unconditional + scale * (conditional - unconditional)


def guided(
    conditional: TokensToLogits,
    unconditional: TokensToLogits,
    scale: float,
    first_unconditional: Tensor | None = None,
) -> TokensToLogits:
    """Guided `ids (B, N) -> logits (B, N, K)`; scale 1 runs only the first network, scale 0 only the second.

    `first_unconditional` (1 or B, N, K) takes the place of the first unconditional pass: with every token
    masked its logits depend on the length alone, so callers can keep them from one call to the next.
    """
    if scale == 1.0:
        return conditional
    if scale == 0.0:
        return unconditional
    first_pass = first_unconditional

    def logits(ids: Tensor) -> Tensor:
        nonlocal first_pass
        without_text = unconditional(ids) if first_pass is None else first_pass
        first_pass = None
        return combine(conditional(ids), without_text, scale)

    return logits
