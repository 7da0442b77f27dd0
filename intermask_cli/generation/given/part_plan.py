"""The plan of jobs that keep a part of given pairs."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.tables import safe_id
from intermask_cli.errors import InputError
from intermask_cli.generation.given.pairs import PairFile
from intermask_cli.generation.given.part_jobs import PartJob, PartJobs
from intermask_cli.generation.prompts import read as prompts
from intermask_cli.generation.run.plan import Plan, WorkItem, cut_into_parts, samples_of


@dataclass(frozen=True)
class PartPlan:
    """The plan, and the job of each of its items by item id."""

    plan: Plan
    jobs: dict[str, PartJob]


def make_part_plan(jobs: PartJobs, seed: int, samples: int, limit: int | None) -> PartPlan:
    """Every sample of every job. A pair's clips are the same whatever other pairs the run has.

    A job without an id is called after its pairs. `limit` keeps the first jobs only.

    Raises:
        InputError: two jobs with the same id.
    """
    items: list[WorkItem] = []
    of_items: dict[str, PartJob] = {}
    occurrences: dict[tuple[str, tuple[PairFile, ...]], int] = {}
    taken: set[str] = set()
    for prompt, job in jobs.jobs[:limit]:
        key = (prompt.text, job.files)
        occurrence = occurrences.get(key, 0)
        if prompt.seed is None:  # lines with their own seed do not count, so they shift no other line
            occurrences[key] = occurrence + 1
        name = prompt.id or _free_id(safe_id("-".join(file.name for file in job.files), "motion"), taken)
        taken.add(name)
        assert prompt.frames is not None
        for item in samples_of(replace(prompt, id=name), seed, samples, occurrence, prompt.frames):
            items.append(replace(item, position=len(items)))
            of_items[item.id] = job
    if len(of_items) != len(items):
        raise InputError("two interactions would get the same id; give the lines other ids")
    return PartPlan(Plan(items, cut_into_parts(items)), of_items)


def _free_id(name: str, taken: Container[str]) -> str:
    """A name, or with a number where it is taken: files of several folders may be called the same."""
    if name not in taken:
        return name
    return next(free for number in count(2) if (free := f"{name}-{number}") not in taken)


def default_run_name(jobs: PartJobs, tables: Sequence[str]) -> str:
    """What a run is called after: its table, else the pairs of its only job, else where the first pair is."""
    if tables:
        return prompts.default_run_name(tables)
    _, job = jobs.jobs[0]
    first = job.files[0]
    if len(jobs.jobs) == 1:
        return safe_id("-".join(file.name for file in job.files), "motion")
    place = Path(first.path.rpartition("#")[0] or first.path)
    return safe_id(place.parent.name if place.name == FILE_NAME else place.stem, "motions")
