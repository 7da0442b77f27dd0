"""Same bits on the CPU whatever the batch and the number of threads.

Measured (torch 2.13, MKL and oneDNN, 1 to 8 threads): attention, norms and matrix products give every row
the same bits in any company from about a dozen rows on; with fewer rows several threads split the sums
differently, and a single row takes another kernel. Convolutions change with the batch and with the number
of threads; on an Intel Xeon with AMX so do the seven rows of a short text. So single rows stay single,
products of few rows run on one thread, and texts and convolutions run one sample and one thread at a time,
several samples side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

FEW_ROWS = 64
S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def steady_rows(rows: int, device: torch.device) -> Iterator[None]:
    """One thread inside when `rows` is small enough for threads to change bits; nothing off the CPU."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or rows >= FEW_ROWS or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(function: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """Results of a CPU function per item: each call on one torch thread, as many calls at once as threads."""
    threads = torch.get_num_threads()
    if threads == 1 or len(items) == 0:
        return [function(item) for item in items]

    def alone(item: S) -> T:
        torch.set_num_threads(1)
        with torch.inference_mode():
            return function(item)

    try:
        with ThreadPoolExecutor(min(threads, len(items))) as pool:
            return list(pool.map(alone, items))
    finally:
        torch.set_num_threads(threads)
