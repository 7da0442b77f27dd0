"""What a worker on Ray answers; here it is an object of this process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from intermask_cli import console
from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.generation.ray import worker as module
from intermask_cli.generation.ray.sent_run import SentRun
from intermask_cli.generation.ray.worker import Entry, MadePart, RayWorker, Ready, WorkerError
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.remote_errors import unpacked
from intermask_cli.version import __version__
from tests.helpers.generation import Loader, info, make_all, plan_of, write_all


@dataclass(frozen=True)
class LoggingLoader:
    """An engine that writes a line per batch into a log of the run directory, as --clean does."""

    log: Path

    def __call__(self, worker: Worker) -> Engine:
        def batch(items):  # type: ignore[no-untyped-def]
            with self.log.open("a") as file:
                file.write(f"{len(items)}\n")
            note("a message")
            return make_all(items)

        return Engine(batch, 4)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(console, "_listeners", [])
    monkeypatch.setattr(module, "_node", lambda: "n1")
    monkeypatch.setattr(module, "gettempdir", lambda: str(tmp_path / "temporary"))


def loaded(run: RunDirectory, load: object) -> RayWorker:
    worker = RayWorker(0, 1, "cpu", 0.0)
    answer = worker.load(__version__, pickle.dumps(SentRun.of(run, load)), None)  # type: ignore[arg-type]
    assert isinstance(answer, Ready) and answer.node == "n1"
    return worker


def test_the_file_of_a_part_has_the_bytes_of_one_written_here(tmp_path: Path) -> None:
    plan = plan_of(20)
    run = RunDirectory(tmp_path / "run", info(plan))
    write_all(run, plan)
    worker = loaded(run, LoggingLoader(run.folder / "log.jsonl"))
    for part in plan.parts:
        answer = worker.make(part)
        assert isinstance(answer, MadePart)
        assert answer.image == (run.parts_folder / part.name).read_bytes()
        sizes = [int(line) for line in answer.appended["log.jsonl"].split()]
        assert sum(sizes) == len(part.items) == sum(entry.made for entry in answer.entries)
        assert [entry.text for entry in answer.entries if entry.kind] == ["a message"] * len(sizes)
    assert not (run.folder / "log.jsonl").exists()  # the worker wrote none of its own here
    assert list((tmp_path / "temporary").iterdir()) == []


def test_entries_come_while_a_part_is_made_and_once(tmp_path: Path) -> None:
    plan = plan_of(8)
    worker = loaded(
        RunDirectory(tmp_path / "run", info(plan)), Loader(0.05, plan.parts[0].items[0].id, "fail")
    )
    assert worker._entries == []
    answers: list[object] = []
    making = Thread(target=lambda: answers.append(worker.make(plan.parts[0])))
    making.start()
    seen: list[Entry] = []
    while sum(entry.made + entry.failed for entry in seen) < 8:
        seen += worker.entries(seen[-1].serial if seen else 0)
    making.join()
    (answer,) = answers
    assert isinstance(answer, MadePart) and list(answer.entries) == seen
    assert [entry.serial for entry in seen] == list(range(1, len(seen) + 1))
    assert sum(entry.failed for entry in seen) == 1
    assert any("failed: ValueError: bad text" in entry.text for entry in seen if entry.kind == "warning")


def test_a_worker_with_nothing_to_say_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.01)
    assert RayWorker(0, 1, "cpu", 0.0).entries(0) == []


def test_errors_come_back_with_their_kind(tmp_path: Path) -> None:
    plan = plan_of(4)
    run = RunDirectory(tmp_path / "run", info(plan))
    worker = RayWorker(1, 2, "cpu", 0.0)
    answer = worker.load("0.0.1", b"not looked at", None)
    assert isinstance(answer, WorkerError)
    error = unpacked(answer.error, answer.trace)
    assert f"has intermask {__version__}, the one that starts the run 0.0.1; install the same" in str(error)
    answer = worker.load(__version__, pickle.dumps(SentRun.of(run, refuse)), None)
    assert isinstance(answer, WorkerError)
    error = unpacked(answer.error, answer.trace)
    assert isinstance(error, InputError) and str(error) == "not this device"


def refuse(worker: Worker) -> Engine:
    raise InputError("not this device")
