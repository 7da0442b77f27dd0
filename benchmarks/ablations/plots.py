"""Plots of a study: a panel per figure with every row's mean and interval, and curves of the sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablations.metrics import METRICS
from benchmarks.ablations.settings import START, Row
from benchmarks.intervals import over_seeds

#: Row -> figure -> values over seeds.
Values = Mapping[str, Mapping[str, Sequence[float]]]
#: What the sampler's curves show.
QUALITY = ("r1", "fid", "kind", "jerk_ratio")


def draw_rows(values: Values, rows: Sequence[str], metrics: Sequence[str], path: Path) -> None:
    """A panel per figure, one line per row: mean and interval, dots are seeds."""
    plt = _pyplot()
    size = (2.1 * len(metrics) + 1.6, 0.34 * len(rows) + 0.9)
    figure, axes = plt.subplots(
        1, len(metrics), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, metric in zip(axes[0], metrics, strict=True):
        for y, row in enumerate(rows):
            sample = values[row].get(metric, [])
            if not len(sample):
                continue
            mean = over_seeds(sample)
            axis.plot(sample, [y] * len(sample), ".", color="0.7")
            axis.errorbar(
                mean.mean, y, xerr=np.nan_to_num(mean.half_width), fmt="o", color="tab:blue", capsize=3
            )
        axis.set_title(METRICS[metric].title, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.locator_params(axis="x", nbins=4)
    axes[0][0].set_yticks(range(len(rows)), rows)
    axes[0][0].invert_yaxis()
    _save(figure, path)


def draw_sampling(values: Values, settings: Mapping[str, Row], path: Path) -> None:
    """Quality against cost and against every other setting; each line passes through the start."""
    plt = _pyplot()
    start = dict(settings[START].sampling)
    size = (2.6 * len(start), 1.8 * len(QUALITY))
    figure, axes = plt.subplots(len(QUALITY), len(start), figsize=size, sharey="row", layout="constrained")
    for column, setting in enumerate(start):
        rows = _series(setting, start, settings, values)
        by_cost = setting == "steps"
        x = [np.mean(values[row]["passes"]) if by_cost else settings[row].sampling[setting] for row in rows]
        for axis, metric in zip(axes[:, column], QUALITY, strict=True):
            means = [over_seeds(values[row][metric]) for row in rows]
            halves = np.nan_to_num([mean.half_width for mean in means])
            axis.errorbar(x, [mean.mean for mean in means], yerr=halves, fmt="o-", markersize=3, capsize=2)
            axis.axvline(x[rows.index(START)], color="0.85", zorder=0)
            axis.tick_params(labelsize=7)
        axes[-1][column].set_xlabel("network passes per clip (steps)" if by_cost else setting, fontsize=8)
    for axis, metric in zip(axes[:, 0], QUALITY, strict=True):
        axis.set_ylabel(METRICS[metric].title, fontsize=8)
    _save(figure, path)


def _series(axis: str, start: Mapping[str, float], settings: Mapping[str, Row], values: Values) -> list[str]:
    """Measured settings that differ from the start in `axis` only, and the start, in order of `axis`."""
    rows = [
        name
        for name, row in settings.items()
        if name in values and all(row.sampling[other] == start[other] for other in start if other != axis)
    ]
    return sorted(rows, key=lambda name: settings[name].sampling[axis])


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    _pyplot().close(figure)
