"""`evaluate --compare`: does a metric of two reports differ by more than clips and samples vary?

A verdict rests on what every clip contributes to a metric (`metrics.per_clip`). These numbers are free of
random pools and pairs, so a file is equal to itself under any seed. Clips of the same caption are paired, and
a bootstrap draws them again: it covers the choice of clips and the samples made for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.metrics import Difference, paired_difference, unpaired_difference
from evaluators.protocols.protocol import MULTIMODALITY_FIELDS, differences
from evaluators.protocols.scoring import BETTER, METRICS
from evaluators.reports.report import PHYSICS_TITLES, metric_names
from intermask_cli.errors import InputError

#: Clips are compared pair by pair if at least this share of both reports' clips is in both.
_PAIRED_SHARE = 0.8
#: With fewer clips an interval over clips says nothing.
FEWEST_CLIPS = 8
#: Chance levels of R-Precision that differ by more than this come from other numbers of different captions.
SAME_CHANCE = 0.02
#: Physics where one direction is better for any motion. Of the others people who hug have much and people
#: who wave little; they should equal the ground truth's.
PHYSICS_BETTER = {
    "foot_skate_mm_per_frame": "lower", "floor_penetration_mm": "lower", "bone_length_error_mm": "lower",
}  # fmt: skip

SAME = "no difference: the same motions"
NOT_SEEN = "no difference seen"


@dataclass(frozen=True)
class Verdict:
    """One metric or physics column of two reports; `difference` is None where nothing can be concluded."""

    name: str
    a: float | None
    b: float | None
    clips: str  # number of clips, and whether they are paired
    difference: Difference | None
    text: str

    @property
    def cells(self) -> list[str]:
        """The row of a table, under `HEADER`."""
        shown = ["-" if value is None else _number(value) for value in (self.a, self.b)]
        found = self.difference
        if found is None:
            return [self.name, *shown, "-", "-", "-", self.clips, self.text]
        interval = f"{_number(found.low, '+')} to {_number(found.high, '+')}"
        return [
            self.name, *shown, _number(found.value, "+"), interval, _number(found.visible), self.clips,
            self.text,
        ]  # fmt: skip


HEADER = ["metric", "a", "b", "b - a", "95 % interval", "would be seen", "clips", "verdict"]


def compare(a: Mapping[str, Any], b: Mapping[str, Any], row: str = "generated") -> list[Verdict]:
    """Verdicts on the metrics and physics of one row of two reports.

    Raises InputError naming the fields when the protocols differ: such scores must not be compared.
    """
    for report in (a, b):
        if row not in report["rows"]:
            raise InputError(f"a report has no row '{row}'; it has: {', '.join(report['rows'])}")
    absent = any("absent" in report["rows"][row]["MModality"] for report in (a, b))
    if differing := differences(a["protocol"], b["protocol"], MULTIMODALITY_FIELDS if absent else ()):
        raise InputError(f"the protocols differ, so the scores cannot be compared: {'; '.join(differing)}")
    same = _same_motions(a, b)
    verdicts = [
        _metric_verdict(name, a, b, row, same) for name in metric_names(a["rows"][row], b["rows"][row])
    ]
    physics = [_physics_verdict(name, a, b, row, same) for name in PHYSICS_TITLES]
    return [*verdicts, *(verdict for verdict in physics if verdict is not None)]


def comparison_table(verdicts: list[Verdict]) -> list[list[str]]:
    """Header and rows."""
    return [HEADER, *(verdict.cells for verdict in verdicts)]


def comparison_notes(a: Mapping[str, Any], b: Mapping[str, Any], row: str = "generated") -> list[str]:
    """What to know about a comparison, one line each."""
    repetitions = a["protocol"].get("repetitions")
    lines = [
        f"{repetitions} repetitions in both; intervals by bootstrap over clips; 'would be seen': a true "
        "difference of this size is found in 9 of 10 comparisons"
    ]
    settings_a, settings_b = (report["protocol"].get("sampling") or {} for report in (a, b))
    if differing := differences(settings_a, settings_b):
        lines.append(f"sampling settings of a and b: {'; '.join(differing)}")
    if not all("per_clip" in report for report in (a, b)):
        lines.append("a report of an earlier version holds no contributions of clips; score both files again")
    return lines


def _same_motions(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Both reports score one set of interactions."""
    hashes = [(report.get("subject") or {}).get("sha256") for report in (a, b)]
    return hashes[0] is not None and hashes[0] == hashes[1]


