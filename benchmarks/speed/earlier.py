"""The bundled model now and in 0.1.0: the same prompts, process start to finished file, in one run."""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.speed import commands
from benchmarks.speed.timing import summary
from intermask_cli.console import counter, note

#: The commit of 0.1.0, which has no tag.
COMMIT = "d75a56f"
EARLIER, NOW, ALONE = "0.1.0", "now", "now, one worker"


@dataclass(frozen=True)
class EarlierSizes:
    """How many prompts of mixed length, and how often each run is made."""

    prompts: int = 256
    rounds: int = 1


def measure(sizes: EarlierSizes) -> dict[str, Any] | None:
    """Seconds and processor seconds of each run; None where the history lacks 0.1.0.

    Each version takes its own default settings: 0.1.0 has one worker with all threads and leaves bodies as
    decoded, now a large run has a worker per core and bodies are solved. The model's weights are the same.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not checked_out(folder / "tree"):
            note(f"no commit {COMMIT} in this checkout")
            return None
        frames = _write_prompts(folder / "mixed.csv", sizes.prompts)

        def run(label: str, tree: Path, *options: str) -> Callable[[], float]:
            words = ("generate", folder / "mixed.csv", "--out", folder / label, "--overwrite", *options)
            return lambda: commands.processor_seconds(commands.intermask(*words), tree)

        runs = {
            EARLIER: run("earlier", folder / "tree"),
            NOW: run("now", ROOT),
            ALONE: run("alone", ROOT, "--processes", "1"),
        }
        seconds: dict[str, list[float]] = {key: [] for key in runs}
        processor: dict[str, list[float]] = {key: [] for key in runs}
        with counter("against 0.1.0", sizes.rounds * len(runs), "runs") as progress:
            for _ in range(sizes.rounds):
                for key, start in runs.items():
                    taken, of_processor = commands.timed(start)
                    seconds[key].append(taken)
                    processor[key].append(of_processor)
                    progress.advance(status=f"{key} {taken:.1f} s")
    return {
        "prompts": sizes.prompts, "frames": frames, "runs": summary(seconds, EARLIER),
        "processor": summary(processor, EARLIER),
    }  # fmt: skip


def checked_out(tree: Path) -> bool:
    """Write the files of 0.1.0 into a new folder; False where git does not have them."""
    archive = tree.with_suffix(".tar")
    words = ["git", "archive", "--output", str(archive), COMMIT]
    if subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode:
        return False
    shutil.unpack_archive(archive, tree)
    return True


def _write_prompts(path: Path, count: int) -> list[int]:
    """Prompts of prompts/benchmark.csv, again and again with other ids -> their lengths in frames."""
    with open(ROOT / "prompts" / "benchmark.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = [{**rows[i % len(rows)], "id": f"mixed-{i}"} for i in range(count)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return [int(row["frames"]) for row in chosen]
