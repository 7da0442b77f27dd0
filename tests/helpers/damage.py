"""Seeded damage to files: other bytes, cuts, and JSON values of another kind, for tests in tests/fuzz."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

#: Values that stand where others are expected.
ODD_VALUES = (
    None, True, 0, -1, 1.5, 10**9, 10**30, "", "x", "1e-3", [], [1], {}, {"a": 1}, float("nan"), "\ud800",
)  # fmt: skip


def rounds(short: int) -> int:
    """Number of inputs of one fuzzer: `short`, or what FUZZ_ROUNDS says (`make fuzz`)."""
    return int(os.environ.get("FUZZ_ROUNDS", short))


def damaged_bytes(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Copies with bytes changed, removed, repeated or cut off."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        data = bytearray(content)
        for _ in range(rng.integers(1, 8)):
            place = int(rng.integers(0, max(len(data), 1)))
            kind = rng.integers(0, 4)
            if kind == 0 and data:
                data[place] = int(rng.integers(0, 256))
            elif kind == 1:
                del data[place : place + int(rng.integers(1, 40))]
            elif kind == 2:
                data[place:place] = data[place : place + 30]
            else:
                del data[place:]
        yield bytes(data)


def damaged_values(values: Any, seed: int, count: int) -> Iterator[Any]:
    """Copies of plain values in which one entry, at any depth, is missing or one of `ODD_VALUES`."""
    rng = np.random.default_rng(seed)
    places = list(_places(values, ()))
    for _ in range(count):
        place = places[rng.integers(len(places))]
        odd = ODD_VALUES[rng.integers(len(ODD_VALUES))]
        yield _changed(values, place, odd, remove=rng.random() < 0.15)


def _places(values: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, value in inner:
        yield from _places(value, (*path, key))


def _changed(values: Any, place: tuple[Any, ...], odd: Any, remove: bool) -> Any:
    copy = dict(values) if isinstance(values, dict) else list(values)
    if len(place) > 1:
        copy[place[0]] = _changed(copy[place[0]], place[1:], odd, remove)
    elif remove and isinstance(copy, dict):
        del copy[place[0]]
    else:
        copy[place[0]] = odd
    return copy
