"""One count over all workers: items made here, and files of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermask_cli import console
from intermask_cli.generation.run import progress as module
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.part_files import Failure
from intermask_cli.generation.run.plan import Shard
from intermask_cli.generation.run.progress import show_progress
from tests.helpers.generation import info, make, plan_of


def test_parts_of_other_workers_count_once_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SCAN_SECONDS", 3600.0)
    monkeypatch.setattr(console, "PLAIN_LINE_SECONDS", 3600.0)
    plan = plan_of(40)
    before, own, other, later = plan.parts[:4]
    with open_run(tmp_path, info(plan), Shard(), False) as run:
        run.write_part(before, [(item, make(item)) for item in before.items], [])
        with show_progress(run, plan.parts, [own]) as progress:
            assert progress._shown is not None and progress._shown.done == 8
            progress.add(5, 1)
            good = [(item, make(item)) for item in other.items[1:]]
            run.write_part(other, good, [Failure(other.items[0], "broke")])
            progress.add_others()
            assert progress._shown.done == 8 + 6 + 8
            progress.add_others()
            assert progress._shown.done == 22
            run.write_part(later, [(item, make(item)) for item in later.items], [])
            run.write_part(plan.parts[4], [(item, make(item)) for item in plan.parts[4].items], [])
            progress.add(2, 0)
            assert progress._shown.done == 24  # no look at the disk after every batch
            progress.add_others()
            progress.add_others()
        assert progress._shown.done == 40
    lines = capfd.readouterr().err.splitlines()
    assert "40/40 interactions" in lines[-1] and len(lines) == 1


def test_workers_that_show_nothing_count_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(10)
    with (
        open_run(tmp_path, info(plan), Shard(), False) as run,
        show_progress(run, plan.parts, plan.parts, shown=False) as progress,
    ):
        progress.add(8, 2)
    assert capfd.readouterr().err == ""


def test_loading_does_not_count_for_the_rate(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(8)
    with (
        open_run(tmp_path, info(plan), Shard(), False) as run,
        show_progress(run, plan.parts, plan.parts) as progress,
    ):
        assert progress._shown is not None
        progress._shown._started -= 1e6  # a long time ago
        progress.begin()
        progress.add(8, 0)
    rate = capfd.readouterr().err.split("interactions, ")[1].split("/s")[0]
    assert float(rate) > 0  # 0.00 with the long time before
