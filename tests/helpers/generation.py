"""Jobs of the generation engine with a stand-in for the model, for tests and the scripts they start."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from intermask_cli.console import note
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import MissingError
from intermask_cli.generation.job import Execution, Job, Summary, run_job
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.ray.cluster import RaySettings
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.part_files import Failure
from intermask_cli.generation.run.plan import Plan, Shard, WorkItem, make_plan
from intermask_cli.generation.workers.engine import Engine, LoadEngine, MakeBatch
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.inference.interaction import Interaction

ALL = Shard()


def plan_of(count: int) -> Plan:
    """Items of 4 to 24 frames, whose texts repeat."""
    lines = [
        Prompt(f"p-{i}", f"text {i % 7}", "p.txt", i, frames=4 * (1 + i * 5 % 6), carried={"n": str(i)})
        for i in range(count)
    ]
    return make_plan(lines, 0, 1, 60)


def info(plan: Plan) -> RunInfo:
    dataset = {"fps": 30.0, "sampling": {}, "versions": {}}
    return RunInfo("generate", len(plan.items), len(plan.items), {"plan": plan.fingerprint()}, dataset, {})


def make(item: WorkItem) -> Interaction:
    """Random joints that depend on the item's seed alone."""
    joints = np.random.default_rng(item.seed).normal(size=(2, item.frames, 22, 3)).astype(np.float32)
    return Interaction(joints, text=item.text, seed=item.seed, id=item.id, sample=item.sample)


def make_all(items: Sequence[WorkItem]) -> list[Interaction]:
    return [make(item) for item in items]


@dataclass(frozen=True)
class Loader:
    """A picklable engine whose batches sleep, and of which the one with item `bad` does what `act` says."""

    pause: float = 0.0
    bad: str = ""
    act: str = ""

    def __call__(self, worker: Worker) -> Engine:
        if self.act == "missing":
            raise MissingError("no such model; see --model")
        if self.act == "say":
            note(f"process {os.getpid()} on GPU {os.environ.get('CUDA_VISIBLE_DEVICES')}")

        def batch(items: Sequence[WorkItem]) -> list[Interaction]:
            time.sleep(self.pause)
            if any(item.id == self.bad for item in items):
                if self.act == "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.act == "terminate":
                    os.kill(os.getpid(), signal.SIGTERM)
                if self.act == "fail":
                    raise ValueError("bad text")
                if self.act == "stop":
                    raise MissingError("not this one")
            return make_all(items)

        return Engine(batch, 4)


def job_of(
    folder: Path,
    plan: Plan,
    load: LoadEngine,
    rejected: Sequence[Rejected] = (),
    processes: int | None = 1,
    shard: Shard = ALL,
    ray: RaySettings | None = None,
    device: str = "cpu",
) -> Job:
    """A job on the CPU."""
    return Job(folder, info(plan), plan, load, rejected, Execution(device, processes, shard, ray=ray))


def execute(folder: Path, plan: Plan, load: LoadEngine, *more: Any, **options: Any) -> Summary:
    """Run `job_of` the same arguments, without a launcher."""
    summary = run_job(job_of(folder, plan, load, *more, **options))
    assert summary is not None
    return summary


def run(folder: Path, plan: Plan, batch: MakeBatch = make_all, size: int = 8, shard: Shard = ALL) -> Summary:
    """Run a job in this process, with batches made by `batch`."""
    return execute(folder, plan, lambda worker: Engine(batch, size), shard=shard)


def write_all(
    run: RunDirectory,
    plan: Plan,
    failing: Sequence[int] = (),
    make: Callable[[WorkItem], Interaction] = make,
) -> None:
    """Write every part that is pending; items at the positions in `failing` are failures."""
    for part in run.pending(plan.parts):
        made = [(item, make(item)) for item in part.items if item.position not in failing]
        failures = [Failure(item, "broke") for item in part.items if item.position in failing]
        run.write_part(part, made, failures)


def content(folder: Path) -> dict[str, bytes]:
    """Everything in a dataset, by path."""
    found: dict[str, bytes] = {}

    def collect(name: str, node: h5py.HLObject) -> None:
        attributes = sorted((key, str(value)) for key, value in node.attrs.items())
        value = node[()] if isinstance(node, h5py.Dataset) else b""
        found[name] = (
            repr(list(value)).encode()
            if name[:6] == "index/" or np.asarray(value).dtype == object
            else repr(attributes).encode() + np.asarray(value).tobytes()
        )

    with h5py.File(folder / "interactions.h5") as file:
        file.visititems(collect)
        found["order"] = repr(list(file["interactions"])).encode()
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Until the condition holds; the limit is only for tests that would hang."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
