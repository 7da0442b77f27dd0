"""Work through the parts of a plan: make batches, list failures, write part files, stop cleanly."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Protocol

import numpy as np
import psutil

from intermask_cli.console import note, warn
from intermask_cli.errors import (
    EXIT_SIGINT,
    EXIT_SIGTERM,
    IntermaskError,
    InterruptedRun,
    MissingError,
)
from intermask_cli.files import is_locked, locked
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.part_files import Failure, MadeItem, PartWriter, WritePart
from intermask_cli.generation.run.plan import Part, WorkItem
from intermask_cli.generation.run.progress import Progress, show_progress
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.inference.interaction import Interaction

#: Seconds between two checks for signals and finished parts in a process that waits for other workers.
POLL_SECONDS = 0.5
#: After this many failures without a success, `SANITY_TEXT` is made, to distinguish a broken set-up from bad
#: prompts. Not after the first failure: the longest items come first, and several of them may fail in a row.
MAX_FAILURES_BEFORE_SANITY_CHECK = 8
#: The sample of the sanity check: words that every model knows, and a length that fits into any memory.
SANITY_TEXT, SANITY_FRAMES = "two people", 40
#: Called after every batch with the number of items settled (made, or dropped) and the number failed.
AfterBatch = Callable[[int, int], None]


class MakeBatch(Protocol):
    """Items of equal length -> one result each, in order. If it raises, the batch is split and retried."""

    def __call__(self, items: Sequence[WorkItem]) -> Sequence[Interaction]: ...


#: Called before the first batch with its items: says how long it takes, where that is long.
BeforeFirst = Callable[[Sequence[WorkItem]], None]
#: Loads the engine of a worker; workers in other processes get it pickled.
LoadEngine = Callable[[Worker], "Engine"]


class Interrupts:
    """Remembers the first SIGINT or SIGTERM: the current part is finished. A second signal stops at once.

    Under a launcher, the end of the launcher counts as SIGTERM: workers that continued would hold their locks
    and block the next run.
    """

    def __init__(self, under_launcher: bool = False) -> None:
        self.exit_code: int | None = None
        self._launcher = _Parent() if under_launcher else None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        code = EXIT_SIGTERM if number == signal.SIGTERM else EXIT_SIGINT
        if self.exit_code is not None:
            raise InterruptedRun(
                "stopped at once; the same command resumes after the last finished part", code
            )
        self.exit_code = code
        note("finishing the current part; press Ctrl-C again to stop at once")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Context manager: inside, signals are remembered instead of ending the process."""
        previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def parts_until_interrupt(self, parts: Iterable[Part]) -> Iterator[Part]:
        """The parts in order; ends before the next one after a signal or the end of the launcher."""
        for part in parts:
            self._check_launcher()
            if self.exit_code is not None:
                return
            yield part

    def _check_launcher(self) -> None:
        if self._launcher is not None and self.exit_code is None and not self._launcher.is_alive():
            note("the launcher has ended; stopping after the current part")
            self.exit_code = EXIT_SIGTERM

    def check(self, run: RunDirectory, parts: Sequence[Part]) -> None:
        """Raise InterruptedRun, with the number of finished items of `parts`, if a signal came."""
        self._check_launcher()
        if self.exit_code is not None:
            done, total = run.done_items(parts), run.info.items
            message = f"interrupted with {done:,} of {total:,} done; the same command resumes"
            raise InterruptedRun(message, self.exit_code)


