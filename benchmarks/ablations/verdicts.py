"""What the records say: the verdict on each claim, and which sampler settings to recommend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.ablations.metrics import HIGHER, METRICS
from benchmarks.ablations.settings import Claim
from benchmarks.intervals import paired_difference
from evaluators.metrics import Interval

HOLDS, OPPOSITE, INCONCLUSIVE, NOT_RUN = "holds", "opposite", "inconclusive", "not run"
#: Row -> seed -> figures.
Figures = Mapping[str, Mapping[int, Mapping[str, float]]]


@dataclass(frozen=True)
class Finding:
    """One claim by one figure; `gain`: by how much row `better` is better, None if one was not run."""

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
        """By the first figure, which was named beforehand: among many, one would always stand out."""
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
    return Finding(metric, OPPOSITE if gain.mean + gain.half_width < 0 else INCONCLUSIVE, gain)


#: A setting is as good as the start if none of these is worse by more than `SLACK` ...
JUDGED_BY = ("r1", "kind", "fid")
#: ... of the start's, as a share.
SLACK = 0.03


@dataclass(frozen=True)
class SamplerChoice:
    """Names of the recommended sampler settings; means over seeds decide."""

    best: str  # highest R@1 of those that are as good as the start
    cheapest: str  # fewest passes of those, the higher R@1 where equal


def recommended(means: Mapping[str, Mapping[str, float]], start: str) -> SamplerChoice:
    """Mean figures by setting -> the recommended ones; the start is as good as itself."""
    as_good = [name for name, figures in means.items() if _as_good(figures, means[start])]
    return SamplerChoice(
        best=max(as_good, key=lambda name: means[name]["r1"]),
        cheapest=min(as_good, key=lambda name: (means[name]["passes"], -means[name]["r1"])),
    )


def _as_good(figures: Mapping[str, float], start: Mapping[str, float]) -> bool:
    for name in JUDGED_BY:
        gain = figures[name] - start[name]
        if (gain if METRICS[name].better == HIGHER else -gain) < -SLACK * start[name]:
            return False
    return True
