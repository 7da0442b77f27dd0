"""FID: Frechet distance between Gaussians fitted to two sets of embeddings (Heusel et al. 2017).

`|m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2))` with unbiased covariances
(docs/reference/data-and-evaluation.md#fid). The usual matrix square root of C1 C2 is singular, hence
unstable, with fewer samples than dimensions. With C = F^T F the trace of that root is the nuclear norm of
F1 F2^T. It needs no root, no inverse and no added diagonal, and gives 0 for identical sets of any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators.metrics.distances import as_embeddings


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and a factor F (r, D) of the unbiased covariance, C = F^T F, r <= min(N, D)."""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray) -> Gaussian:
        """Fit to (N, D) samples, N >= 2."""
        samples = as_embeddings(embeddings, "embeddings")
        if len(samples) < 2:
            raise ValueError("1 sample has no covariance; FID needs at least 2 samples in each set")
        mean = samples.mean(axis=0)
        factor = np.asarray(np.linalg.qr((samples - mean) / np.sqrt(len(samples) - 1), mode="r"))
        return cls(mean, factor)

    @property
    def covariance_trace(self) -> float:
        """Total variance, tr C."""
        return float((self.factor**2).sum())


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Squared Frechet (2-Wasserstein) distance of two Gaussians; never negative."""
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"embedding widths differ: {a.mean.shape[0]} and {b.mean.shape[0]}")
    nuclear_norm = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    spread = a.covariance_trace + b.covariance_trace - 2.0 * nuclear_norm
    return max(float(((a.mean - b.mean) ** 2).sum() + spread), 0.0)


def fid(reference: np.ndarray, generated: np.ndarray, scale: float = 1.0) -> float:
    """FID of (N, D) against (M, D) embeddings, both multiplied by `scale` (InterHuman: 6)."""
    return frechet_distance(
        Gaussian.fit(np.asarray(reference, np.float64) * scale),
        Gaussian.fit(np.asarray(generated, np.float64) * scale),
    )
