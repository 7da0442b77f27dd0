"""Words training has never seen: held-out templates of the corpus, and prompts as strangers type them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmarks.bundled_model.bench import SEED, Bench, joints_of
from benchmarks.bundled_model.clips import in_held_out_words
from benchmarks.bundled_model.figures import Figure, Goal, share
from benchmarks.bundled_model.labels import KIND, hits, label_figures
from benchmarks.pasting import ROOT
from evaluators.data.sets import prompt_set
from evaluators.protocols.motions import GenerationRequest
from intermask_cli.generation.seeds import sample_seed

FREE_WORDINGS = ROOT / "prompts" / "free-wordings.csv"
GOAL = Goal(0.8, at_least=True)


def measure(bench: Bench) -> list[Figure]:
    """Held-out templates for some clips of every kind, then the free wordings."""
    clips = [bench.clips.single[i] for i in bench.few]
    made = bench.generate(in_held_out_words(clips))
    ours = hits(joints_of(made), clips, bench.reader)
    theirs = hits([clip.joints for clip in clips], clips, bench.reader)
    rows, seen = free_wordings(bench)
    right = [kind == row["kind"] for kind, row in zip(seen, rows, strict=True)]
    return [
        *label_figures("held-out templates", ours, theirs, {KIND: GOAL}),
        share("free wordings: kind right", np.array(right), goal=GOAL),
    ]


def free_wordings(bench: Bench, path: Path = FREE_WORDINGS) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """The first prompts of every kind, and the kinds their motions show."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in bench.clips.kinds]
    counts: dict[str, int] = {}
    chosen = []
    for row in rows:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
        if counts[row["kind"]] <= bench.sizes.free:
            chosen.append(row)
    texts = [row["text"] for row in chosen]
    asked = prompt_set("free wording", texts, [int(row["frames"]) for row in chosen])
    made = bench.maker(GenerationRequest(asked, [sample_seed(SEED, text, 0, 0) for text in texts]))
    return chosen, bench.reader(joints_of(made)).kind


def missed(bench: Bench) -> list[dict[str, str]]:
    """Free wordings whose motion shows another kind."""
    rows, seen = free_wordings(bench)
    return [
        {"id": row["id"], "text": row["text"], "asked": row["kind"], "shown": kind}
        for row, kind in zip(rows, seen, strict=True)
        if kind != row["kind"]
    ]
