"""Metrics of a protocol from embeddings: one repetition, and intervals over repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.metrics import (
    NOT_RANKED,
    confidence_interval,
    diversity,
    fid,
    mm_distance,
    multimodality,
    paired_distances,
    r_precision,
)
from evaluators.metrics.r_precision import Relevance
from evaluators.metrics.registered import registered_scores
from evaluators.protocols.protocol import Protocol

METRICS = ("R@1", "R@2", "R@3", "FID", "MM Dist", "Diversity", "MModality")
#: The better direction of a metric. Diversity and MModality have none: they should equal the ground truth's.
BETTER = {"R@1": "higher", "R@2": "higher", "R@3": "higher", "FID": "lower", "MM Dist": "lower"}


@dataclass(frozen=True)
class MetricScore:
    """A metric over repetitions, or the reason why it is absent."""

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
    """Numbers of one repetition, and of every interaction in it."""

    metrics: dict[str, float | str]  # a string is the reason why the metric is absent
    distances: np.ndarray  # (N,) to the own caption
    ranks: np.ndarray  # (N,) 0 is best; NOT_RANKED for those of the dropped pool


def score_repetition(
    protocol: Protocol, embedded: Embedded, reference: np.ndarray, rng: np.random.Generator,
    relevance: Relevance | None = None,
) -> Repetition:  # fmt: skip
    """All metrics of one repetition; the random pools and pairs come from `rng`.

    `reference` (M, D) holds the embeddings FID compares with. `relevance` None is the published rule for
    duplicate captions.
    """
    text, motion, repeated = embedded.text, embedded.motion, embedded.repeated
    count = len(text)
    metrics: dict[str, float | str] = {}
    order = rng.permutation(count)
    if count < protocol.pool_size:
        ranks, counted = np.full(count, NOT_RANKED), None
        reason = f"{count} interactions do not fill a pool of {protocol.pool_size}"
        metrics |= dict.fromkeys(METRICS[:3], reason)
    else:
        retrieval = r_precision(text, motion, protocol.pool_size, order, relevance)
        ranks, counted = retrieval.ranks, retrieval.ranked
        metrics |= dict(zip(METRICS[:3], retrieval.precision.tolist(), strict=True))
    metrics["FID"] = (
        fid(reference, motion, protocol.fid_scale)
        if min(count, len(reference)) > 1
        else "needs at least 2 motions on both sides"
    )
    metrics["MM Dist"] = mm_distance(text, motion, counted)
    metrics["Diversity"] = (
        diversity(motion, rng, protocol.diversity_pairs, protocol.distance_scale)
        if count >= protocol.diversity_pairs
        else f"{count} interactions are fewer than the {protocol.diversity_pairs} pairs to draw"
    )
    metrics["MModality"] = (
        multimodality(repeated, rng, min(protocol.mm_pairs, repeated.shape[1]), protocol.distance_scale)
        if repeated is not None
        else "one sample per prompt"
    )
    metrics |= registered_scores(motion, reference, text)
    return Repetition(metrics, paired_distances(text, motion), ranks)


def collect(repetitions: Sequence[Repetition]) -> dict[str, MetricScore]:
    """Repetitions of one row -> a MetricScore per metric."""
    scores = {}
    for name in repetitions[0].metrics:
        values = [repetition.metrics[name] for repetition in repetitions]
        reasons = [value for value in values if isinstance(value, str)]
        numbers = tuple(value for value in values if not isinstance(value, str))
        scores[name] = MetricScore(absent=reasons[0]) if reasons else MetricScore(numbers)
    return scores
