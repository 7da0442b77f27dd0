"""A measured figure: its 95 % interval, what it is compared with, its goal, and whether that is met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.intervals import bootstrap, wilson
from benchmarks.judges.label_hits import LabelHits

GROUND_TRUTH = "ground truth"
#: Fields of `LabelHits` -> what the tables call them.
LABELS = {
    "kind": "kind right",
    "role": "role right",
    "side": "side right",
    "role_geometry": "role right, by geometry",
    "side_geometry": "side right, by geometry",
}


@dataclass(frozen=True)
class Goal:
    """A bound; `relative` ones are multiples of the figure's reference."""

    limit: float
    at_least: bool = False
    relative: bool = False

    def met(self, value: float, reference: float) -> bool | None:
        """None where value or bound is NaN."""
        bound = self.limit * reference if self.relative else self.limit
        if math.isnan(value) or math.isnan(bound):
            return None
        return bool(value >= bound if self.at_least else value <= bound)

    def text(self, unit: str, reference_name: str) -> str:
        """As in "≤ 1.3x ground truth" or "≥ 80 %"."""
        sign = "≥" if self.at_least else "≤"
        if self.relative:
            return f"{sign} {self.limit:g}x {reference_name}"
        return f"{sign} {_with_unit(self.limit, unit)}"


@dataclass(frozen=True)
class Figure:
    """`value` in `unit` ("%": a share of 1) of `count` clips, NaN where nothing could be measured.

    `reference` is the same figure of ground truth or of what `reference_name` says.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    reference: float = math.nan
    reference_name: str = GROUND_TRUTH
    goal: Goal | None = None
    count: int = 0

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a value."""
        return None if self.goal is None else self.goal.met(self.value, self.reference)

    @property
    def ratio(self) -> float:
        """Value over reference."""
        return self.value / self.reference if self.reference else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON: NaN becomes None, and the reference has the names of earlier results files."""
        names = {"reference": "beside", "reference_name": "beside_what"}  # language: ok, keys of results
        values = {names.get(name, name): value for name, value in asdict(self).items()}
        values["goal"] = None if self.goal is None else self.goal.text(self.unit, self.reference_name)
        values |= {"met": self.met, "ratio": self.ratio}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}

    def row(self) -> str:
        """A line of the Markdown table."""
        goal = "" if self.goal is None else self.goal.text(self.unit, self.reference_name)
        met = {True: "met", False: "**missed**", None: "" if self.goal is None else "not measured"}[self.met]
        measured = "" if math.isnan(self.value) else _with_unit(self.value, self.unit)
        if not math.isnan(self.low):
            measured += f" ({_number(self.low, self.unit)} to {_number(self.high, self.unit)})"
        reference = ""
        if not math.isnan(self.reference):
            reference = f"{_with_unit(self.reference, self.unit)}, {self.reference_name}"
        ratio = "" if math.isnan(self.ratio) else f"{self.ratio:.2f}"
        return f"| {self.name} | {goal} | {measured} | {reference} | {ratio} | {self.count} | {met} |"


HEAD = "| figure | goal | measured (95 %) | compared with | ratio | clips | goal met |\n" + "| --- " * 7 + "|"


def _number(value: float, unit: str) -> str:
    """Shares as whole percent, everything else with three digits."""
    return f"{100 * value:.0f}" if unit == "%" else f"{value:.3g}"


def _with_unit(value: float, unit: str) -> str:
    """As in "93 %" or "12.1 m/s³"."""
    return f"{_number(value, unit)} {unit}".rstrip()


def share(
    name: str, hits: Sequence[bool] | np.ndarray, reference: Sequence[bool] | np.ndarray | None = None,
    goal: Goal | None = None, reference_name: str = GROUND_TRUTH,
) -> Figure:  # fmt: skip
    """A share of clips with Wilson's interval, and the same share of the reference."""
    count = len(hits)
    value = float(np.mean(hits)) if count else math.nan
    other = float(np.mean(reference)) if reference is not None and len(reference) else math.nan
    low, high = wilson(int(np.sum(hits)), count)
    return Figure(name, value, low, high, "%", other, reference_name, goal, count)


def mean(
    name: str, values: Sequence[float] | np.ndarray, reference: Sequence[float] | np.ndarray | None = None,
    unit: str = "", goal: Goal | None = None, reference_name: str = GROUND_TRUTH,
) -> Figure:  # fmt: skip
    """A mean over clips (NaN ones left out) with its bootstrap interval, and the mean of the reference."""
    array = np.asarray(values, dtype=np.float64)
    value, low, high = bootstrap(len(array), lambda chosen: _finite_mean(array[chosen]))
    other = math.nan if reference is None else _finite_mean(np.asarray(reference, dtype=np.float64))
    return Figure(name, value, low, high, unit, other, reference_name, goal, len(array))


def _finite_mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def label_figures(
    what: str, hits: LabelHits, truth: LabelHits, goals: Mapping[str, Goal] | None = None
) -> list[Figure]:
    """A share per label, compared with that of ground truth; `goals` by field of `LabelHits`."""
    return [
        share(f"{what}: {title}", getattr(hits, name), getattr(truth, name), (goals or {}).get(name))
        for name, title in LABELS.items()
    ]
