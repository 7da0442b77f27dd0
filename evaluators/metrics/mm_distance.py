"""MM Dist: distance between a motion and its own caption (Guo et al. 2022).

Definition: docs/reference/data-and-evaluation.md#mm-dist.
"""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings


def mm_distance(text: np.ndarray, motion: np.ndarray, counted: np.ndarray | None = None) -> float:
    """Mean distance of paired embeddings (N, D), (N, D), unscaled; lower is better.

    `counted` (N,) bool selects pairs: the published code counts only those in complete pools (quirk Q1).
    """
    distances = paired_distances(text, motion)
    return float(distances.mean() if counted is None else distances[counted].mean())


def paired_distances(text: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Distance of every motion to its own caption: (N, D), (N, D) -> (N,)."""
    text, motion = as_embeddings(text, "text"), as_embeddings(motion, "motion")
    if text.shape != motion.shape:
        raise ValueError(f"text {text.shape} and motion {motion.shape} must have the same shape")
    distances: np.ndarray = np.linalg.norm(text - motion, axis=1)
    return distances
