"""Commands in a process of their own with limits on memory, and what each took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.paths import ROOT

#: Runs each command of a JSON list on stdin in this one process; a line of JSON about each.
_CHILD = """
import contextlib, io, json, resource, sys, time
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
from intermask_cli.cli import main
for command in json.load(sys.stdin):
    err, out = io.StringIO(), io.StringIO()
    start = time.process_time()
    code = None
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        try:
            main(command)
        except SystemExit as ended:
            code = ended.code
    # Not ru_maxrss, which a process inherits from the one that started it.
    peak = 1024 * int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
    print(json.dumps([code, err.getvalue(), time.process_time() - start, peak]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended; `peak` is the most memory, in bytes, that its process had so far."""

    command: list[str]
    code: int
    stderr: str
    processor_seconds: float
    peak: int


def run_limited(commands: Sequence[Sequence[object]], folder: Path, limit_bytes: int) -> list[Ended]:
    """Run the commands one after another in `folder` (Linux).

    More than `limit_bytes` of data is refused to the process, so that a fault does not take the machine.
    """
    words = [[str(word) for word in command] for command in commands]
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(limit_bytes)],
        input=json.dumps(words), capture_output=True, text=True, cwd=folder, timeout=540, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "INTERMASK_DEVICE": "cpu", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(lines) == len(words), (words[len(lines)], child.stderr[-2000:])
    return [Ended(command, *line) for command, line in zip(words, lines, strict=True)]
