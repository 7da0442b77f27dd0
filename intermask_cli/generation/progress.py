"""One display of how far a run is, over all its workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from intermask_cli.console import Counter, counter
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.part_files import part_files, read_part
from intermask_cli.generation.plan import Part
from intermask_cli.generation.run_directory import RunDirectory

#: How often files of other workers are looked for; more often costs time on network file systems.
LOOK_SECONDS = 1.0


class Progress:
    """Counts items as they are made here, and parts of other workers as their files appear."""

    def __init__(self, run: RunDirectory, elsewhere: Sequence[Part], shown: Counter | None):
        self._run, self._shown = run, shown
        self._elsewhere = {part.name: part for part in elsewhere}
        self._failed = 0
        self._looked = time.monotonic()

    def begin(self) -> None:
        """Rate and time left count from now, when loading is over."""
        if self._shown is not None:
            self._shown.restart_clock()

    def add(self, made: int, failed: int) -> None:
        """Count items made and failed here; every `LOOK_SECONDS` also what other workers have finished."""
        self._failed += failed
        others = self._others() if time.monotonic() - self._looked > LOOK_SECONDS else 0
        self._show(made + failed + others)

    def add_others(self) -> None:
        """Count what other workers have finished."""
        self._show(self._others())

    def _show(self, more: int) -> None:
        if self._shown is not None:
            self._shown.advance(more, f"{self._failed:,} failed" if self._failed else "")

    def _others(self) -> int:
        """Items in parts of other workers that have appeared since the last look."""
        self._looked = time.monotonic()
        if self._shown is None or not self._elsewhere:
            return 0
        finished = {path.name for path in part_files(self._run.parts_folder)}
        new = [self._elsewhere.pop(name) for name in finished & self._elsewhere.keys()]
        self._failed += sum(map(self._failed_in, new))
        return sum(len(part.items) for part in new)

    def _failed_in(self, part: Part) -> int:
        try:
            return len(read_part(self._run.parts_folder / part.name).failed)
        except IntermaskError:  # a damaged part stops the merge, with its name
            return 0


@contextmanager
def show_progress(
    run: RunDirectory, parts: Sequence[Part], mine: Sequence[Part], shown: bool = True
) -> Iterator[Progress]:
    """Progress over all `parts` of a command.

    Parts in `mine` are counted by calls of `add`, those of other workers from their files.
    """
    if not shown:
        yield Progress(run, [], None)
        return
    own = {part.name for part in mine}
    elsewhere = [part for part in run.pending(parts) if part.name not in own]
    total = sum(len(part.items) for part in parts)
    before = total - sum(len(part.items) for part in [*mine, *elsewhere])
    with counter(run.info.command, total, "interactions", before) as display:
        yield Progress(run, elsewhere, display)
