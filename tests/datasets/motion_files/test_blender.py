"""Scripts inside Blender: which program runs them, and what its failures say. No Blender is needed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from intermask_cli.datasets.motion_files.blender import BLENDER_VARIABLE, blender_command, run_in_blender
from intermask_cli.errors import IntermaskError, MissingError


def program(path: Path, lines: str) -> str:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return str(path)


def test_a_blender_gets_its_options_and_a_python_only_the_script(monkeypatch, tmp_path):
    log = tmp_path / "log"
    for name, expected in (("blender", "--python script.py -- a b"), ("python3.11", "script.py -- a b")):
        monkeypatch.setenv(BLENDER_VARIABLE, program(tmp_path / name, f'echo "$@" > {log}'))
        run_in_blender(Path("script.py"), "a", "b", what="FBX")
        assert log.read_text().strip().endswith(expected)
        assert ("--background" in log.read_text()) == (name == "blender")


def test_a_failure_gives_its_last_line(monkeypatch, tmp_path):
    monkeypatch.setenv(BLENDER_VARIABLE, program(tmp_path / "python", "echo one >&2; echo two >&2; exit 3"))
    with pytest.raises(IntermaskError, match=r"FBX: Blender failed \(two\)"):
        run_in_blender(tmp_path / "script.py", what="FBX")


def test_without_blender_the_message_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv(BLENDER_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(MissingError, match=r"FBX needs Blender: pip install .*absent.*not a program"):
        run_in_blender(tmp_path / "script.py", what="FBX")


def test_without_a_named_program_bpy_of_this_python_comes_first(monkeypatch, tmp_path):
    monkeypatch.delenv(BLENDER_VARIABLE, raising=False)
    program(tmp_path / "blender", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert blender_command() == [sys.executable]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    command = blender_command()
    assert command is not None and command[0] == str(tmp_path / "blender")
