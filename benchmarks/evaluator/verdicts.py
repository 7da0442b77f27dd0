"""How reliable verdicts of `evaluate --compare` are: `python -m benchmarks.evaluator.verdicts`.

Synthetic embeddings and foot skate of a model whose samples vary as those of the bundled one do, through the
code that `evaluate` runs. Three questions: how often are two seeds of one model called different, how often
is a planted worsening found, and do intervals hold the true value as often as they claim? Writes JSON and
pastes the tables into docs/results/evaluator.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.pasting import paste
from evaluators.metrics import (
    confidence_interval,
    fid,
    fid_contributions,
    r_precision_contributions,
    repeated_interval,
)
from evaluators.protocols.protocol import DUETS
from evaluators.protocols.scoring import BETTER, Embedded, collect, per_clip_scores, score_repetition
from evaluators.reports.comparing import NOT_SEEN, PHYSICS_BETTER, Verdict, verdict_of
from intermask_cli.console import counter, note

RESULTS = ROOT / "benchmarks" / "results" / "evaluator-verdicts.json"
DOCUMENT = ROOT / "docs" / "results" / "evaluator.md"
MARKER = "evaluator-verdicts"
SKATE = "foot_skate_mm_per_frame"
#: Width of duet-eval's embeddings, and the spectrum of their covariance: few directions hold most of it.
WIDTH = 128
_SPECTRUM = 1.2 * 0.9 ** np.arange(WIDTH)
#: Deviation of a motion from its caption: of the clip, under every seed, and of one sample of it.
_CLIP, _SAMPLE = 0.8, 0.8
#: Systematic deviation of the model, which FID measures.
_BIAS = 2.0
_SKATE_MM, _SKATE_CLIP, _SKATE_SAMPLE = 1.4, 0.5, 0.35
REFERENCE_CLIPS = 500


@dataclass(frozen=True)
class World:
    """Captions, real motion and what the model makes of each caption under any seed."""

    text: np.ndarray  # (N, WIDTH)
    reference: np.ndarray
    clip: np.ndarray  # (N, WIDTH) deviation that all samples of a caption share
    skate: np.ndarray  # (N,)

    @classmethod
    def draw(cls, clips: int, rng: np.random.Generator) -> World:
        def embeddings(count: int, scale: float) -> np.ndarray:
            return scale * np.sqrt(_SPECTRUM) * rng.normal(size=(count, WIDTH))

        reference = embeddings(REFERENCE_CLIPS, 1.0) + embeddings(REFERENCE_CLIPS, 0.5)
        skate = _SKATE_MM * np.exp(_SKATE_CLIP * rng.normal(size=clips))
        return cls(embeddings(clips, 1.0), reference, embeddings(clips, _CLIP), skate)


@dataclass(frozen=True)
class ModelFaults:
    """A planted worsening."""

    bias: float = 1.0  # factor on the systematic deviation
    wrong: float = 0.0  # share of clips with the motion of another caption
    skate: float = 1.0  # factor on foot skate


def samples(world: World, rng: np.random.Generator, faults: ModelFaults) -> tuple[Embedded, np.ndarray]:
    """Embeddings and foot skate (N,) of one sample per caption."""
    count = len(world.text)
    spread = np.sqrt(_SPECTRUM)
    motion = world.text + world.clip + _SAMPLE * spread * rng.normal(size=world.text.shape)
    wrong = np.flatnonzero(rng.random(count) < faults.wrong)
    motion[wrong] = motion[rng.permutation(wrong)] if len(wrong) > 1 else motion[wrong]
    motion = motion + faults.bias * _BIAS / np.sqrt(WIDTH)
    skate = faults.skate * world.skate * np.exp(_SKATE_SAMPLE * rng.normal(size=count))
    keys = tuple(map(str, range(count)))
    return Embedded(world.text, motion, keys=keys), skate


def contributions(world: World, embedded: Embedded, skate: np.ndarray) -> dict[str, dict[str, float]]:
    """What every clip contributes to each metric, as reports hold it."""
    scores = per_clip_scores(DUETS, embedded, world.reference)
    by_metric = {name: dict(zip(s.keys, s.values.tolist(), strict=True)) for name, s in scores.items()}
    return by_metric | {SKATE: dict(zip(embedded.keys, skate.tolist(), strict=True))}


def _only(name: str, world: World, embedded: Embedded, skate: np.ndarray) -> dict[str, float]:
    """`contributions` to one of the planted metrics."""
    values = {
        "FID": lambda: fid_contributions(world.reference, embedded.motion, DUETS.fid_scale),
        "R@1": lambda: r_precision_contributions(world.text, embedded.motion, DUETS.pool_size, top_k=1)[0],
        SKATE: lambda: skate,
    }[name]()
    return dict(zip(embedded.keys, values.tolist(), strict=True))


def verdicts(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]]) -> dict[str, Verdict]:
    """`evaluate --compare` of two files."""
    better = BETTER | PHYSICS_BETTER
    return {name: verdict_of(name, a[name], b[name], better.get(name)) for name in a}


def false_verdicts(clips: int, tries: int, seed: int = 0) -> dict[str, float]:
    """Share of tries in which two seeds of one model and the same captions are called different."""
    different: dict[str, int] = {}
    with counter(f"two seeds, {clips} clips", tries, "tries") as progress:
        for number in range(tries):
            rng = np.random.default_rng([seed, clips, number])
            world = World.draw(clips, rng)
            a, b = (contributions(world, *samples(world, rng, ModelFaults())) for _ in range(2))
            for name, verdict in verdicts(a, b).items():
                different[name] = different.get(name, 0) + (verdict.text != NOT_SEEN)
            progress.advance()
    return {name: count / tries for name, count in different.items()}


def bias_for(gain: float) -> float:
    """Factor on the systematic deviation that raises FID by this share, found on one large sample."""
    rng = np.random.default_rng(0)
    world = World.draw(2000, rng)
    state = rng.bit_generator.state

    def value(bias: float) -> float:
        rng.bit_generator.state = state
        return fid(world.reference, samples(world, rng, ModelFaults(bias=bias))[0].motion)

    low, high, goal = 1.0, 3.0, (1 + gain) * value(1.0)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) < goal else (low, middle)
    return low


def found(clips: int, tries: int, seed: int = 1) -> dict[str, dict[str, float]]:
    """Planted worsening by 10 % -> the true change of the metric, and the share of tries that find it."""
    planted = {
        "FID": ModelFaults(bias=bias_for(0.1)),
        "R@1": ModelFaults(wrong=0.1),
        SKATE: ModelFaults(skate=1.1),
    }
    result = {}
    for name, faults in planted.items():
        hits, changes = 0, []
        with counter(f"{name}, 10 % worse, {clips} clips", tries, "tries") as progress:
            for number in range(tries):
                rng = np.random.default_rng([seed, clips, number])
                world = World.draw(clips, rng)
                a, b = (_only(name, world, *samples(world, rng, f)) for f in (ModelFaults(), faults))
                verdict = verdict_of(name, a, b, (BETTER | PHYSICS_BETTER)[name])
                assert verdict.a is not None and verdict.b is not None
                hits += verdict.text == "a is better"
                changes.append(verdict.b / verdict.a - 1)
                progress.advance()
        result[name] = {"change": float(np.mean(changes)), "found": hits / tries}
    return result


def coverage_over_repetitions(counts: Iterable[int], draws: int = 20_000) -> dict[int, dict[str, float]]:
    """Share of intervals of normal repetitions that hold the mean: the published one and ours."""
    rng = np.random.default_rng(2)
    result = {}
    for count in counts:
        values = rng.normal(size=(draws, count))
        held = {
            "published": [_holds(confidence_interval(v), 0.0) for v in values],
            "ours": [_holds(repeated_interval(v), 0.0) for v in values],
        }
        result[count] = {name: float(np.mean(hits)) for name, hits in held.items()}
    return result


def coverage_of_a_file(clips: int, tries: int, repetitions: int = 3) -> dict[str, float]:
    """Share of a file's intervals that hold the mean over all files of as many other clips."""
    protocol = replace(DUETS, repetitions=repetitions, diversity_pairs=clips)
    rng = np.random.default_rng(3)
    reference = World.draw(clips, rng).reference
    scores = []
    with counter(f"intervals of files of {clips} clips", tries, "tries") as progress:
        for number in range(tries):
            own = np.random.default_rng([3, clips, number])
            world = replace(World.draw(clips, own), reference=reference)
            embedded, _ = samples(world, own, ModelFaults())
            drawn = [score_repetition(protocol, embedded, reference, own) for _ in range(repetitions)]
            scores.append(collect(drawn, protocol, per_clip_scores(protocol, embedded, reference)))
            progress.advance()
    held = {}
    for name in ("R@1", "R@3", "FID", "MM Dist", "Diversity"):
        truth = float(np.mean([score[name].mean for score in scores]))
        held[name] = float(np.mean([_holds(score[name], truth) for score in scores]))
    return held


