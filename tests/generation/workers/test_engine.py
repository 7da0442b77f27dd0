"""The job engine with a stand-in for the model: failures, interruption, kill and resume, several workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError, IntermaskError, InterruptedRun, MissingError, Terminated
from intermask_cli.generation.merging import merge_runs
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run import contents
from intermask_cli.generation.run import part_files as store
from intermask_cli.generation.run.directory import MergeResult, RunDirectory, open_run
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.generation.run.plan import Part, Plan, Shard, WorkItem, make_plan
from intermask_cli.generation.workers.engine import (
    MAX_FAILURES_BEFORE_SANITY_CHECK,
    SANITY_TEXT,
    Engine,
    Interrupts,
    work,
)
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.inference.interaction import Interaction
from tests.helpers.generation import ALL, content, execute, info, make_all, plan_of, run, wait_for
from tests.helpers.paths import ROOT


@pytest.mark.slow
def test_batch_size_changes_nothing(tmp_path: Path) -> None:
    plan = plan_of(100)
    for size in (1, 5, 128):
        summary = run(tmp_path / str(size), plan, size=size)
        assert (summary.merged, summary.done, summary.made, summary.exit_code) == (True, 100, 100, 0)
    assert content(tmp_path / "1") == content(tmp_path / "5") == content(tmp_path / "128")


@pytest.mark.slow
def test_a_failing_item_affects_no_other(tmp_path: Path) -> None:
    plan = plan_of(60)
    calls = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        calls.append(len(items))
        if any(item.id == "p-17-s0" for item in items):
            raise ValueError("bad text\nmore lines")
        return make_all(items)

    summary = run(tmp_path, plan, batch)
    assert (summary.done, summary.exit_code) == (59, 3)
    assert [(f.id, f.file, f.line, f.reason) for f in summary.failed] == [
        ("p-17-s0", "p.txt", 17, "failed: ValueError: bad text")
    ]
    assert "p-17-s0" in (tmp_path / "rejected.jsonl").read_text()
    again = run(tmp_path, plan)
    assert (again.done, again.exit_code) == (60, 0)
    assert again.made < 60
    run(tmp_path / "clean", plan)
    assert content(tmp_path) == content(tmp_path / "clean")


def test_an_out_of_memory_batch_is_made_in_smaller_pieces(tmp_path: Path) -> None:
    plan = plan_of(60)

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        if len(items) > 3:
            raise RuntimeError("CUDA out of memory")
        return make_all(items)

    assert run(tmp_path, plan, batch).done == 60


def test_after_running_out_of_memory_batches_stay_small(tmp_path: Path) -> None:
    sizes = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        sizes.append(len(items))
        if len(items) * items[0].tokens > 12:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return make_all(items)

    lines = [Prompt(f"p-{i}", "text", "p.txt", i, frames=16) for i in range(40)]
    assert run(tmp_path, make_plan(lines, 0, 1, 60), batch).done == 40
    assert sizes[:3] == [8, 4, 2]  # the first batch and its halves
    assert max(sizes[7:]) <= 4


def test_what_a_failed_batch_held_is_free_before_it_is_halved(tmp_path: Path) -> None:
    class Large:
        """Stands for the tensors of a batch."""

    held: list[weakref.ref[Large]] = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        assert all(reference() is None for reference in held)
        large = Large()
        held.append(weakref.ref(large))
        if len(items) > 1:
            raise RuntimeError("CUDA out of memory")
        return make_all(items)

    lines = [Prompt(f"p-{i}", "text", "p.txt", i, frames=16) for i in range(8)]
    summary = run(tmp_path, make_plan(lines, 0, 1, 60), batch)
    assert (summary.done, len(summary.failed)) == (8, 0)


@pytest.mark.slow
def test_batch_size_may_depend_on_length(tmp_path: Path) -> None:
    sizes: dict[int, set[int]] = {}

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        sizes.setdefault(items[0].tokens, set()).add(len(items))
        return make_all(items)

    plan = plan_of(200)
    execute(tmp_path, plan, lambda worker: Engine(batch, lambda n: 7 - n))
    assert all(max(seen) <= 7 - tokens for tokens, seen in sizes.items())
    assert max(sizes[1]) == 6
    run(tmp_path / "clean", plan)
    assert content(tmp_path) == content(tmp_path / "clean")


def test_a_part_is_written_while_the_next_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = threading.Event()
    written = []
    write = RunDirectory.write_part

    def waiting(self: RunDirectory, part: Part, *results: Any) -> None:
        if not written:
            assert making.wait(300), "nothing is made while a part is being written"
        written.append(part.first)
        write(self, part, *results)

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        if items[0].id not in first:
            making.set()
        return make_all(items)

    plan = plan_of(40)
    first = {item.id for item in plan.parts[0].items}
    monkeypatch.setattr(RunDirectory, "write_part", waiting)
    assert run(tmp_path, plan, batch).done == 40
    assert written == [part.first for part in plan.parts]


@pytest.mark.slow
def test_a_full_disk_ends_the_run_at_the_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, made, full = plan_of(400), [], threading.Event()
    write, enter, writers = RunDirectory.write_part, store.PartWriter.__enter__, []

    def entered(self: store.PartWriter) -> store.PartWriter:
        writers.append(self)
        return enter(self)

    def failing(self: RunDirectory, part: Part, *results: Any) -> None:
        if part.first > 0:
            full.set()
            raise IntermaskError("no space left")
        write(self, part, *results)

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        made.extend(items)
        if len(made) > len(plan.parts[0].items) + len(plan.parts[1].items):  # in the third part
            assert full.wait(300)
            wait_for(lambda: writers[0]._error is not None)
        return make_all(items)

    monkeypatch.setattr(RunDirectory, "write_part", failing)
    monkeypatch.setattr(store.PartWriter, "__enter__", entered)
    with pytest.raises(IntermaskError, match="no space left"):
        run(tmp_path, plan, batch, size=1)
    parts = plan.parts[:3]
    assert len(made) == len(parts[0].items) + len(parts[1].items) + 1
    assert [path.name for path in (tmp_path / "parts").glob("*.h5")] == [parts[0].name]
    monkeypatch.undo()
    assert run(tmp_path, plan).done == 400


def test_positions_that_are_not_finite_fail(tmp_path: Path) -> None:
    plan = plan_of(3)

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        results = make_all(items)
        for item, result in zip(items, results, strict=True):
            if item.position == 1:
                result.joints[0, 0, 0, 0] = np.nan
        return results

    summary = run(tmp_path, plan, batch)
    assert [f.id for f in summary.failed] == ["p-1-s0"]
    assert "not finite" in summary.failed[0].reason


def test_a_set_up_in_which_nothing_works_stops(tmp_path: Path) -> None:
    calls = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        calls.append(items)
        raise TypeError("broken")

    with pytest.raises(TypeError, match="broken"):
        run(tmp_path, plan_of(1000), batch)
    assert sum(len(items) == 1 for items in calls) == MAX_FAILURES_BEFORE_SANITY_CHECK + 1
    assert (calls[-1][0].text, calls[-1][0].frames) == (SANITY_TEXT, 24)
    assert (read_manifest(tmp_path) or {})["status"] == "stopped by an error"


@pytest.mark.parametrize("broken", ["text", "length"])
def test_many_bad_prompts_ahead_of_good_ones_do_not_stop_a_run(tmp_path: Path, broken: str) -> None:
    """Longest clips come first: that all of them fail says nothing about the others."""
    lines = [Prompt(f"p-{i}", f"text {i}", "p.txt", i, frames=600 if i < 20 else 16) for i in range(40)]
    plan = make_plan(lines, 0, 1, 60)

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        for item in items:
            if broken == "length" and item.frames == 600:
                raise RuntimeError("CUDA out of memory")
            if broken == "text" and item.text in {line.text for line in lines[:20]}:
                raise ValueError("cannot be encoded")
        return make_all(items)

    summary = run(tmp_path, plan, batch)
    assert (summary.done, len(summary.failed), summary.exit_code) == (20, 20, 3)


def test_a_missing_model_is_not_a_failing_prompt(tmp_path: Path) -> None:
    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        raise MissingError("no encoder")

    with pytest.raises(MissingError):
        run(tmp_path, plan_of(3), batch)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_current_part_and_the_same_command_resumes(
    tmp_path: Path, number: int, code: int
) -> None:
    plan = plan_of(100)
    seen: list[WorkItem] = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        if not seen:
            os.kill(os.getpid(), number)
        seen.extend(items)
        return make_all(items)

    first = len(plan.parts[0].items)
    with pytest.raises(InterruptedRun, match=f"{first} of 100 done; the same command resumes") as caught:
        run(tmp_path, plan, batch)
    assert caught.value.exit_code == code
    assert len(seen) == first
    assert (read_manifest(tmp_path) or {})["status"] == "interrupted"
    assert run(tmp_path, plan).made == 100 - first
    run(tmp_path / "clean", plan)
    assert content(tmp_path) == content(tmp_path / "clean")


def test_a_worker_whose_launcher_was_killed_ends_after_the_current_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system gives it another parent."""
    plan, worker, interrupts = plan_of(40), Worker(1, 2, "cpu"), Interrupts(under_launcher=True)
    own, other = worker.deal(plan.parts), os.getppid() + 1

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        monkeypatch.setattr(os, "getppid", lambda: other)
        return make_all(items)

    with (
        open_run(tmp_path, info(plan), ALL, False) as directory,
        pytest.raises(InterruptedRun, match="8 of 40 done") as caught,
    ):
        work(directory, plan.parts, own, worker, lambda worker: Engine(batch, 8), interrupts)
    assert caught.value.exit_code == 143
    assert [path.name for path in (tmp_path / "parts").glob("*.h5")] == [own[0].name]


