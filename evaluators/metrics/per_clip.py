"""What every clip contributes to a metric of a set: numbers (N,) whose mean is the metric.

Random pools and pairs are replaced by their expectation, so contributions do not depend on a seed. Two sets
are compared by a bootstrap over these numbers (`confidence.paired_difference`): drawing embeddings with
replacement instead would put equal motions into one pool and lower the rank of the covariance of FID.
For a mean of distances the contribution is the clip's own distance. For the others it is the metric plus the
influence of the clip, which covers what the clip does to the scores of others (Efron 1982, "The jackknife,
the bootstrap and other resampling plans").
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from evaluators.metrics.distances import as_embeddings, euclidean_distances
from evaluators.metrics.fid import Gaussian

#: Captions that are ranked together, which bounds the memory.
_BLOCK = 256


def fid_contributions(reference: np.ndarray, generated: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """(M, D), (N, D) -> (N,): the derivative of FID with respect to the weight of each generated clip.

    With A = F1 X^T / sqrt(N - 1), X the centred clips, the nuclear norm in FID is that of A = U S V^T. A
    weight on clip i scales column i, so the norm's derivative is half of (V S V^T)_ii. The mean of the
    contributions is `fid` of the same sets.
    """
    real = Gaussian.fit(np.asarray(reference, np.float64) * scale)
    clips = as_embeddings(generated, "generated") * scale
    count, mean = len(clips), clips.mean(axis=0)
    centred = (clips - mean) / np.sqrt(count - 1)
    _, singular, right = np.linalg.svd(real.factor @ centred.T, full_matrices=False)
    shares = (right**2).T @ singular  # (N,), sums to the nuclear norm
    squares = (centred**2).sum(axis=1)  # sums to the trace of the covariance
    offset = mean - real.mean
    nuclear, spread = float(singular.sum()), float(squares.sum())
    distance = float((offset**2).sum()) + real.covariance_trace + spread - 2.0 * nuclear
    influence = 2.0 * np.sqrt(count - 1) * (centred @ offset)
    influence += count * squares - spread - (count * shares - nuclear)
    contributions: np.ndarray = max(distance, 0.0) + influence
    return contributions


def diversity_contributions(embeddings: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """(N, D) -> (N,): of the mean distance of all pairs, a clip with itself included as in `diversity`."""
    means = euclidean_distances(embeddings, embeddings).mean(axis=1) * scale
    contributions: np.ndarray = 2.0 * means - means.mean()
    return contributions


def multimodality_contributions(embeddings: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """(C, S, D) -> (C,): mean distance of two different samples of a caption, over all pairs."""
    embeddings = as_embeddings(embeddings, "embeddings", ndim=3)
    first, second = np.triu_indices(embeddings.shape[1], 1)
    distances = np.linalg.norm(embeddings[:, first] - embeddings[:, second], axis=2)
    contributions: np.ndarray = scale * distances.mean(axis=1)
    return contributions


def r_precision_contributions(
    text: np.ndarray, motion: np.ndarray, pool_size: int, relevant: np.ndarray | None = None, top_k: int = 3
) -> np.ndarray:
    """Paired (N, D), (N, D) -> (K, N): of the expectation of R-Precision over all pools, k = 1..K.

    A caption misses at k if the k-th irrelevant motion of its pool is nearer than every relevant one. With
    all N - 1 other motions sorted by distance, let the t-th irrelevant one be at position p (from 0), nearer
    than the own motion. It is the k-th irrelevant one of the pool, and no relevant one of the pool is nearer,
    in `C(t-1, k-1) C(N-2-p, M-k)` of the `C(N-1, M)` pools of M others.

    Influence is by leaving out one clip, as a caption and as a competitor in the pools of others. With no
    more clips than a pool holds, that cannot be done, and only a caption's own hits count.
    """
    count, others = len(text), pool_size - 1
    if count < pool_size:
        raise ValueError(f"{count} pairs do not fill a pool of {pool_size}")
    distances = euclidean_distances(text, motion)
    relevant = np.eye(count, dtype=bool) if relevant is None else relevant
    hits = np.zeros((top_k, count))
    without = np.zeros((top_k, count))  # sums of hits of the other captions if this clip is left out
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        order = np.argsort(distances[rows], axis=1, kind="stable")
        own = (order == rows[:, None]).argmax(axis=1)[:, None]
        irrelevant = ~np.take_along_axis(relevant[rows], order, axis=1)
        for k in range(1, top_k + 1):
            pools = _PoolCounts(irrelevant, own, k)
            hits[k - 1, rows] = 1.0 - pools.miss(count - 1, others)
            if count > pool_size:
                left_out = np.zeros((len(rows), count))
                np.put_along_axis(left_out, order, 1.0 - pools.miss_without_each(count - 1, others), axis=1)
                left_out[np.arange(len(rows)), rows] = 0.0  # the caption itself is gone
                without[k - 1] += left_out.sum(axis=0)
    if count == pool_size:
        return hits
    left_out_means = without / (count - 1)
    value = hits.mean(axis=1, keepdims=True)
    contributions: np.ndarray = value + (count - 1) * (
        left_out_means.mean(axis=1, keepdims=True) - left_out_means
    )
    return contributions


class _PoolCounts:
    """Shares of pools in which captions miss at k, from motions sorted by distance to each caption.

    irrelevant (B, N) bool in that order; own (B, 1) position of the caption's own motion.
    """

    def __init__(self, irrelevant: np.ndarray, own: np.ndarray, k: int):
        self.k, self.irrelevant = k, irrelevant
        self.positions = np.arange(irrelevant.shape[1])
        self.before = self.positions < own
        self.counted = irrelevant & self.before
        self.number = np.cumsum(irrelevant, axis=1)  # t of the t-th irrelevant motion

    def miss(self, population: int, drawn: int) -> np.ndarray:
        """(B,) of pools of `drawn` among `population` others."""
        shares = _later_shares(population, drawn, self.k)
        missed: np.ndarray = self._terms(self.number, shares[self.positions]).sum(axis=1)
        return missed

    def miss_without_each(self, population: int, drawn: int) -> np.ndarray:
        """(B, N): the same where the motion at each position is left out."""
        shares = _later_shares(population - 1, drawn, self.k)
        moved_up = shares[np.maximum(self.positions - 1, 0)]
        nearer = self._terms(self.number, shares[self.positions])
        after_relevant = self._terms(self.number, moved_up)
        after_irrelevant = self._terms(self.number - 1, moved_up)
        farther = np.where(self.irrelevant, _sums_after(after_irrelevant), _sums_after(after_relevant))
        sums_before = np.cumsum(nearer, axis=1) - nearer
        everywhere = nearer.sum(axis=1, keepdims=True)
        missed: np.ndarray = np.where(self.before, sums_before + farther, everywhere)
        return missed

    def _terms(self, number: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """C(t - 1, k - 1) times the share of pools, at irrelevant motions before the own one."""
        ways = np.ones(number.shape)
        for j in range(1, self.k):
            ways *= np.maximum(number - j, 0) / j
        return np.where(self.counted, ways * shares, 0.0)


def _sums_after(terms: np.ndarray) -> np.ndarray:
    """(B, N) sums over all later positions."""
    later: np.ndarray = terms.sum(axis=1, keepdims=True) - np.cumsum(terms, axis=1)
    return later


def _later_shares(population: int, drawn: int, k: int) -> np.ndarray:
    """C(population - 1 - p, drawn - k) / C(population, drawn) for positions p = 0..population + 1."""

    def log_ways(n: np.ndarray, r: int) -> np.ndarray:
        ways: np.ndarray = gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1)
        return ways

    left = population - 1 - np.arange(population + 2)
    shares = np.zeros(len(left))
    possible = left >= max(drawn - k, 0)
    if drawn >= k:
        total = log_ways(np.array([population]), drawn)
        shares[possible] = np.exp(log_ways(left[possible], drawn - k) - total)
    return shares
