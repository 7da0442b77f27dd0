"""Metrics of a protocol from embeddings: one repetition, what each clip contributes, and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evaluators.metrics import (
    NOT_RANKED,
    Interval,
    confidence_interval,
    diversity,
    diversity_contributions,
    fid,
    fid_contributions,
    mm_distance,
    multimodality,
    multimodality_contributions,
    paired_distances,
    published_multimodality,
    r_precision,
    r_precision_contributions,
    repeated_interval,
)
from evaluators.metrics.r_precision import Relevance, Retrieval
from evaluators.metrics.registered import registered_scores
from evaluators.protocols.protocol import (
    FEWEST_PUBLISHED_SAMPLES,
    PUBLISHED_INTERVAL,
    PUBLISHED_PAIRS,
    Protocol,
)

METRICS = ("R@1", "R@2", "R@3", "FID", "MM Dist", "Diversity", "MModality")
PRECISIONS = METRICS[:3]
#: The better direction of a metric. Diversity and MModality have none: they should equal the ground truth's.
BETTER = {"R@1": "higher", "R@2": "higher", "R@3": "higher", "FID": "lower", "MM Dist": "lower"}


@dataclass(frozen=True, eq=False)
class PerClip:
    """Contributions (N,) whose mean is a metric, and a key for the clip of each: its caption or id."""

    keys: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class MetricScore:
    """A metric over repetitions, or the reason why it is absent."""

    values: tuple[float, ...] = ()
    absent: str | None = None
    chance: float | None = None  # of R-Precision: its value for motions in random order
    per_clip: PerClip | None = field(default=None, compare=False)
    published: bool = False  # the interval of the published protocols

    @property
    def mean(self) -> float:
        return self._interval.mean

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval; NaN of numbers that do not vary, such as one repetition alone."""
        return self._interval.half_width

    @property
    def _interval(self) -> Interval:
        values = np.array(self.values)
        if self.published:
            return confidence_interval(values)
        clips = None if self.per_clip is None else self.per_clip.values
        return repeated_interval(values, clips, share=self.chance is not None)


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of one set: text and motion (N, D), and of repeated samples (C, S, D) for MModality.

    The keys of the N clips and the C captions are the same for the same clip of other sets.
    """

    text: np.ndarray
    motion: np.ndarray
    repeated: np.ndarray | None = None
    keys: tuple[str, ...] = ()
    repeated_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repetition:
    """Numbers of one repetition, and of every interaction in it."""

    metrics: dict[str, float | str]  # a string is the reason why the metric is absent
    distances: np.ndarray  # (N,) to the own caption
    ranks: np.ndarray  # (N,) 0 is best; NOT_RANKED for those of the dropped pool
    chance: np.ndarray | None = None  # (3,) of R@1 to R@3; None without a complete pool
    captions_per_pool: float | None = None  # different ones, on average


def score_repetition(
    protocol: Protocol, embedded: Embedded, reference: np.ndarray, rng: np.random.Generator,
    relevance: Relevance | None = None,
) -> Repetition:  # fmt: skip
    """All metrics of one repetition; the random pools and pairs come from `rng`.

    `reference` (M, D) holds the embeddings FID compares with. `relevance` None is the published rule for
    duplicate captions.
    """
    text, motion = embedded.text, embedded.motion
    count = len(text)
    order = rng.permutation(count)
    retrieval = None
    if count >= protocol.pool_size:
        retrieval = r_precision(text, motion, protocol.pool_size, order, relevance)
    metrics: dict[str, float | str] = dict(_precisions(retrieval, protocol, count))
    metrics["FID"] = (
        fid(reference, motion, protocol.fid_scale)
        if min(count, len(reference)) > 1
        else "needs at least 2 motions on both sides"
    )
    metrics["MM Dist"] = mm_distance(text, motion, None if retrieval is None else retrieval.ranked)
    metrics["Diversity"] = (
        diversity(motion, rng, protocol.diversity_pairs, protocol.distance_scale)
        if count >= protocol.diversity_pairs
        else f"{count} interactions are fewer than the {protocol.diversity_pairs} pairs to draw"
    )
    metrics["MModality"] = _multimodality(protocol, embedded.repeated, rng)
    metrics |= registered_scores(motion, reference, text)
    distances = paired_distances(text, motion)
    if retrieval is None:
        return Repetition(metrics, distances, np.full(count, NOT_RANKED))
    return Repetition(metrics, distances, retrieval.ranks, retrieval.chance, retrieval.captions)


def _precisions(retrieval: Retrieval | None, protocol: Protocol, count: int) -> dict[str, float | str]:
    """R@1 to R@3, or why they are absent."""
    size = protocol.pool_size
    if retrieval is None:
        return dict.fromkeys(PRECISIONS, f"{count} interactions do not fill a pool of {size}")
    if retrieval.chance[0] >= 1:  # every motion answers every caption
        reason = f"the {size} captions of a pool are all equal, so any motion is right: chance is 1"
        return dict.fromkeys(PRECISIONS, reason)
    return dict(zip(PRECISIONS, retrieval.precision.tolist(), strict=True))


def _multimodality(protocol: Protocol, repeated: np.ndarray | None, rng: np.random.Generator) -> float | str:
    if not protocol.mm_captions:
        return "left out (--quick)"
    if repeated is None:
        return "one sample per prompt"
    samples, scale = repeated.shape[1], protocol.distance_scale
    if protocol.mm_draw != PUBLISHED_PAIRS:
        return multimodality(repeated, rng, protocol.mm_pairs, scale)
    if samples < FEWEST_PUBLISHED_SAMPLES:
        return (
            f"{samples} samples per prompt; the published draw pairs a sample with itself in 1 of "
            f"{samples} cases and needs {FEWEST_PUBLISHED_SAMPLES} or more"
        )
    return published_multimodality(repeated, rng, min(protocol.mm_pairs, samples), scale)


def per_clip_scores(
    protocol: Protocol, embedded: Embedded, reference: np.ndarray, relevance: Relevance | None = None
) -> dict[str, PerClip]:
    """What every clip contributes to each metric, free of random pools and pairs.

    Metrics that these embeddings cannot give are left out, as are those of installed packages.
    """
    text, motion, scale = embedded.text, embedded.motion, protocol.distance_scale
    count = len(text)
    values: dict[str, np.ndarray] = {}
    if count >= protocol.pool_size:
        relevant = None if relevance is None else relevance(np.arange(count))
        rows = r_precision_contributions(text, motion, protocol.pool_size, relevant)
        values |= dict(zip(PRECISIONS, rows, strict=True))
    if min(count, len(reference)) > 1:
        values["FID"] = fid_contributions(reference, motion, protocol.fid_scale)
    values["MM Dist"] = paired_distances(text, motion)
    if count >= protocol.diversity_pairs:
        values["Diversity"] = diversity_contributions(motion, scale)
    scores = {name: PerClip(embedded.keys, numbers) for name, numbers in values.items()}
    if embedded.repeated is not None and embedded.repeated.shape[1] > 1 and protocol.mm_captions:
        contributions = multimodality_contributions(embedded.repeated, scale)
        scores["MModality"] = PerClip(embedded.repeated_keys, contributions)
    return scores


def averaged(repetitions: Sequence[Mapping[str, PerClip]]) -> dict[str, PerClip]:
    """Contributions of several repetitions -> the mean of each clip over the repetitions that have it."""
    return {
        name: _averaged([repetition[name] for repetition in repetitions])
        for name in repetitions[0]
        if all(name in repetition for repetition in repetitions)
    }


def _averaged(repetitions: Sequence[PerClip]) -> PerClip:
    numbers: dict[str, list[float]] = {}
    for repetition in repetitions:
        for key, value in zip(repetition.keys, repetition.values.tolist(), strict=True):
            numbers.setdefault(key, []).append(value)
    return PerClip(tuple(numbers), np.array([np.mean(values) for values in numbers.values()]))


def collect(
    repetitions: Sequence[Repetition], protocol: Protocol, per_clip: Mapping[str, PerClip] | None = None
) -> dict[str, MetricScore]:
    """Repetitions of one row, and what its clips contribute -> a MetricScore per metric."""
    published = protocol.interval == PUBLISHED_INTERVAL
    scores = {}
    for name in repetitions[0].metrics:
        values = [repetition.metrics[name] for repetition in repetitions]
        reasons = [value for value in values if isinstance(value, str)]
        numbers = tuple(value for value in values if not isinstance(value, str))
        contributions = (per_clip or {}).get(name)
        scores[name] = (
            MetricScore(absent=reasons[0])
            if reasons
            else MetricScore(numbers, per_clip=contributions, published=published)
        )
    levels = [repetition.chance for repetition in repetitions if repetition.chance is not None]
    if levels:
        for name, level in zip(PRECISIONS, np.mean(levels, axis=0).tolist(), strict=True):
            scores[name] = replace(scores[name], chance=level)
    return scores


def captions_per_pool(repetitions: Sequence[Repetition]) -> float | None:
    """Different captions of a pool, on average; None without complete pools."""
    counts = [r.captions_per_pool for r in repetitions if r.captions_per_pool is not None]
    return float(np.mean(counts)) if counts else None
