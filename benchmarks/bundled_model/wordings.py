"""Words that training has never seen: held-out templates, and prompts as new users might type them."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench, in_held_out_words, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, label_figures, share
from benchmarks.judges.label_hits import label_hits
from benchmarks.machine import ROOT
from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from evaluators.protocols.motions import GenerationRequest
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import NUM_JOINTS

FREE_WORDINGS = ROOT / "prompts" / "free-wordings.csv"
GOAL = Goal(0.8, at_least=True)


def measure(bench: ModelBench) -> list[Figure]:
    """Held-out templates for some clips of every kind, then the free wordings."""
    clips = [bench.clips.single[i] for i in bench.few]
    labels = [clip.labels for clip in clips]
    generated = joints_of(bench.generate(in_held_out_words(clips)))
    hits, truth_hits = (
        label_hits(motions, labels, bench.reader) for motions in (generated, [clip.joints for clip in clips])
    )
    rows, shown = free_wordings(bench)
    free_hits = [kind == row["kind"] for kind, row in zip(shown, rows, strict=True)]
    return [
        *label_figures("held-out templates", hits, truth_hits, {"kind": GOAL}),
        share("free wordings: kind right", np.array(free_hits), goal=GOAL),
    ]


def free_wordings(bench: ModelBench) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """The first prompts of every kind, and the kinds their motions show."""
    with FREE_WORDINGS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in bench.clips.kinds]
    counts: dict[str, int] = {}
    chosen = []
    for row in rows:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
        if counts[row["kind"]] <= bench.sizes.free:
            chosen.append(row)
    texts = [row["text"] for row in chosen]
    prompts = prompt_set("free wording", texts, [int(row["frames"]) for row in chosen])
    seeds = [sample_seed(SEED, text, 0, 0) for text in texts]
    return chosen, bench.reader(joints_of(bench.generator(GenerationRequest(prompts, seeds)))).kind


def prompt_set(name: str, prompts: Sequence[str], frames: Sequence[int]) -> InteractionSet:
    """Prompts and lengths; the motions are zeros, to be generated."""
    count = len(prompts)
    return InteractionSet(
        name=name,
        ids=tuple(f"{name} {i + 1}" for i in range(count)),
        prompts=tuple(prompts),
        motions=tuple(Motion(np.zeros((2, n, NUM_JOINTS, 3), np.float32)) for n in frames),
        samples=(0,) * count,
        seeds=(None,) * count,
        generated_persons=(BOTH_PERSONS,) * count,
    )
