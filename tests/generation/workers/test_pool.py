"""Workers started by `--processes`: same dataset, deaths, errors, signals; a stand-in for the model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from intermask_cli.errors import InputError, IntermaskError, MissingError
from intermask_cli.generation.job import Summary
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.generation.run.plan import Plan, WorkItem
from intermask_cli.generation.workers import launch
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker, join_workers, parse_processes, worker_devices
from intermask_cli.inference.interaction import Interaction
from tests.helpers.generation import Loader, content, execute, make_all, plan_of, run, wait_for
from tests.helpers.paths import ROOT


def run_two(folder: Path, plan: Plan, loader: Loader) -> Summary:
    return execute(folder, plan, loader, processes=2)


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # also: workers need not import torch to set it


@pytest.mark.slow
def test_two_workers_make_the_same_dataset(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(100)
    summary = run_two(tmp_path / "two", plan, Loader(0.01, "p-17-s0", "fail"))
    assert (summary.done, summary.made, summary.exit_code) == (99, 99, 3)
    err = capfd.readouterr().err
    assert "on cpu, 2 workers" in err
    assert "p-17-s0 failed: ValueError: bad text" in err
    assert "100/100 interactions" in err and "1 failed" in err
    assert run(tmp_path / "two", plan).done == 100
    run(tmp_path / "one", plan)
    assert content(tmp_path / "two") == content(tmp_path / "one")


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_and_the_same_command_makes_the_rest(tmp_path: Path) -> None:
    plan = plan_of(120)
    middle = plan.parts[5].items[0].id
    with pytest.raises(IntermaskError, match=r"worker . of 2 \(cpu\) was killed by SIGKILL .* of 120 done"):
        run_two(tmp_path / "run", plan, Loader(0.01, middle, "die"))
    assert (read_manifest(tmp_path / "run") or {})["status"] == "stopped by an error"
    written = {path.name for path in (tmp_path / "run" / "parts").glob("part-*.h5")}
    assert plan.parts[5].name not in written
    assert 1 <= len(written) < len(plan.parts)  # parts that were made but not written yet are lost too
    summary = run_two(tmp_path / "run", plan, Loader())
    assert summary.made == 120 - sum(len(part.items) for part in plan.parts if part.name in written)
    run(tmp_path / "one", plan)
    assert content(tmp_path / "run") == content(tmp_path / "one")


@pytest.mark.slow
def test_errors_of_a_worker_keep_their_kind(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such model; see --model"):
        run_two(tmp_path / "missing", plan_of(20), Loader(act="missing"))
    with pytest.raises(IntermaskError, match=r"worker . of 2 \(cpu\): TypeError: .* --debug") as caught:
        execute(tmp_path / "bug", plan_of(20), no_engine, processes=2)
    assert "in no_engine" in str(caught.value.__cause__)  # what --debug shows


def no_engine(worker: Worker) -> Engine:
    raise TypeError("a bug\nwith lines")


@pytest.mark.slow
def test_a_terminated_worker_counts_as_an_interruption(tmp_path: Path) -> None:
    plan = plan_of(120)
    with pytest.raises(IntermaskError, match=r"interrupted with .* of 120 done") as caught:
        run_two(tmp_path, plan, Loader(0.01, plan.parts[3].items[0].id, "terminate"))
    assert caught.value.exit_code == 143
    assert (tmp_path / "parts" / plan.parts[3].name).exists()
    assert run(tmp_path, plan).done == 120


def test_one_part_needs_one_worker(tmp_path: Path) -> None:
    made = []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        made.extend(items)
        return make_all(items)

    plan = plan_of(5)
    execute(tmp_path, plan, lambda worker: Engine(batch, 4), processes=8)
    assert len(made) == 5  # here, in this process: a lambda cannot be sent to another


def test_which_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    for name in ("WORLD_SIZE", "ACCELERATE_USE_CPU"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert worker_devices("auto", None) == worker_devices("cuda", None) == ["cuda:0", "cuda:1", "cuda:2"]
    assert worker_devices("auto", 4) == ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]
    assert worker_devices("cuda:1", None) == ["cuda:1"]
    assert worker_devices("cpu", None) == ["cpu"]
    assert worker_devices("cpu", 2) == ["cpu", "cpu"]
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert worker_devices("auto", None) == ["cuda:1"]
    with pytest.raises(InputError, match="--processes 2: a launcher already started 2 processes"):
        worker_devices("auto", 2)
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.delenv("LOCAL_RANK")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "False")  # accelerate launch --num_processes 1
    assert worker_devices("auto", None) == ["cuda:0"]
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert worker_devices("auto", None) == ["cpu"]


@pytest.mark.parametrize(
    ("cores", "available", "free_gib", "items", "workers"),
    [
        (1, 2, 64, 10_000, 1),  # two hardware threads of one core
        (2, 4, 64, 10_000, 2),
        (8, 2, 64, 10_000, 2),  # as many as this process may use
        (None, 4, 64, 10_000, 1),
        (4, 8, 64, 250, 2),
        (4, 8, 64, 12, 1),
        (4, 8, 9, 10_000, 2),
        (4, 8, 1, 10_000, 1),
    ],
)
def test_workers_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
    cores: int | None,
    available: int,
    free_gib: int,
    items: int,
    workers: int,
) -> None:
    for name in ("WORLD_SIZE", "ACCELERATE_USE_CPU"):
        monkeypatch.delenv(name, raising=False)
    memory = SimpleNamespace(available=free_gib * 2**30)
    monkeypatch.setattr(launch.psutil, "cpu_count", lambda logical: cores)
    monkeypatch.setattr(launch.psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(launch, "processors", lambda: available)
    assert worker_devices("cpu", None, items) == ["cpu"] * workers


def test_a_rank_that_sees_only_itself_stops_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`accelerate launch` on a CPU can start ranks that form no group."""

    class Alone:
        num_processes = 1

        def __init__(self, **settings: object) -> None: ...

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("accelerate.PartialState", Alone)
    with pytest.raises(InputError, match="started 2 processes and this one sees 1"), join_workers("cpu"):
        pytest.fail("the run continued")


