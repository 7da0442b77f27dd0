"""The notebook docs/tutorial.ipynb runs from top to bottom, and is committed without outputs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_has_no_outputs_and_no_paths_of_a_machine() -> None:
    for cell in CODE:
        assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]
    text = json.dumps(NOTEBOOK)
    assert not re.search(r"/home/|/Users/|/work/|/root/|[A-Z]:\\\\", text)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])


def test_every_code_cell_compiles() -> None:
    for cell in CODE:
        compile("".join(cell["source"]), f"cell {cell['id']}", "exec")


@pytest.mark.slow
@pytest.mark.long
def test_the_notebook_runs_with_tiny_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell tagged `parameters` is run, then its values are replaced, as papermill does."""
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("INTERMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    tiny = {
        "OUT": tmp_path / "tutorial",
        "SECONDS": 1.0,
        "SAMPLES": 1,
        "TEST_CLIPS": 4,
        "PROMPTS": ["two people bow to each other", "they bow | they shake hands"],
    }
    space: dict[str, Any] = {"__name__": "__main__"}
    replaced = False
    for cell in CODE:
        exec(compile("".join(cell["source"]), f"cell {cell['id']}", "exec"), space)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert tiny.keys() <= space.keys()
            space.update(tiny)
            replaced = True
    assert replaced
    assert len(list((tmp_path / "tutorial" / "bvh").glob("*.bvh"))) == 4
    assert space["longer"].frames == 2 * space["first"].frames
    assert (space["pair"].joints[0] == space["given"]).all()
