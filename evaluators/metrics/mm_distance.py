"""MM Dist: how far a motion lies from its own caption (Guo et al. 2022; reference section 9)."""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings


def paired_distances(text: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Distance of every motion to its own caption: (N, D), (N, D) -> (N,); unscaled embeddings."""
    text, motion = as_embeddings(text, "text"), as_embeddings(motion, "motion")
    if text.shape != motion.shape:
        raise ValueError(f"text {text.shape} and motion {motion.shape} must have the same shape")
    return np.linalg.norm(text - motion, axis=1)


def mm_distance(text: np.ndarray, motion: np.ndarray) -> float:
    """Mean of the paired distances; lower is better."""
    return float(paired_distances(text, motion).mean())
