"""What every start costs: processor time of short commands, against that of importing torch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed.commands import intermask, processor_seconds, python, run
from benchmarks.speed.timing import summary
from intermask_cli.console import counter

TORCH, GENERATE, INFO, EXPORT = "import torch", "generate, one prompt", "info RUN", "export RUN"


@dataclass(frozen=True)
class StartSizes:
    """Options that choose another model than the bundled one, frames of the prompt, and rounds."""

    model: tuple[str, ...] = ()
    frames: int = 150
    rounds: int = 3


def measure(sizes: StartSizes) -> dict[str, Any]:
    """Processor seconds of each command, run in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one.txt").write_text("two people shake hands\n")
        finished, made = folder / "finished", folder / "made"
        generate = ["generate", folder / "one.txt", "--frames", sizes.frames, "--overwrite", *sizes.model]
        run(intermask(*generate, "--out", finished))
        commands = {
            TORCH: python("import torch"),
            GENERATE: intermask(*generate, "--out", made),
            INFO: intermask("info", finished),
            EXPORT: intermask("export", finished, "--to", "bvh", "--out", folder / "bvh", "--overwrite"),
        }
        samples: dict[str, list[float]] = {name: [] for name in commands}
        with counter("starts", sizes.rounds * len(commands), "runs") as progress:
            for _ in range(sizes.rounds):
                for name, command in commands.items():
                    samples[name].append(processor_seconds(command))
                    progress.advance(status=f"{name} {samples[name][-1]:.2f} s")
    return {"frames": sizes.frames, "runs": summary(samples, TORCH)}
