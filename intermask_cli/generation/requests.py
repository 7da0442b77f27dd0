"""Jobs from the options of the user, for the commands that fill a run directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from intermask_cli.cleanup.modes import Clean
from intermask_cli.config import LAYOUTS, STORES, SamplingConfig
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.datasets.rounding import store_attributes
from intermask_cli.datasets.tables import Rejected, safe_id
from intermask_cli.errors import InputError
from intermask_cli.generation.given.motions import ReactInput, Reader, make_react_plan
from intermask_cli.generation.given.pairs import PairReader
from intermask_cli.generation.given.part_engine import PartLoader
from intermask_cli.generation.given.part_jobs import PartJobs, PartTask, PartWishes
from intermask_cli.generation.given.part_plan import default_run_name as default_part_name
from intermask_cli.generation.given.part_plan import make_part_plan
from intermask_cli.generation.growing import GrowingRun
from intermask_cli.generation.job import Execution, Job
from intermask_cli.generation.prompts.read import PromptSet, default_run_name
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.directory import ADDING
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.plan import Plan, make_plan
from intermask_cli.generation.workers.engine import LoadEngine
from intermask_cli.generation.workers.loaders import (
    AcceptingLoader,
    CleaningLoader,
    GenerationLoader,
    ReactionLoader,
    ShapingLoader,
)
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.proportions import Proportions

#: Folder of run directories when --out is not given.
RUNS = Path("runs")
#: Inputs that the manifest describes.
_LISTED = 100


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run, without its prompts and given motions.

    `batch_size` None is the largest that fits; `body` None is the model's own choice. `out` None is a
    folder below `runs/`, named after the input. With `url` the run is kept there too.
    """

    source: ModelSource
    sampling: SamplingConfig
    seed: int = 0
    samples: int = 1
    limit: int | None = None
    clean: tuple[Clean, ...] = ()
    body: str | None = None
    proportions: Proportions = field(default_factory=Proportions)
    batch_size: int | None = None
    out: Path | None = None
    url: RemotePath | None = None
    store: str = STORES[0]
    layout: str = LAYOUTS[0]
    csv_bom: bool = False
    full_provenance: bool = False
    acceptance: Acceptance | None = None
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class PromptRequest:
    """Prompts read from `files`; those without a length get `default_frames`."""

    files: Sequence[Path]
    prompts: PromptSet
    default_frames: int


def generate_job(settings: RunSettings, request: PromptRequest) -> Job:
    """The job that makes pairs for prompts."""
    prompts = request.prompts.prompts
    plan = make_plan(prompts, settings.seed, settings.samples, request.default_frames, settings.limit)
    folder = settings.out or RUNS / default_run_name(request.files, prompts[0].text)
    return _generate_job(settings, folder, plan, request)


def growth_job(settings: RunSettings, run: GrowingRun, request: PromptRequest) -> Job:
    """The job that makes what a finished run does not have yet, for `growing.add_to_run`.

    Raises InputError where that would not be made as the run was.
    """
    settings = replace(settings, seed=run.seed(settings.seed))
    prompts = request.prompts.prompts
    plan = run.plan(prompts, settings.seed, settings.samples, request.default_frames, settings.limit)
    job = _generate_job(settings, run.folder / ADDING, plan, request)
    run.check_settings(job.info)
    return job


def _generate_job(settings: RunSettings, folder: Path, plan: Plan, request: PromptRequest) -> Job:
    return _job(
        settings,
        "generate",
        folder,
        plan,
        len(request.prompts.prompts),
        request.prompts.rejected,
        GenerationLoader(settings.source, settings.sampling, settings.batch_size, settings.body),
        about={"prompt_files": [str(path) for path in request.files]},
    )


