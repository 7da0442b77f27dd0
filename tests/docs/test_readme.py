"""The commands and the Python of README.md run as printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: (language, code) of every fenced block.
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_block_is_known_to_a_test():
    """Set-up blocks are run by `.ci/run`; the others here."""
    first_words = [code.split()[0] for language, code in BLOCKS if not language]
    assert first_words == ["make", "pip", "intermask", "intermask"]
    assert [language for language, _ in BLOCKS if language] == ["python"]


@pytest.mark.slow
@pytest.mark.long
def test_the_commands_run_in_order(tmp_path: Path):
    blocks = (code for language, code in BLOCKS if not language and code.startswith("intermask"))
    commands = "".join(blocks)
    # Few: faster.
    commands = commands.replace("--out runs/scores", "--out runs/scores --clips 16")
    commands = commands.replace("--count 20000", "--count 20")
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    demo = tmp_path / "prompts" / "demo.txt"
    demo.write_text("".join(demo.read_text(encoding="utf-8").splitlines(True)[:4]))  # three of its eight
    scripts = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": scripts + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "INTERMASK_DEVICE": "cpu",
        "INTERMASK_CACHE": str(tmp_path / "cache"),
    }
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "runs" / "demo" / "gallery.html").is_file()
    assert (tmp_path / "runs" / "partner" / "interactions.h5").is_file()
    assert (tmp_path / "runs" / "scores" / "report.md").is_file()
    assert list((tmp_path / "runs" / "parquet").rglob("*.parquet"))
    assert len(list((tmp_path / "runs" / "bvh").rglob("*.bvh"))) == 8


@pytest.mark.slow
def test_the_python_runs():
    (code,) = (code for language, code in BLOCKS if language == "python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    joints = names["pair"].joints  # type: ignore[attr-defined]
    assert joints.shape == (2, 148, 22, 3) and joints.dtype == "float32"