def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return make_all(items)

    with pytest.raises(InterruptedRun, match="stopped at once"):
        run(tmp_path, plan_of(100), batch)
    assert list((tmp_path / "parts").glob("*.h5")) == []


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    plan = plan_of(5)
    run(tmp_path, plan)
    before = (tmp_path / "interactions.h5").stat().st_mtime_ns

    def never(items: Sequence[WorkItem]) -> list[Interaction]:
        raise AssertionError("nothing is to be made")

    summary = run(tmp_path, plan, never)
    assert (summary.done, summary.made, summary.merged) == (5, 0, True)
    assert (tmp_path / "interactions.h5").stat().st_mtime_ns == before


@pytest.mark.parametrize(("signal_", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_a_signal_while_merging_says_how_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signal_: type[BaseException], code: int
) -> None:
    def stopped(*values: object) -> bytes:
        raise signal_

    plan = plan_of(20)
    with monkeypatch.context() as patch:
        patch.setattr(contents, "write_index", stopped)
        with pytest.raises(InterruptedRun, match="the same command resumes") as caught:
            run(tmp_path, plan)
    assert caught.value.exit_code == code
    assert not (tmp_path / "interactions.h5").exists()
    assert not list(tmp_path.glob(".tmp-*"))
    summary = run(tmp_path, plan)
    assert (summary.done, summary.made) == (20, 0)


def test_parts_left_by_a_kill_after_the_merge_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(20)
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "drop_parts", lambda self: None)
        run(tmp_path, plan)
    assert list(tmp_path.glob("parts/part-*.h5"))
    assert run(tmp_path, plan).made == 0
    assert not (tmp_path / "parts").exists()


