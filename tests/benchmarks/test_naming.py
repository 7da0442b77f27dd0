"""Names that readers gave to contact sheets, compared with what was asked for."""

from __future__ import annotations

import pytest

from benchmarks import naming
from intermask_cli.datasets.duets.labels import KINDS


def test_score_compares_answers_with_the_key(tmp_path):
    (tmp_path / "key.csv").write_text("sheet,kind,prompt\n01,bow,a\n02,hug,b\n03,wave,c\n04,bow,d\n")
    right, some = tmp_path / "right.csv", tmp_path / "some.csv"
    right.write_text("sheet,kind\n04,bow\n03,wave\n02,hug\n01,bow\n")
    some.write_text("sheet,kind\n1,bow\n02,high_five\n03,wave\n")  # 04 has no answer
    block = naming.score(tmp_path, [right, some])
    assert "| 1 | 100% (51% to 100%) | 4 |" in block
    assert "| 2 | 50% (15% to 85%) | 4 |" in block
    assert "hug as high_five (1), bow as nan (1)" in block


@pytest.mark.slow
def test_draw_writes_sheets_names_and_key(tmp_path, monkeypatch):
    monkeypatch.setattr(naming, "DUETS_KINDS", "bow,wave")
    naming.draw(tmp_path / "out", 2, tmp_path / "cache")
    assert sorted(path.name for path in (tmp_path / "out" / "sheets").iterdir()) == ["01.png", "02.png"]
    key = (tmp_path / "out" / "key.csv").read_text().splitlines()
    assert key[0] == "sheet,kind,prompt" and {line.split(",")[1] for line in key[1:]} <= {"bow", "wave"}
    assert (tmp_path / "out" / "kinds.txt").read_text().split() == list(KINDS)
