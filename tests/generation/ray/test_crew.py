"""What the process that starts a run does with its workers, with a stand-in for Ray in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from intermask_cli.errors import IntermaskError, MissingError
from intermask_cli.generation.ray import engine, worker
from intermask_cli.generation.ray.cluster import Share
from intermask_cli.generation.ray.sent_run import SentRun
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.plan import Plan
from intermask_cli.generation.run.progress import show_progress
from intermask_cli.generation.workers.engine import Interrupts
from tests.helpers.generation import Loader, info, plan_of, write_all


class Lost(Exception):
    """As Ray's error for a worker that has ended."""


class Call:
    """A call of a worker, which is made when its result is asked for."""

    def __init__(self, result: Callable[[], Any]):
        self.result = result


class StandIn:
    """Ray with one machine; `hook(method, arguments)` may raise in place of a call."""

    def __init__(self, hook: Callable[[str, tuple[Any, ...]], None]):
        self.hook, self.started, self.killed = hook, 0, 0
        self.exceptions = SimpleNamespace(RayError=Lost, RayTaskError=KeyError)

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "NodeID": "n1", "Resources": {"CPU": 2.0}}]

    def remote(self, **needs: Any) -> Callable[[type], Any]:
        def of_class(kind: type) -> Any:
            def start(*arguments: Any) -> Any:
                self.started += 1
                body = kind(*arguments)

                def method(name: str) -> Any:
                    def call(*values: Any) -> Call:
                        def result() -> Any:
                            self.hook(name, values)
                            return getattr(body, name)(*values)

                        return Call(result)

                    handle = SimpleNamespace(remote=call)
                    handle.options = lambda **options: handle
                    return handle

                return SimpleNamespace(load=method("load"), make=method("make"), entries=method("entries"))

            return SimpleNamespace(remote=start)

        return of_class

    def wait(self, calls: list[Call], num_returns: int, timeout: float) -> tuple[list[Call], list[Call]]:
        return calls[:num_returns], calls[num_returns:]

    def get(self, call: Call) -> Any:
        return call.result()

    def put(self, value: Any) -> Any:
        return value

    def kill(self, actor: Any) -> None:
        self.killed += 1


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(worker, "_node", lambda: "n1")
    monkeypatch.setattr(worker, "forward_messages", lambda listener: None)


def crew_of(
    folder: Path,
    plan: Plan,
    load: Loader,
    hook: Callable[[str, tuple[Any, ...]], None],
    interrupts: Interrupts | None = None,
) -> tuple[Any, StandIn]:
    """The crew of a run after its work."""
    run = RunDirectory(folder, info(plan))
    run.prepare(overwrite=False)
    ray = StandIn(hook)
    crew = engine._Crew(ray, run, plan.parts, engine._Wanted(Share(1.0, 0.0), "cpu", None))
    with show_progress(run, plan.parts, plan.parts) as progress:
        crew.work(SentRun.of(run, load), interrupts or Interrupts(), progress)
    return crew, ray


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "parts").iterdir()}


def expected(folder: Path, plan: Plan) -> dict[str, bytes]:
    write_all(RunDirectory(folder, info(plan)), plan)
    return written(folder)


def test_workers_that_are_lost_are_replaced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan, calls = plan_of(60), {"make": 0, "load": 0}

    def hook(method: str, values: tuple[Any, ...]) -> None:
        if method in calls:
            calls[method] += 1
            if calls[method] == {"make": 3, "load": 2}[method]:
                raise Lost("it died\nThe worker is gone.")

    crew, ray = crew_of(tmp_path / "run", plan, Loader(), hook)
    assert crew.error is None
    assert written(tmp_path / "run") == expected(tmp_path / "one", plan)
    assert (ray.started, ray.killed) == (4, 4)
    err = capfd.readouterr().err
    assert "was lost while loading the model (The worker is gone.); another takes its place" in err
    assert "was lost while making part-" in err and "60/60 interactions" in err


def test_a_part_that_ends_its_workers_ends_the_run(tmp_path: Path) -> None:
    plan = plan_of(60)
    bad = plan.parts[2]

    def hook(method: str, values: tuple[Any, ...]) -> None:
        if method == "make" and values[0] == bad:
            raise Lost("out of memory")

    crew, _ = crew_of(tmp_path / "run", plan, Loader(), hook)
    assert isinstance(crew.error, IntermaskError)
    assert str(crew.error).startswith(f"3 workers were lost while making {bad.name} (out of memory)")
    made = written(tmp_path / "run")
    assert bad.name not in made and 1 <= len(made) < len(plan.parts)


def test_a_worker_without_intermask_is_said(tmp_path: Path) -> None:
    def hook(method: str, values: tuple[Any, ...]) -> None:
        if method == "load":
            raise Lost("failed to import\nModuleNotFoundError: No module named 'intermask_cli'\n")

    crew, _ = crew_of(tmp_path / "run", plan_of(8), Loader(), hook)
    assert "lost while loading the model (no intermask on its machine; pip install" in str(crew.error)


def test_after_an_error_or_a_signal_current_parts_are_finished(tmp_path: Path) -> None:
    plan = plan_of(60)
    crew, ray = crew_of(tmp_path / "missing", plan, Loader(act="missing"), lambda method, values: None)
    assert isinstance(crew.error, MissingError) and str(crew.error) == "no such model; see --model"
    assert written(tmp_path / "missing") == {} and ray.started == ray.killed == 2

    made: list[str] = []
    interrupts = Interrupts()

    def hook(method: str, values: tuple[Any, ...]) -> None:
        if method == "make":
            made.append(values[0].name)
            if len(made) == 3:
                interrupts.exit_code = 130

    crew, _ = crew_of(tmp_path / "run", plan, Loader(), hook, interrupts)
    assert crew.error is None
    assert sorted(written(tmp_path / "run")) == sorted(made) and len(made) <= 4
