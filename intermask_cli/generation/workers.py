"""Several workers on this machine: processes started here, parts handed to them, all told to stop together.

The process the user started samples nothing itself. It holds the run directory, gives each worker a part
when the worker asks for one (longest clips first, so that all end at about the same time), shows progress and
merges. Workers answer over a pipe; when the pipe breaks, because its other end was killed, they end at once.
What is not finished then is made by the same command given again.
"""

from __future__ import annotations

import io
import os
import pickle
import queue
import signal
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Lock, Thread
from typing import IO, Any, NamedTuple, cast

from intermask_cli import console
from intermask_cli.devices import processors
from intermask_cli.errors import EXIT_FAILURE, EXIT_SIGTERM, IntermaskError
from intermask_cli.generation.engine import POLL_SECONDS, Interrupts, LoadEngine
from intermask_cli.generation.launch import Worker
from intermask_cli.generation.plan import Part
from intermask_cli.generation.progress import Progress, show_progress
from intermask_cli.generation.run_directory import RunDirectory


def work_in_processes(
    run: RunDirectory,
    parts: Sequence[Part],
    pending: Sequence[Part],
    devices: Sequence[str],
    load_engine: LoadEngine,
    interrupts: Interrupts,
) -> dict[str, float]:
    """Make the pending parts with one worker per device; timing as of `engine.work`.

    `load_engine` is pickled. Raises what ended the first worker that failed, IntermaskError when one was
    killed, and InterruptedRun after a signal; always after the others have finished the parts in hand.
    """
    started, done_before = time.monotonic(), run.done_items(parts)
    with interrupts.watching(), show_progress(run, parts, pending) as progress:
        team = _Team(run, pending, interrupts, progress)
        team.work(devices, load_engine)
    interrupts.check(run, parts)
    if team.lost is not None:
        done = f"{run.done_items(parts):,} of {run.info.items:,} done"
        raise IntermaskError(f"{team.lost}; {done}; the same command makes the rest")
    if team.trouble is not None:
        raise team.trouble
    made, ready = run.done_items(parts) - done_before, team.first_ready or time.monotonic()
    return {"made": made, "load_seconds": ready - started, "seconds": time.monotonic() - ready}


class _Member(NamedTuple):
    """One worker as the process that started it sees it."""

    name: str
    process: BaseProcess
    connection: Connection


