"""From embeddings to a protocol's numbers: one repetition, and intervals over repetitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.metrics import (
    confidence_interval,
    diversity,
    fid,
    multimodality,
    paired_distances,
    pool_ranks,
    precision_at,
    split_pools,
)
from evaluators.protocols.protocol import Protocol

METRICS = ("R@1", "R@2", "R@3", "FID", "MM Dist", "Diversity", "MModality")
#: Which way is better; Diversity and MModality are best near the ground truth's.
BETTER = {"R@1": "higher", "R@2": "higher", "R@3": "higher", "FID": "lower", "MM Dist": "lower"}
#: For given members of a pool: (n, n) bool, motion j answers caption i (`pool_ranks`).
Relevance = Callable[[Sequence[int]], np.ndarray]
NOT_RANKED = -1


@dataclass(frozen=True)
class MetricScore:
    """A metric over repetitions, or why there is none."""

    values: tuple[float, ...] = ()
    absent: str | None = None

    @property
    def mean(self) -> float:
        return confidence_interval(np.array(self.values)).mean

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval; NaN for one repetition."""
        return confidence_interval(np.array(self.values)).half_width


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one set: text and motion (N, D), and of repeated samples (C, S, D) for MModality."""

    text: np.ndarray
    motion: np.ndarray
    repeated: np.ndarray | None = None


@dataclass(frozen=True)
class Repetition:
    """Numbers of one repetition (a metric that cannot be had is its reason), and of every interaction."""

    metrics: dict[str, float | str]
    distances: np.ndarray  # (N,) to the own caption
    ranks: np.ndarray  # (N,) 0 is best; NOT_RANKED for those of the dropped pool


def score_repetition(
    protocol: Protocol, embedded: Embedded, reference: np.ndarray, rng: np.random.Generator,
    relevance: Relevance | None = None, no_repeats: str = "one sample per prompt",
) -> Repetition:  # fmt: skip
    """All metrics of one repetition; the random pools and pairs come from `rng`.

    reference (M, D) are the motions FID compares with. `relevance` None is the published rule for duplicates.
    """
    count = len(embedded.text)
    distances = paired_distances(embedded.text, embedded.motion)
    ranks = np.full(count, NOT_RANKED)
    order = rng.permutation(count)
    metrics: dict[str, float | str] = {}
    if count < protocol.pool_size:
        reason = f"{count} interactions do not fill a pool of {protocol.pool_size}"
        metrics |= dict.fromkeys(METRICS[:3], reason)
        metrics["MM Dist"] = float(distances.mean())
    else:
        for pool in split_pools(count, protocol.pool_size):
            members = order[pool]
            relevant = None if relevance is None else relevance(members.tolist())
            ranks[members] = pool_ranks(embedded.text[members], embedded.motion[members], relevant)
        ranked = ranks != NOT_RANKED
        metrics |= dict(zip(METRICS[:3], precision_at(ranks[ranked]).tolist(), strict=True))
        metrics["MM Dist"] = float(distances[ranked].mean())
    metrics["FID"] = (
        fid(reference, embedded.motion, protocol.fid_scale)
        if min(count, len(reference)) > 1
        else "needs at least 2 motions on both sides"
    )
    metrics["Diversity"] = _diversity(protocol, embedded.motion, rng)
    metrics["MModality"] = no_repeats
    if embedded.repeated is not None:
        pairs = min(protocol.mm_pairs, embedded.repeated.shape[1])
        metrics["MModality"] = multimodality(embedded.repeated, rng, pairs, protocol.distance_scale)
    return Repetition({name: metrics[name] for name in METRICS}, distances, ranks)


def _diversity(protocol: Protocol, motion: np.ndarray, rng: np.random.Generator) -> float | str:
    if len(motion) < protocol.diversity_pairs:
        return f"{len(motion)} interactions are fewer than the {protocol.diversity_pairs} pairs to draw"
    return diversity(motion, rng, protocol.diversity_pairs, protocol.distance_scale)


def collect(repetitions: Sequence[Repetition]) -> dict[str, MetricScore]:
    """Repetitions of one row -> a MetricScore per metric."""
    scores = {}
    for name in METRICS:
        values = [repetition.metrics[name] for repetition in repetitions]
        reasons = [value for value in values if isinstance(value, str)]
        numbers = tuple(value for value in values if not isinstance(value, str))
        scores[name] = MetricScore(absent=reasons[0]) if reasons else MetricScore(numbers)
    return scores
