"""MModality: how much samples of one caption differ (Lee et al. 2019).

Definition: docs/reference/data-and-evaluation.md#mmodality.
"""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings
from evaluators.metrics.diversity import RandomSource, draw_pairs


def mean_sample_distance(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Mean over captions and pairs of |e[c, first] - e[c, second]| for (C, S, D) embeddings."""
    return float(np.linalg.norm(embeddings[:, first] - embeddings[:, second], axis=2).mean())


def multimodality(embeddings: np.ndarray, rng: RandomSource, pairs: int = 10, scale: float = 1.0) -> float:
    """Mean distance of `pairs` random pairs of different samples of each caption: (C, S, D), times `scale`.

    Every caption has its own pairs, drawn without replacement; all of them where there are no more. So the
    expectation is the mean distance of two samples, for any S of 2 or more.
    """
    embeddings = as_embeddings(embeddings, "embeddings", ndim=3) * scale
    samples = embeddings.shape[1]
    if samples < 2 or pairs < 1:
        raise ValueError(
            f"{pairs} pairs of {samples} samples; accepted: 1 or more pairs of 2 or more samples"
        )
    first, second = np.triu_indices(samples, 1)
    if pairs >= len(first):
        return mean_sample_distance(embeddings, first, second)
    chosen = [rng.choice(len(first), pairs, replace=False) for _ in embeddings]
    rows = zip(embeddings, chosen, strict=True)
    return float(np.mean([np.linalg.norm(e[first[c]] - e[second[c]], axis=1) for e, c in rows]))


def published_multimodality(
    embeddings: np.ndarray, rng: RandomSource, pairs: int = 10, scale: float = 1.0
) -> float:
    """The published draw: two draws of `pairs` of the S samples, the same for all captions (quirk Q21).

    A share 1/S of the pairs joins a sample with itself and the value is too low by that share. InterHuman
    scales by 3, InterGen's code by 1.
    """
    embeddings = as_embeddings(embeddings, "embeddings", ndim=3) * scale
    return mean_sample_distance(embeddings, *draw_pairs(embeddings.shape[1], pairs, rng))
