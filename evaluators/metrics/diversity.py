"""Diversity: mean distance of random pairs of motions (Guo et al. 2020).

Definition: docs/reference/data-and-evaluation.md#diversity.
"""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings

#: Both have the same `choice` method; only the legacy RandomState reproduces published draws (quirk Q16).
RandomSource = np.random.Generator | np.random.RandomState


def draw_pairs(count: int, draws: int, rng: RandomSource) -> tuple[np.ndarray, np.ndarray]:
    """Two independent draws of `draws` indices below `count`, each without replacement."""
    if not 1 <= draws <= count:
        raise ValueError(f"{draws} pairs cannot be drawn from {count} motions without replacement")
    return rng.choice(count, draws, replace=False), rng.choice(count, draws, replace=False)


def mean_pair_distance(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Mean of |embeddings[first] - embeddings[second]| for (N, D) embeddings and given indices."""
    return float(np.linalg.norm(embeddings[first] - embeddings[second], axis=1).mean())


def diversity(embeddings: np.ndarray, rng: RandomSource, pairs: int = 300, scale: float = 1.0) -> float:
    """Mean distance of `pairs` random pairs of (N, D) embeddings times `scale` (InterHuman: 3).

    A motion may be paired with itself, as in the published code.
    """
    embeddings = as_embeddings(embeddings, "embeddings") * scale
    return mean_pair_distance(embeddings, *draw_pairs(len(embeddings), pairs, rng))
