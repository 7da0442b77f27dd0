"""Classifier-free guidance around a network: one callable `ids -> logits` for the sampler."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from torch import Tensor

TokensToLogits = Callable[[Tensor], Tensor]


def combine(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Guided logits u + w (c - u), any shape."""
    return unconditional + scale * (conditional - unconditional)


def guided(
    conditional: TokensToLogits,
    unconditional: TokensToLogits,
    scale: float,
    first_unconditional: MutableMapping[object, Tensor] | None = None,
    first_key: object = None,
) -> TokensToLogits:
    """Guided `ids (B, N) -> logits (B, N, K)`; scale 1 runs only the first network, scale 0 only the second.

    `first_unconditional` remembers the unconditional logits of the first call under `first_key`: with
    every token masked they depend on nothing but the lengths, so callers who know that pass a shared dict.
    """
    if scale == 1.0:
        return conditional
    if scale == 0.0:
        return unconditional
    cache = {} if first_unconditional is None else first_unconditional
    calls = 0

    def logits(ids: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > 1 or first_key is None:
            return combine(conditional(ids), unconditional(ids), scale)
        if first_key not in cache:
            cache[first_key] = unconditional(ids)
        return combine(conditional(ids), cache[first_key], scale)

    return logits
