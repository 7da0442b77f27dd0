"""Plots of docs/results/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.speed.goals import Reached
from benchmarks.speed.growth import VARIED

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def goals(found: Sequence[Reached], path: Path) -> None:
    """How many times each goal was reached."""
    figure, axis = plt.subplots(figsize=(8, 0.6 + 0.26 * max(1, len(found))), layout="constrained")
    ratios = [one.limit / one.value if one.goal.at_most else one.value / one.limit for one in found]
    colours = ["tab:green" if one.met else "tab:orange" for one in found]
    axis.barh([one.goal.name for one in found], ratios, color=colours)
    axis.axvline(1, color="black", linewidth=1)
    axis.invert_yaxis()
    axis.set_xlabel("times the goal")
    axis.tick_params(labelsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def growth(figures: dict[str, Any], path: Path) -> None:
    """Seconds against each varied size."""
    figure, axes = plt.subplots(1, len(VARIED), figsize=(11, 2.8), layout="constrained")
    for axis, name in zip(axes, VARIED, strict=True):
        runs = figures[name]["runs"]
        sizes = [int(n) for n in runs]
        axis.loglog(sizes, [row["min"] for row in runs.values()], "o-", label="minimum")
        axis.loglog(sizes, [row["median"] for row in runs.values()], ".--", label="median")
        axis.set_xticks(sizes, [str(n) for n in sizes])
        axis.minorticks_off()
        axis.set_title(f"{name}: exponent {figures[name]['exponent']:.2f}", fontsize=9)
    axes[0].set_ylabel("seconds")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def many(figures: dict[str, Any], path: Path) -> None:
    """Memory and cost against the number of interactions."""
    rows = figures["by_count"]
    counts = [int(count) for count in rows]
    figure, (memory, cost) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    memory.plot(counts, [row["peak_mib"] for row in rows.values()], "o-")
    memory.set(ylim=(0, None), xlabel="interactions", ylabel="peak MiB")
    for key in ("write", "resume", "merge"):
        cost.plot(counts, [row[f"{key}_seconds"] for row in rows.values()], "o-", label=key)
    cost.set(xlabel="interactions", ylabel="seconds")
    cost.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
