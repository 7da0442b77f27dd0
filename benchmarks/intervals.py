"""Means and 95 % intervals over a handful of seeds, by Student's t.

The published `1.96 * std / sqrt(n)` of `evaluators.metrics` is made for twenty repetitions; with three
seeds it would be less than half as wide as it has to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evaluators.metrics import Interval

#: Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom.
T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def over_seeds(values: Sequence[float]) -> Interval:
    """Mean and half width over seeds; the half width of a single one is NaN."""
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size:
        raise ValueError("no values; give one per seed")
    if sample.size == 1:
        return Interval(float(sample[0]), float("nan"))
    quantile = T_95[min(sample.size - 1, len(T_95)) - 1]
    return Interval(float(sample.mean()), float(quantile * sample.std(ddof=1) / np.sqrt(sample.size)))


def paired_difference(a: Mapping[int, float], b: Mapping[int, float]) -> Interval | None:
    """b - a over the seeds both have: equal seeds share batches and random numbers. None without any."""
    shared = sorted(a.keys() & b.keys())
    return over_seeds([b[seed] - a[seed] for seed in shared]) if shared else None
