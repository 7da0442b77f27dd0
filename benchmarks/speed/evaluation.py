"""`intermask evaluate` without arguments: the first time, and again with its cache."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed import commands
from intermask_cli.console import note

FIRST, AGAIN = "first run", "second run"


@dataclass(frozen=True)
class EvaluationSizes:
    """Options of the command; none is what a user types."""

    options: tuple[str, ...] = ()


def measure(sizes: EvaluationSizes) -> dict[str, Any]:
    """Seconds and processor seconds of both runs, with a cache of their own."""
    found: dict[str, Any] = {"options": list(sizes.options), "runs": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = commands.intermask(
            "evaluate", "--cache", folder / "cache", "--out", folder / "out", *sizes.options
        )
        for label in (FIRST, AGAIN):
            seconds, processor = commands.timed(lambda: commands.processor_seconds(command))
            found["runs"][label] = {"seconds": seconds, "processor_seconds": processor}
            note(f"{label}: {seconds:.1f} s")
    return found
