"""Commands as a user starts them, each in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.machine import ROOT


def intermask(*words: object) -> list[str]:
    """The command line of one of our commands."""
    return [sys.executable, "-m", "intermask_cli", *map(str, words)]


def python(code: str) -> list[str]:
    """The command line of a line of Python."""
    return [sys.executable, "-c", code]


def run(command: Sequence[str], folder: Path = ROOT) -> str:
    """What a command prints, started in a folder; RuntimeError with the end of its messages if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def processor_seconds(command: Sequence[str], folder: Path = ROOT) -> float:
    """Processor time of a command and all processes that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def timed(start: Callable[[], float]) -> tuple[float, float]:
    """Seconds by the clock of a call, and what it returns."""
    began = time.perf_counter()
    result = start()
    return time.perf_counter() - began, result
