"""What large datasets cost: the formula and the page."""

from __future__ import annotations

import json

import pytest

from benchmarks.scale.__main__ import PAGE, RESULT
from benchmarks.scale.cost import Figures
from benchmarks.scale.tables import BEGIN, END, tables, written

RECORD = {
    "machine": {"processor": "P", "busy_before": 0.5, "commit": "c0ffee", "measured": "today"},
    "making": {"interactions": 10, "frames": 150, "bytes": 900_000, "core_seconds": 3.0, "seconds": 4.0},
    "merging": {"interactions": 100, "parts": 4, "bytes": 9_000_000, "index_bytes": 30_000,
                "single_seconds": 0.1, "parts_seconds": 0.01},
}  # fmt: skip


def test_the_formula() -> None:
    figures = Figures.of(RECORD)
    assert figures.hours(1_000_000, 1) == pytest.approx(1_000_000 * 0.3 / 3600)
    assert figures.hours(1_000_000, 1000) == pytest.approx(figures.hours(1_000_000, 1) / 1000)
    assert figures.merge_hours(1_000_000) == pytest.approx(90e9 / 90e6 / 3600)
    cores = figures.cores_of_equal_merge
    assert figures.hours(7, 1) / cores == pytest.approx(figures.merge_hours(7))
    assert figures.index_hours(36_000_000) == pytest.approx(1.0)


def test_a_gpu_has_its_place_and_no_figure_before_it_is_measured() -> None:
    assert "not measured yet" in tables(RECORD) and "one GPU" not in tables(RECORD)
    measured = tables({**RECORD, "gpu_seconds": 0.0036})
    assert "| one GPU | 1.0 h |" in measured and "not measured" not in measured


def test_the_page_is_what_the_result_gives() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert written(page, json.loads(RESULT.read_text())) == page
    assert written(page, RECORD) != page