def finish(folder: Path, plan: Plan) -> None:
    """What another shard does that comes to its end: dataset, manifest, no parts."""
    with open_run(folder, info(plan), Shard(2, 2), False) as other:
        assert other.merge(plan.parts, []).merged


def test_a_shard_whose_parts_another_merges_before_it_does_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, merge = plan_of(40), RunDirectory.merge

    def late(self: RunDirectory, *values: Any) -> Any:
        monkeypatch.setattr(RunDirectory, "merge", merge)
        finish(tmp_path, plan)
        return merge(self, *values)

    run(tmp_path, plan, shard=Shard(2, 2))
    monkeypatch.setattr(RunDirectory, "merge", late)
    summary = run(tmp_path, plan, shard=Shard(1, 2))
    assert (summary.merged, summary.done) == (True, 40)


def test_a_shard_does_not_make_again_what_another_merges_while_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, finished, answers = plan_of(40), RunDirectory.finished, []

    def overtaken(self: RunDirectory) -> Any:
        answers.append(finished(self))
        if len(answers) == 3:  # asked when the directory is made ready, before bad lines are listed, and now
            monkeypatch.setattr(RunDirectory, "finished", finished)
            finish(tmp_path, plan)
        return answers[-1]

    run(tmp_path, plan, shard=Shard(2, 2))
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "merge", lambda self, *values: MergeResult(False, 0, []))
        run(tmp_path, plan, shard=Shard(1, 2))
    monkeypatch.setattr(RunDirectory, "finished", overtaken)
    summary = run(tmp_path, plan, shard=Shard(1, 2))
    assert answers == [None] * 3
    assert (summary.merged, summary.done, summary.made) == (True, 40, 0)


