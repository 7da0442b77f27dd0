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
    """Mean distance of `pairs` random pairs of the S samples of each caption: (C, S, D), times `scale`.

    The same pairs are used for all captions, as published; InterHuman scales by 3, InterGen's code by 1.
    """
    embeddings = as_embeddings(embeddings, "embeddings", ndim=3) * scale
    return mean_sample_distance(embeddings, *draw_pairs(embeddings.shape[1], pairs, rng))