def _metric_verdict(name: str, a: Mapping[str, Any], b: Mapping[str, Any], row: str, same: bool) -> Verdict:
    score_a, score_b = a["rows"][row][name], b["rows"][row][name]
    if "absent" in score_a or "absent" in score_b:
        reason = score_a.get("absent") or score_b.get("absent")
        means = score_a.get("mean"), score_b.get("mean")
        return Verdict(name, *means, "-", None, f"absent: {reason}")
    known = _contributions(a, row, name), _contributions(b, row, name)
    if known[0] is None or known[1] is None:
        reason = "no contributions of clips" if name in METRICS else "a metric of an installed package"
        text = SAME if same else f"inconclusive: {reason}"
        return Verdict(name, score_a["mean"], score_b["mean"], "-", None, text)
    chance = score_a.get("chance"), score_b.get("chance")
    if None not in chance and abs(chance[0] - chance[1]) > SAME_CHANCE:
        text = f"inconclusive: chance is {chance[0]:.3f} in a and {chance[1]:.3f} in b"
        return Verdict(name, score_a["mean"], score_b["mean"], "-", None, text)
    return verdict_of(name, known[0], known[1], BETTER.get(name), same)


def _physics_verdict(
    name: str, a: Mapping[str, Any], b: Mapping[str, Any], row: str, same: bool
) -> Verdict | None:
    """None where a report lacks the column, or it is undefined for all clips."""
    means = [report["physics"].get(row, {}).get(name) for report in (a, b)]
    if None in means:
        return None
    known = _contributions(a, row, name), _contributions(b, row, name)
    title = PHYSICS_TITLES[name]
    if known[0] is None or known[1] is None:
        text = SAME if same else "inconclusive: no contributions of clips"
        return Verdict(title, means[0], means[1], "-", None, text)
    return verdict_of(title, known[0], known[1], PHYSICS_BETTER.get(name), same)


def _contributions(report: Mapping[str, Any], row: str, name: str) -> dict[str, float] | None:
    """Contribution of every clip by its key, where it is defined."""
    stored = report.get("per_clip", {}).get(row, {}).get(name)
    if stored is None:
        return None
    pairs = zip(stored["keys"], stored["values"], strict=True)
    return {key: value for key, value in pairs if value is not None}


def verdict_of(
    name: str, a: Mapping[str, float], b: Mapping[str, float], better: str | None, same: bool = False
) -> Verdict:
    """The verdict on contributions by clip; `better` is the better direction, `same` of equal motions."""
    shared = [key for key in a if key in b]
    paired = len(shared) >= _PAIRED_SHARE * max(len(a), len(b))
    if paired:
        values = np.array([a[key] for key in shared]), np.array([b[key] for key in shared])
        clips = f"{len(shared)} paired"
    else:
        values = np.array(list(a.values())), np.array(list(b.values()))
        clips = f"{len(values[0])} and {len(values[1])}"
    means = [float(v.mean()) if len(v) else None for v in values]
    if min(map(len, values)) < FEWEST_CLIPS:
        text = SAME if same else f"inconclusive: fewer than {FEWEST_CLIPS} clips"
        return Verdict(name, means[0], means[1], clips, None, text)
    found = paired_difference(*values) if paired else unpaired_difference(*values)
    if same or not found.differs:
        return Verdict(name, means[0], means[1], clips, found, SAME if same else NOT_SEEN)
    higher = found.value > 0
    if better is None:
        return Verdict(name, means[0], means[1], clips, found, f"{'b' if higher else 'a'} is higher")
    winner = "b" if higher == (better == "higher") else "a"
    return Verdict(name, means[0], means[1], clips, found, f"{winner} is better")


def _number(value: float, sign: str = "") -> str:
    """Three decimals, or three digits of large and small numbers."""
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.3g}" if math.isfinite(value) else "-"
