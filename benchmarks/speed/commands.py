"""Commands as a user starts them, each in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.machine import ROOT


def intermask(*words: object) -> list[str]:
    """The command line of one of our commands."""
    return [sys.executable, "-m", "intermask_cli", *map(str, words)]


def python(code: str) -> list[str]:
    """The command line of a line of Python."""
    return [sys.executable, "-c", code]


def run(command: Sequence[str]) -> str:
    """What a command prints; RuntimeError with the end of its messages if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def processor_seconds(command: Sequence[str]) -> float:
    """Processor time of a command and all processes that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
