"""Whole runs: process start to finished file, the share of machinery, two workers, 10,000 interactions."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.speed import commands
from benchmarks.speed.commands import intermask, python
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.commands.reporting import add_gallery
from intermask_cli.config import STORES
from intermask_cli.console import note
from intermask_cli.generation.job import Execution, Job, run_job
from intermask_cli.generation.prompts.read import Prompt, read_prompts
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.plan import Plan, Shard, WorkItem, make_plan
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import GenerationLoader
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference import model
from intermask_cli.inference.interaction import Interaction

R = TypeVar("R")
_TYPER = "import typer; a = typer.Typer(); a.command()(len)"


@dataclass(frozen=True)
class JobSizes:
    """How large the rows are."""

    model: tuple[str, ...] = ()  # options that choose another model than the bundled one
    prompts: int = 12
    frames: int = 150
    rounds: int = 2
    many: tuple[int, ...] = (500, 2500, 10_000)
    many_frames: int = 20
    long_frames: int = 150  # for the merge of full-size clips
    long_items: int = 400


def end_to_end(sizes: JobSizes, workers: int = 2) -> dict[str, Any]:
    """`intermask generate` as a user runs it, with one worker and with several, and what --help costs."""
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.txt"
        prompts.write_text("\n".join(_texts(sizes.prompts)) + "\n")

        def run(processes: int) -> None:
            commands.run(intermask(
                "generate", prompts, "--out", Path(folder) / "run", "--frames", sizes.frames, "--overwrite",
                "--processes", processes, *sizes.model,
            ))  # fmt: skip

        runs = {"1 worker": lambda: run(1), f"{workers} workers": lambda: run(workers)}
        found = summary(in_turns("process start to finished file", runs, sizes.rounds), "1 worker")
        again = in_turns("finished already", {"the same command again": lambda: _again(folder, sizes)}, 1)
        start = in_turns(
            "--help",
            {
                "intermask --help": lambda: commands.run(intermask("--help")),
                "python + typer": lambda: commands.run(python(_TYPER)),
            },
            max(3, sizes.rounds),
        )
    for row in found.values():
        row["interactions_per_second"] = sizes.prompts / row["min"]
    return {
        "prompts": sizes.prompts, "frames": sizes.frames, "runs": found, **summary(again),
        "help": summary(start, "python + typer"),
    }  # fmt: skip


def _again(folder: str, sizes: JobSizes) -> None:
    commands.run(intermask("generate", Path(folder) / "prompts.txt", "--out", Path(folder) / "run",
                           "--frames", sizes.frames, *sizes.model))  # fmt: skip


def _texts(count: int) -> list[str]:
    with open(ROOT / "prompts" / "benchmark.csv", newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    return [texts[i % len(texts)] for i in range(count)]


def machinery(sizes: JobSizes) -> dict[str, Any]:
    """Where the time of a run goes, in this process: loading, sampling, the body solver, everything else.

    Loading includes the hashes of the files that are loaded; sampling includes decoding.
    """
    options = dict(zip(sizes.model[::2], sizes.model[1::2], strict=True))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prompts.txt").write_text("\n".join(_texts(sizes.prompts)) + "\n")
        started = time.perf_counter()
        source = ModelSource.find(
            options.get("--model", "duet-mini"), options.get("--text-encoder"), "float32"
        )
        hashed = time.perf_counter() - started
        found = read_prompts([folder / "prompts.txt"], source.frame_limits())
        plan = make_plan(found.prompts, 0, 1, sizes.frames)
        planned = time.perf_counter() - started - hashed
        making, solving = Stopwatch(), Stopwatch()

        def load(worker: Worker) -> Engine:
            engine = GenerationLoader(source, source.info.sampling, None)(worker)
            engine.make_batch = making.around(engine.make_batch)
            return engine

        info = _info(plan, source.dataset_attributes(source.info.sampling))
        with mock.patch.object(model, "with_bodies", solving.around(model.with_bodies)):
            result = run_job(Job(folder / "run", info, plan, load, execution=Execution("cpu", 1)))
        assert result is not None
        add_gallery(result)
        total = time.perf_counter() - started
    loading = hashed + result.load_seconds
    rest = total - loading - making.seconds
    return {
        "prompts": sizes.prompts, "total_seconds": total, "plan_seconds": planned,
        "load_seconds": loading, "sampling_seconds": making.seconds - solving.seconds,
        "bodies_seconds": solving.seconds, "everything_else_seconds": rest,
        "everything_else_per_sampling": rest / making.seconds,
    }  # fmt: skip


class Stopwatch:
    """Counts the seconds of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., R]) -> Callable[..., R]:
        """The function, timed."""

        def timed(*arguments: Any, **settings: Any) -> R:
            begun = time.perf_counter()
            try:
                return function(*arguments, **settings)
            finally:
                self.seconds += time.perf_counter() - begun

        return timed


