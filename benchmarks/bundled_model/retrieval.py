"""By the bundled evaluator: does a caption find its motion, and how far apart are the distributions?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import SEED, Bench
from benchmarks.bundled_model.figures import Figure, Goal, mean
from evaluators.data.sets import InteractionSet, clip_set, relevance
from evaluators.metrics import fid, paired_distances, pool_ranks, split_pools
from evaluators.protocols.protocol import DUETS, Protocol
from intermask_cli.console import note

DIVISIONS = 20  # into random pools
HALVES = 20


def measure(bench: Bench, protocol: Protocol = DUETS) -> list[Figure]:
    """R@1 and FID of generation, and R@1 of reactions beside generation's on the same clips."""
    few = bench.made.take(bench.few, "some generated")
    for chosen in (bench.truth, few):
        if len(chosen) < protocol.pool_size:
            note(f"R@1 absent: {len(chosen)} clips do not fill a pool of {protocol.pool_size}")
    return [
        mean(
            "R@1 of generation", found(bench, bench.made, protocol), found(bench, bench.truth, protocol), "%",
            Goal(0.95, at_least=True, relative=True),
        ),
        _fid(bench, protocol.fid_scale),
        _reaction(found(bench, bench.reactions, protocol), found(bench, few, protocol)),
    ]  # fmt: skip


def _embedded(bench: Bench, interactions: InteractionSet) -> tuple[np.ndarray, np.ndarray]:
    """Text and motion (N, D) each."""
    text = bench.cache.text_embeddings(bench.evaluator, interactions.prompts)
    return text, bench.cache.motion_embeddings(bench.evaluator, interactions)


def found(bench: Bench, interactions: InteractionSet, protocol: Protocol) -> np.ndarray:
    """How often a caption's nearest motion is its own, or one whose caption says as much: (N,) shares over
    random pools; NaN without a full pool."""
    count = len(interactions)
    if count < protocol.pool_size:
        return np.full(count, math.nan)
    text, motion = _embedded(bench, interactions)
    relevant = relevance(interactions, range(count))
    rng = np.random.default_rng(SEED)
    first, times = np.zeros(count), np.zeros(count)
    for _ in range(DIVISIONS):
        order = rng.permutation(count)
        for pool in split_pools(count, protocol.pool_size):
            members = order[pool]
            ranks = pool_ranks(text[members], motion[members], relevant[np.ix_(members, members)])
            first[members] += ranks == 0
            times[members] += 1
    return np.where(times > 0, first / np.maximum(times, 1), np.nan)


def _fid(bench: Bench, scale: float) -> Figure:
    """FID to ground truth, beside that of as many other real clips; interval from random halves."""
    others = clip_set(bench.clips.others, "other held-out clips")
    truth, ours, theirs = (_embedded(bench, s)[1] for s in (bench.truth, bench.made, others))
    value = fid(truth, ours, scale)
    rng = np.random.default_rng(SEED)
    halves = [rng.permutation(len(ours))[: len(ours) // 2] for _ in range(HALVES)]
    # The deviation over halves is that of the whole (delete-half jackknife).
    spread = 1.96 * float(np.std([fid(truth[h], ours[h], scale) for h in halves]))
    return Figure(
        "FID of generation", value, value - spread, value + spread, "", fid(truth, theirs, scale),
        "floor (other real clips)", Goal(3.0, relative=True), len(ours),
    )  # fmt: skip


def _reaction(ours: np.ndarray, theirs: np.ndarray) -> Figure:
    """R@1 of reactions; the goal is at most 3 points under generation's."""
    figure = mean("R@1 of reactions", ours, theirs, "%", beside_what="generation, same clips")
    if math.isnan(figure.beside):
        return figure
    return replace(figure, goal=Goal(figure.beside - 0.03, at_least=True))


def distances(bench: Bench) -> np.ndarray:
    """Distance of every generated motion to its own caption, the score of per_prompt.csv: (N,)."""
    return paired_distances(*_embedded(bench, bench.made))
