"""The data card of a dataset: statistics as Markdown, JSON and a figure."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import EXIT_OK
from intermask_cli.files import replacing, write_json, write_text
from intermask_cli.motion.skeleton import FPS
from intermask_cli.selection.croissant import croissant
from intermask_cli.selection.statistics import DatasetStatistics, Spread

CARD, FIGURES, NUMBERS, CROISSANT = "DATA_CARD.md", "data-card.png", "data-card.json", "croissant.json"
#: Kinds that are listed one by one.
_LISTED = 60
_NOT_DRAWN = "No figure: matplotlib is not installed (`pip install 'intermask[viz]'`)."


@dataclasses.dataclass(frozen=True)
class Card:
    """The files that were written, and the statistics in them."""

    folder: Path
    statistics: DatasetStatistics
    drawn: bool
    exit_code = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return numbers(self.statistics)

    def lines(self) -> list[str]:
        """For people."""
        s = self.statistics
        duplicates = ", ".join(f"{count:,} nearer than {mm:g} mm" for mm, count in s.near_duplicates.items())
        return [
            f"{s.interactions:,} interactions of {s.prompts:,} prompts, {s.seconds / 60:.1f} minutes",
            f"near-duplicates: {duplicates}",
            f"card: {self.folder / CARD}",
        ]


def write_card(statistics: DatasetStatistics, folder: Path) -> Card:
    """Write DATA_CARD.md, data-card.json, data-card.png (with matplotlib) and croissant.json."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _draw(statistics, folder / FIGURES)
    write_text(folder / CARD, markdown(statistics, drawn))
    write_json(folder / NUMBERS, numbers(statistics))
    write_json(folder / CROISSANT, croissant(statistics))
    return Card(folder, statistics, drawn)


def numbers(statistics: DatasetStatistics) -> dict[str, Any]:
    """All figures as JSON values; NaN as null."""
    values = dataclasses.asdict(statistics)
    values |= {
        name: str(values[name]) for name in ("path", "reference_path", "training_path") if values[name]
    }
    values["near_duplicates"] = {f"{mm:g} mm": n for mm, n in statistics.near_duplicates.items()}
    values["frames"] = dataclasses.asdict(Spread.of(statistics.frames))
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str), parse_constant=lambda _: None)
    return plain


def markdown(s: DatasetStatistics, drawn: bool) -> str:
    """The card as people read it."""
    lengths = Spread.of(np.array(s.frames) / FPS)
    lines = [
        f"# Data card: {s.path.parent.name}/{s.path.name}",
        "",
        f"{s.interactions:,} interactions of two persons, {s.prompts:,} prompts, {s.seconds / 60:.1f} "
        f"minutes of motion at {s.attributes.get('fps', FPS):g} frames per second. All of it was generated "
        "by a model; no person was recorded.",
        "",
        f"![Lengths, distances and kinds]({FIGURES})" if drawn else _NOT_DRAWN,
        "",
        "## What is in it",
        "",
        "| | mean | 5 % | median | 95 % |",
        "| --- | --- | --- | --- | --- |",
        _row("length, s", lengths),
        _row("distance of the pelves, m", s.distances_m),
        "",
        *[f"* {count:,} with an entry in `{name}`" for name, count in s.notes.items()],
        "",
        *_kind_lines(s.kinds),
        "## Physics",
        "",
        *_physics_lines(s),
        "",
        "## Variety",
        "",
        "Mean distance of joints after both interactions are put in one place, millimetres.",
        "",
        "| | mean | 5 % | median | 95 % |",
        "| --- | --- | --- | --- | --- |",
        *([_row("between prompts", s.diversity_mm)] if s.diversity_mm else []),
        *([_row("within a prompt", s.within_prompts_mm)] if s.within_prompts_mm else []),
        *([_row(f"to the nearest of {s.training_path}", s.novelty_mm)] if s.novelty_mm else []),
        "",
        *[
            f"* near-duplicates of an earlier interaction, nearer than {mm:g} mm: {n:,} "
            f"({n / s.interactions:.1%})"
            for mm, n in s.near_duplicates.items()
        ],
        *([] if s.novelty_mm else ["* novelty was not measured: `--training` takes the training motion"]),
        "",
        "## Where it comes from",
        "",
        *_provenance_lines(s),
        "",
        "## For whom, and for whom not",
        "",
        "For training and testing methods on two-person motion. Its motion has the faults of the model that "
        "made it, as the tables above show; it says nothing about how often people do something, and nothing "
        "about any person. Texts are those of the prompt files.",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, spread: Spread) -> str:
    values = (spread.mean, spread.p5, spread.median, spread.p95)
    return f"| {name} | {' | '.join(_number(value) for value in values)} |"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _kind_lines(kinds: dict[str, int]) -> list[str]:
    if not kinds:
        return []
    listed = list(kinds.items())[:_LISTED]
    more = [f"| {len(kinds) - _LISTED:,} more | |"] if len(kinds) > _LISTED else []
    return [
        "| kind | interactions |",
        "| --- | --- |",
        *(f"| {k or '(none)'} | {n:,} |" for k, n in listed),
        *more,
        "",
    ]


def _physics_lines(s: DatasetStatistics) -> list[str]:
    if all(math.isnan(spread.mean) for spread in s.physics.values()):
        return ["Not measured: it is defined for bodies of 22 joints."]
    other = f" {s.reference_path} |" if s.reference else ""
    lines = [
        f"| | mean | 5 % | median | 95 % |{other}",
        f"| --- | --- | --- | --- | --- |{' --- |' if other else ''}",
    ]
    for name, spread in s.physics.items():
        other = f" {_number(s.reference[name].mean)} |" if s.reference else ""
        lines.append(_row(name, spread) + other)
    return lines


def _provenance_lines(s: DatasetStatistics) -> list[str]:
    lines = []
    for name, attributes in (s.runs or {"": s.attributes}).items():
        version = dict(attributes.get("versions") or {}).get("intermask", "unknown")
        model, sha256 = attributes.get("model_id", "unknown"), str(attributes.get("model_sha256", ""))
        parts = {
            "model": f"{model} ({sha256[:12]})",
            "licence": attributes.get("licence", "unknown"),
            "text encoder": attributes.get("text_encoder_id", "unknown"),
            "sampling": attributes.get("sampling", "unknown"),
            "made by": f"intermask {version}, {attributes.get('created', '')}",
        }
        lines += [f"* {name + ': ' if name else ''}{key}: {value}" for key, value in parts.items()]
    return lines


def _draw(s: DatasetStatistics, path: Path) -> bool:
    """Histograms of lengths and foot skate, and bars of kinds; False without matplotlib."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    kinds = list(s.kinds.items())[:30]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), width_ratios=(1, 1.4))
    axes[0].hist(np.array(s.frames) / FPS, bins=30, color="#3b6ea5")
    axes[0].set(xlabel="length, s", ylabel="interactions", title="Lengths")
    axes[1].bar([name for name, _ in kinds], [count for _, count in kinds], color="#c7763b")
    axes[1].set(ylabel="interactions", title="Kinds" if kinds else "Kinds: none stated")
    axes[1].tick_params(axis="x", labelrotation=75, labelsize=7)
    figure.tight_layout()
    with replacing(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
    plt.close(figure)
    return True
