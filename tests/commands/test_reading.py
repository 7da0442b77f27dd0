"""What the bundled model reads is shown, stored, and refused with --strict."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intermask_cli.datasets.interactions import InteractionFile

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
TEXTS = ("the second person kicks at the first person with the left foot", "they juggle with clubs")


@pytest.fixture
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def test_a_plan_says_what_is_read(cli: Run, prompts: Path) -> None:
    code, out, _ = cli("plan", prompts, "--measure", 0, "--device", "cpu", "--json")
    assert code == 0
    kick, juggle = json.loads(out)["readings"]
    assert kick["read_as"].startswith("kick_dodge, person 2, left") and kick["outside"] == ""
    assert juggle["outside"] and kick["read_confidence"] > juggle["read_confidence"]
    assert "is read as kick_dodge" in cli("plan", prompts, "--measure", 0, "--device", "cpu")[1]
    off = cli("plan", prompts, "--measure", 0, "--device", "cpu", "--reading", "off", "--json")[1]
    assert "readings" not in json.loads(off)


def test_strict_refuses_what_is_outside(cli: Run, prompts: Path) -> None:
    code, _, err = cli("generate", prompts, "--strict", "--device", "cpu", "--out", "run")
    assert code == 2 and "1 of 2 texts are outside what duet-mini knows" in err
    assert not Path("run").exists()


def test_a_run_stores_what_was_read(cli: Run, prompts: Path) -> None:
    command = ["generate", prompts, "--device", "cpu", "--frames", 32, "--out", "run"]
    code, _, err = cli(*command)
    assert code == 0, err
    assert "is read as kick_dodge, person 2" in err and "1 of 2 texts are outside" in err
    with InteractionFile("run") as dataset:
        assert dataset.attributes["reading"] == "labels"
        kick, juggle = dataset
    assert kick.read_as.startswith("kick_dodge, person 2") and kick.outside == ""
    assert juggle.outside and juggle.read_as == "outside"
    with Path("run/index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["read_as"] for row in rows] == [kick.read_as, "outside"] and rows[1][
        "outside"
    ] == juggle.outside
    code, _, err = cli(*command, "--reading", "off")
    assert code == 2 and "holds another run" in err


def test_reading_off_is_another_reading(cli: Run, prompts: Path) -> None:
    code, _, err = cli(
        "generate", prompts, "--device", "cpu", "--frames", 32, "--reading", "off", "--out", "o"
    )
    assert code == 0 and "is read as" not in err
    with InteractionFile("o") as dataset:
        assert dataset.attributes["reading"] == "off" and "read_as" not in dataset.columns
    code, _, err = cli("generate", prompts, "--reading", "mine")
    assert code == 2 and "reading is 'mine'; accepted: auto, off" in err
