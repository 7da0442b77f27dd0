"""The error family: every expected failure is one line and one exit code (docs/reference/cli.md).

A message says what was seen, what is accepted and what to do. Anything that is not an
`IntermaskError` is a bug and exits 1.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_MISSING = 4
EXIT_SIGINT = 130
EXIT_SIGTERM = 143


class IntermaskError(Exception):
    """An expected failure; `exit_code` is what the process returns."""

    exit_code = EXIT_FAILURE


class InputError(IntermaskError):
    """Wrong usage, or an input that cannot be used (wrong shape, NaN, pickle, truncated file)."""

    exit_code = EXIT_USAGE


class MissingError(IntermaskError):
    """A model, dataset or text encoder is missing; the message says how to get it."""

    exit_code = EXIT_MISSING


class InterruptedRun(IntermaskError):
    """A signal stopped the run after the current part was finished; the same command resumes it."""

    def __init__(self, message: str, exit_code: int = EXIT_SIGINT):
        super().__init__(message)
        self.exit_code = exit_code


class Terminated(BaseException):
    """SIGTERM arrived while no work handled it. Like KeyboardInterrupt, not an `Exception`."""
