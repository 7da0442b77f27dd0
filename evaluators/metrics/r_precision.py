"""R-Precision: is a relevant motion among the k nearest to a caption, within a pool (Guo et al. 2022)?

Definition: docs/reference/data-and-evaluation.md#r-precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import comb

from evaluators.metrics.distances import as_embeddings, euclidean_distances

#: Rank of a pair that is in no pool.
NOT_RANKED = -1
#: Indices (n,) of a pool's pairs -> (n, n) bool: motion j is relevant for caption i.
Relevance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Retrieval:
    """R-Precision for k = 1, 2, ... and what it was counted from."""

    precision: np.ndarray  # (K,) share of captions with a relevant motion among the k nearest
    ranks: np.ndarray  # (N,) int64 rank of the nearest relevant motion, 0 is best; NOT_RANKED outside pools
    chance: np.ndarray  # (K,) precision of motions in random order, in the same pools
    captions: float  # different captions per pool: with g relevant motions a caption counts as 1 / g

    @property
    def ranked(self) -> np.ndarray:
        """(N,) bool: the pair is in a complete pool."""
        ranked: np.ndarray = self.ranks != NOT_RANKED
        return ranked


def r_precision(
    text: np.ndarray,
    motion: np.ndarray,
    pool_size: int,
    order: np.ndarray | None = None,
    relevance: Relevance | None = None,
    top_k: int = 3,
) -> Retrieval:
    """R-Precision of paired embeddings (N, D), (N, D) over pools of `pool_size` pairs.

    Pairs are dealt to pools in the given `order`, a permutation (N,); an incomplete last pool is dropped
    (quirk Q1). `relevance` None is the published rule: a caption's own motion is the only relevant one.

    Raises:
        ValueError: the embeddings are not paired, or fewer than one pool.
    """
    order = np.arange(len(text)) if order is None else order
    ranks = np.full(len(text), NOT_RANKED, dtype=np.int64)
    answers = []
    for pool in split_pools(len(text), pool_size):
        members = order[pool]
        relevant = None if relevance is None else relevance(members)
        ranks[members] = pool_ranks(text[members], motion[members], relevant)
        answers.append(np.ones(pool_size, dtype=np.int64) if relevant is None else relevant.sum(axis=1))
    counts = np.stack(answers)
    return Retrieval(
        precision_at(ranks[ranks != NOT_RANKED], top_k), ranks, chance_level(counts, pool_size, top_k),
        float((1.0 / counts).sum(axis=1).mean()),
    )  # fmt: skip


def chance_level(answers: np.ndarray, pool_size: int, top_k: int = 3) -> np.ndarray:
    """Precision (K,) of motions in random order, for captions with these numbers of relevant motions.

    With g relevant motions among n, one is among the k nearest with probability
    `1 - C(n - g, k) / C(n, k)`: k / n for one of its own, 1 where all motions are relevant.
    """
    ks = [min(k, pool_size) for k in range(1, top_k + 1)]
    return np.array([float((1 - comb(pool_size - answers, k) / comb(pool_size, k)).mean()) for k in ks])


def split_pools(count: int, pool_size: int) -> list[slice]:
    """Consecutive pools of `pool_size` pairs; an incomplete last pool is dropped, as published (quirk Q1)."""
    if not 1 <= pool_size <= count:
        raise ValueError(f"pool size is {pool_size}; accepted: 1 to {count}, the number of pairs")
    return [slice(start, start + pool_size) for start in range(0, count - pool_size + 1, pool_size)]


def pool_ranks(text: np.ndarray, motion: np.ndarray, relevant: np.ndarray | None = None) -> np.ndarray:
    """Rank of the nearest relevant motion per caption of one pool: (N, D), (N, D) -> (N,) int64, 0 is best.

    Published rule (`relevant` None): only motion i is relevant for caption i. Two equal captions in a pool
    then compete, and one of them counts as a miss by chance.
    Fair rule: `relevant` (N, N) bool is true where motion j matches caption i as well as its own does.
    Equal distances rank by position in the pool.
    """
    text, motion = as_embeddings(text, "text"), as_embeddings(motion, "motion")
    if len(text) != len(motion):
        raise ValueError(f"{len(text)} captions but {len(motion)} motions; they must be paired")
    if relevant is None:
        relevant = np.eye(len(text), dtype=bool)
    if relevant.shape != (len(text), len(text)) or not relevant.diagonal().all():
        raise ValueError("relevant must be (N, N) and true on the diagonal: a motion matches its own caption")
    order = np.argsort(euclidean_distances(text, motion), axis=1, kind="stable")
    ranks: np.ndarray = np.take_along_axis(relevant, order, axis=1).argmax(axis=1).astype(np.int64)
    return ranks


def same_group(groups: Sequence[object] | np.ndarray) -> np.ndarray:
    """`relevant` for `pool_ranks` when motions of equal group share their captions: (N,) -> (N, N) bool."""
    groups = np.asarray(groups)
    relevant: np.ndarray = groups[:, None] == groups[None, :]
    return relevant


def precision_at(ranks: np.ndarray, top_k: int = 3) -> np.ndarray:
    """Ranks (N,) -> share of ranks below k, for k = 1..top_k."""
    return np.array([(ranks < k).mean() for k in range(1, top_k + 1)])
