"""What the records say about a claim: it holds, the opposite does, it can't be told, or it was not run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.ablations.metrics import HIGHER, METRICS
from benchmarks.ablations.settings import Claim
from benchmarks.intervals import paired_difference
from evaluators.metrics import Interval

HOLDS, OPPOSITE, CANT_TELL, NOT_RUN = "holds", "opposite", "can't tell", "not run"
#: Row -> seed -> figures.
Figures = Mapping[str, Mapping[int, Mapping[str, float]]]


@dataclass(frozen=True)
class Finding:
    """One claim by one figure; `gain` is by how much the better row is better, None if it was not run."""

    metric: str
    word: str
    gain: Interval | None


@dataclass(frozen=True)
class Verdict:
    """One claim by all its figures."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def word(self) -> str:
        """What the first figure says. It was named beforehand: among many, one would always stand out."""
        return self.findings[0].word


def judge(claim: Claim, figures: Figures) -> Verdict:
    """A claim by each of its figures."""
    return Verdict(claim, tuple(_finding(claim, metric, figures) for metric in claim.metrics))


def _finding(claim: Claim, metric: str, figures: Figures) -> Finding:
    better, worse = (
        {seed: values[metric] for seed, values in figures.get(row, {}).items() if metric in values}
        for row in (claim.better, claim.worse)
    )
    difference = paired_difference(worse, better)
    if difference is None:
        return Finding(metric, NOT_RUN, None)
    sign = 1 if METRICS[metric].better == HIGHER else -1
    gain = Interval(sign * difference.mean, difference.half_width)
    # One seed has no interval (NaN), and then neither comparison is true.
    if gain.mean - gain.half_width > 0:
        return Finding(metric, HOLDS, gain)
    return Finding(metric, OPPOSITE if gain.mean + gain.half_width < 0 else CANT_TELL, gain)
