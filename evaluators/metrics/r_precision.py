"""R-Precision: is the right motion among the k nearest (Guo et al. 2022; reference section 9)."""

from __future__ import annotations

import numpy as np

from evaluators.metrics.distances import as_embeddings, euclidean_distances


def pool_ranks(text: np.ndarray, motion: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Rank of the right motion of every caption within one pool: (N, D), (N, D) -> (N,) int64, 0 is best.

    Published rule (`groups` None): only motion i is right for caption i. Two equal captions in a pool then
    take places from each other, and one of them counts as a miss by chance.
    Fair rule: `groups` (N,) names what each caption says; any motion of the same group is right.
    Equal distances rank by position in the pool.
    """
    text, motion = as_embeddings(text, "text"), as_embeddings(motion, "motion")
    if len(text) != len(motion):
        raise ValueError(f"{len(text)} captions but {len(motion)} motions; they must be paired")
    distances = euclidean_distances(text, motion)
    order = np.argsort(distances, axis=1, kind="stable")
    if groups is None:
        right = order == np.arange(len(text))[:, None]
    else:
        groups = np.asarray(groups)
        if groups.shape != (len(text),):
            raise ValueError(f"groups has shape {groups.shape}; accepted: ({len(text)},), one per caption")
        right = groups[order] == groups[:, None]
    return right.argmax(axis=1).astype(np.int64)


def split_pools(count: int, pool_size: int) -> list[slice]:
    """Consecutive pools of `pool_size` pairs; an incomplete last pool is dropped, as published."""
    if not 1 <= pool_size <= count:
        raise ValueError(f"pool size is {pool_size}; accepted: 1 to the {count} pairs there are")
    return [slice(start, start + pool_size) for start in range(0, count - pool_size + 1, pool_size)]


def r_precision(
    text: np.ndarray,
    motion: np.ndarray,
    pool_size: int,
    groups: np.ndarray | None = None,
    top_k: int = 3,
) -> np.ndarray:
    """Share of captions with a right motion in the k nearest: (N, D), (N, D) -> (top_k,) for k = 1..top_k.

    Pairs are taken in the given order, `pool_size` at a time; `groups` as in `pool_ranks`.
    """
    pools = split_pools(len(text), pool_size)
    ranks = np.concatenate(
        [pool_ranks(text[p], motion[p], None if groups is None else np.asarray(groups)[p]) for p in pools]
    )
    return np.array([(ranks < k).mean() for k in range(1, top_k + 1)])
