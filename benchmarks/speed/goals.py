"""What is to be reached, and what was: one line for each goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.speed import earlier, evaluation, starts, training
from benchmarks.speed.sampling import HALF, OURS

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure of a section and its limit, another one on processors with AMX.

    `at_most`: the limit is the largest value, not the smallest. `of` is None where the figure says nothing
    on that machine.
    """

    section: str
    name: str
    of: Callable[[Figures, Figures], float | None]
    limit: float
    unit: str = "x"
    at_most: bool = False
    limit_amx: float | None = None

    def reached(self, section: Figures) -> Reached | None:
        """The goal with what a section of a record says, None where that is nothing."""
        machine = section["machine"]
        value = self.of(section["figures"], machine)
        amx = machine.get("amx") and self.limit_amx is not None
        limit = self.limit_amx if amx else self.limit
        assert limit is not None
        return None if value is None else Reached(self, value, limit)


@dataclass(frozen=True)
class Reached:
    """A goal, its limit on the machine, and the value measured there."""

    goal: Goal
    value: float
    limit: float

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.goal.at_most else self.value >= self.limit

    def cells(self) -> list[str]:
        """Name, value, goal and verdict."""
        unit, sign = self.goal.unit, "≤" if self.goal.at_most else "≥"
        return [
            self.goal.name,
            f"{self.value:.2f} {unit}",
            f"{sign} {self.limit:g} {unit}",
            "reached" if self.met else "missed",
        ]


def _faster(part: str, run: str) -> Callable[[Figures, Figures], float]:
    return lambda figures, _: figures[part]["runs"][run]["times_as_fast"]  # type: ignore[no-any-return]


def _start(name: str) -> Callable[[Figures, Figures], float]:
    return lambda figures, _: figures["runs"][name]["min"]  # type: ignore[no-any-return]


def _generate(figures: Figures, _: Figures) -> float:
    value: float = 1 / figures["runs"][starts.GENERATE]["times_as_fast"]
    return value


def _apart(figures: Figures, machine: Figures) -> float | None:
    """A training process for each core against one with as many threads, where there are two cores."""
    if (machine.get("physical_cores") or 1) < 2:
        return None
    value: float = figures["runs"][training.APART]["times_as_fast"]
    return value


def _workers(figures: Figures, machine: Figures) -> float | None:
    """Two workers against one, where they have a core each."""
    if (machine.get("physical_cores") or 1) < 2:
        return None
    value: float = figures["runs"]["2 workers"]["times_as_fast"]
    return value


def _rest(figures: Figures, _: Figures) -> float:
    value: float = 100 * figures["everything_else_per_sampling"]
    return value


def _evaluated(name: str) -> Callable[[Figures, Figures], float]:
    return lambda figures, _: figures["runs"][name]["seconds"]  # type: ignore[no-any-return]


def _than_earlier(figures: Figures, _: Figures) -> float:
    value: float = figures["runs"][earlier.NOW]["times_as_fast"]
    return value


GOALS = (
    Goal("sampling", "one clip, float32, of the plain loop", _faster("one clip", OURS), 1.18, limit_amx=1.3),
    Goal("sampling", "one clip, bf16", _faster("one clip", HALF), 2.2, limit_amx=3.6),
    Goal("sampling", "a batch, float32", _faster("a batch", OURS), 1.18, limit_amx=1.3),
    Goal("sampling", "a batch, bf16", _faster("a batch", HALF), 2.2, limit_amx=4),
    Goal("sampling", "mixed lengths, float32", _faster("mixed lengths", OURS), 1.18, limit_amx=2.2),
    Goal("sampling", "mixed lengths, bf16", _faster("mixed lengths", HALF), 2.2, limit_amx=5),
    Goal("starts", "generate, one prompt, of processor time of import torch", _generate, 2.2, at_most=True),
    Goal("starts", "info RUN, processor time", _start(starts.INFO), 0.6, "s", at_most=True),
    Goal("starts", "export RUN, processor time", _start(starts.EXPORT), 0.8, "s", at_most=True),
    Goal("end to end", "two workers on two cores, against one", _workers, 1.3),
    Goal("machinery", "12 prompts: neither loading nor sampling nor bodies", _rest, 5, "%", at_most=True),
    Goal("machinery 1,000", "1,000 prompts: the same", _rest, 3, "%", at_most=True),
    Goal("against 0.1.0", "256 prompts of mixed length, against 0.1.0", _than_earlier, 1.5),
    Goal("duets", "data duets, clips of the same kinds, against 0.1.0", _than_earlier, 2),
    Goal("evaluate", "evaluate, the first time", _evaluated(evaluation.FIRST), 120, "s", at_most=True),
    Goal("evaluate", "evaluate, again", _evaluated(evaluation.AGAIN), 15, "s", at_most=True),
    Goal("training", "transformer training, half_weights and a process per core", _apart, 2),
    Goal("storage", "a pair on disk, exact against rounded", lambda f, _: f["times_smaller"], 2),
)  # fmt: skip


def reached(record: Mapping[str, Any]) -> list[Reached]:
    """The goals whose sections a record has."""
    sections = record["sections"]
    found = [goal.reached(sections[goal.section]) for goal in GOALS if goal.section in sections]
    return [one for one in found if one is not None]


def summary_lines(record: Mapping[str, Any]) -> list[str]:
    """The goals of a record on one screen."""
    rows = [one.cells() for one in reached(record)]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
