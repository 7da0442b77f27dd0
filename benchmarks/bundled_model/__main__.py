"""Measure, print the table, write JSON and the picture of the worst, update the documents that show them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.bundled_model import (
    continuation,
    fresh,
    generation,
    pair_decoder,
    phases,
    reaction,
    retrieval,
    salsa,
    tokenizer,
    walking,
    wordings,
)
from benchmarks.bundled_model.bench import SEED, ClipCounts, ModelBench, held_out
from benchmarks.bundled_model.figures import Figure
from benchmarks.bundled_model.report import draw, markdown, worst
from benchmarks.judges.label_reader import label_classifier
from benchmarks.machine import ROOT
from benchmarks.pasting import paste
from evaluators.data.cache import Cache
from evaluators.data.sets import DUETS_KINDS, DUETS_SEED
from evaluators.evaluator import load_evaluator
from intermask_cli import load_model
from intermask_cli.console import note
from intermask_cli.datasets.duets.labels import kind_set

RESULTS = ROOT / "benchmarks" / "results" / "bundled-model.json"
PICTURE = ROOT / "docs" / "results" / "images" / "bundled-model-worst.png"
MARKER = "bundled-model"
PASTED_INTO = (
    ROOT / "docs" / "results" / "bundled-model.md",
    ROOT / "intermask_cli" / "assets" / "duet-mini" / "README.md",
)
PARTS: dict[str, Callable[[ModelBench], list[Figure]]] = {
    "tokenizer": tokenizer.measure,
    "generation": generation.measure,
    "retrieval": retrieval.measure,
    "wordings": wordings.measure,
    "fresh": fresh.measure,
    "phases": phases.measure,
    "reaction": reaction.measure,
    "salsa": salsa.measure,
    "continuation": continuation.measure,
    "walking": walking.measure,
    "apart": pair_decoder.measure,
}


def sizes_for(per_kind: int) -> ClipCounts:
    """All numbers of clips, from the number per kind."""
    return ClipCounts(per_kind, -(-per_kind // 2), 5 * per_kind + 1, per_kind, min(per_kind, 4))


def measured(bench: ModelBench, only: list[str]) -> tuple[dict[str, list[Figure]], dict[str, float]]:
    """Figures and minutes of every part asked for."""
    figures, minutes = {}, {}
    for part, measure in PARTS.items():
        if part in only:
            started, worked = time.monotonic(), time.process_time()
            figures[part] = measure(bench)
            minutes[part] = (time.monotonic() - started) / 60
            note(f"{part}: {minutes[part]:.1f} min, {(time.process_time() - worked) / 60:.1f} of CPU time")
    return figures, minutes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="duet-mini", help="bundled name or folder")
    parser.add_argument("--evaluator", default="duet-eval", help="bundled name or folder")
    parser.add_argument("--kinds", default=DUETS_KINDS,
                        help="of the held-out clips, as in `data duets`; others are not pasted")  # fmt: skip
    parser.add_argument("--per-kind", type=int, default=5, help="clips of every kind; other numbers follow")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART",
                        help=f"parts to measure: {', '.join(PARTS)}; nothing is pasted then")  # fmt: skip
    parser.add_argument("--guidance", type=float, help="instead of the model's own; nothing is pasted then")
    parser.add_argument("--steps", type=int, help="instead of the model's own; nothing is pasted then")
    parser.add_argument(
        "--captures",
        type=Path,
        help="folder of real salsa (see docs/guides/train.md); without it, reactions to salsa are left out",
    )
    parser.add_argument("--out", type=Path, help=f"JSON file  [default: {RESULTS.relative_to(ROOT)}]")
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / "work",
        help="folder for label reader and generated motions",
    )
    options = parser.parse_args()

    started = time.monotonic()
    model = load_model(options.model)
    changes = {k: v for k in ("guidance", "steps") if (v := getattr(options, k)) is not None}
    sampling = replace(model.info.sampling, **changes)
    sizes = sizes_for(options.per_kind)
    reader = label_classifier(options.cache, DUETS_SEED)
    evaluator = load_evaluator(options.evaluator)
    bench = ModelBench(
        model,
        reader,
        evaluator,
        held_out(sizes, kind_set(options.kinds)),
        sizes,
        sampling,
        Cache(options.cache),
        options.captures,
    )
    figures, minutes = measured(bench, options.only)
    full = options.only == list(PARTS) and not changes and options.kinds == DUETS_KINDS
    far = worst(bench) if "retrieval" in options.only else []
    missed = fresh.missed(bench) if "fresh" in options.only else []
    kinds = generation.kinds(bench) if "generation" in options.only else {}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    record: dict[str, Any] = {
        "model": model.info.name, "model_sha256": model.bundle.sha256, "evaluator": evaluator.name,
        "evaluator_sha256": evaluator.sha256, "sizes": asdict(sizes), "corpus_seed": DUETS_SEED,
        "seed": SEED, "sampling": asdict(sampling), "machine": f"{machine}, torch {torch.__version__}",
        "minutes": {**minutes, "all": (time.monotonic() - started) / 60},
        "figures": {part: [figure.to_dict() for figure in rows] for part, rows in figures.items()},
        "kinds": kinds, "fresh_wordings_missed": missed, "worst": far,
    }  # fmt: skip
    clips = f"{sizes.per_kind} held-out Duets clips of each of {len(bench.clips.kinds)} kinds"
    command = "python -m benchmarks.bundled_model"
    if options.per_kind != parser.get_default("per_kind"):
        command += f" --per-kind {options.per_kind}"
    footer = (
        f"`{model.info.name}` ({model.bundle.sha256[:12]}), guidance {sampling.guidance:g}, {sampling.steps} "
        f"steps; {clips}, full captions unless said; evaluator `{evaluator.name}` ({evaluator.sha256[:12]}); "
        f"{record['machine']}; `{command}`."
    )
    block = markdown(figures, kinds, far, missed, footer)
    print(block)
    if full or options.out is not None:
        out = options.out or RESULTS
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        note(f"wrote {out}")
        if far:
            picture = PICTURE if out == RESULTS else out.with_suffix(".png")
            draw(bench, far, picture)
            note(f"wrote {picture}")
    for path in PASTED_INTO if full and options.out is None else ():
        if paste(path, MARKER, block):
            note(f"updated {path}")


if __name__ == "__main__":
    main()
