"""Work through the parts of a plan: make batches, put failures aside, write, stop cleanly."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import numpy as np

from intermask_cli.console import counter, note, warn
from intermask_cli.datasets.interactions import StoredInteraction
from intermask_cli.errors import (
    EXIT_SIGINT,
    EXIT_SIGTERM,
    InputError,
    IntermaskError,
    InterruptedRun,
    MissingError,
)
from intermask_cli.generation.files import locked
from intermask_cli.generation.launch import Worker
from intermask_cli.generation.manifest import RunDirectory
from intermask_cli.generation.plan import Part, WorkItem
from intermask_cli.generation.store import Failure, write_part

POLL_SECONDS = 0.5
#: So many failures before the first success are taken for a fault of the set-up, not of the prompts.
HOPELESS = 8


class MakeBatch(Protocol):
    """Items of equal length -> one result each, in order. It may raise; then smaller batches are tried."""

    def __call__(self, items: Sequence[WorkItem]) -> Sequence[StoredInteraction]: ...


class Interrupts:
    """Remembers the first SIGINT or SIGTERM: the part in hand is finished. The second stops at once."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        code = EXIT_SIGTERM if number == signal.SIGTERM else EXIT_SIGINT
        if self.exit_code is not None:
            raise InterruptedRun(
                "stopped at once; the same command resumes after the last finished part", code
            )
        self.exit_code = code
        note("finishing the part in hand; once more stops at once")

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def check(self, run: RunDirectory, parts: Sequence[Part]) -> None:
        """Raise InterruptedRun if a signal came."""
        if self.exit_code is not None:
            done, total = run.done_items(parts), run.info.items
            message = f"interrupted with {done:,} of {total:,} done; the same command resumes"
            raise InterruptedRun(message, self.exit_code)


class Engine:
    """Makes parts with one model; counts successes to tell bad prompts from a broken set-up."""

    def __init__(self, make_batch: MakeBatch, batch_size: int):
        self.make_batch, self.batch_size = make_batch, batch_size
        self.made = self.failed = 0

    def make_part(self, part: Part) -> tuple[list[tuple[WorkItem, StoredInteraction]], list[Failure]]:
        """All items of a part, made or failed."""
        made: list[tuple[WorkItem, StoredInteraction]] = []
        failures: list[Failure] = []
        for batch in part.batches(self.batch_size):
            self._make(batch, made, failures)
        return made, failures

    def _make(
        self, items: list[WorkItem], made: list[tuple[WorkItem, StoredInteraction]], failures: list[Failure]
    ) -> None:
        """Make a batch; if it fails, its halves, down to single items."""
        try:
            results = self.make_batch(items)
            for result in results:
                _check(result)
        except (InterruptedRun, MissingError):
            raise
        except Exception as error:
            if len(items) > 1:
                _free_memory()
                middle = len(items) // 2
                self._make(items[:middle], made, failures)
                self._make(items[middle:], made, failures)
                return
            self.failed += 1
            if self.made == 0 and self.failed >= HOPELESS:
                raise
            reason = _describe(error)
            warn(f"{items[0].id} failed: {reason}")
            failures.append(Failure(items[0], f"failed: {reason}"))
            return
        self.made += len(items)
        made.extend(zip(items, results, strict=True))


def _check(result: StoredInteraction) -> None:
    if not np.isfinite(result.joints).all():
        raise ArithmeticError("the model gave positions that are not finite")


def _describe(error: Exception) -> str:
    """The first line of an error, with its kind unless it is one of ours."""
    line = (str(error).splitlines() or ["no message"])[0][:300]
    return line if isinstance(error, IntermaskError) else f"{type(error).__name__}: {line}"


def _free_memory() -> None:
    """Give cached GPU memory back before a smaller try; the failed batch may have run out of it."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def work(
    run: RunDirectory,
    parts: Sequence[Part],
    mine: Sequence[Part],
    worker: Worker,
    load_engine: Callable[[], Engine],
    interrupts: Interrupts,
) -> dict[str, float]:
    """Make this worker's pending parts; the first worker then waits for those of the others.

    `parts` are all parts this command is to make, `mine` the pending ones dealt to this worker; a model
    is loaded only if there are any. Returns `made`, by all workers, and how long loading and making took.
    """
    started, done_before = time.monotonic(), run.done_items(parts)
    with _marked_alive(run, worker), interrupts.watching():
        engine = load_engine() if mine else None
        loaded = time.monotonic()
        with _progress(run, parts, worker) as show:
            for part in mine:
                interrupts.check(run, parts)
                assert engine is not None
                results, failures = engine.make_part(part)
                write_part(run.parts_folder / part.name, run.info.fingerprint, results, failures)
                show()
            if worker.main and worker.world > 1:
                _wait_for_others(run, parts, worker, interrupts, show)
    made = run.done_items(parts) - done_before
    return {"made": made, "load_seconds": loaded - started, "seconds": time.monotonic() - loaded}


@contextmanager
def _progress(run: RunDirectory, parts: Sequence[Part], worker: Worker) -> Iterator[Callable[[], None]]:
    """A function that shows how many items of all workers are done; the first worker shows, others do not."""
    if not worker.main:
        yield lambda: None
        return
    total = sum(len(part.items) for part in parts)
    with counter(run.info.command, total, "interactions", run.done_items(parts)) as progress:

        def show() -> None:
            more = run.done_items(parts) - progress.done
            if more:
                progress.advance(more)

        yield show


@contextmanager
def _marked_alive(run: RunDirectory, worker: Worker) -> Iterator[None]:
    """Hold this worker's lock while it works; all workers hold theirs before any goes on."""
    if worker.world == 1:
        yield
        return
    with locked(run.parts_folder / f".worker-{worker.rank}"):
        worker.wait_for_start()
        yield


def _wait_for_others(
    run: RunDirectory, parts: Sequence[Part], worker: Worker, interrupts: Interrupts, show: Callable[[], None]
) -> None:
    """Until every part is there, or every other worker has ended without it. No collective operation."""
    while True:
        interrupts.check(run, parts)
        alive = any(_is_held(run, rank) for rank in range(1, worker.world))
        missing = [part for part in parts if not (run.parts_folder / part.name).exists()]
        show()
        if not missing:
            return
        if not alive:
            raise IntermaskError(
                f"other workers ended with {len(missing)} parts missing; the same command makes the rest"
            )
        time.sleep(POLL_SECONDS)


def _is_held(run: RunDirectory, rank: int) -> bool:
    try:
        with locked(run.parts_folder / f".worker-{rank}"):
            return False
    except InputError:
        return True
