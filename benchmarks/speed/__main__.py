"""How fast it is: `make benchmark`, or `python -m benchmarks.speed`.

Measures the sections of `SECTIONS`, writes benchmarks/results/<name>.json after each, and makes
docs/results/benchmarks.md with its plots from all results in that folder. `--only` repeats single sections;
the others keep the figures of the earlier run with that name.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from benchmarks.speed import gpu, growth, jobs, pictures, sampling
from benchmarks.speed.report import write_report
from intermask_cli.console import note
from intermask_cli.files import write_text

FORMAT = "intermask-speed"
RESULTS, DOCUMENT = ROOT / "benchmarks" / "results", ROOT / "docs" / "results" / "benchmarks.md"

SECTIONS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "sampling": lambda: sampling.measure(sampling.SamplingSizes()),
    "end to end": lambda: jobs.end_to_end(jobs.JobSizes()),
    "machinery": lambda: jobs.machinery(jobs.JobSizes()),
    "many": lambda: jobs.many(jobs.JobSizes()),
    "growth": lambda: growth.measure(growth.GrowthSizes()),
    "pictures": lambda: pictures.measure(pictures.PictureSizes()),
    "gpu": lambda: gpu.measure(gpu.GpuSizes()),
}


def run_sections(
    path: Path, chosen: list[str], sections: dict[str, Callable[[], dict[str, Any] | None]]
) -> dict[str, Any]:
    """Measure the chosen sections into a JSON file, each with the machine it was measured on."""
    record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    record = {"format": FORMAT, "name": path.stem, "sections": record.get("sections", {})}
    for name in chosen:
        note(f"== {name}")
        machine, started = describe(), time.monotonic()
        figures = sections[name]()
        if figures is None:
            note("   left out: no CUDA device")
            continue
        seconds = time.monotonic() - started
        record["sections"][name] = {"machine": machine, "took_seconds": seconds, "figures": figures}
        write_text(path, json.dumps(record, indent=1) + "\n")
    return record


def default_name() -> str:
    """Name of this kind of machine: its GPU, or its number of cores."""
    machine = describe()
    if machine["gpus"]:
        return "speed-" + machine["gpus"][0].lower().replace(" ", "-")
    return f"speed-cpu-{machine['cores']}-cores"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--name", help="of the JSON file; default: of this kind of machine")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), help="sections to measure")
    parser.add_argument(
        "--report", action="store_true", help="measure nothing, only write docs/results/benchmarks.md"
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()
    if not options.report:
        path = RESULTS / f"{options.name or default_name()}.json"
        run_sections(path, options.only or list(SECTIONS), SECTIONS)
        note(f"{path} after {time.monotonic() - started:.0f} s")
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    write_report([record for record in records if record.get("format") == FORMAT], DOCUMENT)
    note(f"{DOCUMENT}")


if __name__ == "__main__":
    main()
