"""Comparisons with golden arrays that also note how far apart things were, for the report of a parity run.

The notes of a test are a list of plain tuples, which pytest carries to the summary as a user property.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch


class Note(NamedTuple):
    """One comparison: golden file, largest absolute deviation, largest share of its tolerance used."""

    file: str
    exact: bool
    deviation: float
    share: float


class _Running:
    """What the test now running has read and compared."""

    def __init__(self) -> None:
        self.file = "(weights)"
        self.notes: list[tuple] = []
        self.read: list[tuple[str, str]] = []

    def note(self, note: Note) -> None:
        """Kept as a plain tuple: xdist sends nothing else from a worker."""
        self.notes.append(tuple(note))


_running = _Running()


@contextmanager
def noting() -> Iterator[tuple[list[tuple], list[tuple[str, str]]]]:
    """Collect `Note`s and (file, array) pairs read, for one test."""
    global _running
    _running = _Running()
    yield _running.notes, _running.read


def was_read(file: str, array: str) -> None:
    """Golden files say what is taken from them; a comparison belongs to the file read last."""
    _running.file = file
    _running.read.append((file, array))


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def assert_close(actual: Any, expected: Any, atol: float = 0.0, rtol: float = 0.0, what: str = "") -> None:
    """Same shape, and everywhere |actual - expected| <= atol + rtol |expected|."""
    actual, expected = _array(actual), _array(expected)
    assert actual.shape == expected.shape, f"{what} shape {actual.shape}, golden {expected.shape}"
    reference = expected.astype(np.float64)
    deviation = np.abs(actual.astype(np.float64) - reference)
    allowed = atol + rtol * np.abs(reference)
    share = np.divide(deviation, allowed, out=np.zeros_like(deviation), where=deviation > 0)
    largest, most = (float(values.max()) if values.size else 0.0 for values in (deviation, share))
    _running.note(Note(_running.file, False, largest, most))
    np.testing.assert_allclose(actual, expected, atol=atol, rtol=rtol, err_msg=what)


def assert_equal(actual: Any, expected: Any) -> None:
    """Equal plain objects (lists, dictionaries, strings)."""
    _running.note(Note(_running.file, True, 0.0, 0.0))
    assert actual == expected


def assert_same(actual: Any, expected: Any, what: str = "") -> None:
    """Same shape and values."""
    actual, expected = _array(actual), _array(expected)
    assert actual.shape == expected.shape, f"{what} shape {actual.shape}, golden {expected.shape}"
    _running.note(Note(_running.file, True, 0.0, 0.0))
    np.testing.assert_array_equal(actual, expected, err_msg=what)
