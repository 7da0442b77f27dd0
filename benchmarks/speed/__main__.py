"""How fast it is: `make benchmark`, or `python -m benchmarks.speed`.

Measures the sections of `CORE`, about six minutes on two quiet cores, or with `--all` those of `SECTIONS`.
Writes benchmarks/results/speed-<machine>-<version>.json after each, makes docs/results/benchmarks.md with its
plots from all results in that folder, and prints what was reached of the goals. `--only` repeats single
sections; the others keep the figures of the earlier run of that version. A busy machine is refused. `--tiny`
tries everything with sizes of a few seconds and writes to work/benchmark-tiny.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, busy_share, describe
from benchmarks.speed import (
    corpus,
    earlier,
    evaluation,
    gpu,
    growth,
    jobs,
    pictures,
    sampling,
    starts,
    storage,
    training,
)
from benchmarks.speed.goals import summary_lines
from benchmarks.speed.report import MOST_BUSY, write_report
from intermask_cli.console import note
from intermask_cli.files import write_text
from intermask_cli.version import __version__

FORMAT = "intermask-speed"
RESULTS, DOCUMENT = ROOT / "benchmarks" / "results", ROOT / "docs" / "results" / "benchmarks.md"

SECTIONS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "sampling": lambda: sampling.measure(sampling.SamplingSizes()),
    "starts": lambda: starts.measure(starts.StartSizes()),
    "end to end": lambda: jobs.end_to_end(jobs.JobSizes()),
    "machinery": lambda: jobs.machinery(jobs.JobSizes()),
    "storage": lambda: storage.measure(storage.StorageSizes()),
    "machinery 1,000": lambda: jobs.machinery(jobs.JobSizes(prompts=1000)),
    "many": lambda: jobs.many(jobs.JobSizes()),
    "growth": lambda: growth.measure(growth.GrowthSizes()),
    "training": lambda: training.measure(training.TrainingSizes()),
    "pictures": lambda: pictures.measure(pictures.PictureSizes()),
    "against 0.1.0": lambda: earlier.measure(earlier.EarlierSizes()),
    "duets": lambda: corpus.measure(corpus.CorpusSizes()),
    "evaluate": lambda: evaluation.measure(evaluation.EvaluationSizes()),
    "gpu": lambda: gpu.measure(gpu.GpuSizes()),
}
_FEW = jobs.JobSizes(
    prompts=2, frames=16, rounds=1, many=(20, 40), many_frames=4, long_frames=8, long_items=20
)
#: The same sections with sizes that only show whether they work.
TINY: dict[str, Callable[[], dict[str, Any] | None]] = {
    "sampling": lambda: sampling.measure(sampling.SamplingSizes(gpu.TINY_NETWORK, 3, 2, 1, 2, 2, 2, 2)),
    "starts": lambda: starts.measure(starts.StartSizes((), 16, 1)),
    "end to end": lambda: jobs.end_to_end(_FEW),
    "machinery": lambda: jobs.machinery(_FEW),
    "storage": lambda: storage.measure(storage.StorageSizes(texts=("they hug",), frames=16, rounds=1)),
    "machinery 1,000": lambda: jobs.machinery(_FEW),
    "many": lambda: jobs.many(_FEW),
    "growth": lambda: growth.measure(
        growth.GrowthSizes("duet-mini", None, (16, 32), (2, 3), (1, 2), (1, 2), 16, 2, 1)
    ),
    "training": lambda: training.measure(training.TrainingSizes(batch=4, tokens=4, steps=4, rounds=1)),
    "pictures": lambda: pictures.measure(pictures.PictureSizes(12, 120, 1, 3)),
    "against 0.1.0": lambda: earlier.measure(earlier.EarlierSizes(prompts=2)),
    "duets": lambda: corpus.measure(corpus.CorpusSizes(clips=100, fewer=2, rounds=1)),
    "evaluate": lambda: evaluation.measure(
        evaluation.EvaluationSizes(("--clips", "8", "--repeats", "1", "--quick"))
    ),
    "gpu": lambda: gpu.measure(gpu.TINY),
}
CORE = ("sampling", "starts", "end to end", "machinery", "storage")


def run_sections(
    path: Path, chosen: list[str], sections: dict[str, Callable[[], dict[str, Any] | None]], name: str
) -> dict[str, Any]:
    """Measure the chosen sections into a JSON file, each with the machine it was measured on."""
    record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    record = {
        "format": FORMAT, "name": name, "version": __version__, "sections": record.get("sections", {}),
    }  # fmt: skip
    for section in chosen:
        note(f"== {section}")
        busy = busy_share()
        machine, started = {**describe(), "busy_before": busy}, time.monotonic()
        figures = sections[section]()
        if figures is None:
            note("   left out: not possible here")
            continue
        seconds = time.monotonic() - started
        record["sections"][section] = {"machine": machine, "took_seconds": seconds, "figures": figures}
        write_text(path, json.dumps(record, indent=1) + "\n")
    return record


def default_name() -> str:
    """Name of this kind of machine: its GPU, or its number of cores."""
    machine = describe()
    if machine["gpus"]:
        return "speed-" + machine["gpus"][0].lower().replace(" ", "-")
    return f"speed-cpu-{machine['cores']}-cores"


def refuse_busy() -> None:
    """SystemExit where other programs are at work."""
    busy, load = busy_share(), os.getloadavg()[0]
    if busy > MOST_BUSY:
        raise SystemExit(
            f"other programs use {busy:.0%} of the processors (load {load:.1f}), which would show in the "
            "figures: wait, or measure with --force; the document then says so"
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--name", help="of the machine; default: its kind")
    parser.add_argument("--all", action="store_true", help="all sections, not only the core")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), help="sections to measure")
    parser.add_argument("--tiny", action="store_true", help="try the sections with sizes of a few seconds")
    parser.add_argument("--force", action="store_true", help="measure on a busy machine")
    parser.add_argument(
        "--report", action="store_true", help="measure nothing, only write docs/results/benchmarks.md"
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()
    results, document, sections = RESULTS, DOCUMENT, SECTIONS
    if options.tiny:
        results, sections = ROOT / "work" / "benchmark-tiny", TINY
        document = results / DOCUMENT.name
        results.mkdir(parents=True, exist_ok=True)
    if not options.report:
        if not (options.force or options.tiny):
            refuse_busy()
        name = options.name or default_name()
        path = results / f"{name}-{__version__}.json"
        record = run_sections(path, options.only or list(sections if options.all else CORE), sections, name)
        note(f"{path} after {time.monotonic() - started:.0f} s")
        print("\n".join(summary_lines(record)))
    records = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    write_report([record for record in records if record.get("format") == FORMAT], document)
    note(f"{document}")


if __name__ == "__main__":
    main()
