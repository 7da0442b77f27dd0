"""SIGTERM and SIGINT end a training after the step in hand, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from intermask_cli.errors import EXIT_SIGINT, EXIT_SIGTERM


class StopRequest:
    """Context manager; `exit_code` is 0 until a signal arrives. A second signal acts as it normally would."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        # Handlers can only be set from the main thread; elsewhere the owner of the process decides.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = EXIT_SIGTERM if number == signal.SIGTERM else EXIT_SIGINT
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}
