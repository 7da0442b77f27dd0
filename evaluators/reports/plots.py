"""Plots of an evaluation: metrics with their intervals against the ground truth, best and worst prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.protocols.evaluation import Evaluation, ScoredItem, best_and_worst
from evaluators.reports.report import metric_names
from intermask_cli.export.pictures.contact_sheet import contact_sheet

#: Interactions on the sheet of the best, and on that of the worst.
SHEET_CLIPS = 5
#: Characters of a caption that fit on a line.
SHEET_CAPTION = 110


def draw_plots(evaluation: Evaluation, report: Mapping[str, Any], out: Path) -> list[Path]:
    """metrics.png, worst.png and best.png under `out`; raises MissingError without matplotlib."""
    best, worst = best_and_worst(evaluation.items, SHEET_CLIPS)
    paths = []
    for name, items in (("worst", worst), ("best", best)):
        if items:
            paths.append(_sheet(items, out / f"{name}.png"))
    return [_metric_plot(report, out / "metrics.png"), *paths]


def _sheet(items: Sequence[ScoredItem], path: Path) -> Path:
    clips = [item.interactions.motions[item.index].joints for item in items]
    captions = [_caption(item) for item in items]
    contact_sheet(clips, path, captions)
    return path


def _caption(item: ScoredItem) -> str:
    text = item.interactions.prompts[item.index]
    short = text if len(text) <= SHEET_CAPTION else text[: SHEET_CAPTION - 1] + "…"
    return f"{item.interactions.ids[item.index]}, distance {item.distance:.2f}: {short}"


def _metric_plot(report: Mapping[str, Any], path: Path) -> Path:
    """One panel per metric, one point with its interval per row, the ground truth as a line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = list(report["rows"])
    metrics = metric_names(*report["rows"].values())
    shown = [m for m in metrics if any("absent" not in report["rows"][row][m] for row in rows)]
    figure, axes = plt.subplots(1, len(shown), figsize=(2.3 * len(shown), 0.5 * len(rows) + 1.4), sharey=True)
    for axis, metric in zip([axes] if len(shown) == 1 else axes, shown, strict=True):
        for y, row in enumerate(rows):
            score = report["rows"][row][metric]
            if "absent" in score:
                continue
            error = score["half_width"] or 0.0
            axis.errorbar(
                score["mean"],
                y,
                xerr=error,
                fmt="o",
                color="tab:orange" if row == "generated" else "tab:blue",
            )
            if row == "ground truth":
                axis.axvline(score["mean"], color="0.8", zorder=0)
        axis.set_title(metric, fontsize=10)
        axis.tick_params(labelsize=8)
    plt.yticks(range(len(rows)), rows)
    plt.gca().invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
