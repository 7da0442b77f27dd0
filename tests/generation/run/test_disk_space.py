"""The disk space of a run is known before it starts, and its first batch's time on a slow machine."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from intermask_cli.generation.run.disk_space import estimated_bytes, space_for
from intermask_cli.generation.workers.engine import Engine
from tests.helpers.generation import execute, make_all, plan_of, run

_Usage = namedtuple("_Usage", "total used free")


def test_the_estimate_is_near_the_size_of_a_dataset(tmp_path: Path) -> None:
    plan = plan_of(60)
    run(tmp_path, plan)
    size = (tmp_path / "interactions.h5").stat().st_size
    positions_alone = estimated_bytes(plan.frames, 22, "exact") * 66 / 192  # the stand-in makes no rotations
    assert 0.7 < size / positions_alone < 3  # short clips, so the file is half metadata


def test_too_small_a_disk_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(10**9, 0, 10**9))
    assert "MB of disk space" in space_for(tmp_path, plan.parts, plan.frames, 22, "exact")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(10**9, 10**9, 1000))
    messages: list[str] = []

    def make(items):
        messages.append(capsys.readouterr().err.replace("\n", " "))
        raise KeyboardInterrupt

    with pytest.raises(BaseException):  # whatever a stopped run raises
        execute(tmp_path / "r", plan, lambda worker: Engine(make, 4))
    assert "MB more to merge them; 0.0 MB are free" in messages[0] and "MB of disk space" in messages[0]


def test_before_the_first_batch_and_only_then(tmp_path: Path) -> None:
    announced: list[int] = []
    run_sizes: list[int] = []

    def make(items):
        run_sizes.append(len(items))
        assert announced == run_sizes[:1]
        return make_all(items)

    def say(items) -> None:
        announced.append(len(items))

    execute(tmp_path, plan_of(20), lambda worker: Engine(make, 4, say))
    assert len(run_sizes) > 1
