"""Memory does not grow with the number of prompts: 1,200 against 200, a tiny model, a process each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tiny_model import TinyModel

#: 11 kB for each further prompt; an interaction with its arrays takes more.
ALLOWED_MIB = 11

GENERATE = """
import resource, sys
from intermask_cli.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print("peak", peak / 2**20)
    sys.exit(ended.code)
"""


def peak_mib(folder: Path, model: TinyModel, count: int) -> float:
    """Most resident memory of `intermask generate` for `count` prompts."""
    prompts = folder / f"{count}.txt"
    prompts.write_text("".join(f"two people bow {i}\n" for i in range(count)))
    words = ["generate", prompts, "--out", folder / str(count), *model.options, "--frames", 8, "--steps", 1,
             "--batch-size", 32]  # fmt: skip
    command = [sys.executable, "-c", GENERATE, *map(str, words)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert f"{count:,} of {count:,} interactions" in run.stdout
    return float(run.stdout.rpartition("peak ")[2])


@pytest.mark.slow
@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_prompts(tmp_path: Path, tiny_model: TinyModel) -> None:
    few, many = (peak_mib(tmp_path, tiny_model, count) for count in (200, 1_200))
    assert few > 50  # a reading, not zero
    assert many < few + ALLOWED_MIB
