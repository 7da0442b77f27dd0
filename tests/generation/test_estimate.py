"""What a run would cost: the arithmetic of `generation.cost`, and what a trial measures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from intermask_cli.generation.cost import Cost, by_length, duration, makespan
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.plan import WorkItem, make_plan
from intermask_cli.generation.trial import Trial, TrialBatch, run_trials
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.inference.interaction import Interaction
from tests.helpers.generation import Loader, execute, make_all, plan_of


@dataclass(frozen=True)
class Counting:
    """An engine of batches of three that notes what it is given; texts "bad" fail."""

    seen: list[Sequence[WorkItem]]
    pause: float = 0.0

    def __call__(self, worker: Worker) -> Engine:
        def batch(items: Sequence[WorkItem]) -> list[Interaction]:
            self.seen.append(items)
            time.sleep(self.pause)
            if any(item.text == "bad" for item in items):
                raise ValueError("bad text")
            return make_all(items)

        return Engine(batch, 3)


def test_values_by_length_lie_on_lines_between_and_in_proportion_outside() -> None:
    at = by_length(
        [TrialBatch(10, 2, 2.0, 0), TrialBatch(10, 1, 2.0, 0), TrialBatch(30, 1, 4.5, 0)],
        lambda batch: batch.seconds / batch.clips,
    )
    assert [at(tokens) for tokens in (10, 20, 30, 60, 5)] == [1.5, 3.0, 4.5, 9.0, 0.75]


def test_the_last_worker_ends_when_its_parts_are_made() -> None:
    assert makespan([4, 3, 3], 1) == 10
    assert makespan([4, 3, 3], 2) == 6
    assert makespan([], 2) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.26, "4.3 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h"), (259_200, "3.0 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_cost_of_known_figures() -> None:
    parts = plan_of(40).parts
    trial = Trial(
        batches=(TrialBatch(5, 2, 2.0, 100), TrialBatch(5, 2, 4.0, 140)),
        failures=("odd",),
        part_batches=(((5, 3), (5, 3)), ((10, 2),)),
        load_seconds=7.0,
        loaded_memory=1000,
        memory=1500,
    )
    cost = Cost.of([trial], parts, "the CPU")
    assert cost is not None
    # 1 to 2 s per clip of 5 tokens, 1.5 on average; two clips of 10 tokens count as four.
    assert vars(cost.seconds) == {"low": 7 + 10, "likely": 7 + 15, "high": 7 + 20}
    assert cost.memory == 1000 + 2 * 500  # the largest batch has twice the tokens of a measured one
    assert cost.bytes == round(sum(12 * item.tokens for part in parts for item in part.items))
    both = Cost.of([trial, trial], parts, "the CPU")
    assert both is not None and both.seconds.likely == 7 + 9 and both.memory == 2 * cost.memory
    assert Cost.of([Trial((), ("odd",), (), 0, 0, 0)], parts, "the CPU") is None


def test_a_trial_makes_few_batches_of_the_plan_and_its_size_is_that_of_the_run(tmp_path: Path) -> None:
    plan, loader = plan_of(96), Counting([])
    (trial,) = run_trials(["cpu"], loader, plan.parts, "exact", 1e6)
    assert {batch.tokens for batch in trial.batches} == {1, 6, 4}  # shortest, longest, middle
    assert len(trial.batches) == 9 and len(loader.seen) == 10  # the first only starts the machine
    assert sum(n for of_part in trial.part_batches for _, n in of_part) == 96
    assert max(n for of_part in trial.part_batches for _, n in of_part) == 3
    cost = Cost.of([trial], plan.parts, "the CPU")
    execute(tmp_path / "run", plan, Counting([]))
    assert cost is not None
    size = (tmp_path / "run" / "interactions.h5").stat().st_size
    assert cost.bytes == pytest.approx(size, rel=0.1)


def test_a_trial_ends_in_time_and_lists_failures() -> None:
    prompts = [Prompt(f"p{i}", "bad" if i == 5 else "good", "p.txt", i, frames=40) for i in range(6)]
    loader = Counting([], pause=0.02)
    plan = make_plan(prompts, 0, 1, 60)
    (trial,) = run_trials(["cpu"], loader, plan.parts, "exact", 0.0)
    assert len(trial.batches) == 1 and trial.batches[0].clips == 1
    (trial,) = run_trials(["cpu"], loader, plan.parts, "exact", 60)
    assert trial.failures == ("failed: ValueError: bad text",) and len(trial.batches) == 2
    assert trial.batches[0].seconds >= 0.02


def test_tries_until_a_clip_is_accepted_are_in_the_time_and_counted() -> None:
    plan = plan_of(8)

    def load(worker: Worker) -> Engine:
        return Engine(make_all, 8, acceptance=Acceptance.parse("seed < 0", 3, "drop", "exact"))

    (trial,) = run_trials(["cpu"], load, plan.parts, "exact", 60)
    assert not trial.failures and all(b.tries == 3 * b.clips and b.accepted == 0 for b in trial.batches)
    cost = Cost.of([trial], plan.parts, "the CPU")
    assert cost is not None and cost.as_json()["acceptance"]["accepted"] == 0
    assert any("--accept: 0 of these" in line for line in cost.lines())


@pytest.mark.slow
def test_workers_measure_in_processes_of_their_own() -> None:
    plan = plan_of(12)
    trials = run_trials(["cpu", "cpu"], Loader(), plan.parts, "exact", 60)
    assert len(trials) == 2 and trials[0].part_batches == trials[1].part_batches
    cost = Cost.of(trials, plan.parts, "the CPU")
    assert cost is not None and cost.workers == 2 and cost.memory > 20e6
