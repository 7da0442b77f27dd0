"""The effect of clean-up: a measure of each interaction before and after it, logged and averaged.

The caller passes the measure (`motion.physics.physics` in exports and runs), so that any other table of
numbers can be reported the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intermask_cli.inference.interaction import Interaction

#: In a run directory: one JSON line per cleaned interaction.
EFFECT_LOG = "cleaning.jsonl"
#: Joints (2, T, 22, 3) and the persons (0-based) to measure -> named numbers.
Measure = Callable[[np.ndarray, Sequence[int]], dict[str, float]]


class EffectRow(NamedTuple):
    """The measured numbers of one interaction."""

    before: dict[str, float]
    after: dict[str, float]


def effect_of(before: Interaction, after: Interaction, measure: Measure) -> EffectRow:
    """Measure one interaction before and after clean-up; of a reaction, the generated person only."""
    return EffectRow(measure(before.joints, before.generated), measure(after.joints, before.generated))


def log_effects(
    path: Path, before: Sequence[Interaction], after: Sequence[Interaction], measure: Measure
) -> None:
    """Append a line per interaction; several processes may write to one log."""
    lines = []
    for original, cleaned in zip(before, after, strict=True):
        row = effect_of(original, cleaned, measure)
        lines.append(json.dumps({"id": original.id, "before": row.before, "after": row.after}) + "\n")
    with path.open("ab") as file:
        file.write("".join(lines).encode())


def read_effects(path: Path) -> Effect:
    """The effect over all interactions of a log.

    An interaction is logged twice when its part was lost and generated again; the later line counts.
    """
    rows: dict[str, EffectRow] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        # A killed process may leave half a line; a rerun logs its interaction again.
        with suppress(ValueError):
            entry = json.loads(line)
            rows[entry["id"]] = EffectRow(entry["before"], entry["after"])
    return Effect(list(rows.values()))


@dataclass(frozen=True)
class Effect:
    """The rows of many interactions and their summary."""

    rows: Sequence[EffectRow]

    def as_json(self) -> dict[str, dict[str, float]]:
        """Mean of every number before and after, over the interactions where it is defined."""
        table: dict[str, dict[str, float]] = {}
        for name in self.rows[0].before if self.rows else ():
            pairs = np.array([(before[name], after[name]) for before, after in self.rows])  # (N, 2)
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            if len(pairs):
                before, after = pairs.mean(axis=0)
                table[name] = {"before": float(before), "after": float(after)}
        return table

    def lines(self) -> list[str]:
        """The summary as text, one line per number."""
        return [
            f"{name}: {value['before']:.3f} before, {value['after']:.3f} after"
            for name, value in self.as_json().items()
        ]
