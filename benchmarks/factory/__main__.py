"""`python -m benchmarks.factory`: 20,000 prompts from templates to Parquet, each command in its own process.

`--prompts 300` tries it in minutes. The model is tiny (`tiny_model`), so that what is not sampling shows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.factory.report import document
from intermask_cli.console import note

#: Runs the command of a stage: its figures (`stage.measured`), and what it printed.
RunStage = Callable[[list[str]], tuple[dict[str, Any], str]]
ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "factory.json"
PAGE = ROOT / "docs" / "results" / "factory.md"
TEMPLATES = Path(__file__).with_name("templates.yaml")
#: A part of what the tiny model makes meets it at the first try, which depends on the tokenizer only.
ACCEPT, TRIES = "penetration_mm < 100", 2


def stages(prompts: int, model: Path) -> dict[str, list[str]]:
    """The command of each stage, by name; all in one folder."""
    source = ["--model", str(model), "--device", "cpu"]
    accept = ["--accept", ACCEPT, "--tries", str(TRIES)]
    return {
        "prompts make": [
            "prompts",
            "make",
            "--spec",
            str(TEMPLATES),
            "-n",
            str(prompts),
            "-o",
            "set.csv",
            "--json",
        ],
        "plan": ["plan", "set.csv", *source, *accept, "--json"],
        "generate": ["generate", "set.csv", *source, *accept, "--processes", "1", "-o", "run", "--json"],
        "select": ["select", "run", "--where", "accepted == 1", "-o", "good", "--json"],
        "split": ["split", "good", "--by", "wording", "--json"],
        "stats": ["stats", "good", "--by", "kind", "--json"],
        "export": ["export", "good", "--to", "parquet", "-o", "tables"],
    }


def measure(prompts: int, work: Path, run: RunStage) -> dict[str, Any]:
    """Run all stages in a folder that has the model: each one's figures, and what it printed as JSON."""
    rows = {}
    for name, words in stages(prompts, work / "model").items():
        note(f"factory: {name}")
        rows[name], printed = run(words)
        if rows[name]["exit_code"]:
            raise RuntimeError(f"{' '.join(words)} ended with {rows[name]['exit_code']}")
        if "--json" in words:
            rows[name]["printed"] = json.loads(printed)
    files = list((work / "tables").rglob("*.parquet"))
    return {
        "prompts": prompts,
        "accept": ACCEPT,
        "tries": TRIES,
        "stages": rows,
        "dataset_bytes": (work / "run" / "interactions.h5").stat().st_size,
        "parquet_files": len(files),
        "parquet_bytes": sum(path.stat().st_size for path in files),
    }


def in_own_process(words: list[str], work: Path) -> tuple[dict[str, Any], str]:
    """A stage in a process of its own: its figures, and what it printed; messages go to stderr."""
    figures = work / "figures.json"
    printed = _python(["benchmarks.factory.stage", str(figures), *words], work)
    return json.loads(figures.read_text()), printed


def _python(words: list[str], folder: Path) -> str:
    """Run a module; RuntimeError if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def main() -> None:
    """Measure, and write the result and its page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.factory", description=__doc__)
    parser.add_argument("--prompts", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="folder to keep what is made; removed by default")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file of the figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="Markdown page")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="factory-")) if options.work is None else options.work
    work.mkdir(parents=True, exist_ok=True)
    try:
        _python(["benchmarks.factory.tiny_model", str(work / "model")], work)
        result = measure(options.prompts, work, partial(in_own_process, work=work))
    finally:
        if options.work is None:
            shutil.rmtree(work)
    from benchmarks.machine import (
        describe,  # here: it loads torch, and stages inherit the memory of this process
    )

    result["machine"] = describe()
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    options.page.write_text(document(result))
    note(f"{options.out} and {options.page}")


if __name__ == "__main__":
    main()
