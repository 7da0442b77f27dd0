"""`python -m benchmarks.factory`: all stages on a few prompts, and the page. No timing is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.factory import __main__ as factory
from benchmarks.factory.report import document
from benchmarks.factory.stage import measured
from benchmarks.factory.tiny_model import save_tiny_model

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_thirty_prompts_go_from_templates_to_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'tables'")
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "model")

    def run(words: list[str]) -> tuple[dict[str, Any], str]:
        capfd.readouterr()
        values = measured(words)
        return values, capfd.readouterr().out

    result = factory.measure(30, tmp_path, run)
    stages = result["stages"]
    assert stages["prompts make"]["printed"]["prompts"] == 30
    assert stages["plan"]["printed"]["items"] == stages["generate"]["printed"]["done"] == 30
    assert 0 < stages["generate"]["printed"]["accepted"] == stages["select"]["printed"]["kept"]
    assert 0 < stages["generate"]["model_seconds"] < stages["generate"]["seconds"]
    assert stages["stats"]["model_seconds"] == 0 and result["parquet_files"] >= 1
    machine = {
        "processor": "p",
        "cores": 2,
        "torch_threads": 1,
        "load_before": [0.0],
        "commit": "c",
        "measured": "m",
    }
    page = document({**result, "machine": machine})
    assert "| generate |" in page and "The plan said" in page