def many(sizes: JobSizes) -> dict[str, Any]:
    """Runs with a stand-in for the model: cost of writing, resuming and merging, and memory."""
    rows = {}
    for count in sizes.many:
        note(f"{count:,} interactions with a stand-in for the model")
        rows[str(count)] = _measured_apart(count, sizes.many_frames)
    long = _measured_apart(sizes.long_items, sizes.long_frames)
    growth = rows[str(sizes.many[-1])]["peak_mib"] - rows[str(sizes.many[0])]["peak_mib"]
    return {
        "frames": sizes.many_frames, "by_count": rows, "memory_growth_mib": growth,
        "long_clips": {"items": sizes.long_items, "frames": sizes.long_frames, **long},
    }  # fmt: skip


def _measured_apart(count: int, frames: int) -> dict[str, float]:
    """In a process of its own, whose peak memory is then that of the run."""
    code = f"from benchmarks.speed.jobs import stand_in_run; stand_in_run({count}, {frames})"
    figures: dict[str, float] = json.loads(commands.run(python(code)))
    return figures


def stand_in_run(count: int, frames: int) -> None:
    """Make a run of random clips, resume it when finished but for the merge, merge; prints a JSON object."""
    import resource

    lines = [Prompt(f"p-{i}", f"text {i}", "p.txt", i, frames=frames) for i in range(count)]
    started = time.perf_counter()
    plan = make_plan(lines, 0, 1, frames)
    planned = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as name:
        times = {"plan_seconds": planned}
        folder = Path(name) / "run"
        first = Shard(1, 2)
        for key, shard in (("write_seconds", first), ("resume_seconds", first), ("", Shard(2, 2))):
            begun = time.perf_counter()
            execution = Execution("cpu", shard=shard)
            result = run_job(Job(folder, _info(plan, {}), plan, _stand_in, execution=execution))
            if key:
                times[key] = time.perf_counter() - begun
        assert result is not None and result.merged
        times["merge_seconds"] = time.perf_counter() - begun - result.seconds - result.load_seconds
        times["file_mb"] = (folder / "interactions.h5").stat().st_size / 1e6
    per_unit = 1 if sys.platform == "darwin" else 1024
    times["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit / 2**20
    times["write_seconds"] *= count / sum(len(part.items) for part in first.deal(plan.parts))
    print(json.dumps({key: round(value, 4) for key, value in times.items()}))


def _stand_in(worker: Worker) -> Engine:
    rng = np.random.default_rng(0)

    def make(items: Sequence[WorkItem]) -> list[Interaction]:
        return [_clip(rng, item) for item in items]

    return Engine(make, 16)


def _clip(rng: np.random.Generator, item: WorkItem) -> Interaction:
    """Smooth random arrays of the sizes a model makes; they compress about as well."""
    joints = np.cumsum(rng.normal(scale=0.01, size=(2, item.frames, 22, 3)), axis=1, dtype=np.float32)
    rotations = np.cumsum(rng.normal(scale=0.01, size=(2, item.frames, 21, 6)), axis=1, dtype=np.float32)
    tokens = rng.integers(0, 512, (2, 5, item.tokens))
    return Interaction(joints, rotations, tokens, item.text, item.seed, id=item.id, sample=item.sample)


def _info(plan: Plan, dataset: dict[str, Any]) -> RunInfo:
    attributes = {"fps": 30.0, "sampling": {}, "versions": {}, **dataset}
    identity = {"plan": plan.fingerprint()}
    items = len(plan.items)
    return RunInfo("generate", items, items, identity, attributes, {}, STORES[0])
