"""`intermask data duets` now and in 0.1.0: processor time of a clip, on the same 26 kinds and on all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.speed import commands
from benchmarks.speed.earlier import COMMIT, EARLIER, NOW, checked_out
from benchmarks.speed.timing import summary
from intermask_cli.console import counter, note

ALL = "now, all kinds"


@dataclass(frozen=True)
class CorpusSizes:
    """Clips of a run, clips of the short run whose time is subtracted, and how often each is made."""

    clips: int = 500
    fewer: int = 20
    rounds: int = 3


def measure(sizes: CorpusSizes) -> dict[str, Any] | None:
    """Processor seconds of a clip, the start of the command left out; None where the history lacks 0.1.0.

    One process each, in turns. "all" in 0.1.0 and "duets-1" now are the same 26 kinds.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not checked_out(folder / "tree"):
            note(f"no commit {COMMIT} in this checkout")
            return None

        def run(tree: Path, kinds: str) -> Callable[[int], float]:
            words = ("data", "duets", "--kinds", kinds, "--out", folder / "corpus", "--overwrite", "--clips")
            return lambda clips: commands.processor_seconds(commands.intermask(*words, clips), tree)

        runs = {EARLIER: run(folder / "tree", "all"), NOW: run(ROOT, "duets-1"), ALL: run(ROOT, "all")}
        seconds: dict[str, list[float]] = {key: [] for key in runs}
        with counter("duets", sizes.rounds * len(runs), "runs") as progress:
            for _ in range(sizes.rounds):
                for key, made in runs.items():
                    spent = made(sizes.clips) - made(sizes.fewer)
                    seconds[key].append(spent / (sizes.clips - sizes.fewer))
                    progress.advance(status=f"{key} {1000 * seconds[key][-1]:.1f} ms")
    return {"clips": sizes.clips, "runs": summary(seconds, EARLIER)}
