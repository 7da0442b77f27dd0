"""Reports of an evaluation: report.json, report.md, per_prompt.csv and plots; and comparing two of them.

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
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.metrics import NOT_RANKED
from evaluators.protocols.evaluation import GENERATED, Evaluation, ScoredItem
from evaluators.protocols.protocol import MULTIMODALITY_FIELDS, differences
from evaluators.protocols.scoring import BETTER, METRICS, MetricScore
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.errors import InputError
from intermask_cli.files import write_json, write_text
from intermask_cli.motion.physics import COLUMNS
from intermask_cli.version import __version__

FORMAT = "intermask-evaluation"
FORMAT_VERSION = 1
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
        "physics": {row: physics_means(table) for row, table in evaluation.physics.items()},
        "provenance": {
            "intermask": __version__,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
    }


def _score_dict(score: MetricScore) -> dict[str, Any]:
    if score.absent:
        return {"absent": score.absent}
    half = score.half_width
    return {
        "mean": score.mean,
        "half_width": None if math.isnan(half) else half,
        "values": list(score.values),
    }


def physics_means(table: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    """Mean of every column over the interactions where it is defined; None where it never is."""
    return {n: float(np.nanmean(v)) if np.isfinite(v).any() else None for n, v in table.items()}


def cell(score: Mapping[str, Any], digits: int = 3) -> str:
    """A metric for a table: mean ± half width, or a dash."""
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
    return table


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
    return f"""# Evaluation

{_markdown_table(metric_table(report))}

Mean ± half of the 95 % interval over {report["protocol"]["repetitions"]} repetitions. A dash is a number that
cannot be had:{absent or " none here."}

Rows:{notes}

## Physics

{_markdown_table(physics_rows(report))}

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


def _markdown_table(rows: list[list[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])


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
    if report.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: version {report.get('format_version')}; accepted: {FORMAT_VERSION}; score it again"
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


def sampling_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """How the sampling settings of two compared reports differ."""
    settings_a, settings_b = (report["protocol"].get("sampling") or {} for report in (a, b))
    return differences(settings_a, settings_b)


def compare(a: Mapping[str, Any], b: Mapping[str, Any], row: str = "generated") -> list[list[str]]:
    """Table of one row of two reports: does each metric differ by more than the intervals?

    Raises InputError naming the fields when the protocols differ: such scores must not be compared.
    """
    for report in (a, b):
        if row not in report["rows"]:
            raise InputError(f"a report has no row '{row}'; it has: {', '.join(report['rows'])}")
    absent = any("absent" in report["rows"][row]["MModality"] for report in (a, b))
    if differing := differences(a["protocol"], b["protocol"], MULTIMODALITY_FIELDS if absent else ()):
        raise InputError(f"the protocols differ, so the scores cannot be compared: {'; '.join(differing)}")
    table = [["metric", "a", "b", "b - a", "verdict"]]
    for metric in metric_names(a["rows"][row], b["rows"][row]):
        score_a, score_b = a["rows"][row][metric], b["rows"][row][metric]
        table.append([metric, cell(score_a), cell(score_b), *_verdict(metric, score_a, score_b)])
    return table


def _verdict(metric: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[str, str]:
    if "absent" in a or "absent" in b:
        return "-", f"absent: {a.get('absent') or b.get('absent')}"
    difference = b["mean"] - a["mean"]
    if a["half_width"] is None or b["half_width"] is None:
        return f"{difference:+.3f}", "unknown: an interval needs two repetitions or more"
    if abs(difference) <= a["half_width"] + b["half_width"]:
        return f"{difference:+.3f}", "within the intervals"
    better = BETTER.get(metric)
    if better is None:
        return f"{difference:+.3f}", "differs"
    return f"{difference:+.3f}", f"{'b' if (difference > 0) == (better == 'higher') else 'a'} is better"
