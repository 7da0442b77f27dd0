"""Reports: plain values, tables, columns, and verdicts of a comparison."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from evaluators.metrics import NOT_RANKED
from evaluators.protocols.evaluation import Evaluation, best_and_worst, scored_items
from evaluators.protocols.protocol import ProtocolRecord
from evaluators.protocols.scoring import METRICS, MetricScore, Repetition
from evaluators.reports.report import (
    CSV_COLUMNS,
    item_rows,
    markdown,
    metric_table,
    physics_means,
    read_report,
    reasons,
    report_dict,
    write_reports,
)
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import COLUMNS
from tests.helpers.paths import ROOT
from tests.helpers.tiny_evaluator import TINY


def evaluation(kind: str = "model", **means: float) -> Evaluation:
    """Three interactions with known numbers."""
    rng = np.random.default_rng(0)
    motions = tuple(Motion(rng.normal(size=(2, 8, 22, 3)).astype(np.float32)) for _ in range(3))
    some = InteractionSet(
        "made",
        ("a", "b", "c"),
        ("bow", 'say "hi", wave', "hug"),
        motions,
        (0, 1, 2),
        (7, 8, None),
        (BOTH_PERSONS,) * 3,
    )
    record = ProtocolRecord(TINY, "tiny-eval", "0" * 64, "fake", "generate", "split", "1" * 64, 3, "pools")
    scores = {name: MetricScore((means.get(name, 1.0), means.get(name, 1.0) + 0.2)) for name in METRICS}
    scores["MModality"] = MetricScore(absent="one sample per prompt")
    result = Evaluation(record, {"kind": kind, "model": "tiny"})
    result.rows = {"ground truth": scores, "generated": scores}
    result.notes = {"generated": "made here"}
    result.physics = {"generated": {name: np.array([1.0, np.nan, 3.0]) for name in COLUMNS}}
    repetition = Repetition({}, np.array([0.5, 0.1, 0.9]), np.array([0, 2, NOT_RANKED]))
    result.items = scored_items(some, repetition, 4)
    return result


def test_every_row_of_the_csv_has_the_documented_columns():
    rows = item_rows(evaluation())
    assert [tuple(row) for row in rows] == [CSV_COLUMNS] * 3
    first, second, third = rows
    assert (first["id"], first["sample"], first["seed"], first["frames"]) == ("a", 4, 7, 8)
    assert [first[k] for k in ("rank", "top1", "top2", "top3", "pool_size")] == [1, 1, 1, 1, 3]
    assert [second[k] for k in ("rank", "top1", "top2", "top3")] == [3, 0, 0, 1]
    assert [third[k] for k in ("rank", "top1", "top2", "top3", "seed")] == [""] * 5
    assert float(first["mm_distance"]) == 0.5
    assert [row["float_mm"] for row in rows] == ["1", "", "3"]
    assert item_rows(evaluation("file"))[1]["sample"] == 1


def test_the_docs_list_every_column_in_order():
    text = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    table = text.split("## per_prompt.csv")[1].split("| --- | --- |")[1]
    first_cells = [line.split("|")[1] for line in table.strip().splitlines() if line.startswith("|")]
    assert tuple(re.findall(r"`(\w+)`", " ".join(first_cells))) == CSV_COLUMNS


def test_undefined_numbers_are_left_out_and_not_zero():
    assert physics_means({"x": np.array([1.0, np.nan, 3.0]), "y": np.array([np.nan])}) == {
        "x": 2.0,
        "y": None,
    }


def test_reports_hold_every_repetition_and_the_reason_for_what_is_absent(tmp_path):
    written = write_reports(evaluation(), tmp_path)
    assert read_report(tmp_path) == json.loads((tmp_path / "report.json").read_text()) == written
    assert written["rows"]["generated"]["FID"]["values"] == [1.0, 1.2]
    assert written["rows"]["generated"]["MModality"] == {"absent": "one sample per prompt"}
    assert reasons(written) == ["MModality: one sample per prompt (ground truth, generated)"]
    assert written["protocol"]["evaluator_sha256"] == "0" * 64
    assert len((tmp_path / "per_prompt.csv").read_text().splitlines()) == 4
    text = (tmp_path / "report.md").read_text()
    assert text == markdown(written) and "1.100 ±1.271" in text and "made here" in text


def test_metrics_of_installed_packages_are_shown(tmp_path):
    extended = evaluation()
    for row in extended.rows:
        extended.rows[row] = extended.rows[row] | {"Spread": MetricScore((2.0, 2.2))}
    report = write_reports(extended, tmp_path)
    table = metric_table(report)
    assert table[0] == ["", *METRICS, "Spread"] and table[1][-1].startswith("2.100")


def test_a_single_repetition_is_shown_without_an_interval():
    single = evaluation()
    single.rows["generated"] = {name: MetricScore((1.0,)) for name in METRICS}
    report = report_dict(single)
    assert report["rows"]["generated"]["R@1"]["half_width"] is None
    assert metric_table(report)[2][1] == "1.000"
    json.dumps(report, allow_nan=False)


def test_incomplete_and_newer_reports_are_named(tmp_path):
    for change, message in (
        ({"format_version": 9}, "version 9; accepted: 1 and 2"),
        ({"rows": {"generated": {"FID": {}}}}, "incomplete"),
        ({"protocol": None}, "incomplete"),
    ):
        (tmp_path / "report.json").write_text(json.dumps(report_dict(evaluation()) | change))
        with pytest.raises(InputError, match=message):
            read_report(tmp_path)


def test_best_and_worst_are_by_distance():
    best, worst = best_and_worst(evaluation().items, 2)
    assert [item.distance for item in best] == [0.1, 0.5] and [item.distance for item in worst] == [0.9, 0.5]


def test_other_json_is_not_a_report(tmp_path):
    path = tmp_path / "other.json"
    path.write_text("[1]")
    with pytest.raises(InputError, match="not a report"):
        read_report(path)
    with pytest.raises(InputError, match="not a readable"):
        read_report(tmp_path / "none.json")
    assert math.isnan(MetricScore((1.0,)).half_width)