def _holds(interval: Any, truth: float) -> bool:
    return bool(abs(interval.mean - truth) <= interval.half_width)


def markdown(record: dict[str, Any]) -> str:
    """The tables."""
    sizes = list(record["false"])
    head = "| two seeds of one model called different | " + " | ".join(f"{n} clips" for n in sizes) + " |"
    names = list(record["false"][sizes[0]])
    rows = [
        f"| {name} | " + " | ".join(f"{100 * record['false'][n][name]:.1f} %" for n in sizes) + " |"
        for name in names
    ]
    planted = [
        f"| {name} | {100 * p['change']:+.1f} % | {100 * p['found']:.1f} % |"
        for name, p in record["found"].items()
    ]
    repeated = [
        f"| {n} | {100 * c['published']:.1f} % | {100 * c['ours']:.1f} % |"
        for n, c in record["repetitions"].items()
    ]
    of_files = [
        f"| {n} | " + " | ".join(f"{100 * v:.1f} %" for v in c.values()) + " |"
        for n, c in record["files"].items()
    ]
    metrics = list(next(iter(record["files"].values())))
    return "\n".join(
        [
            f"{record['tries']} simulated tries each, 5 % wrong by construction; "
            "`python -m benchmarks.evaluator.verdicts`.",
            "", head, "| --- " * (1 + len(sizes)) + "|", *rows,
            "", f"| worse, {record['planted_clips']} clips | true change | found |", "| --- | --- | --- |",
            *planted,
            "", "| repetitions | published interval holds the mean | interval here |", "| --- | --- | --- |",
            *repeated,
            "", "| clips of a file | " + " | ".join(f"{m} ±" for m in metrics) + " |",
            "| --- " * (1 + len(metrics)) + "|", *of_files,
        ]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tries", type=int, default=500)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    tries = options.tries
    record = {
        "tries": tries, "planted_clips": 500,
        "false": {clips: false_verdicts(clips, tries) for clips in (64, 128)},
        "found": found(500, tries),
        "repetitions": coverage_over_repetitions((2, 3, 5, 20)),
        "files": {clips: coverage_of_a_file(clips, tries) for clips in (64, 128)},
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    block = markdown(record)
    print(block)
    if options.out == RESULTS and paste(DOCUMENT, MARKER, block):
        note(f"updated {DOCUMENT}")


if __name__ == "__main__":
    main()
