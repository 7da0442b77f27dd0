"""Means with 95 % intervals: the published one over repetitions, Student's, and those over clips.

Repetitions of one file draw pools and pairs again, but not the motions. So an interval over repetitions says
nothing about other motions of the same model; intervals over clips do. Definitions:
docs/reference/data-and-evaluation.md#confidence-interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

#: 97.5 % quantile of the standard normal distribution, rounded as in the published code.
Z_95 = 1.96
#: Half widths below this, relative to the mean, are rounding errors of numbers that do not vary.
_ROUNDING = 1e-9
#: Resamples of a bootstrap: the 2.5 % percentile is then known to 0.04 standard errors.
RESAMPLES = 4000
#: Numbers drawn in one block, which bounds the memory to 64 MB.
_DRAWN_TOGETHER = 4_000_000
#: Fixed, so that a comparison says the same twice.
_BOOTSTRAP_SEED = 0
#: Power for which the smallest difference that would have been seen is stated.
POWER = 0.9


@dataclass(frozen=True)
class Interval:
    """A mean and the half width of its 95 % interval; the half width of one repetition is NaN."""

    mean: float
    half_width: float


@dataclass(frozen=True)
class Difference:
    """b - a with its 95 % interval, and the difference that is found in 9 of 10 tries."""

    value: float
    low: float
    high: float
    visible: float

    @property
    def differs(self) -> bool:
        """Zero is outside the interval."""
        return not self.low <= 0 <= self.high


def confidence_interval(values: np.ndarray) -> Interval:
    """(R,) repetitions -> mean and `1.96 * std / sqrt(R)` with the population std (ddof 0, quirk Q9).

    As published, for 20 repetitions. Of 3 it covers 75 % and not 95: `repeated_interval` is for those.
    """
    values = _repetitions(values)
    if len(values) == 1:
        return Interval(float(values[0]), float("nan"))
    return Interval(float(values.mean()), float(Z_95 * values.std() / np.sqrt(len(values))))


def repeated_interval(
    values: np.ndarray, per_clip: np.ndarray | None = None, share: bool = False
) -> Interval:
    """(R,) repetitions and, where known, contributions (N,) of the clips -> mean and Student's interval.

    The clips of a `share` have at least the variance of two more hits and two more misses (Agresti and Coull
    1998): without it a share of 1 would have no interval at all.

    The variances of the draws and of the clips add up; the degrees of freedom are Welch's and
    Satterthwaite's. NaN is the half width of numbers that do not vary, such as one repetition without clips.
    """
    values = _repetitions(values)
    parts = [(values, len(values))]
    if per_clip is not None:
        parts.append((np.asarray(per_clip, dtype=np.float64), len(per_clip)))
    variances = [(float(v.var(ddof=1)) / n, n - 1) for v, n in parts if n > 1]
    mean = float(values.mean())
    if share and per_clip is not None and len(per_clip) > 1:
        count = len(per_clip)
        adjusted = (mean * count + 2) / (count + 4)
        least = adjusted * (1 - adjusted) / (count + 4)
        variances[-1] = max(variances[-1][0], least), count - 1
    half = _half_width(variances)
    return Interval(mean, half if half > _ROUNDING * max(abs(mean), 1.0) else float("nan"))


def paired_difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """b - a of the means of contributions (N,), (N,) of the same clips: bootstrap over clips.

    Percentiles are taken a little further out, so that few clips have the width of Student's interval
    (Hesterberg 2015, "What teachers should know about the bootstrap", expanded percentile interval).
    """
    differences = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    if RESAMPLES * len(differences) < 2 * _DRAWN_TOGETHER:
        drawn = differences[_first_draws(len(differences))].mean(axis=1)
    else:
        drawn = _resampled_means(differences, np.random.default_rng(_BOOTSTRAP_SEED))
    return _difference(float(differences.mean()), drawn, [_variance_of_mean(differences)])


def unpaired_difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """b - a of the means of contributions (N,), (M,) of different clips: both are drawn again."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    drawn = _resampled_means(b, rng) - _resampled_means(a, rng)
    return _difference(float(b.mean() - a.mean()), drawn, [_variance_of_mean(a), _variance_of_mean(b)])


def _repetitions(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}; accepted: one number per repetition")
    return values


def _variance_of_mean(values: np.ndarray) -> tuple[float, int]:
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def _degrees(variances: list[tuple[float, int]]) -> float:
    """Welch's and Satterthwaite's degrees of freedom of a sum of (variance, its degrees)."""
    total = sum(variance for variance, _ in variances)
    return total**2 / sum(variance**2 / degrees for variance, degrees in variances)


def _half_width(variances: list[tuple[float, int]]) -> float:
    varying = [part for part in variances if part[0] > 0]
    if not varying:
        return float("nan")
    total = sum(variance for variance, _ in varying)
    return float(special.stdtrit(_degrees(varying), 0.975) * np.sqrt(total))


@lru_cache(maxsize=2)
def _first_draws(count: int) -> np.ndarray:
    """(RESAMPLES, count) clips: what `_resampled_means` draws first, the same for every metric of a file."""
    return np.random.default_rng(_BOOTSTRAP_SEED).integers(0, count, (RESAMPLES, count))


def _resampled_means(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) -> (RESAMPLES,) means of N values drawn with replacement, in blocks that need little memory."""
    count = len(values)
    blocks = np.array_split(np.arange(RESAMPLES), max(RESAMPLES * count // _DRAWN_TOGETHER, 1))
    return np.concatenate([values[rng.integers(0, count, (len(b), count))].mean(axis=1) for b in blocks])


def _difference(value: float, drawn: np.ndarray, variances: list[tuple[float, int]]) -> Difference:
    varying = [part for part in variances if part[0] > 0]
    if not varying:
        return Difference(value, value, value, 0.0)
    degrees = _degrees(varying)
    quantile = float(special.stdtrit(degrees, 0.975))
    tail = 100 * float(special.ndtr(-np.sqrt((degrees + 1) / degrees) * quantile))
    low, high = np.percentile(drawn, [tail, 100 - tail])
    error = float(np.sqrt(sum(variance for variance, _ in varying)))
    # At least Student's: of 64 clips with heavy tails the percentiles alone exclude a true zero in 6.7 %.
    low, high = min(float(low), value - quantile * error), max(float(high), value + quantile * error)
    return Difference(value, low, high, (quantile + float(special.ndtri(POWER))) * error)
