"""R-Precision: is the relevant motion among the k nearest (Guo et al. 2022; reference section 9)."""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings, euclidean_distances


def pool_ranks(text: np.ndarray, motion: np.ndarray, relevant: np.ndarray | None = None) -> np.ndarray:
    """Rank of the nearest relevant motion per caption of one pool: (N, D), (N, D) -> (N,) int64, 0 is best.

    Published rule (`relevant` None): only motion i is relevant for caption i. Two equal captions in a pool
    then compete, and one of them counts as a miss by chance.
    Fair rule: `relevant` (N, N) bool says whether motion j answers caption i as well as its own does.
    Equal distances rank by position in the pool.
    """
    text, motion = as_embeddings(text, "text"), as_embeddings(motion, "motion")
    if len(text) != len(motion):
        raise ValueError(f"{len(text)} captions but {len(motion)} motions; they must be paired")
    if relevant is None:
        relevant = np.eye(len(text), dtype=bool)
    if relevant.shape != (len(text), len(text)) or not relevant.diagonal().all():
        raise ValueError("relevant must be (N, N) and true on the diagonal: its own motion answers a caption")
    order = np.argsort(euclidean_distances(text, motion), axis=1, kind="stable")
    return np.take_along_axis(relevant, order, axis=1).argmax(axis=1).astype(np.int64)


def same_group(groups: np.ndarray) -> np.ndarray:
    """`relevant` for `pool_ranks` when motions of equal group share their captions: (N,) -> (N, N) bool."""
    groups = np.asarray(groups)
    return groups[:, None] == groups[None, :]


def split_pools(count: int, pool_size: int) -> list[slice]:
    """Consecutive pools of `pool_size` pairs; an incomplete last pool is dropped, as published."""
    if not 1 <= pool_size <= count:
        raise ValueError(f"pool size is {pool_size}; accepted: 1 to the {count} pairs there are")
    return [slice(start, start + pool_size) for start in range(0, count - pool_size + 1, pool_size)]


def r_precision(
    text: np.ndarray, motion: np.ndarray, pool_size: int, groups: np.ndarray | None = None, top_k: int = 3
) -> np.ndarray:
    """Share of captions with a relevant motion in the k nearest: (N, D), (N, D) -> (top_k,) for k = 1..top_k.

    Pairs are taken in the given order, `pool_size` at a time. `groups` (N,): motions of the same group
    (for instance equal captions) answer each other's captions; without it only a caption's own motion does.
    """
    if groups is not None and len(groups) != len(text):
        raise ValueError(f"{len(groups)} groups for {len(text)} captions; give one per caption")
    ranks = [
        pool_ranks(text[pool], motion[pool], None if groups is None else same_group(np.asarray(groups)[pool]))
        for pool in split_pools(len(text), pool_size)
    ]
    return precision_at(np.concatenate(ranks), top_k)


def precision_at(ranks: np.ndarray, top_k: int = 3) -> np.ndarray:
    """Ranks (N,) -> share of ranks below k, for k = 1..top_k."""
    return np.array([(ranks < k).mean() for k in range(1, top_k + 1)])
