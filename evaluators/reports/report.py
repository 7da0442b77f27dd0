"""Reports of an evaluation: report.json, report.md, per_prompt.csv and tables.

`per_prompt.csv` (one row per generated interaction, sortable):

==========================  ===========================================================================
column                      content
==========================  ===========================================================================
id, prompt, sample, seed    as in the run; for a model scored here `sample` is the repetition
frames                      length at 30 fps
mm_distance                 distance of the motion to its own caption; large is bad
rank                        1 is best; empty if its pool was incomplete and dropped
top1, top2, top3            1 if the rank is at most 1, 2, 3; empty where rank is
pool_size                   captions in the pool
foot_skate_mm_per_frame ... the columns of `motion.physics`, units in their names; empty if undefined
==========================  ===========================================================================
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.metrics import NOT_RANKED
from evaluators.protocols.protocol import GENERATED, PUBLISHED_INTERVAL
from evaluators.protocols.scoring import METRICS, PRECISIONS, MetricScore, PerClip
from evaluators.reports.tables import markdown_table
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.errors import InputError
from intermask_cli.files import write_json, write_text
from intermask_cli.motion.physics import COLUMNS
from intermask_cli.version import __version__

if TYPE_CHECKING:
    from evaluators.protocols.evaluation import Evaluation, ScoredItem

FORMAT = "intermask-evaluation"
FORMAT_VERSION = 2
#: Version 1 holds no contributions of clips; a comparison of such reports says so.
READABLE_VERSIONS = (1, 2)
CSV_COLUMNS = (
    "id", "prompt", "sample", "seed", "frames", "mm_distance", "rank", "top1", "top2", "top3", "pool_size",
    *COLUMNS,
)  # fmt: skip
PHYSICS_TITLES = {
    "foot_skate_mm_per_frame": "foot skate mm/frame",
    "foot_contact_agreement": "foot contact agreement",
    "float_mm": "float mm",
    "floor_penetration_mm": "below floor mm",
    "jerk_m_per_s3": "jerk m/s³",
    "bone_length_error_mm": "bone length error mm",
    "penetration_mm": "overlap mm",
    "penetration_share": "overlap share",
    "contact_ratio": "contact ratio",
    "smallest_distance_mm": "smallest distance mm",
}


def report_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as plain values: all numbers, every repetition, protocol, subject, provenance."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "protocol": evaluation.record.to_dict(),
        "subject": evaluation.subject,
        "rows": {
            row: {m: _score_dict(s) for m, s in scores.items()} for row, scores in evaluation.rows.items()
        },
        "notes": evaluation.notes,
        "captions_per_pool": evaluation.captions_per_pool,
        "left_out": [{"id": id, "reason": reason} for id, reason in evaluation.left_out],
        "physics": {row: physics_means(table) for row, table in evaluation.physics.items()},
        "per_clip": {GENERATED: _per_clip(evaluation)} if GENERATED in evaluation.rows else {},
        "provenance": {
            "intermask": __version__,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
    }


def _score_dict(score: MetricScore) -> dict[str, Any]:
    chance = {} if score.chance is None else {"chance": score.chance}
    if score.absent:
        return {"absent": score.absent} | chance
    half = score.half_width
    return {
        "mean": score.mean,
        "half_width": None if math.isnan(half) else half,
        "values": list(score.values),
    } | chance


def _per_clip(evaluation: Evaluation) -> dict[str, Any]:
    """What every generated clip contributes to each metric and physics column, for comparisons."""
    scores = evaluation.rows[GENERATED]
    contributions = {name: s.per_clip for name, s in scores.items() if s.per_clip is not None}
    if GENERATED in evaluation.physics and evaluation.items:
        contributions |= physics_per_clip(evaluation.items, evaluation.physics[GENERATED])
    return {
        name: {"keys": list(clips.keys), "values": [_rounded(value) for value in clips.values]}
        for name, clips in contributions.items()
    }


def physics_per_clip(items: Sequence[ScoredItem], physics: Mapping[str, np.ndarray]) -> dict[str, PerClip]:
    """Physics of every clip, averaged over repetitions; a clip without a value in one has none."""
    keys = [item.key for item in items]
    columns = {}
    for name, values in physics.items():
        by_key: dict[str, list[float]] = {}
        for key, value in zip(keys, values.tolist(), strict=True):
            by_key.setdefault(key, []).append(value)
        columns[name] = PerClip(tuple(by_key), np.array([np.mean(v) for v in by_key.values()]))
    return columns


def _rounded(value: float) -> float | None:
    """Nine digits, which JSON keeps short; None is undefined."""
    return float(f"{value:.9g}") if math.isfinite(value) else None


def physics_means(table: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    """Mean of every column over the interactions where it is defined; None where it never is."""
    return {n: float(np.nanmean(v)) if np.isfinite(v).any() else None for n, v in table.items()}


def cell(score: Mapping[str, Any], digits: int = 3) -> str:
    """A metric for a table: mean ± half width where it varies, or a dash."""
    if "absent" in score:
        return "-"
    half = "" if score["half_width"] is None else f" ±{score['half_width']:.{digits}f}"
    return f"{score['mean']:.{digits}f}{half}"


def metric_names(*rows: Mapping[str, Any]) -> list[str]:
    """Metrics that all of these rows have: the paper's, then those of installed packages."""
    return [name for name in rows[0] if all(name in row for row in rows)]


def metric_table(report: Mapping[str, Any]) -> list[list[str]]:
    """Header and rows of the metric table."""
    names = metric_names(*report["rows"].values())
    table = [["", *names]]
    for row, scores in report["rows"].items():
        table.append([row, *(cell(scores[name], 4 if name == "MM Dist" else 3) for name in names)])
    return [*table, *_chance_rows(report, names)]