def react_job(
    settings: RunSettings,
    names: Sequence[str],
    inputs: Sequence[ReactInput],
    unusable: Sequence[Rejected],
    prompts: PromptSet,
    read: Reader,
    person: int,
) -> Job:
    """The job that makes a partner for every given motion and prompt.

    names: the inputs as the user wrote them. unusable: motions that were left out. read: reads a motion
    again when its partner is made. person: the given person is person 0 or 1 of the prompt.
    """
    if len(settings.proportions.heights_m) > 1:
        raise InputError("--height: the given person does not change; give one height, the partner's")
    planned = make_react_plan(inputs, prompts.prompts, settings.seed, settings.samples, settings.limit)
    only = inputs[0] if len(inputs) == 1 else None
    name = only.name if only else safe_id(Path(names[0]).stem, "motions")
    return _job(
        settings,
        "react",
        settings.out or RUNS / f"{name}-react",
        planned.plan,
        len(prompts.prompts),
        [*unusable, *prompts.rejected],
        ReactionLoader(
            settings.source,
            settings.sampling,
            settings.batch_size,
            planned.given(read, person),
            settings.body,
        ),
        identity={
            "input": only.sha256 if only else [[given.name, given.sha256] for given in inputs],
            "given person": person + 1,
        },
        about={
            "input": list(names),
            "input_is": [given.source for given in inputs],
            "input_bones": [given.bones for given in inputs],
        },
    )


def part_job(
    settings: RunSettings, wishes: PartWishes, jobs: PartJobs, read: PairReader, overlap: int = 0
) -> Job:
    """The job that continues, joins or edits pairs.

    read: reads a pair again when its clip is made. overlap: frames that the model sees of a pair that it
    continues.
    """
    planned = make_part_plan(jobs, settings.seed, settings.samples, settings.limit)
    command = wishes.task.value
    described = [planned.jobs[item.id].identity() for item in planned.plan.items]
    return _job(
        settings,
        command,
        settings.out or RUNS / f"{default_part_name(jobs, wishes.tables)}-{command}",
        planned.plan,
        len(jobs.jobs),
        jobs.rejected,
        PartLoader(
            settings.source,
            settings.sampling,
            settings.batch_size,
            planned.jobs,
            read,
            overlap,
            settings.body,
        ),
        identity={
            "jobs": hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest(),
            **({"overlap": overlap} if wishes.task is PartTask.extend else {}),
        },
        about={
            "input": [*wishes.motions, *wishes.tables],
            "options": dict(wishes.values),
            "input_is": [pair.source for pair in jobs.pairs[:_LISTED]],
        },
    )


def _job(
    settings: RunSettings,
    command: str,
    folder: Path,
    plan: Plan,
    prompts: int,
    rejected: Sequence[Rejected],
    load_engine: LoadEngine,
    about: Mapping[str, Any],
    identity: Mapping[str, Any] | None = None,
) -> Job:
    """A job of a command: its identity, its description and its engine."""
    source, sampling = settings.source, settings.sampling
    clean = {"clean": [mode.value for mode in settings.clean]} if settings.clean else {}
    shape = {"proportions": settings.proportions.identity()} if settings.proportions else {}
    accept = {"accept": settings.acceptance.described()} if settings.acceptance else {}
    if settings.acceptance and plan.items:
        settings.acceptance.check_columns(plan.items)
    info = RunInfo(
        command=command,
        items=len(plan.items),
        prompts=prompts,
        identity={
            "prompts": plan.fingerprint(),
            **(identity or {}),
            **clean,
            **shape,
            **accept,
            **source.identity(sampling, settings.body),
            "store": settings.store,
        },
        dataset={
            **source.dataset_attributes(sampling, settings.body),
            **store_attributes(settings.store),
            **accept,
        },
        about={**about, "seed": settings.seed, **source.summary()},
        store=settings.store,
        layout=settings.layout,
        csv_bom=settings.csv_bom,
        full_provenance=settings.full_provenance,
    )
    load_engine = ShapingLoader.around(load_engine, settings.proportions)
    load_engine = CleaningLoader.around(load_engine, settings.clean, folder)
    load_engine = AcceptingLoader.around(load_engine, settings.acceptance)
    return Job(folder, info, plan, load_engine, rejected, settings.execution, settings.url)