@pytest.mark.parametrize(("size", "why"), [("2", "MASTER_ADDR"), ("two", "'two'"), ("0", "'0'"), ("", "''")])
def test_a_world_size_without_a_world_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, size: str, why: str
) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", size)
    monkeypatch.setattr("accelerate.PartialState._shared_state", {})  # what tests before have left
    with pytest.raises(InputError, match=f"WORLD_SIZE.*{why}"), join_workers("cpu"):
        pytest.fail("the run continued")


def test_numbers_of_processes() -> None:
    assert parse_processes("auto") is None
    assert parse_processes("3") == 3
    for text in ("0", "-1", "two", "", "100000"):
        with pytest.raises(InputError, match="--processes"):
            parse_processes(text)


SCRIPT = """
import sys
from pathlib import Path
from intermask_cli.errors import IntermaskError
from tests.helpers.generation import Loader, execute, plan_of
if __name__ == "__main__":
    try:
        execute(Path(sys.argv[1]), plan_of(int(sys.argv[2])), Loader(float(sys.argv[3])), processes=2)
    except IntermaskError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
"""


def start(folder: Path, count: int, pause: float) -> subprocess.Popen[str]:
    script = folder.parent / "two.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(folder), str(count), str(pause)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def children(pid: int) -> list[int]:
    """Process ids below a process, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@needs_proc
@pytest.mark.slow
@pytest.mark.long
def test_sigterm_finishes_the_current_parts_and_a_second_one_stops_at_once(tmp_path: Path) -> None:
    plan, folder = plan_of(200), tmp_path / "run"
    process = start(folder, 200, 0.2)
    wait_for(lambda: len(list(folder.glob("parts/part-*.h5"))) >= 2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "finishing the current part" in err and "the same command resumes" in err
    assert list(folder.glob("parts/.tmp-*")) == []
    process = start(folder, 200, 5.0)
    wait_for(lambda: len(children(process.pid)) >= 2)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "finishing the current part" not in process.stderr.readline():
        assert process.poll() is None, "ended before it answered the first signal"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    # The second may come when the first has done its work and Python is on its way out: 130 to a shell, too.
    assert process.returncode in (130, -signal.SIGINT), err
    assert run(folder, plan).done == 200


@needs_proc
@pytest.mark.slow
@pytest.mark.long
def test_kill_9_of_anyone_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The starting process, one worker, or all of them; then the same work again, to the same dataset."""
    plan, folder = plan_of(300), tmp_path / "run"
    run(tmp_path / "clean", plan)
    rng = np.random.default_rng(int.from_bytes(os.urandom(4), "big"))
    for victim in ("starter", "worker", "all"):
        before = len(list(folder.glob("parts/part-*.h5")))
        process = start(folder, 300, 0.02)
        wait_for(lambda: len(list(folder.glob("parts/part-*.h5"))) > before)  # noqa: B023
        time.sleep(rng.uniform(0.0, 0.4))
        workers = children(process.pid)
        targets = {"starter": [process.pid], "worker": workers[-1:], "all": [*workers, process.pid]}[victim]
        for target in targets:
            os.kill(target, signal.SIGKILL)
        _, err = process.communicate(timeout=300)
        wait_for(lambda: not any(map(alive, workers)), 60)  # noqa: B023
        if victim == "worker":
            assert process.returncode == 1 and "was killed by SIGKILL" in err
    assert run(folder, plan).done == 300
    assert content(folder) == content(tmp_path / "clean")
