"""Plots of a study: a panel per figure with every row's mean and interval, and curves of the sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablations.intervals import over_seeds
from benchmarks.ablations.metrics import METRICS
from benchmarks.ablations.settings import Row

#: Row -> figure -> values over seeds.
Values = Mapping[str, Mapping[str, Sequence[float]]]
#: What the sampler's curves show.
QUALITY = ("r1", "fid", "kind", "jerk_ratio")


def draw_rows(values: Values, rows: Sequence[str], metrics: Sequence[str], path: Path) -> None:
    """A panel per figure, one line per row; dots are seeds."""
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
    """Quality against cost: a line per setting that is varied, from the default's point."""
    plt = _pyplot()
    figure, axes = plt.subplots(2, len(QUALITY), figsize=(3.0 * len(QUALITY), 5.0), layout="constrained")
    default = dict(settings["default"].sampling)
    series = {axis: _series(axis, default, settings, values) for axis in default}
    for column, metric in enumerate(QUALITY):
        title = METRICS[metric].title
        axes[0][column].set_title(title, fontsize=9)
        for axis in ("steps", "guidance"):
            rows = series[axis]
            x = [np.mean(values[row]["passes"]) for row in rows]
            _line(axes[0][column], x, rows, values, metric, axis)
        axes[0][column].set_xlabel("network passes per clip", fontsize=8)
        for axis in ("guidance", "filter", "temperature"):
            x = [settings[row].sampling[axis] for row in series[axis]]
            _line(axes[1][column], x, series[axis], values, metric, axis)
        axes[1][column].set_xlabel("setting", fontsize=8)
    for axis in axes.flat:
        axis.tick_params(labelsize=7)
    for axis in axes[:, 0]:
        axis.legend(fontsize=7)
    _save(figure, path)


def _series(
    axis: str, default: Mapping[str, float], settings: Mapping[str, Row], values: Values
) -> list[str]:
    """Measured settings that differ from the default in `axis` only, and the default, in order of `axis`."""
    rows = [
        name
        for name, row in settings.items()
        if name in values and all(row.sampling[other] == default[other] for other in default if other != axis)
    ]
    return sorted(rows, key=lambda name: settings[name].sampling[axis])


def _line(axis, x, rows: Sequence[str], values: Values, metric: str, label: str) -> None:
    means = [over_seeds(values[row][metric]) for row in rows]
    halves = np.nan_to_num([mean.half_width for mean in means])
    axis.errorbar(
        x, [mean.mean for mean in means], yerr=halves, fmt="o-", markersize=3, capsize=2, label=label
    )


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    _pyplot().close(figure)
