"""`intermask plan`, and `generate --dry-run`, which is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intermask_cli.generation import estimate
from intermask_cli.generation.trial import Trial, TrialBatch
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
#: All batches are measured, on however busy a machine.
ALL = ("--measure", 1e6)
PROMPTS = "text,frames\ntwo people bow,8\ntwo people wave,40\nthey hug,2\nthey hug,x\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text(PROMPTS)
    return tmp_path


def planned(cli: Run, tiny_model: TinyModel, *words: object, expected: int = 3) -> dict[str, Any]:
    code, out, err = cli("plan", "p.csv", *tiny_model.options, "--batch-size", 1, *words, "--json")
    assert code == expected, err
    values: dict[str, Any] = json.loads(out)
    return values


def test_a_plan_measures_clips_and_writes_nothing(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    plan = planned(cli, tiny_model, "--samples", 3, *ALL)
    assert (plan["items"], plan["prompts"], plan["frames"]) == (6, 2, 144)
    cost = plan["cost"]
    assert cost["workers"] == 1 and cost["device"] == "the CPU" and cost["gpu_memory_bytes"] is None
    assert [of["frames"] for of in cost["measured"]] == [8, 40]
    low, likely, high = (cost["seconds"][name] for name in ("low", "likely", "high"))
    assert 0 < low <= likely <= high and cost["memory_bytes"] > 50e6
    assert [entry["line"] for entry in plan["rejected"]] == [4, 5]
    assert sorted(path.name for path in folder.iterdir()) == ["p.csv"]
    code, out, _ = cli("plan", "p.csv", *tiny_model.options, "--batch-size", 1, *ALL)
    assert code == 3 and "would make 2 interactions" in out and "estimated time" in out
    assert "rejected, 1: p.csv line 4 asks for 2 frames" in out


def test_the_size_is_that_of_the_run(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--batch-size", 1, "--samples", 2, "--rejected-ok")
    monkeypatch.setattr(estimate, "MEASURED_SECONDS", 1e6)
    dry = cli("generate", "p.csv", *tiny_model.options, *words, "--dry-run", "--json")
    assert dry[0] == 0
    plan = json.loads(dry[1])
    assert cli("generate", "p.csv", *tiny_model.options, *words, "--out", "run")[0] == 0
    size = (folder / "run" / "interactions.h5").stat().st_size
    assert plan["estimated_bytes"] == pytest.approx(size, abs=20_000)  # its index


def test_options_change_the_plan(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    none = planned(cli, tiny_model, "--measure", 0)
    assert none["cost"] is None and none["not_measured"] == "--measure 0"
    half = planned(cli, tiny_model, "--samples", 8, "--shard", "1/2", "--measure", 0)
    assert half["items"] == 8
    code, _, err = cli("plan", "p.csv", *tiny_model.options, "--strict")
    assert code == 2 and "2 bad prompt lines" in err


def test_what_is_read_is_counted(cli: Run, folder: Path) -> None:
    (folder / "p.txt").write_text(
        "the second person kicks at the first person\nthey bow | they shake hands\nthey juggle with clubs\n"
    )
    code, out, _ = cli("plan", "p.txt", "--device", "cpu", "--measure", 0, "--json")
    plan = json.loads(out)
    assert code == 0 and plan["kinds"] == {"kick_dodge": 1, "bow": 1, "handshake": 1}
    assert plan["outside"] == 1 and len(plan["readings"]) == 3
    text = cli("plan", "p.txt", "--device", "cpu", "--measure", 0)[1]
    assert "read as, of 3 texts: kick_dodge 1" in text and "is outside what the model knows" in text


def test_a_model_too_slow_to_measure_says_so(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from intermask_cli.inference import step_cost

    slow = step_cost.StepCost(30.0, 0)
    monkeypatch.setattr(step_cost, "step_cost", lambda *_: slow)
    plan = planned(cli, tiny_model)
    assert (
        plan["cost"] is None and "--measure " in plan["not_measured"] and "products" in plan["not_measured"]
    )


def test_every_worker_of_the_run_measures(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def trials(devices: list[str], *_: object) -> list[Trial]:
        asked.append(devices)
        return [Trial((TrialBatch(2, 1, 1.0, 10),), (), (((2, 8),), ((2, 8),)), 1.0, 10, 20)] * len(devices)

    monkeypatch.setattr(estimate, "run_trials", trials)
    one = planned(cli, tiny_model, "--samples", 8)
    two = planned(cli, tiny_model, "--samples", 8, "--processes", 2)
    assert asked == [["cpu"], ["cpu", "cpu"]] and two["cost"]["workers"] == 2
    assert (one["cost"]["seconds"]["likely"], two["cost"]["seconds"]["likely"]) == (17, 9)
