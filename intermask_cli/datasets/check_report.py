"""What a check of a dataset on disk found: counts, and problems by kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "note"]


@dataclass(frozen=True)
class Problem:
    """`error`: this part of the data cannot be used. `note`: it can, but somebody should know."""

    severity: Severity
    kind: str
    where: str
    detail: str


@dataclass
class DatasetReport:
    """Result of `check_interhuman` or `check_interx`."""

    dataset: str
    root: Path
    counts: dict[str, float] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def error(self, kind: str, where: str, detail: str) -> None:
        self.problems.append(Problem("error", kind, where, detail))

    def note(self, kind: str, where: str, detail: str) -> None:
        self.problems.append(Problem("note", kind, where, detail))

    @property
    def ok(self) -> bool:
        """No error; notes are allowed."""
        return all(problem.severity == "note" for problem in self.problems)

    def by_kind(self) -> dict[str, list[Problem]]:
        """Problems grouped by kind, in order of first appearance."""
        groups: dict[str, list[Problem]] = {}
        for problem in self.problems:
            groups.setdefault(problem.kind, []).append(problem)
        return groups

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "ok": self.ok,
            "counts": self.counts,
            "problems": [asdict(problem) for problem in self.problems],
        }
