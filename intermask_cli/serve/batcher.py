"""Dynamic batching: interactions of all requests that can be sampled together are.

One thread makes one batch after the other. While it samples, requests queue up; the next batch takes from all
of them what has the same settings and the same length. Results do not depend on that (`inference.model`).
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Condition
from typing import NamedTuple

from intermask_cli.console import warn
from intermask_cli.errors import IntermaskError
from intermask_cli.files import without_absolute_paths
from intermask_cli.generation.run.plan import Part, WorkItem
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.serve.jobs import CANCELLED, FAILED, QUEUED, RUNNING, BatchKey, ServedJob

#: Share of the newest batch in the average speed.
_NEWEST = 0.3
#: Seconds until a client tries again, where no speed is known yet.
_RETRY_S = 5


class _Ticket(NamedTuple):
    """One interaction that waits. The lowest `turn` is next; `number` keeps the order of equal ones."""

    turn: float
    number: int
    arrived: float
    job: ServedJob
    item: WorkItem


class FullQueue(IntermaskError):
    """The queue has no place for a request; `retry_s` is when it will probably have."""

    def __init__(self, message: str, retry_s: int):
        super().__init__(message)
        self.retry_s = retry_s


class Batcher:
    """Makes the interactions of all jobs in one thread; `finish` is called there with each complete job.

    Jobs take turns: the first interaction of a small request does not wait for the end of a large one.
    `engine_for` gives the engine of a key. With `max_wait_s`, the first interaction after a pause waits that
    long for others, unless they fill a batch before.
    """

    def __init__(
        self,
        engine_for: Callable[[BatchKey], Engine],
        finish: Callable[[ServedJob], None],
        queue: int,
        max_wait_s: float = 0.0,
    ):
        self._engine_for, self._finish = engine_for, finish
        self._queue, self._max_wait_s = queue, max_wait_s
        self._waiting: list[_Ticket] = []
        self._numbers = itertools.count()
        self._turn = 0.0
        self._per_second: float | None = None
        self._changed = Condition()
        self._stopping = False
        self._ended: Future[None] | None = None
        self.running: Sequence[ServedJob] = ()
        self.batches = 0

    def start(self, thread: ThreadPoolExecutor) -> None:
        """Begin to work in the one thread of a pool."""
        self._ended = thread.submit(self._work)

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._ended is not None and not self._ended.done()

    @property
    def waiting(self) -> int:
        """Interactions that wait or are being made."""
        with self._changed:
            return len(self._waiting) + len(self.running)

    def add(self, job: ServedJob) -> None:
        """Queue all interactions of a job.

        Raises:
            FullQueue: they do not fit, or the service is stopping.
        """
        with self._changed:
            if self._stopping:
                raise FullQueue("the service is stopping; try again later", _RETRY_S)
            taken = len(self._waiting) + len(self.running)
            if taken + job.total > self._queue:
                raise FullQueue(
                    f"{taken:,} interactions are queued and {job.total:,} more exceed the limit of "
                    f"{self._queue:,}; try again later",
                    self._retry_s(taken + job.total - self._queue),
                )
            now = time.monotonic()
            for k, item in enumerate(job.job.plan.items):
                heapq.heappush(self._waiting, _Ticket(self._turn + k, next(self._numbers), now, job, item))
            self._changed.notify_all()

    def _retry_s(self, interactions: int) -> int:
        """Seconds until that number of interactions will have been made."""
        if self._per_second is None:
            return _RETRY_S
        return max(1, min(600, round(interactions / self._per_second + 0.5)))

    def cancel(self, job: ServedJob, reason: str) -> bool:
        """Take a job out of the queue; False if it has ended. Its part of a running batch is dropped."""
        with self._changed:
            self._withdraw(job)
            self._changed.notify_all()
            return job.end(CANCELLED, reason)

    def _withdraw(self, job: ServedJob) -> None:
        self._waiting = [ticket for ticket in self._waiting if ticket.job is not job]
        heapq.heapify(self._waiting)

    def stop(self) -> None:
        """Finish the running batch, begin no other, and wait for that."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._ended is not None:
            self._ended.result()

    # ---------------------------------------------------------------- in the thread

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            started = time.monotonic()
            try:
                self._make(batch)
            except Exception as error:
                self._fail(batch, error)
            speed = len(batch) / max(time.monotonic() - started, 1e-6)
            before = speed if self._per_second is None else self._per_second
            with self._changed:
                self._per_second = before + _NEWEST * (speed - before)
                self.running = ()

    def _next_batch(self) -> list[_Ticket] | None:
        """Wait for interactions and take those of a batch out of the queue; None to stop."""
        with self._changed:
            while not self._stopping:
                if not self._waiting:
                    self._changed.wait()
                    continue
                first = self._waiting[0]
                engine = self._engine_for(first.job.key)
                size = engine.items_together(first.item.tokens)
                chosen = heapq.nsmallest(
                    size, (ticket for ticket in self._waiting if _goes_with(ticket, first))
                )
                left = first.arrived + self._max_wait_s - time.monotonic()
                if len(chosen) < size and left > 0:
                    self._changed.wait(left)
                    continue
                taken = {ticket.number for ticket in chosen}
                self._waiting = [ticket for ticket in self._waiting if ticket.number not in taken]
                heapq.heapify(self._waiting)
                self._turn = max(self._turn, first.turn)
                self.running = [ticket.job for ticket in chosen]
                for ticket in chosen:
                    if ticket.job.state == QUEUED:
                        ticket.job.state = RUNNING
                return chosen
            return None

    def _make(self, batch: Sequence[_Ticket]) -> None:
        # In a batch, positions number its interactions: those of several jobs would be equal.
        items = [replace(ticket.item, position=k) for k, ticket in enumerate(batch)]
        made, failures = self._engine_for(batch[0].job.key).make_part(Part(0, items), lambda *_: None)
        self.batches += 1
        with self._changed:
            for item, result in made:
                job = batch[item.position].job
                if not job.ended:
                    job.made.append((batch[item.position].item, result))
                    job.done += 1
            for failure in failures:
                job = batch[failure.item.position].job
                if not job.ended:
                    reason = without_absolute_paths(failure.reason)
                    job.failures.append(
                        replace(failure, item=batch[failure.item.position].item, reason=reason)
                    )
                    job.failed += 1
        for job in {id(ticket.job): ticket.job for ticket in batch}.values():
            if not job.ended and job.done + job.failed == job.total:
                self._finish(job)

    def _fail(self, batch: Sequence[_Ticket], error: Exception) -> None:
        """End the jobs of a batch whose set-up is broken."""
        line = (str(error).splitlines() or ["no message"])[0]
        reason = line if isinstance(error, IntermaskError) else f"{type(error).__name__}: {line}"
        with self._changed:
            for job in {id(ticket.job): ticket.job for ticket in batch}.values():
                self._withdraw(job)
                job.end(FAILED, without_absolute_paths(reason))
        warn(f"a batch failed: {reason}")


def _goes_with(ticket: _Ticket, first: _Ticket) -> bool:
    """Whether two interactions may be sampled together: the same settings and nothing padded."""
    return ticket.item.tokens == first.item.tokens and ticket.job.key == first.job.key