class _Parent:
    """The process that started this one."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getppid())

    def is_alive(self) -> bool:
        """Whether it still runs. POSIX gives orphans another parent; Windows keeps the old id."""
        return os.getppid() == self._process.pid and bool(self._process.is_running())


class Engine:
    """Makes the items of parts with one model, in batches.

    `batch_size` is a number of items, or a function from tokens per body row to that number. `made` and
    `failed` count items, to distinguish bad prompts from a broken set-up. `before_first` is called once.
    With an `acceptance`, items that fall short are made again. `export` gets the items of a part before the
    part is written.
    """

    def __init__(
        self,
        make_batch: MakeBatch,
        batch_size: int | Callable[[int], int],
        before_first: BeforeFirst | None = None,
        acceptance: Acceptance | None = None,
    ):
        self.make_batch, self.batch_size, self.before_first = make_batch, batch_size, before_first
        self.acceptance = acceptance
        self.export: Callable[[Sequence[MadeItem]], None] | None = None
        self.made = self.failed = 0
        self._token_limit: int | None = (
            None  # tokens per batch: half of the last batch that ran out of memory
        )

    def items_together(self, tokens: int) -> int:
        """Items per batch, for items of `tokens` tokens per body row."""
        size = self.batch_size if isinstance(self.batch_size, int) else self.batch_size(tokens)
        return size if self._token_limit is None else max(1, min(size, self._token_limit // max(tokens, 1)))

    def make_part(self, part: Part, after_batch: AfterBatch) -> tuple[list[MadeItem], list[Failure]]:
        """Make all items of a part -> items made, failures. An exception of `after_batch` ends the part."""
        made: list[MadeItem] = []
        failures: list[Failure] = []
        for pending in part.by_length():
            while pending:
                batch = pending[: self.items_together(pending[0].tokens)]
                pending = pending[len(batch) :]
                if self.before_first is not None:
                    self.before_first(batch)
                    self.before_first = None
                made_before, failed_before = len(made), len(failures)
                results: list[MadeItem] = []
                self._make(batch, results, failures)
                pending += self._settle(results, made, failures)
                dropped = sum(failure.final for failure in failures[failed_before:])
                failed = len(failures) - failed_before - dropped
                after_batch(len(made) - made_before + dropped, failed)
        place = {item.id: index for index, item in enumerate(part.items)}
        made.sort(key=lambda pair: place[pair[0].id])  # items that were made again come later
        return made, failures

    def _settle(
        self, results: list[MadeItem], made: list[MadeItem], failures: list[Failure]
    ) -> list[WorkItem]:
        """Put results among those made or, if they are dropped, the failures -> items to make again."""
        if self.acceptance is None:
            made += results
            return []
        again = []
        for item, result in results:
            judged = self.acceptance.judged(item, result)
            if not self.acceptance.ends_with(judged):
                again.append(item.again())
            elif judged.accepted or not self.acceptance.drop:
                made.append((item, judged))
            else:
                failures.append(Failure(item, self.acceptance.why_dropped(judged), final=True))
        return again

    def _make(self, items: list[WorkItem], made: list[MadeItem], failures: list[Failure]) -> None:
        """Make a batch; if it fails, its halves, down to single items."""
        try:
            results = self.make_batch(items)
            for result in results:
                _check(result)
        except (InterruptedRun, MissingError):
            raise
        except Exception as error:
            if len(items) == 1:
                self._give_up(items[0], error, failures)
                return
            if is_out_of_memory(error):
                self._token_limit = len(items) * items[0].tokens // 2
                note(
                    f"out of memory with {len(items)} items of {items[0].frames} frames; trying half as many"
                )
        else:
            self.made += len(items)
            made.extend(zip(items, results, strict=True))
            return
        # The exception is out of scope here, so the memory of the failed batch can be freed.
        _free_memory()
        middle = len(items) // 2
        self._make(items[:middle], made, failures)
        self._make(items[middle:], made, failures)

    def _give_up(self, item: WorkItem, error: Exception, failures: list[Failure]) -> None:
        """List an item as failed; raise its error if the set-up is broken rather than the item."""
        self.failed += 1
        check = self.made == 0 and self.failed == MAX_FAILURES_BEFORE_SANITY_CHECK
        if check and not self._sanity_check(item):
            raise error
        reason = _describe(error)
        warn(f"{item.id} failed: {reason}")
        failures.append(Failure(item, f"failed: {reason}"))

    def _sanity_check(self, item: WorkItem) -> bool:
        """Whether a short clip of a plain text can be made in place of the item that failed."""
        plain = replace(item, text=SANITY_TEXT, frames=min(item.frames, SANITY_FRAMES))
        try:
            _check(self.make_batch([plain])[0])
        except (InterruptedRun, MissingError):
            raise
        except Exception:
            return False
        return True

    def make_parts(self, parts: Iterable[Part], write: WritePart, after_batch: AfterBatch) -> None:
        """Make parts in order; each is written in a thread while the next one is made.

        An error in writing a part is raised after the current batch.
        """
        export = self.export

        def write_all(part: Part, made: Sequence[MadeItem], failures: Sequence[Failure]) -> None:
            if export is not None:
                export(made)
            write(part, made, failures)

        with PartWriter(write_all) as writer:

            def checked(made: int, failed: int) -> None:
                after_batch(made, failed)
                writer.check()

            for part in parts:
                writer.put(part, *self.make_part(part, checked))


def is_out_of_memory(error: Exception) -> bool:
    """Whether a batch failed because it was too large, on a GPU or on the CPU."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in message or "can't allocate memory" in message


