"""The metrics of docs/reference/data-and-evaluation.md#metrics written out plainly.

Loops, float32 distances, matrix roots.
"""

from __future__ import annotations

import numpy as np


def distance_matrix(text: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """(N, D), (N, D) -> (N, N) float32 by the published expansion, clamped at 0."""
    a, b = text.astype(np.float32), motion.astype(np.float32)
    squares = (a**2).sum(1, keepdims=True) + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def retrieval(
    text: np.ndarray, motion: np.ndarray, pool: int, top_k: int = 3
) -> tuple[np.ndarray, np.ndarray, float]:
    """Hits for k = 1..top_k, R-Precision and MM Dist over complete pools."""
    hits, diagonal, count = np.zeros(top_k, dtype=int), 0.0, 0
    for start in range(0, len(text) - pool + 1, pool):
        distances = distance_matrix(text[start : start + pool], motion[start : start + pool])
        for i, row in enumerate(distances):
            nearest = sorted(range(pool), key=lambda j, row=row: row[j])
            for k in range(top_k):
                hits[k] += i in nearest[: k + 1]
            diagonal += float(row[i])
        count += pool
    return hits, hits / count, diagonal / count


def frechet(reference: np.ndarray, generated: np.ndarray, scale: float) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) with SciPy's matrix root and the published fall-back."""
    from scipy.linalg import sqrtm

    a, b = (np.asarray(x, np.float64) * scale for x in (reference, generated))
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(c1 @ c2)
    if not np.isfinite(root).all():
        offset = 1e-6 * np.eye(len(c1))
        root = sqrtm((c1 + offset) @ (c2 + offset))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root.real))


def mean_distance(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray, scale: float) -> float:
    """Mean distance of the given pairs of (N, D) embeddings, one pair at a time."""
    pairs = zip(first, second, strict=True)
    return float(np.mean([np.sqrt((((embeddings[i] - embeddings[j]) * scale) ** 2).sum()) for i, j in pairs]))
