"""By the bundled evaluator: does a caption find its motion, and how far apart are the distributions?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import SEED, Bench
from benchmarks.bundled_model.figures import Figure, Goal, mean
from evaluators.evaluation import Scorer
from evaluators.metrics import fid
from evaluators.protocol import DUETS, Protocol
from evaluators.scoring import NOT_RANKED
from evaluators.sets import InteractionSet, clip_set
from intermask_cli.console import note

POOLS = 20  # random divisions into pools
HALVES = 20


def measure(bench: Bench, protocol: Protocol = DUETS) -> list[Figure]:
    """R@1 and FID of generation, and R@1 of reactions beside generation's on the same clips."""
    scorer = _scorer(bench, protocol, bench.truth)
    if len(bench.truth) < protocol.pool_size:
        note(f"R@1 absent: {len(bench.truth)} clips do not fill a pool of {protocol.pool_size}")
    few = bench.truth.take(bench.few, "some held-out clips")
    small = _scorer(bench, protocol, few)
    made = bench.made.take(bench.few, "generated, some")
    return [
        mean(
            "R@1 of generation", found(scorer, bench.made), found(scorer, bench.truth), "%",
            Goal(0.95, at_least=True, relative=True),
        ),
        _fid(bench, scorer),
        _reaction(found(small, bench.reactions), found(small, made)),
    ]  # fmt: skip


def _scorer(bench: Bench, protocol: Protocol, reference: InteractionSet) -> Scorer:
    return Scorer(bench.evaluator, replace(protocol, repetitions=POOLS), reference, bench.cache, SEED)


def found(scorer: Scorer, interactions: InteractionSet) -> np.ndarray:
    """How often each motion is its caption's first choice, over random pools: (N,); NaN without a pool."""
    embedded = scorer.embed(interactions)
    ranks = np.stack([scorer.repetition(interactions, embedded, n).ranks for n in range(POOLS)])
    times = (ranks != NOT_RANKED).sum(axis=0)
    return np.where(times > 0, (ranks == 0).sum(axis=0) / np.maximum(times, 1), np.nan)


def _fid(bench: Bench, scorer: Scorer) -> Figure:
    """FID to ground truth, beside that of as many other real clips; interval from random halves."""
    scale = scorer.protocol.fid_scale
    truth = scorer.reference_motion
    ours = scorer.embed(bench.made).motion
    theirs = scorer.embed(clip_set(bench.clips.others, "other held-out clips")).motion
    value, floor = fid(truth, ours, scale), fid(truth, theirs, scale)
    rng = np.random.default_rng(SEED)
    halves = [rng.permutation(len(ours))[: len(ours) // 2] for _ in range(HALVES)]
    # The deviation over halves is that of the whole (delete-half jackknife).
    spread = 1.96 * float(np.std([fid(truth[h], ours[h], scale) for h in halves]))
    return Figure(
        "FID of generation", value, value - spread, value + spread, "", floor, "floor (other real clips)",
        Goal(3.0, relative=True), len(ours),
    )  # fmt: skip


def _reaction(ours: np.ndarray, theirs: np.ndarray) -> Figure:
    """R@1 of reactions; the goal is at most 3 points under generation's."""
    figure = mean("R@1 of reactions", ours, theirs, "%", beside_what="generation, same clips")
    if math.isnan(figure.beside):
        return figure
    return replace(figure, goal=Goal(figure.beside - 0.03, at_least=True))


def distances(bench: Bench) -> np.ndarray:
    """Distance of every generated motion to its own caption, the score of per_prompt.csv: (N,)."""
    scorer = _scorer(bench, DUETS, bench.truth)
    embedded = scorer.embed(bench.made)
    return np.linalg.norm(embedded.text - embedded.motion, axis=-1)
