"""The report at the end of a parity run: largest deviation per file, what was skipped, what was not read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.parity_comparing import Note

NOTES, READ = "parity_notes", "parity_read"
#: Whether a run consists of parity tests only; the report is left out of larger runs.
ALONE = pytest.StashKey[bool]()
#: Arrays that describe how far decisions are from flipping, not results.
MARGINS = ("nn_margin_min", "sample_margin_min", "remask_rel_gap_min")
_OUTCOMES = ("passed", "failed", "skipped", "error")


def reports_of(config: pytest.Config) -> list[pytest.TestReport]:
    """One report per parity test that ran or was skipped."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    found = [report for outcome in _OUTCOMES for report in reporter.stats.get(outcome, [])]
    return [report for report in found if "parity/" in report.nodeid and report.when != "teardown"]


def lines(reports: Sequence[pytest.TestReport], folder: Path | None) -> list[str]:
    """The whole report."""
    passed, skipped = (sum(report.outcome == kind for report in reports) for kind in ("passed", "skipped"))
    failed = len(reports) - passed - skipped
    head = f"parity with {folder}: {passed} checks passed, {failed} failed, {skipped} skipped"
    result = ["", head, *_deviations(reports), *_skips(reports)]
    if folder is not None:
        result += _unread(reports, folder)
    if not passed:
        result += ["", "NOTHING WAS CHECKED: this folder has none of the arrays these tests know"]
    return result


def _properties(reports: Sequence[pytest.TestReport], kind: str) -> list[tuple[str, Any]]:
    kept = [
        (report.nodeid, value) for report in reports for name, value in report.user_properties if name == kind
    ]
    return [(nodeid, entry) for nodeid, entries in kept for entry in entries]


def _deviations(reports: Sequence[pytest.TestReport]) -> list[str]:
    by_check: dict[tuple[str, str], list[Note]] = defaultdict(list)
    for nodeid, entry in _properties(reports, NOTES):
        component = nodeid.partition("::")[0].rpartition("test_")[2].removesuffix(".py")
        by_check[component, entry[0]].append(Note(*entry))
    if not by_check:
        return []
    row = "  {:<22} {:<48} {:>6} {:>6} {:>10} {:>10}".format
    table = [row("component", "golden file", "equal", "close", "largest", "tolerance")]
    table.append(row("", "", "", "", "deviation", "used"))
    for (component, file), notes in sorted(by_check.items()):
        close = [note for note in notes if not note.exact]
        largest = f"{max(note.deviation for note in close):.1e}" if close else "-"
        used = f"{max(note.share for note in close):.1%}" if close else "-"
        table.append(row(component, file, len(notes) - len(close), len(close), largest, used))
    return table


def _skips(reports: Sequence[pytest.TestReport]) -> list[str]:
    reasons = Counter(_reason(report) for report in reports if report.outcome == "skipped")
    return ["skipped:"] * bool(reasons) + [f"  {count} x {why}" for why, count in sorted(reasons.items())]


def _reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(reason).removeprefix("Skipped: ")


def _unread(reports: Sequence[pytest.TestReport], folder: Path) -> list[str]:
    read: dict[str, set[str]] = defaultdict(set)
    for _, (file, array) in _properties(reports, READ):
        read[file].add(array)
    missed = []
    for path in sorted(folder.glob("*/*.npz")):
        file = f"{path.parent.name}/{path.name}"
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in archive.files if name not in {*read.get(file, ()), *MARGINS}]
            if names and file in read:
                missed.append(f"  {file}: {', '.join(names[:12])}{' ...' if names[12:] else ''}")
    return ["arrays not read in files that were used:", *missed] if missed else []
