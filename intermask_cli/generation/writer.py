"""Finished parts are written by a thread while the next one is made."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from threading import Thread
from types import TracebackType

from intermask_cli.generation.part_files import Failure
from intermask_cli.generation.plan import Part, WorkItem
from intermask_cli.inference.interaction import Interaction

Made = list[tuple[WorkItem, Interaction]]
Write = Callable[[Part, Made, Sequence[Failure]], None]


class PartWriter:
    """Writes parts in the order they come; one may wait behind the one being written, then `put` waits.

    Leaving the `with` block waits until everything handed over is on disk. An error of the thread, such as
    a full disk, is raised by the next `check`, `put` or at the end of the block.
    """

    def __init__(self, write: Write):
        self._write = write
        self._jobs: queue.Queue[tuple[Part, Made, Sequence[Failure]] | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        # A daemon, so that a disk that hangs cannot keep a process alive whose user stopped it.
        self._thread = Thread(target=self._work, name="part-writer", daemon=True)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:  # after an error jobs are only taken, so that nobody waits for room
                try:
                    self._write(*job)
                except BaseException as error:
                    self._error = error

    def check(self) -> None:
        """Raise the error that stopped the thread, if one did."""
        if self._error is not None:
            raise self._error

    def put(self, part: Part, made: Made, failures: Sequence[Failure]) -> None:
        """Hand over a part."""
        self.check()
        self._jobs.put((part, made, failures))

    def __enter__(self) -> PartWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(None)
        self._thread.join()
        if error is None:
            self.check()
