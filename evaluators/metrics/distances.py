"""Euclidean distances between sets of embeddings, and the input check that all metrics share."""

from __future__ import annotations

import numpy as np


def as_embeddings(values: np.ndarray, name: str, ndim: int = 2) -> np.ndarray:
    """`values` as a finite float64 array of `ndim` axes; ValueError names what is wrong."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}; accepted: {ndim} non-empty axes, the last one features"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity; score finite embeddings only")
    return array


def euclidean_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, D), (M, D) -> (N, M) float64 distances.

    Computed from differences, row by row. The published a^2 + b^2 - 2ab loses digits; here equal vectors are
    exactly 0 apart and equal motions equally far from a caption, so ties stay ties.
    """
    a, b = as_embeddings(a, "a"), as_embeddings(b, "b")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"embedding widths differ: {a.shape[1]} and {b.shape[1]}")
    return np.stack([np.linalg.norm(b - row, axis=1) for row in a])
