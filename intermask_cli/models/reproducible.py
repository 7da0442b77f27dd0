"""Same bits on the CPU whatever the batch and the number of threads.

Measured (torch 2.13, MKL): a matrix product gives every row the same bits in any company from about a
dozen rows on; with fewer rows several threads split the sum differently, and a single row takes another
kernel. Convolutions of small planes change with the batch. So callers keep single rows and convolutions
one sample at a time, and run products of few rows on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FEW_ROWS = 64


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
