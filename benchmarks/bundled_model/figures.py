"""A measured figure: its 95 % interval, what stands beside it, its goal, and whether that is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

GROUND_TRUTH = "ground truth"
RESAMPLES = 1000
_Z = 1.96


@dataclass(frozen=True)
class Goal:
    """A bound; `relative` ones are multiples of what stands beside the figure."""

    limit: float
    at_least: bool = False
    relative: bool = False

    def met(self, value: float, beside: float) -> bool | None:
        """None where there is nothing to judge."""
        bound = self.limit * beside if self.relative else self.limit
        if math.isnan(value) or math.isnan(bound):
            return None
        return bool(value >= bound if self.at_least else value <= bound)

    def text(self, unit: str, beside: str) -> str:
        sign = "≥" if self.at_least else "≤"
        if self.relative:
            return f"{sign} {self.limit:g}x {beside}"
        return f"{sign} {_number(self.limit, unit)}"


@dataclass(frozen=True)
class Figure:
    """`value` in `unit` ("%": a share of 1), NaN where nothing could be measured; `count` of what."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    beside: float = math.nan
    beside_what: str = GROUND_TRUTH
    goal: Goal | None = None
    count: int = 0

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a value."""
        return None if self.goal is None else self.goal.met(self.value, self.beside)

    @property
    def ratio(self) -> float:
        """Value over what stands beside it."""
        return self.value / self.beside if self.beside else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Plain values; NaN becomes None."""
        values = asdict(self)
        values["goal"] = None if self.goal is None else self.goal.text(self.unit, self.beside_what)
        values |= {"met": self.met, "ratio": self.ratio}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}

    def row(self) -> str:
        """A line of the Markdown table."""
        goal = "" if self.goal is None else self.goal.text(self.unit, self.beside_what)
        met = {True: "met", False: "**missed**", None: "" if self.goal is None else "not measured"}[self.met]
        measured = "" if math.isnan(self.value) else _number(self.value, self.unit)
        if not math.isnan(self.low):
            measured += f" ({_number(self.low, '', self.unit)} to {_number(self.high, '', self.unit)})"
        beside = "" if math.isnan(self.beside) else f"{_number(self.beside, self.unit)}, {self.beside_what}"
        ratio = "" if math.isnan(self.ratio) else f"{self.ratio:.2f}"
        return f"| {self.name} | {goal} | {measured} | {beside} | {ratio} | {self.count} | {met} |"


HEAD = "| figure | goal | measured (95 %) | beside it | ratio | clips | goal met |\n" + "| --- " * 7 + "|"


def _number(value: float, unit: str, scale_of: str | None = None) -> str:
    """ "93 %", "12.1 m/s³"; `scale_of` writes the number of a unit without the unit."""
    percent = (unit if scale_of is None else scale_of) == "%"
    text = f"{100 * value:.0f}" if percent else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def share(
    name: str, hits: Sequence[bool] | np.ndarray, beside: Sequence[bool] | np.ndarray | None = None,
    goal: Goal | None = None, beside_what: str = GROUND_TRUTH,
) -> Figure:  # fmt: skip
    """A share of clips with Wilson's interval, and the same share of what stands beside it."""
    count = len(hits)
    value = float(np.mean(hits)) if count else math.nan
    other = float(np.mean(beside)) if beside is not None and len(beside) else math.nan
    return Figure(name, value, *wilson(value, count), "%", other, beside_what, goal, count)


def wilson(value: float, count: int) -> tuple[float, float]:
    """95 % interval of a share of `count`; NaN of none."""
    if not count:
        return math.nan, math.nan
    centre = value + _Z**2 / (2 * count)
    half = _Z * math.sqrt(value * (1 - value) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return (centre - half) / scale, (centre + half) / scale


def mean(
    name: str, values: Sequence[float] | np.ndarray, beside: Sequence[float] | np.ndarray | None = None,
    unit: str = "", goal: Goal | None = None, beside_what: str = GROUND_TRUTH,
) -> Figure:  # fmt: skip
    """A mean over clips (NaN ones left out) with its bootstrap interval, and the mean beside it."""
    array = np.asarray(values, dtype=np.float64)
    value, low, high = bootstrap(len(array), lambda chosen: _mean(array[chosen]))
    other = math.nan if beside is None else _mean(np.asarray(beside, dtype=np.float64))
    return Figure(name, value, low, high, unit, other, beside_what, goal, len(array))


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else math.nan


def bootstrap(count: int, statistic: Callable[[np.ndarray], float]) -> tuple[float, float, float]:
    """A statistic of `count` clips and its 95 % interval: percentiles over clips drawn with replacement."""
    if not count:
        return math.nan, math.nan, math.nan
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    found = [value for value in drawn if not math.isnan(value)]
    low, high = np.percentile(found, [2.5, 97.5]) if found else (math.nan, math.nan)
    return statistic(np.arange(count)), float(low), float(high)
