"""One display of how far a run is, over all its workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from intermask_cli.console import Counter, counter
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.part_files import part_files, read_part
from intermask_cli.generation.run.plan import Part

#: Seconds between two scans for part files of other workers; scans are slow on network file systems.
SCAN_SECONDS = 1.0


class Progress:
    """Counts items as they are made here, and parts of other workers as their files appear."""

    def __init__(self, run: RunDirectory, elsewhere: Sequence[Part], shown: Counter | None):
        self._run, self._shown = run, shown
        self._elsewhere = {part.name: part for part in elsewhere}
        self._failed = 0
        self._last_scan = time.monotonic()

    def begin(self) -> None:
        """Restart the clock of the displayed rate, after the model was loaded."""
        if self._shown is not None:
            self._shown.restart_clock()

    def add(self, made: int, failed: int) -> None:
        """Count items made and failed here; every `SCAN_SECONDS` also what other workers have finished."""
        self._failed += failed
        elsewhere = self._finished_elsewhere() if time.monotonic() - self._last_scan > SCAN_SECONDS else 0
        self._show(made + failed + elsewhere)

    def add_others(self) -> None:
        """Count what other workers have finished."""
        self._show(self._finished_elsewhere())

    def _show(self, count: int) -> None:
        if self._shown is not None:
            self._shown.advance(count, f"{self._failed:,} failed" if self._failed else "")

    def _finished_elsewhere(self) -> int:
        """Items in parts of other workers that were finished since the last scan."""
        self._last_scan = time.monotonic()
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
    run: RunDirectory, parts: Sequence[Part], own_parts: Sequence[Part], shown: bool = True
) -> Iterator[Progress]:
    """Progress over all `parts` of a command.

    `own_parts` are counted by calls of `add`, those of other workers by their files.
    """
    if not shown:
        yield Progress(run, [], None)
        return
    own = {part.name for part in own_parts}
    elsewhere = [part for part in run.pending(parts) if part.name not in own]
    total = sum(len(part.items) for part in parts)
    done_before = total - sum(len(part.items) for part in [*own_parts, *elsewhere])
    with counter(run.info.command, total, "interactions", done_before) as display:
        yield Progress(run, elsewhere, display)
