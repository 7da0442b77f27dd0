"""The training log: two CSV tables (steps, validations) and loss curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from intermask_cli.console import note

TRAIN, VALIDATION, CURVES = "train.csv", "validation.csv", "curves.png"


class LogTable:
    """A CSV file that grows row by row; the first row fixes the columns.

    Rows after `resume_step` are dropped at the start: a resumed run writes them again.
    """

    def __init__(self, path: Path, resume_step: int):
        self.path = path
        rows = [row for row in read_table(path) if int(row["step"]) <= resume_step] if resume_step else []
        path.unlink(missing_ok=True)
        self._columns: list[str] | None = None
        for row in rows:
            self.add(row)

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; it must have a `step`."""
        new = self._columns is None
        self._columns = self._columns or list(row)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV table; none if there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draw_curves(folder: Path) -> None:
    """Draw the columns of both tables as `curves.png`, or a note that matplotlib (extra `viz`) is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        note(f"{folder / CURVES} not drawn: matplotlib is missing (pip install 'intermask[viz]')")
        return
    panels = [
        (title, rows, column)
        for title, rows in (
            ("training", read_table(folder / TRAIN)),
            ("validation", read_table(folder / VALIDATION)),
        )
        for column in (list(rows[0]) if rows else [])
        if column not in ("step", "minutes")
    ]
    if not panels:
        return
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * lines), layout="constrained")
    for number, (title, rows, column) in enumerate(panels, start=1):
        axes = figure.add_subplot(lines, columns, number)
        axes.plot([int(row["step"]) for row in rows], [float(row[column]) for row in rows], linewidth=1)
        axes.set_title(f"{title}: {column}", fontsize=8)
        axes.tick_params(labelsize=7)
    figure.savefig(folder / CURVES, dpi=100)
