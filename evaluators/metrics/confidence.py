"""Mean and 95 % interval over repetitions (docs/reference/data-and-evaluation.md#confidence-interval)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: 97.5 % quantile of the standard normal distribution, rounded as in the published code.
Z_95 = 1.96


@dataclass(frozen=True)
class Interval:
    """A mean and the half width of its 95 % interval; the half width of one repetition is NaN."""

    mean: float
    half_width: float


def confidence_interval(values: np.ndarray) -> Interval:
    """(R,) repetitions -> mean and `1.96 * std / sqrt(R)` with the population std (ddof 0, quirk Q9)."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}; accepted: one number per repetition")
    if len(values) == 1:
        return Interval(float(values[0]), float("nan"))
    return Interval(float(values.mean()), float(Z_95 * values.std() / np.sqrt(len(values))))
