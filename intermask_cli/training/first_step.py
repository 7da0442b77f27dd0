"""What a training step costs, said before the first one where it takes long, and measured after it."""

from __future__ import annotations

import time
from typing import Any

import psutil
import torch
from accelerate import Accelerator

from intermask_cli.console import note

#: Steps longer than this are announced, seconds.
LONG_S = 20.0
#: Multiplications per weight and position, forward and backward together.
PER_WEIGHT = 6
#: Share of the speed of a plain matrix product that training steps are assumed to reach.
EFFICIENCY = 0.3
#: Bytes per weight: itself, its gradient and the two averages of AdamW.
BYTES_PER_WEIGHT = 16


class FirstStep:
    """Context manager around every step; only the first one is announced and timed.

    `positions` are the places of a batch of `samples` at which the `weights` are used.
    """

    def __init__(
        self, name: str, section: str, weights: int, samples: int, positions: int, accelerator: Accelerator
    ):
        self._name, self._section = name, section
        self._weights, self._samples, self._positions = weights, samples, positions
        self._accelerator, self._expected_s = accelerator, 0.0
        self._start, self._done = 0.0, False

    def __enter__(self) -> None:
        if self._done:
            return
        if self._accelerator.device.type == "cpu":
            work = PER_WEIGHT * self._weights * self._positions / self._accelerator.num_processes
            self._expected_s = work / (EFFICIENCY * multiplications_per_s())
        if self._expected_s > LONG_S and self._accelerator.is_main_process:
            note(
                f"{self._name}: a step takes about {spoken(self._expected_s)} on this CPU "
                f"({60 / self._expected_s:.2g} steps per minute): {self._weights / 1e6:.1f} million weights, "
                f"{self._samples} samples; {self._weights * BYTES_PER_WEIGHT / 2**30:.1f} GiB of memory, and "
                f"more for activations; a smaller {self._section}.batch_size or a GPU is faster"
            )
        self._start = time.monotonic()

    def __exit__(self, failed: Any, *_: object) -> None:
        if self._done or failed is not None:
            return
        self._done, seconds = True, time.monotonic() - self._start
        if max(seconds, self._expected_s) > LONG_S and self._accelerator.is_main_process:
            memory = psutil.Process().memory_info().rss / 2**30
            note(
                f"{self._name}: the first step took {spoken(seconds)} ({60 / seconds:.2g} steps per "
                f"minute); {memory:.1f} GiB of memory in use"
            )


def multiplications_per_s() -> float:
    """Speed of a matrix product on the CPU, with torch's threads."""
    size = 512
    factor = torch.ones(size, size)
    factor @ factor  # the first product is slower
    start = time.monotonic()
    factor @ factor
    return 2 * size**3 / max(1e-6, time.monotonic() - start)


def spoken(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