def _check(result: Interaction) -> None:
    if not np.isfinite(result.joints).all():
        raise ArithmeticError("the model returned joint positions that are not finite")


def _describe(error: Exception) -> str:
    """The first line of an error, after the name of its class unless it is an `IntermaskError`."""
    line = (str(error).splitlines() or ["no message"])[0][:300]
    return line if isinstance(error, IntermaskError) else f"{type(error).__name__}: {line}"


def _free_memory() -> None:
    """Return cached GPU memory, so that a smaller batch can be tried after one ran out of memory."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def work(
    run: RunDirectory,
    parts: Sequence[Part],
    own_parts: Sequence[Part],
    worker: Worker,
    load_engine: LoadEngine,
    interrupts: Interrupts,
) -> dict[str, float]:
    """Make this worker's pending parts; the first worker then waits for the parts of the other workers.

    `parts` are all parts of this command, `own_parts` the pending ones dealt to this worker; the model is
    loaded only if there are any. Returns `made`, the items made by all workers, `load_seconds` and `seconds`.
    """
    started, done_before = time.monotonic(), run.done_items(parts)
    with _marked_alive(run, worker), interrupts.watching():
        engine = load_engine(worker) if own_parts else None
        loaded = time.monotonic()
        with show_progress(run, parts, own_parts, shown=worker.main) as progress:
            if engine is not None:
                engine.make_parts(interrupts.parts_until_interrupt(own_parts), run.write_part, progress.add)
            interrupts.check(run, parts)
            if worker.main and worker.world > 1:
                _wait_for_others(run, parts, worker, interrupts, progress)
    made = run.done_items(parts) - done_before
    return {"made": made, "load_seconds": loaded - started, "seconds": time.monotonic() - loaded}


@contextmanager
def _marked_alive(run: RunDirectory, worker: Worker) -> Iterator[None]:
    """Hold this worker's lock while it works; all workers hold theirs before any continues."""
    if worker.world == 1:
        yield
        return
    with locked(_worker_lock(run, worker.rank)):
        worker.wait_for_start()
        yield


def _worker_lock(run: RunDirectory, rank: int) -> Path:
    # Not in the folder of the parts, which Windows could not remove while a worker still holds its lock.
    return run.folder / f".lock-worker-{rank}"


def _wait_for_others(
    run: RunDirectory, parts: Sequence[Part], worker: Worker, interrupts: Interrupts, progress: Progress
) -> None:
    """Wait until every part is written, or raise if every other worker has ended before that.

    Looks at files and locks: a collective operation would wait forever for a worker that was killed.
    """
    while True:
        interrupts.check(run, parts)
        alive = any(is_locked(_worker_lock(run, rank)) for rank in range(1, worker.world))
        missing = [part for part in parts if not (run.parts_folder / part.name).exists()]
        progress.add_others()
        if not missing:
            return
        if not alive:
            raise IntermaskError(
                f"other workers ended with {len(missing)} parts missing; the same command makes the rest"
            )
        time.sleep(POLL_SECONDS)
