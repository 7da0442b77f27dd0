"""Dynamic batching with a stand-in for the engine: what goes together, turns, waiting, the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from intermask_cli.config import SamplingConfig
from intermask_cli.generation.job import Job
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.plan import WorkItem, make_plan
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.inference.interaction import Interaction
from intermask_cli.serve.batcher import Batcher, FullQueue
from intermask_cli.serve.jobs import CANCELLED, DONE, FAILED, QUEUED, BatchKey, JobTable, ServedJob
from tests.helpers.generation import info, make, wait_for

KEY = BatchKey(SamplingConfig(), None, (), False)
OTHER = replace(KEY, body="decoded")


def job_of(name: str, count: int = 1, frames: int = 40, key: BatchKey = KEY) -> ServedJob:
    """A job of `count` interactions whose ids begin with its name."""
    prompts = [Prompt(f"{name}{k}", f"{name} {k}", "p", k, frames=frames) for k in range(count)]
    plan = make_plan(prompts, 0, 1, frames)
    return ServedJob(name, Job(Path("none"), info(plan), plan, lambda worker: Engine([], 1)), key)  # type: ignore[arg-type]


class Bench:
    """A batcher whose batches are listed in `batches`, and wait for `go` while it is not set."""

    def __init__(
        self, size: int = 4, queue: int = 100, max_wait_s: float = 0.0, error: Exception | None = None
    ):
        self.batches: list[list[str]] = []
        self.go, self.finished = threading.Event(), []
        self.error = error
        self.batcher = Batcher(lambda key: Engine(self._make, size), self._finish, queue, max_wait_s)

    def _make(self, items: Sequence[WorkItem]) -> list[Interaction]:
        assert self.go.wait(60)
        if self.error is not None:
            raise self.error
        self.batches.append([item.text.replace(" ", "") for item in items])
        return [make(item) for item in items]

    def _finish(self, job: ServedJob) -> None:
        self.finished: list[list[str]]
        self.finished.append([item.text for item, _ in sorted(job.made, key=lambda one: one[0].position)])
        job.end(DONE)

    def begin(self, *jobs: ServedJob) -> None:
        """Add jobs while a batch of another length is being made."""
        self.batcher.add(job_of("first", frames=4))
        wait_for(lambda: len(self.batcher.running) == 1)
        for job in jobs:
            self.batcher.add(job)
        self.go.set()
        wait_for(lambda: self.batcher.waiting == 0)


@contextmanager
def at_work(bench: Bench) -> Iterator[Bench]:
    with ThreadPoolExecutor(1) as thread:
        bench.batcher.start(thread)
        try:
            yield bench
        finally:
            bench.go.set()
            bench.batcher.stop()


def test_the_same_settings_and_length_go_together() -> None:
    with at_work(Bench()) as bench:
        jobs = [
            job_of("a"),
            job_of("b", frames=20),
            job_of("c"),
            job_of("d", key=OTHER),
            job_of("e", frames=43),
        ]
        bench.begin(*jobs)
    assert bench.batches == [["first0"], ["a0", "c0", "e0"], ["b0"], ["d0"]]
    assert all(job.state == DONE and job.done == 1 for job in jobs)


def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    with at_work(Bench(size=2)) as bench:
        bench.begin(job_of("large", 6), job_of("small", 2))
    assert bench.batches[1:] == [
        ["large0", "small0"],
        ["large1", "small1"],
        ["large2", "large3"],
        ["large4", "large5"],
    ]
    assert ["small 0", "small 1"] in bench.finished and len(bench.finished) == 3


def test_a_large_request_gets_its_turn_while_small_ones_arrive() -> None:
    with at_work(Bench(size=1)) as bench:
        large = job_of("large", 3)
        bench.begin(large, *(job_of(f"s{k}") for k in range(2)))
        assert bench.batches[1] == ["large0"], "it came first"
        bench.go.clear()
        bench.batcher.add(job_of("late"))
        bench.go.set()
    assert large.done == 3


def test_without_a_wait_the_first_starts_at_once() -> None:
    with at_work(Bench(size=3)) as bench:
        bench.go.set()
        bench.batcher.add(job_of("a"))
        wait_for(lambda: len(bench.finished) == 1)
    assert bench.batches == [["a0"]]


def test_the_first_waits_for_others_to_fill_a_batch() -> None:
    with at_work(Bench(size=3, max_wait_s=30)) as bench:
        bench.go.set()
        for name in "abc":
            bench.batcher.add(job_of(name))
        wait_for(lambda: len(bench.finished) == 3)
    assert bench.batches == [["a0", "b0", "c0"]]


def test_the_wait_ends_without_others() -> None:
    with at_work(Bench(size=3, max_wait_s=0.2)) as bench:
        bench.go.set()
        started = time.monotonic()
        bench.batcher.add(job_of("a"))
        wait_for(lambda: bool(bench.finished))
        assert time.monotonic() - started >= 0.2


def test_a_full_queue_takes_nothing_of_a_request() -> None:
    with at_work(Bench(queue=5)) as bench:
        bench.batcher.add(job_of("a", 4))
        with pytest.raises(FullQueue, match="4 interactions are queued and 2 more") as refused:
            bench.batcher.add(job_of("b", 2))
        assert refused.value.retry_s >= 1 and bench.batcher.waiting == 4
        bench.batcher.add(job_of("c", 1))


def test_a_cancelled_job_leaves_the_queue_and_the_running_batch() -> None:
    with at_work(Bench(size=2)) as bench:
        running, queued, other = job_of("a", 1), job_of("b", 5), job_of("c", 1)
        bench.batcher.add(running)
        wait_for(lambda: bool(bench.batcher.running))
        bench.batcher.add(queued)
        bench.batcher.add(other)
        assert bench.batcher.cancel(running, "no") and bench.batcher.cancel(queued, "no")
        assert not bench.batcher.cancel(queued, "no") and queued.state == CANCELLED
        bench.go.set()
        wait_for(lambda: other.state == DONE)
    assert bench.batches == [["a0"], ["c0"]] and bench.finished == [["c 0"]]
    assert running.state == CANCELLED and not running.made


def test_stopping_finishes_the_batch_and_begins_no_other() -> None:
    with at_work(Bench(size=2)) as bench:
        running, queued = job_of("a", 2), job_of("b", 1)
        bench.batcher.add(running)
        wait_for(lambda: bool(bench.batcher.running))
        bench.batcher.add(queued)
        stopper = threading.Thread(target=bench.batcher.stop)
        stopper.start()
        wait_for(lambda: bench.batcher._stopping)
        with pytest.raises(FullQueue, match="stopping"):
            bench.batcher.add(job_of("late"))
        bench.go.set()
        stopper.join()
        assert not bench.batcher.alive
    assert running.state == DONE and queued.state == QUEUED and bench.batches == [["a0", "a1"]]


def test_a_failure_is_of_its_job_alone() -> None:
    """The engine gives up single items; what breaks the engine itself fails the batch, not the thread."""
    with at_work(Bench(error=ValueError("no luck"))) as bench:
        bench.go.set()
        bench.batcher.add(job_of("a"))
        wait_for(lambda: bool(bench.finished))
        assert bench.finished == [[]]
        bench.batcher._engine_for = lambda key: Engine(None, 4)  # type: ignore[arg-type]
        broken = job_of("b")
        bench.batcher.add(broken)
        wait_for(lambda: broken.ended)
        bench.error = None
        bench.batcher._engine_for = lambda key: Engine(bench._make, 4)
        fine = job_of("c")
        bench.batcher.add(fine)
        wait_for(lambda: fine.ended)
    assert fine.state == DONE


def test_what_stays_of_ended_jobs(tmp_path: Path) -> None:
    table = JobTable(3600, kept_interactions=5)
    jobs = [job_of(name, 2) for name in "abcd"]
    for job in jobs:
        job.job = replace(job.job, folder=tmp_path / job.name)
        job.folder.mkdir()
        table.add(job)
        if job.name != "d":
            job.end(FAILED if job.name == "b" else DONE)
    assert table.get("a") is None and not (tmp_path / "a").exists(), "six are too many"
    assert table.get("b") is jobs[1] and table.get("c") is jobs[2]
    assert table.get("d") is jobs[3], "not ended"
    big = job_of("e", 9)
    big.job = replace(big.job, folder=tmp_path / "e")
    table.add(big)
    big.end(DONE)
    assert table.get("e") is big, "the latest stays, whatever its size"
    assert table.get("c") is None
