"""Errors of a worker in another process, raised again in the process that started the run."""

from __future__ import annotations

import pickle
import traceback
from contextlib import suppress

from intermask_cli.errors import IntermaskError


class RemoteTraceback(Exception):
    """The traceback of a worker, as the cause of its error, for --debug."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def packed(error: Exception, place: str) -> tuple[bytes, str]:
    """A pickled error, and its traceback; `place` names the worker.

    An `IntermaskError` stays the same; any other becomes an `IntermaskError` whose message names it.
    """
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, IntermaskError):
        with suppress(Exception):
            data = pickle.dumps(error)
            pickle.loads(data)
            return data, trace
    first = (str(error).splitlines() or ["no message"])[0]
    hint = "run with --debug for the traceback"
    return pickle.dumps(IntermaskError(f"{place}: {type(error).__name__}: {first} ({hint})")), trace


def unpacked(data: bytes, trace: str) -> Exception:
    """The error that was packed, with its traceback as the cause."""
    error: Exception = pickle.loads(data)
    error.__cause__ = RemoteTraceback(trace)
    return error
