"""`intermask prompts`: the sub-commands work on each other's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


def test_make_check_dedupe_stats_and_split(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: TinyModel
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("prompts", "make", "-n", 52, "--seconds", "3,4", "--out", "set.csv", "--json")
    assert code == 0, err
    assert set(json.loads(out)["labels"]["kind"].values()) == {2}
    assert json.loads(out)["labels"]["seconds"] == {"3": 26, "4": 26}
    code, out, _ = cli("prompts", "stats", "set.csv", "--json")
    stats = json.loads(out)
    assert code == 0 and stats["texts"] == 52 and len(stats["labels"]["kind"]) == 26
    code, out, _ = cli("prompts", "split", "set.csv", "--train", 0.5, "--val", 0.25, "--out", "parts")
    assert code == 0 and sorted(p.name for p in Path("parts").iterdir()) == [
        "test.csv",
        "train.csv",
        "val.csv",
    ]
    code, out, _ = cli("prompts", "dedupe", "set.csv", "parts/train.csv", "--out", "once.csv", "--json")
    assert code == 3 and json.loads(out)["kept"] == 52  # ids of the second file are taken
    code, out, _ = cli("prompts", "check", "once.csv", *tiny_model.options)
    assert code == 0 and "52 usable prompts; 0 lines rejected, 0 repeat" in out and "read as" not in out


def test_a_check_lists_what_is_wrong(cli: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "text,frames,kind\nthe first person waves,60,bow\nThe first person waves.,60,wave\nthey juggle,,\n"
        "they hug,2,\nzwei Leute geben sich die Hand,60,\n"
    )
    code, out, _ = cli("prompts", "check", path, "--device", "cpu", "--json")
    found = json.loads(out)
    assert code == 3 and [entry["line"] for entry in found["rejected"]] == [5]
    assert [place["line"] for place in found["repeated"]] == [3]
    assert [place["line"] for place in found["misread"]] == [2]
    assert [place["line"] for place in found["text_warnings"]] == [6]
    assert "they juggle" in [entry["text"] for entry in found["outside"]] and found["kinds"]["wave"] == 2
    code, out, _ = cli("prompts", "stats", path, "--read", "--device", "cpu", "--json")
    assert code == 3 and json.loads(out)["labels"]["kind"]["wave"] == 2


def test_wrong_usage_is_named(cli: Run, tmp_path: Path, tiny_model: TinyModel) -> None:
    model = ("--model", tiny_model.bundle)
    code, _, err = cli("prompts", "make", *model, "--out", tmp_path / "o.csv")
    assert code == 2 and "has no captions of its own kinds; give templates with --spec" in err
    (tmp_path / "p.txt").write_text("two people bow\n")
    code, _, err = cli("prompts", "stats", tmp_path / "p.txt", "--read", *tiny_model.options)
    assert code == 2 and "has no reader" in err
    code, _, err = cli("prompts", "dedupe", tmp_path / "p.txt", "--out", tmp_path / "o.doc")
    assert code == 2 and "accepted are files .csv, .tsv, .jsonl" in err
