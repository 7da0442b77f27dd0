"""A pool of worker processes on this machine.

The main process, which the user started, does not sample. It holds the lock of the run directory, gives each
worker a part when the worker asks for one (longest clips first, so that all end at about the same time),
shows progress and merges. Workers answer over a pipe. If the pipe breaks because the main process was killed,
they end at once; the same command then makes the unfinished parts.
"""

from __future__ import annotations

import os
import queue
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Lock, Thread
from typing import Any, NamedTuple

from intermask_cli.console import forward_messages, note, show
from intermask_cli.devices import processors
from intermask_cli.errors import EXIT_FAILURE, EXIT_SIGTERM, IntermaskError
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.plan import Part
from intermask_cli.generation.run.progress import Progress, show_progress
from intermask_cli.generation.workers.engine import POLL_SECONDS, Interrupts, LoadEngine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.remote_errors import packed, unpacked


def work_in_processes(
    run: RunDirectory,
    parts: Sequence[Part],
    pending: Sequence[Part],
    devices: Sequence[str],
    load_engine: LoadEngine,
    interrupts: Interrupts,
) -> dict[str, float]:
    """Make the pending parts with one worker per device -> counts and seconds as `engine.work` gives them.

    `load_engine` is pickled. If a worker fails or a signal comes, the other workers finish their current
    parts. Then InterruptedRun is raised after a signal, IntermaskError if a worker was killed, else the error
    of the first worker that failed.
    """
    started, done_before = time.monotonic(), run.done_items(parts)
    with interrupts.watching(), show_progress(run, parts, pending) as progress:
        pool = _Pool(run, pending, interrupts, progress)
        pool.work(devices, load_engine)
    interrupts.check(run, parts)
    if pool.killed is not None:
        done = f"{run.done_items(parts):,} of {run.info.items:,} done"
        raise IntermaskError(f"{pool.killed}; {done}; the same command makes the rest")
    if pool.error is not None:
        raise pool.error
    made, ready = run.done_items(parts) - done_before, pool.first_ready or time.monotonic()
    return {"made": made, "load_seconds": ready - started, "seconds": time.monotonic() - ready}


class _Member(NamedTuple):
    """A worker process as the main process sees it."""

    name: str
    process: BaseProcess
    connection: Connection


