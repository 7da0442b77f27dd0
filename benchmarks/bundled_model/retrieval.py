"""By the bundled evaluator: does a caption retrieve its motion, and how far apart are the distributions?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench
from benchmarks.bundled_model.figures import Figure, Goal, mean
from evaluators.data.sets import InteractionSet, clip_set, relevance
from evaluators.metrics import fid, paired_distances, pool_ranks, split_pools
from evaluators.protocols.protocol import DUETS, Protocol
from intermask_cli.console import note

#: Random divisions of the clips into pools, and random halves for the interval of FID.
DIVISIONS = 20
HALVES = 20


def measure(bench: ModelBench, protocol: Protocol = DUETS) -> list[Figure]:
    """R@1 and FID of generation, and R@1 of reactions compared with generation's on the same clips."""
    few = bench.generated.take(bench.few, "some generated")
    for clips in (bench.truth, few):
        if len(clips) < protocol.pool_size:
            note(f"R@1 absent: {len(clips)} clips do not fill a pool of {protocol.pool_size}")
    generated, truth, reactions, few_generated = (
        first_shares(bench, clips, protocol) for clips in (bench.generated, bench.truth, bench.reactions, few)
    )
    return [
        mean("R@1 of generation", generated, truth, "%", Goal(0.95, at_least=True, relative=True)),
        _fid(bench, protocol.fid_scale),
        _reaction(reactions, few_generated),
    ]


def _embedded(bench: ModelBench, interactions: InteractionSet) -> tuple[np.ndarray, np.ndarray]:
    """Text and motion (N, D) each."""
    text = bench.cache.text_embeddings(bench.evaluator, interactions.prompts)
    return text, bench.cache.motion_embeddings(bench.evaluator, interactions)


def first_shares(bench: ModelBench, interactions: InteractionSet, protocol: Protocol) -> np.ndarray:
    """How often the motion nearest to a caption is relevant: shares (N,) over random pools.

    Relevant are its own motion and those whose captions mention the same. NaN without a full pool.
    """
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


def _fid(bench: ModelBench, scale: float) -> Figure:
    """FID to ground truth, compared with that of as many other real clips; interval from random halves."""
    others = clip_set(bench.clips.others, "other held-out clips")
    truth, generated, other = (_embedded(bench, s)[1] for s in (bench.truth, bench.generated, others))
    value = fid(truth, generated, scale)
    rng = np.random.default_rng(SEED)
    halves = [rng.permutation(len(generated))[: len(generated) // 2] for _ in range(HALVES)]
    # The deviation over halves estimates that of all clips (delete-half jackknife).
    spread = 1.96 * float(np.std([fid(truth[h], generated[h], scale) for h in halves]))
    return Figure(
        "FID of generation", value, value - spread, value + spread, "", fid(truth, other, scale),
        "floor (other real clips)", Goal(3.0, relative=True), len(generated),
    )  # fmt: skip


def _reaction(reactions: np.ndarray, generated: np.ndarray) -> Figure:
    """R@1 of reactions; the goal is at most 3 points under generation's."""
    figure = mean("R@1 of reactions", reactions, generated, "%", reference_name="generation, same clips")
    if math.isnan(figure.reference):
        return figure
    return replace(figure, goal=Goal(figure.reference - 0.03, at_least=True))


def distances(bench: ModelBench) -> np.ndarray:
    """Distance of every generated motion to its own caption, the score of per_prompt.csv: (N,)."""
    return paired_distances(*_embedded(bench, bench.generated))