def _chance_rows(report: Mapping[str, Any], names: Sequence[str]) -> list[list[str]]:
    """R-Precision of motions in random order: one row, or several where rows have other captions."""
    rows_by_level: dict[tuple[str, ...], list[str]] = {}
    for row, scores in report["rows"].items():
        if "chance" in scores[PRECISIONS[0]]:
            level = tuple(f"{scores[name]['chance']:.3f}" for name in PRECISIONS)
            rows_by_level.setdefault(level, []).append(row)
    several = len(rows_by_level) > 1
    blanks = [""] * (len(names) - len(PRECISIONS))
    return [
        [f"chance ({', '.join(rows)})" if several else "chance", *level, *blanks]
        for level, rows in rows_by_level.items()
    ]


def physics_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Header and rows of the physics table: a line per score, a column per row of the metric table."""
    rows = [["physics", *report["physics"]]]
    for column, title in PHYSICS_TITLES.items():
        values = (table[column] for table in report["physics"].values())
        rows.append([title, *("-" if value is None else f"{value:.3g}" for value in values)])
    return rows


def reasons(report: Mapping[str, Any]) -> list[str]:
    """Why metrics are absent, one line per reason."""
    rows_by_reason: dict[str, list[str]] = {}
    for row, scores in report["rows"].items():
        for metric, score in scores.items():
            if "absent" in score:
                rows_by_reason.setdefault(f"{metric}: {score['absent']}", []).append(row)
    return [f"{reason} ({', '.join(rows)})" for reason, rows in rows_by_reason.items()]


def markdown(report: Mapping[str, Any]) -> str:
    """report.md."""
    protocol = "\n".join(f"| {name} | {value} |" for name, value in report["protocol"].items())
    subject = "\n".join(f"| {name} | {value} |" for name, value in report["subject"].items())
    absent = "".join(f"\n* {line}" for line in reasons(report))
    notes = "".join(f"\n* **{row}**: {text}" for row, text in report["notes"].items())
    left_out = "".join(f"\n* {item['id']}: {item['reason']}" for item in report["left_out"])
    left_out = f"\n\nLeft out of these scores:\n{left_out}" if left_out else ""
    return f"""# Evaluation

{markdown_table(metric_table(report))}

{_interval_sentence(report["protocol"])} Chance: motions in random order. A dash
is a number that cannot be had:{absent or " none here."}

Rows:{notes}{left_out}

## Physics

{markdown_table(physics_rows(report))}

Means over interactions; compare each with the ground truth, since lower is not always better.

## Subject

| field | value |
| --- | --- |
{subject}

## Protocol

Scores are comparable only where all of this is equal (`intermask evaluate --compare a.json b.json` checks).

| field | value |
| --- | --- |
{protocol}
"""


def _interval_sentence(protocol: Mapping[str, Any]) -> str:
    repetitions = protocol["repetitions"]
    if protocol["interval"] == PUBLISHED_INTERVAL:
        return f"Mean ± half of the published 95 % interval over {repetitions} repetitions."
    return (
        f"Mean of {repetitions} repetitions ± half of the 95 % interval over clips, pools and samples; none "
        "where nothing varies."
    )


def item_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Rows of per_prompt.csv."""
    physics = evaluation.physics[GENERATED]
    pool = evaluation.record.protocol.pool_size
    from_model = evaluation.subject.get("kind") == "model"
    return [
        _item_row(item, pool, from_model) | {n: _number(physics[n][i]) for n in COLUMNS}
        for i, item in enumerate(evaluation.items)
    ]


def _item_row(item: ScoredItem, pool: int, from_model: bool) -> dict[str, Any]:
    source, i = item.interactions, item.index
    ranked = item.rank != NOT_RANKED
    return {
        "id": source.ids[i],
        "prompt": source.prompts[i],
        "sample": item.repetition if from_model else source.samples[i],
        "seed": "" if source.seeds[i] is None else source.seeds[i],
        "frames": source.motions[i].joints.shape[1],
        "mm_distance": _number(item.distance),
        "rank": item.rank + 1 if ranked else "",
        **{f"top{k}": int(item.rank < k) if ranked else "" for k in (1, 2, 3)},
        "pool_size": pool,
    }


def _number(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.6g}"


def write_reports(evaluation: Evaluation, out: Path) -> dict[str, Any]:
    """Write report.json, report.md and per_prompt.csv under `out` -> the report."""
    report = report_dict(evaluation)
    write_json(out / "report.json", report)
    write_text(out / "report.md", markdown(report))
    rows = ([row[column] for column in CSV_COLUMNS] for row in item_rows(evaluation))
    write_csv(out / "per_prompt.csv", CSV_COLUMNS, rows, line_end="\r\n")
    return report


def read_report(path: Path) -> dict[str, Any]:
    """A report.json (or the folder that holds one); InputError if it is something else."""
    path = path / "report.json" if path.is_dir() else path
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable report.json ({error})") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise InputError(f"{path}: not a report of `intermask evaluate`")
    if report.get("format_version") not in READABLE_VERSIONS:
        accepted = " and ".join(map(str, READABLE_VERSIONS))
        raise InputError(
            f"{path}: version {report.get('format_version')}; accepted: {accepted}; score it again"
        )
    rows = report.get("rows")
    complete = isinstance(rows, dict) and all(
        isinstance(scores, dict)
        and all(isinstance(score, dict) and _is_score(score) for score in map(scores.get, METRICS))
        for scores in rows.values()
    )
    if not isinstance(report.get("protocol"), dict) or not complete:
        raise InputError(f"{path}: protocol or rows are incomplete; score it again")
    return report


def _is_score(score: Mapping[str, Any]) -> bool:
    return "absent" in score or {"mean", "half_width"} <= score.keys()
