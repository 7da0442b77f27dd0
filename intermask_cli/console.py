"""Console output: results go to stdout, everything else (progress, notes, warnings) to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

#: Seconds between lines of progress when stderr is not a terminal; keeps log files short.
PLAIN_LINE_SECONDS = 10.0
T = TypeVar("T")
#: Takes a kind of message ("note" or "warning") and its text.
Listener = Callable[[str, str], None]
_listeners: list[Listener] = []
#: Seconds between lines of progress for programs.
JSON_LINE_SECONDS = 1.0
_json_lines = False


def write_json_lines() -> None:
    """From now on every line on stderr is a JSON object: notes, warnings and progress."""
    global _json_lines
    _json_lines = True


def _write_event(event: str, **values: Any) -> None:
    """One JSON object on stderr, in a single write, so that lines of several threads do not mix."""
    if not err.quiet:
        sys.stderr.write(json.dumps({"event": event, **values}) + "\n")
        sys.stderr.flush()


def note(message: str) -> None:
    """One line for people, on stderr."""
    show("note", message)


def warn(message: str) -> None:
    """One warning line on stderr."""
    show("warning", message)


def show(kind: str, message: str) -> None:
    """Print a note or a warning on stderr, or pass it to the listeners if there are any."""
    for listener in _listeners:
        listener(kind, message)
    if _listeners:
        return
    if _json_lines:
        _write_event(kind, message=message)
        return
    if kind == "warning":
        err.print(f"warning: {message}", style="yellow", markup=False)
    else:
        err.print(message, markup=False)


def forward_messages(listener: Listener) -> None:
    """Pass notes and warnings to `listener` instead of stderr, for processes without a console."""
    _listeners.append(listener)


@contextmanager
def silent(other: bool) -> Iterator[None]:
    """Print nothing in the block in one of the `other` processes: the first one prints for all.

    Errors, which end the command, are printed by each.
    """
    before = out.quiet, err.quiet
    out.quiet, err.quiet = (other or quiet for quiet in before)
    try:
        yield
    finally:
        out.quiet, err.quiet = before


def emit_json(value: Any) -> None:
    """One JSON document on stdout, for machines; pure ASCII where stdout is not UTF-8."""
    if out.quiet:
        return
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, indent=2, ensure_ascii=not utf8)
    sys.stdout.write(text + "\n")


class Counter:
    """A running count: a bar on a terminal, else a plain line every `PLAIN_LINE_SECONDS`."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0):
        self.label, self.total, self.unit = label, total, unit
        self.done = self._done_before = done
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Counter:
        if err.is_terminal and not _json_lines:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=err,
            )
            self._bar.start()
            self._task = self._bar.add_task(
                self.label, total=self.total, completed=self.done, rate="", status=""
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def restart_clock(self) -> None:
        """Measure the rate from now on, so that preparation does not count."""
        self._started = time.monotonic()

    def advance(self, count: int = 1, status: str = "") -> None:
        """Count `count` more as done; `status` is free text such as a loss."""
        if count == 0 and self.done >= self.total:
            return  # the last line was already printed
        self.done += count
        now = time.monotonic()
        rate = (self.done - self._done_before) / max(now - self._started, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=f"{rate:.2f}/s", status=status)
            return
        between = JSON_LINE_SECONDS if _json_lines else PLAIN_LINE_SECONDS
        if now - self._last_line >= between or self.done >= self.total:
            self._last_line = now
            seconds = (self.total - self.done) / max(rate, 1e-9)
            if _json_lines:
                _write_event(
                    "progress", step=self.label, done=self.done, total=self.total, unit=self.unit,
                    per_second=round(rate, 4), seconds_left=round(seconds, 1), status=status,
                )  # fmt: skip
                return
            counts = f"{self.done:,}/{self.total:,} {self.unit}"
            line = f"{self.label}: {counts}, {rate:.2f}/s, {seconds:.0f} s left"
            note(f"{line} {status}".rstrip())


@contextmanager
def counter(label: str, total: int, unit: str = "items", done: int = 0) -> Iterator[Counter]:
    """Progress for long work: `with counter("generate", 10) as c: c.advance()`; `done`: finished before."""
    with Counter(label, total, unit, done) as c:
        yield c


def track(items: Iterable[T], label: str, total: int, unit: str = "items") -> Iterator[T]:
    """Iterate with progress."""
    with counter(label, total, unit) as c:
        for item in items:
            yield item
            c.advance()
