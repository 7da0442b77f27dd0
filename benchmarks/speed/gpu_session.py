"""Everything a borrowed GPU is for, in one command: `make gpu-session`, at most eight minutes.

Runs the GPU tests, the GPU section of the benchmark, `torch.compile`, a short training and a complete
`intermask generate`, each as a process of its own. A step that fails or runs out of time is noted, and the
next one starts. One folder gets session.json, summary.txt and a log per step: eight files. Tried on the CPU
with tiny sizes (`--device cpu --tiny`); never run on a GPU yet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from intermask_cli.console import note
from intermask_cli.files import write_text

#: Seconds for all steps together, and the least that is worth starting a step for.
SESSION, LEAST = 480.0, 5.0


@dataclass(frozen=True)
class Step:
    """One process: its words after `python`, and the most seconds it may take."""

    name: str
    words: tuple[str, ...]
    seconds: float


def steps(device: str, tiny: bool, work: Path) -> list[Step]:
    """What is run, in the order of its worth; `work` is for what is not kept."""
    small = ("--tiny",) if tiny else ()
    clips, training, prompts = ("16", "2", "2") if tiny else ("512", "200", "256")
    of_data = ("--data", str(work / "data"), "--out", str(work / "training"))
    return [
        Step("tests", ("-m", "pytest", "-q", "-ra", "-m", "gpu", "tests/inference/test_gpu.py"), 120),
        Step("speed", ("-m", "benchmarks.speed.gpu", "--device", device, *small), 180),
        Step("generate", ("-m", "intermask_cli", "generate", "prompts/benchmark.csv", "--limit", prompts,
                          "--processes", "1", "--device", device, "--out", str(work / "run")), 90),
        Step("data", ("-m", "intermask_cli", "data", "duets", "--clips", clips,
                      "--out", str(work / "data")), 60),
        Step("training", ("-m", "intermask_cli", "train", "tokenizer", *of_data, "--steps", training,
                          "--set", "tokenizer_training.plain_steps=1",
                          "--device", "auto" if device != "cpu" else "cpu"), 90),
        Step("compile", ("-m", "benchmarks.speed.compiled", "--device", device, *small), 150),
    ]  # fmt: skip


def run_steps(chosen: Sequence[Step], out: Path, seconds: float = SESSION) -> dict[str, Any]:
    """Run the steps one after the other: log files in `out`, and what came of each."""
    end = time.monotonic() + seconds
    found: dict[str, Any] = {}
    for step in chosen:
        limit = min(step.seconds, end - time.monotonic())
        if limit < LEAST:
            found[step.name] = {"outcome": "left out: no time left"}
            continue
        note(f"== {step.name} (at most {limit:.0f} s)")
        started, log = time.monotonic(), out / f"{step.name}.log"
        with open(log, "w", encoding="utf-8") as file:
            try:
                run = subprocess.run(
                    [sys.executable, *step.words], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT,
                    timeout=limit, check=False,
                )  # fmt: skip
                outcome = "ok" if run.returncode == 0 else f"exit code {run.returncode}"
            except subprocess.TimeoutExpired:
                outcome = f"stopped after {limit:.0f} s"
        found[step.name] = {"outcome": outcome, "seconds": time.monotonic() - started}
        found[step.name] |= _figures(log)
    return found


def _figures(log: Path) -> dict[str, Any]:
    """The JSON object that a step of the benchmark prints as its last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    return {"figures": json.loads(lines[-1])}


def summary(found: dict[str, Any]) -> str:
    """One line per step, then the figures that have a goal."""
    lines = [f"{name}: {row['outcome']}, {row.get('seconds', 0):.0f} s" for name, row in found.items()]
    speed = found.get("speed", {}).get("figures")
    if speed:
        fastest = min(row["min"] for row in speed["latency"]["runs"].values())
        best = max(
            row["share_of_matrix_peak"]
            for rows in speed["throughput"].values()
            for name, row in rows.items()
            if "bf16" in name
        )
        lines += [
            f"one clip: {1000 * fastest:.0f} ms (goal 60 for ten seconds of motion)",
            f"best throughput: {speed['best_against_plain_batch_1']:.1f}x the plain loop (goal 60x)",
            f"best batch in bf16: {100 * best:.0f} % of the matrix peak (goal 40 %)",
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed.gpu_session", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=ROOT / "work" / "gpu-session", help="folder of the results"
    )
    parser.add_argument("--device", default="cuda:0", help="cpu to try the script")
    parser.add_argument("--tiny", action="store_true", help="sizes of a few seconds")
    parser.add_argument("--seconds", type=float, default=SESSION, help="for everything together")
    parser.add_argument("--without", nargs="+", default=[], metavar="STEP", help="steps to leave out")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        chosen = [s for s in steps(options.device, options.tiny, Path(work)) if s.name not in options.without]
        if options.tiny:  # a try on any machine, however busy: only the time for everything counts
            chosen = [replace(step, seconds=options.seconds) for step in chosen]
        found = run_steps(chosen, options.out, options.seconds)
    record = {"machine": describe(), "device": options.device, "steps": found}
    write_text(options.out / "session.json", json.dumps(record, indent=1) + "\n")
    write_text(options.out / "summary.txt", summary(found))
    note(summary(found).rstrip())


if __name__ == "__main__":
    main()
