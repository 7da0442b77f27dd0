"""Timing runs in turns, so that a disturbance affects all of them; every sample is kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from intermask_cli.console import counter


def in_turns(
    label: str,
    runs: Mapping[str, Callable[[], object]],
    rounds: int,
    settle: Callable[[], None] | None = None,
) -> dict[str, list[float]]:
    """Seconds of every run in every round. `settle` waits for a device to be idle."""
    samples: dict[str, list[float]] = {name: [] for name in runs}
    with counter(label, rounds * len(runs), "runs") as progress:
        for _ in range(rounds):
            for name, run in runs.items():
                if settle is not None:
                    settle()
                started = time.perf_counter()
                run()
                if settle is not None:
                    settle()
                samples[name].append(time.perf_counter() - started)
                progress.advance(status=f"{name} {samples[name][-1]:.2f} s")
    return samples


def summary(samples: Mapping[str, list[float]], baseline: str | None = None) -> dict[str, Any]:
    """Per name: minimum, median, all samples, and how many times as fast as the baseline (of minima)."""
    rows: dict[str, Any] = {}
    for name, seconds in samples.items():
        row: dict[str, Any] = {"min": min(seconds), "median": statistics.median(seconds), "samples": seconds}
        if baseline is not None and name != baseline:
            row["times_as_fast"] = min(samples[baseline]) / min(seconds)
            row["times_as_fast_median"] = statistics.median(samples[baseline]) / row["median"]
        rows[name] = row
    return rows


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """b of the least-squares fit seconds = a * sizes^b."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
