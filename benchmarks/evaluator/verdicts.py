"""How reliable verdicts of `evaluate --compare` are: `python -m benchmarks.evaluator.verdicts`.

Synthetic embeddings and foot skate of a model whose samples vary as those of the bundled one do, through the
code that `evaluate` runs. Three questions: how often are two seeds of one model called different, how often
is a planted worsening found, and do intervals hold the true value as often as they claim? Writes JSON and
pastes the tables into docs/results/evaluator.md. It takes about ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.pasting import paste
from evaluators.metrics import (
    confidence_interval,
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
#: One in four captions has several samples, five, for MModality.
_REPEATED_EVERY, _REPEATED_SAMPLES = 4, 5
#: Clips of the tries without a fault, and of those with a planted one.
SIZES, PLANTED_CLIPS = (64, 128, 500), 500
#: A planted worsening changes its metric by this share.
WORSE = 0.1


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
            drawn: np.ndarray = scale * np.sqrt(_SPECTRUM) * rng.normal(size=(count, WIDTH))
            return drawn

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
    """Embeddings and foot skate (N,) of one sample per caption, and several of some for MModality."""
    count = len(world.text)

    def motions(clips: slice, *samples: int) -> np.ndarray:
        noise = _SAMPLE * np.sqrt(_SPECTRUM) * rng.normal(size=(*samples, len(world.text[clips]), WIDTH))
        made: np.ndarray = (world.text + world.clip)[clips] + noise + faults.bias * _BIAS / np.sqrt(WIDTH)
        return made

    motion = motions(slice(None))
    wrong = np.flatnonzero(rng.random(count) < faults.wrong)
    motion[wrong] = motion[np.roll(wrong, 1)]
    skate = faults.skate * world.skate * np.exp(_SKATE_SAMPLE * rng.normal(size=count))
    keys = tuple(map(str, range(count)))
    several = slice(None, None, _REPEATED_EVERY)
    repeated = motions(several, _REPEATED_SAMPLES).swapaxes(0, 1)  # (C, S, WIDTH)
    return Embedded(world.text, motion, repeated, keys, keys[several]), skate


def contributions(world: World, embedded: Embedded, skate: np.ndarray) -> dict[str, dict[str, float]]:
    """What every clip contributes to each metric, as reports hold it."""
    scores = per_clip_scores(DUETS, embedded, world.reference)
    by_metric = {name: dict(zip(s.keys, s.values.tolist(), strict=True)) for name, s in scores.items()}
    return by_metric | {SKATE: dict(zip(embedded.keys, skate.tolist(), strict=True))}


def _only(name: str, world: World, embedded: Embedded, skate: np.ndarray) -> dict[str, float]:
    """`contributions` to one of the planted metrics."""
    makers: dict[str, Callable[[], np.ndarray]] = {
        "FID": lambda: fid_contributions(world.reference, embedded.motion, DUETS.fid_scale),
        "R@1": lambda: r_precision_contributions(world.text, embedded.motion, DUETS.pool_size, top_k=1)[0],
        SKATE: lambda: skate,
    }
    return dict(zip(embedded.keys, makers[name]().tolist(), strict=True))


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


def planted(clips: int, worlds: int = 12) -> dict[str, ModelFaults]:
    """Faults that worsen FID, R@1 and foot skate by `WORSE` on average over some worlds."""

    def value(name: str, faults: ModelFaults) -> float:
        values = []
        for number in range(worlds):
            rng = np.random.default_rng([4, clips, number])
            world = World.draw(clips, rng)
            values.append(np.mean(list(_only(name, world, *samples(world, rng, faults)).values())))
        return float(np.mean(values))

    def solved(name: str, fault: str, low: float, high: float, goal: float) -> ModelFaults:
        sound = value(name, ModelFaults())
        for _ in range(10):
            middle = (low + high) / 2
            reached = value(name, ModelFaults(**{fault: middle})) / sound
            beyond = reached >= goal if goal > 1 else reached <= goal
            low, high = (low, middle) if beyond else (middle, high)
        return ModelFaults(**{fault: (low + high) / 2})

    return {
        "FID": solved("FID", "bias", 1.0, 1.5, 1 + WORSE),
        "R@1": solved("R@1", "wrong", 0.0, 0.3, 1 - WORSE),
        SKATE: ModelFaults(skate=1 + WORSE),
    }


def found(clips: int, tries: int, seed: int = 1) -> dict[str, dict[str, float]]:
    """Planted worsening -> the mean change of the metric, and the share of tries that find it."""
    result = {}
    for name, faults in planted(clips).items():
        hits, changes = 0, []
        with counter(f"{name}, {100 * WORSE:g} % worse, {clips} clips", tries, "tries") as progress:
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
    for name in ("R@1", "R@3", "FID", "MM Dist", "Diversity", "MModality"):
        truth = float(np.mean([score[name].mean for score in scores]))
        held[name] = float(np.mean([_holds(score[name], truth) for score in scores]))
    return held


def _holds(interval: Any, truth: float) -> bool:
    return bool(abs(interval.mean - truth) <= interval.half_width)


def _share(value: float | None) -> str:
    """Of tries; a metric that needs more clips has none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def markdown(record: dict[str, Any]) -> str:
    """The tables."""
    sizes = list(record["false"])
    head = "| two seeds of one model called different | " + " | ".join(f"{n} clips" for n in sizes) + " |"
    names = dict.fromkeys(name for n in reversed(sizes) for name in record["false"][n])
    rows = [
        f"| {name} | " + " | ".join(_share(record["false"][n].get(name)) for n in sizes) + " |"
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
        "tries": tries, "planted_clips": PLANTED_CLIPS,
        "false": {clips: false_verdicts(clips, tries) for clips in SIZES},
        "found": found(PLANTED_CLIPS, tries),
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
