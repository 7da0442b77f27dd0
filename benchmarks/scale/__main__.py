"""What large datasets cost: `python -m benchmarks.scale`.

Writes the tables of docs/guides/scale.md from benchmarks/results/scale.json. With `--measure` the figures are
measured before (processor times on one thread, about a minute), with `--gpu` those of a CUDA device.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.machine import ROOT
from benchmarks.scale.measures import gpu_seconds, measure
from benchmarks.scale.tables import written
from intermask_cli.files import write_json, write_text

RESULT, PAGE = ROOT / "benchmarks" / "results" / "scale.json", ROOT / "docs" / "guides" / "scale.md"

#: Interactions that are made where none are given; a GPU needs full batches.
ON_CPU, ON_GPU = 24, 1024


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="measure on this CPU before")
    parser.add_argument("--gpu", action="store_true", help="measure on the GPU before")
    parser.add_argument(
        "--interactions", type=int, help=f"to make; default: {ON_CPU} on the CPU, {ON_GPU} on a GPU"
    )
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--merged", type=int, default=1024)
    options = parser.parse_args(arguments)
    record = json.loads(RESULT.read_text()) if RESULT.exists() else {"format": "intermask-scale"}
    if options.measure:
        record |= measure(options.interactions or ON_CPU, options.frames, options.merged)
    if options.gpu:
        record |= gpu_seconds(options.interactions or ON_GPU, options.frames)
    if options.measure or options.gpu:
        write_json(RESULT, record)
    write_text(PAGE, written(PAGE.read_text(encoding="utf-8"), record))


if __name__ == "__main__":
    main()
