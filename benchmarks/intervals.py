"""95 % intervals: Student's t over seeds, Wilson's for a share, a bootstrap for any statistic of clips.

The published `1.96 * std / sqrt(n)` of `evaluators.metrics` suits twenty repetitions; with three seeds it
would be less than half as wide as it has to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from evaluators.metrics import Interval

#: Percentiles between which 95 % of a distribution lie.
BOUNDS = (2.5, 97.5)
RESAMPLES = 1000


def over_seeds(values: Sequence[float]) -> Interval:
    """Mean and half width over seeds; the half width of a single one is NaN. ValueError without any."""
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size:
        raise ValueError("no values; give one per seed")
    if sample.size == 1:
        return Interval(float(sample[0]), math.nan)
    # Three decimals, as tables of the distribution print it: the published figures were made with those.
    quantile = round(float(stats.t.ppf(BOUNDS[1] / 100, sample.size - 1)), 3)
    return Interval(float(sample.mean()), float(quantile * sample.std(ddof=1) / np.sqrt(sample.size)))


def paired_difference(a: Mapping[int, float], b: Mapping[int, float]) -> Interval | None:
    """b - a over the seeds both have: equal seeds share batches and random numbers. None without any."""
    shared = sorted(a.keys() & b.keys())
    return over_seeds([b[seed] - a[seed] for seed in shared]) if shared else None


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Interval of the share of `hits` among `count`; NaN of none."""
    if not count:
        return math.nan, math.nan
    interval = stats.binomtest(hits, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(count: int, statistic: Callable[[np.ndarray], float]) -> tuple[float, float, float]:
    """A statistic of the clips 0..count-1, and its interval: percentiles over clips drawn with replacement.

    Draws whose statistic is NaN are left out (`scipy.stats.bootstrap` would return NaN); all three values are
    NaN without clips.
    """
    if not count:
        return math.nan, math.nan, math.nan
    rng = np.random.default_rng(0)
    drawn = np.array([statistic(rng.integers(0, count, count)) for _ in range(RESAMPLES)])
    finite = drawn[~np.isnan(drawn)]
    low, high = np.percentile(finite, BOUNDS) if len(finite) else (math.nan, math.nan)
    return statistic(np.arange(count)), float(low), float(high)
