"""Mean and 95 % interval over repetitions (reference section 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z_95 = 1.96


@dataclass(frozen=True)
class Interval:
    """A mean and the half width of its 95 % interval; the half width of one repetition is NaN."""

    mean: float
    half_width: float


def confidence_interval(values: np.ndarray, count: int | None = None) -> Interval:
    """(R,) repetitions -> mean and `1.96 * std / sqrt(count)` with the population std (ddof 0).

    `count` is R unless given: the published code divides by sqrt(20) whatever R is (quirk Q9).
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}; accepted: one number per repetition")
    if len(values) == 1:
        return Interval(float(values[0]), float("nan"))
    return Interval(float(values.mean()), float(Z_95 * values.std() / np.sqrt(count or len(values))))