class _Pool:
    """The workers of a run, and the parts not yet given to any of them.

    `error` is what ended the first worker that failed. `killed` describes the first worker that was killed.
    `first_ready` is the time at which the first worker had loaded its model.
    """

    def __init__(
        self, run: RunDirectory, pending: Sequence[Part], interrupts: Interrupts, progress: Progress
    ):
        self.run, self.interrupts, self.progress = run, interrupts, progress
        self.left = deque(pending)
        self.error: Exception | None = None
        self.killed: str | None = None
        self.first_ready: float | None = None
        self.members: list[_Member] = []

    def work(self, devices: Sequence[str], load_engine: LoadEngine) -> None:
        """Start one worker per device and serve them until every one has ended."""
        try:
            self._start(devices, load_engine)
            while self.members:
                if self.interrupts.exit_code is not None:
                    self.left.clear()
                for connection in wait([member.connection for member in self.members], POLL_SECONDS):
                    member = next(m for m in self.members if m.connection is connection)
                    try:
                        self._handle(member, *member.connection.recv())
                    except (EOFError, ConnectionError):
                        self._handle_death(member)
        finally:
            for member in self.members:  # empty unless an exception stops this process at once
                member.process.kill()
                member.process.join()

    def _start(self, devices: Sequence[str], load_engine: LoadEngine) -> None:
        context = get_context("spawn")  # a forked child could not use CUDA, and Windows has no fork
        threads = max(1, processors() // len(devices))
        for rank, device in enumerate(devices):
            worker = Worker(rank, len(devices), device, workers_per_device=devices.count(device))
            connection, worker_end = context.Pipe()
            arguments = (worker_end, worker, threads, self.run, load_engine)
            process = context.Process(target=run_worker, args=arguments, daemon=True)
            process.start()
            worker_end.close()  # so that the pipe ends when the worker does
            name = f"worker {rank + 1} of {len(devices)} ({device})"
            self.members.append(_Member(name, process, connection))

    def _handle(self, member: _Member, kind: str, *values: Any) -> None:
        """One message of a worker (`run_worker` sends them)."""
        if kind == "made":
            self.progress.add(*values)
        elif kind == "next":
            if self.first_ready is None:
                self.first_ready = time.monotonic()
                self.progress.begin()
            part = self.left.popleft() if self.left and self.interrupts.exit_code is None else None
            with suppress(OSError):  # the worker is dead; its closed pipe is handled by `work`
                member.connection.send(part)
        elif kind == "message":
            show(*values)
        elif kind == "terminated":
            self.interrupts.exit_code = self.interrupts.exit_code or EXIT_SIGTERM
        elif kind == "failed":
            self._stop(unpacked(*values))
        elif kind == "ended":
            self._remove(member)

    def _handle_death(self, member: _Member) -> None:
        self._remove(member)
        if self.killed is None:
            self.killed = f"{member.name} {_end_of(member.process.exitcode or 0)}"
        self._stop(IntermaskError(self.killed))

    def _stop(self, error: Exception) -> None:
        """Record an error and hand out no more parts; the other workers finish their current ones."""
        if self.error is None:
            self.error = error
            self.left.clear()
            if self.members and self.interrupts.exit_code is None:
                note("a worker failed; the others finish their current parts")

    def _remove(self, member: _Member) -> None:
        member.process.join()
        member.connection.close()
        self.members.remove(member)


def _end_of(exit_code: int) -> str:
    """How a process ended, in words; negative codes are signals."""
    if exit_code >= 0:
        return f"ended with code {exit_code}"
    name = signal.Signals(-exit_code).name
    return f"was killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"


# ---------------------------------------------------------------- in the worker process


def run_worker(
    connection: Connection, worker: Worker, threads: int, run: RunDirectory, load_engine: LoadEngine
) -> None:
    """Body of a worker process: ask for a part and make it, until no part is left.

    Sends `next`, `made` (items made, items failed), `message` (kind, text), `terminated`, `failed` (packed
    error) and, last, `ended`.
    """
    channel = _Channel(connection)
    terminated: list[int] = []
    # Ctrl-C in a terminal reaches all its processes. Only the main process reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: terminated.append(number))
    forward_messages(lambda kind, text: channel.send("message", kind, text))
    try:
        if worker.device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
            import torch

            torch.set_num_threads(threads)
        engine = load_engine(worker)

        def parts() -> Iterator[Part]:
            while not terminated:
                channel.send("next")
                part = channel.parts.get()
                if part is None:
                    return
                yield part

        engine.make_parts(parts(), run.write_part, lambda made, failed: channel.send("made", made, failed))
        if terminated:
            channel.send("terminated")
    except Exception as error:
        place = f"worker {worker.rank + 1} of {worker.world} ({worker.device})"
        channel.send("failed", *packed(error, place))
    channel.send("ended")


class _Channel:
    """The worker's end of the pipe: any thread may send, and a background thread receives parts.

    This process ends as soon as the main process is gone.
    """

    def __init__(self, connection: Connection):
        self._connection, self._lock = connection, Lock()
        self.parts: queue.Queue[Part | None] = queue.Queue()
        Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                self.parts.put(self._connection.recv())
            except (EOFError, OSError):
                os._exit(EXIT_FAILURE)

    def send(self, kind: str, *values: Any) -> None:
        """Send a message, or end this process if nothing receives it."""
        try:
            with self._lock:
                self._connection.send((kind, *values))
        except OSError:
            os._exit(EXIT_FAILURE)
