"""Prompts that were never used for tuning: `prompts/fresh-*.csv`, by someone who saw only the kinds' names.

Each is generated with the length its author gave it. "Marked" means that the model's reader said that the
prompt is outside what the model knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, share
from benchmarks.bundled_model.phases import phases_seen
from benchmarks.bundled_model.wordings import prompt_set
from benchmarks.judges.label_hits import label_hits
from benchmarks.reading.__main__ import actor_of, is_outside, rows_of, side_of
from evaluators.protocols.motions import GenerationRequest
from intermask_cli.console import track
from intermask_cli.datasets.duets.labels import Labels
from intermask_cli.generation.prompts.seeds import sample_seed

#: Kinds that show a situation of the published demo.
SITUATIONS = {
    "boxing": ("boxing_bout", "dodge_counter"),
    "latin_dance": ("latin_dance",),
    "duel": ("sabre_duel",),
    "argument": ("argument",),
    "celebration": ("celebrate_jump",),
    "bow": ("bow",),
    "embrace": ("hug",),
}
KIND, LABEL = Goal(0.88, at_least=True), Goal(0.88, at_least=True)
PHASES, MARKED, INSIDE = (Goal(limit, at_least=True) for limit in (0.75, 0.8, 0.97))

Row = dict[str, str]


def measure(bench: ModelBench) -> list[Figure]:
    """Wordings of the kinds of the bench, two phases, situations of the demo, and prompts outside."""
    known = bench.clips.kinds
    wordings = [row for row in rows_of("fresh-wordings") if row["kind"] in known]
    motions = _generated(bench, "fresh wording", wordings)
    shown = bench.reader(motions).kind
    phases = [row for row in rows_of("fresh-two-phases") if {row["first"], row["second"]} <= set(known)]
    return [
        share("fresh wordings: kind right", _equal(shown, [row["kind"] for row in wordings]), goal=KIND),
        *_labels(bench, wordings, motions),
        share("fresh wordings: not marked", [not one for one in _marked(bench, wordings)], goal=INSIDE),
        share("fresh, outside all kinds: marked", _marked(bench, rows_of("fresh-outside")), goal=MARKED),
        share("fresh, two phases: both, in order", _in_order(bench, phases), goal=PHASES),
        *_situations(bench),
    ]


def missed(bench: ModelBench) -> list[Row]:
    """Fresh wordings whose motion shows another kind."""
    rows = [row for row in rows_of("fresh-wordings") if row["kind"] in bench.clips.kinds]
    shown = bench.reader(_generated(bench, "fresh wording", rows)).kind
    return [
        {"id": row["id"], "text": row["text"], "asked": row["kind"], "shown": kind}
        for row, kind in zip(rows, shown, strict=True)
        if kind != row["kind"]
    ]


def _equal(shown: Sequence[str], asked: Sequence[str]) -> np.ndarray:
    return np.array([one == other for one, other in zip(shown, asked, strict=True)], dtype=bool)


def _generated(bench: ModelBench, name: str, rows: Sequence[Row]) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) of a motion for each row; a bench of few kinds may have none."""
    if not rows:
        return []
    texts = [row["text"] for row in rows]
    prompts = prompt_set(name, texts, [int(row["frames"]) for row in rows])
    seeds = [sample_seed(SEED, text, 0, 0) for text in texts]
    return joints_of(bench.generator(GenerationRequest(prompts, seeds)))


def _marked(bench: ModelBench, rows: Sequence[Row]) -> list[bool]:
    """Whether the model says of each that it is outside; a model without a reader never does."""
    if bench.model.reader is None:
        return [False] * len(rows)
    return is_outside(bench.model.read([row["text"] for row in rows]))


def _labels(bench: ModelBench, rows: Sequence[Row], motions: Sequence[np.ndarray]) -> list[Figure]:
    """Role and side where the author wrote them down, by the label reader and by geometry."""
    figures = []
    for name, column in (("role", "actor"), ("side", "side")):
        stated = [i for i, row in enumerate(rows) if (side_of(row) if column == "side" else row[column])]
        hits = label_hits([motions[i] for i in stated], [_as_labels(rows[i]) for i in stated], bench.reader)
        by_geometry = getattr(hits, f"{name}_geometry")
        figures += [
            share(f"fresh wordings: {name} right", getattr(hits, name), goal=LABEL),
            share(f"fresh wordings: {name} right, by geometry", by_geometry, goal=LABEL),
        ]
    return figures


def _as_labels(row: Row) -> Labels:
    return Labels(
        kind=row["kind"], actor=actor_of(row) if row["actor"] else None, side=side_of(row) or None,
        tempo="normal", manner=None, repeats=None, approach="near", contacts=(), events=(),
    )  # fmt: skip


def _in_order(bench: ModelBench, rows: Sequence[Row]) -> list[bool]:
    """Whether each motion shows its first kind and then its second."""
    motions = track(_generated(bench, "fresh phases", rows), "read phases", len(rows), "clips")
    seen = [phases_seen(joints, bench.reader) for joints in motions]
    return [one == (row["first"], row["second"]) for one, row in zip(seen, rows, strict=True)]


def _situations(bench: ModelBench) -> list[Figure]:
    """How many of the situations are right, or marked, in at least two of their three wordings."""
    rows = rows_of("fresh-demo")
    shown, marked = bench.reader(_generated(bench, "fresh demo", rows)).kind, _marked(bench, rows)
    right = [kind in SITUATIONS[row["situation"]] for kind, row in zip(shown, rows, strict=True)]
    fine = [one or other for one, other in zip(right, marked, strict=True)]
    most = [
        np.mean([hit for hit, row in zip(fine, rows, strict=True) if row["situation"] == situation]) > 0.5
        for situation in SITUATIONS
    ]
    return [
        share("situations of the published demo: right or marked", most, goal=Goal(1.0, at_least=True)),
        share("wordings of these situations: right", right),
        share("wordings of these situations: marked", marked),
    ]
