"""Quantisation and the codebook's moving averages, code by code and vector by vector, in float64."""

from __future__ import annotations

import math

import numpy as np


def nearest(x: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Index of the nearest code of each vector, the lowest on ties."""
    return np.array([np.argmin([np.sum((vector - code) ** 2) for code in codebook]) for vector in x])


def perplexity(ids: np.ndarray, size: int) -> float:
    """exp of the entropy of the shares of the codes."""
    total = 0.0
    for k in range(size):
        share = np.mean(ids == k)
        total -= share * math.log(share + 1e-7)
    return math.exp(total)


def moved(
    x: np.ndarray,
    ids: np.ndarray,
    code_sum: np.ndarray,
    code_count: np.ndarray,
    decay: float,
    fresh: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codebook, sum, count after one published training step; `fresh[k]` replaces a dead code k."""
    code_sum, code_count, codebook = code_sum.copy(), code_count.copy(), np.zeros_like(code_sum)
    for k in range(len(codebook)):
        own = x[ids == k]
        code_sum[k] = decay * code_sum[k] + (1 - decay) * own.sum(0)
        code_count[k] = decay * code_count[k] + (1 - decay) * len(own)
        codebook[k] = code_sum[k] / code_count[k] if code_count[k] >= 1 else fresh[k]
    return codebook, code_sum, code_count