class _Team:
    """The workers of a run and the parts that none of them has been given yet."""

    def __init__(
        self, run: RunDirectory, pending: Sequence[Part], interrupts: Interrupts, progress: Progress
    ):
        self.run, self.interrupts, self.progress = run, interrupts, progress
        self.left = deque(pending)
        self.trouble: Exception | None = None
        self.lost: str | None = None
        self.first_ready: float | None = None
        self.members: list[_Member] = []

    def _start(self, devices: Sequence[str], load_engine: LoadEngine) -> None:
        context = get_context("spawn")
        threads = max(1, processors() // len(devices))
        for rank, device in enumerate(devices):
            worker = Worker(rank, len(devices), device, sum(other == device for other in devices))
            ours, theirs = context.Pipe()
            arguments = (theirs, worker, threads, self.run, load_engine)
            process = context.Process(target=run_worker, args=arguments, daemon=True)
            process.start()
            theirs.close()  # so that the pipe ends when the worker does
            self.members.append(_Member(f"worker {rank + 1} of {len(devices)} ({device})", process, ours))

    def work(self, devices: Sequence[str], load_engine: LoadEngine) -> None:
        """Start one worker per device; until every one has ended."""
        try:
            self._start(devices, load_engine)
            while self.members:
                if self.interrupts.exit_code is not None:
                    self.left.clear()
                for connection in wait([member.connection for member in self.members], POLL_SECONDS):
                    member = next(m for m in self.members if m.connection is connection)
                    try:
                        self._heard(member, *member.connection.recv())
                    except (EOFError, ConnectionError):
                        self._lost(member)
        finally:
            for member in self.members:  # empty unless we were told to stop at once
                member.process.kill()
                member.process.join()

    def _heard(self, member: _Member, what: str, *values: Any) -> None:
        if what == "made":
            self.progress.made(*values)
        elif what == "next":
            if self.first_ready is None:
                self.first_ready = time.monotonic()
                self.progress.begin()
            part = self.left.popleft() if self.left and self.interrupts.exit_code is None else None
            with suppress(OSError):  # dead already: its end of the pipe tells
                member.connection.send(part)
        elif what == "say":
            console.err.out(*values, end="", highlight=False)
        elif what == "terminated":
            self.interrupts.exit_code = self.interrupts.exit_code or EXIT_SIGTERM
        elif what == "failed":
            self._stop(pickle.loads(values[0]))
        elif what == "ended":
            self._dismiss(member)

    def _lost(self, member: _Member) -> None:
        self._dismiss(member)
        code = member.process.exitcode or 0
        how = f"ended with code {code}"
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            how += " (out of memory?)" if code == -signal.SIGKILL else ""
        self.lost = self.lost or f"{member.name} {how}"
        self._stop(IntermaskError(self.lost))

    def _stop(self, trouble: Exception) -> None:
        """No more parts; the others finish what they have in hand."""
        if self.trouble is None:
            self.trouble = trouble
            self.left.clear()
            if self.members and self.interrupts.exit_code is None:
                console.note("a worker failed; the others finish the parts in hand")

    def _dismiss(self, member: _Member) -> None:
        member.process.join()
        member.connection.close()
        self.members.remove(member)


# ---------------------------------------------------------------- in the worker's own process


def run_worker(
    connection: Connection, worker: Worker, threads: int, run: RunDirectory, load_engine: LoadEngine
) -> None:
    """Everything a worker process does."""
    line = _Line(connection)
    terminated: list[int] = []
    # Ctrl-C of a terminal reaches all its processes. The one the user started decides what it means here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: terminated.append(number))
    console.err.file = cast(IO[str], _Console(line))
    try:
        if worker.device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
            import torch

            torch.set_num_threads(threads)
        engine = load_engine(worker)

        def parts() -> Iterator[Part]:
            while not terminated:
                line.send("next")
                part = line.parts.get()
                if part is None:
                    return
                yield part

        engine.make_parts(parts(), run.write_part, lambda made, failed: line.send("made", made, failed))
        if terminated:
            line.send("terminated")
    except Exception as error:
        line.send("failed", _packed(error, worker))
    line.send("ended")


class _Line:
    """The worker's end of the pipe: sent from any thread, read by a thread that ends with the other end."""

    def __init__(self, connection: Connection):
        self._connection, self._lock = connection, Lock()
        self.parts: queue.Queue[Part | None] = queue.Queue()
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                self.parts.put(self._connection.recv())
            except (EOFError, OSError):
                os._exit(EXIT_FAILURE)  # killed, or tired of waiting: nobody is there to write for

    def send(self, what: str, *values: Any) -> None:
        try:
            with self._lock:
                self._connection.send((what, *values))
        except OSError:
            os._exit(EXIT_FAILURE)


class _Console(io.TextIOBase):
    """Where a worker's notes go: to the process that shows progress."""

    def __init__(self, line: _Line):
        self._line = line

    def write(self, text: str) -> int:
        self._line.send("say", text)
        return len(text)


def _packed(error: Exception, worker: Worker) -> bytes:
    """An error to raise in the other process: one of ours as it is, any other as a line that names it."""
    if os.environ.get("INTERMASK_DEBUG", "") not in ("", "0"):
        traceback.print_exc()
    if isinstance(error, IntermaskError):
        with suppress(Exception):
            data = pickle.dumps(error)
            pickle.loads(data)
            return data
    first = (str(error).splitlines() or ["no message"])[0]
    place = f"worker {worker.rank + 1} of {worker.world} ({worker.device})"
    hint = "run with --debug for the traceback"
    return pickle.dumps(IntermaskError(f"{place}: {type(error).__name__}: {first} ({hint})"))