def test_an_interrupted_shard_leaves_a_finished_run_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, check, sent = plan_of(12), Interrupts.check, []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGTERM))
        return make_all(items)

    def late(self: Interrupts, *values: Any) -> None:
        finish(tmp_path, plan)
        check(self, *values)

    run(tmp_path, plan, shard=Shard(2, 2))
    monkeypatch.setattr(Interrupts, "check", late)
    with pytest.raises(InterruptedRun):
        run(tmp_path, plan, batch, shard=Shard(1, 2))
    monkeypatch.undo()
    assert (read_manifest(tmp_path) or {})["status"] == "finished"
    assert run(tmp_path, plan).made == 0


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_shards_make_the_same_dataset(tmp_path: Path, shared: bool) -> None:
    plan = plan_of(100)
    run(tmp_path / "whole", plan)
    folders = [tmp_path / ("all" if shared else f"s{i}") for i in (1, 2, 3)]
    summaries = [run(folder, plan, shard=Shard(i + 1, 3)) for i, folder in enumerate(folders)]
    assert [summary.merged for summary in summaries] == [False, False, shared]
    if not shared:
        with pytest.raises(InputError, match="run the missing shards"):
            merge_runs(folders[:2], tmp_path / "all")
        with pytest.raises(InputError, match="--out"):
            merge_runs(folders, None)
        assert merge_runs(folders, tmp_path / "all").done == 100
    assert content(tmp_path / "all") == content(tmp_path / "whole")


WORKER = """
import sys, time
from pathlib import Path
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.job import run_job
from tests.helpers.generation import job_of, make_all, plan_of
def slow(items):
    time.sleep(float(sys.argv[3]))
    return make_all(items)
run_job(job_of(Path(sys.argv[1]), plan_of(int(sys.argv[2])), lambda worker: Engine(slow, 4)))
"""


def start(folder: Path, count: int, pause: float, launcher: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    script = folder.parent / "worker.py"
    script.write_text(WORKER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(script), str(folder), str(count), str(pause)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_killed_at_random_moments_the_dataset_is_the_same(tmp_path: Path) -> None:
    """kill -9 again and again; the same command in the end has everything once, nothing half-written."""
    plan = plan_of(200)
    run(tmp_path / "clean", plan)
    rng = np.random.default_rng(0)
    folder = tmp_path / "killed"
    for _ in range(4):
        process = start(folder, 200, 0.02)
        wait_for((folder / "parts").is_dir)
        time.sleep(rng.uniform(0.0, 0.8))
        process.kill()
        process.wait()
        for part in folder.glob("parts/part-*.h5"):
            with h5py.File(part):  # can be opened
                pass
    assert run(folder, plan).done == 200
    assert content(folder) == content(tmp_path / "clean")


def test_a_dead_worker_of_a_launcher_does_not_hang_the_first(tmp_path: Path) -> None:
    plan, first = plan_of(40), Worker(0, 2, "cpu")
    with open_run(tmp_path, info(plan), ALL, False) as directory:
        own = first.deal(plan.parts)
        with pytest.raises(IntermaskError, match="other workers ended with 2 parts missing"):
            work(directory, plan.parts, own, first, lambda worker: Engine(make_all, 4), Interrupts())
    assert run(tmp_path, plan).made == 16


@pytest.mark.slow
@pytest.mark.long
def test_two_workers_of_a_launcher_make_the_same_dataset(tmp_path: Path) -> None:
    plan = plan_of(150)
    run(tmp_path / "clean", plan)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    assert start(tmp_path / "two", 150, 0.0, launcher).wait(600) == 0
    assert content(tmp_path / "two") == content(tmp_path / "clean")
    with InteractionFile(tmp_path / "two") as dataset:
        assert dataset.ids == [item.id for item in plan.items]
