"""Which sampler settings to recommend, by a rule that is written beside them in the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.ablations.metrics import HIGHER, METRICS

#: A setting is as good as the start if none of these is worse by more than this share of the start's.
JUDGED_BY = ("r1", "kind", "fid")
SLACK = 0.03


@dataclass(frozen=True)
class Choice:
    """Names of settings; means over seeds decide."""

    best: str  # highest R@1 of those that are as good as the start
    cheapest: str  # fewest passes of those, the higher R@1 where equal


def choose(means: Mapping[str, Mapping[str, float]], start: str) -> Choice:
    """Mean figures by setting -> the recommended ones; the start is as good as itself."""
    as_good = [name for name, figures in means.items() if _as_good(figures, means[start])]
    return Choice(
        best=max(as_good, key=lambda name: means[name]["r1"]),
        cheapest=min(as_good, key=lambda name: (means[name]["passes"], -means[name]["r1"])),
    )


def _as_good(figures: Mapping[str, float], start: Mapping[str, float]) -> bool:
    for name in JUDGED_BY:
        gain = figures[name] - start[name]
        if (gain if METRICS[name].better == HIGHER else -gain) < -SLACK * start[name]:
            return False
    return True
