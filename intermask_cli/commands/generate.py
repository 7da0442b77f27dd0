"""`intermask generate`: prompt files to an interaction dataset."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def generate(
    *,
    asked: opt.PromptOptions,
    run: opt.RunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    add_to: Annotated[
        Path | None,
        typer.Option(
            help="A finished run to add to: prompts, or samples of its prompts, that it does not have yet.",
            show_default=False,
        ),
    ] = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Make a dataset from prompts.

    Every prompt becomes two-person interactions in an HDF5 file. The run directory gets interactions.h5,
    index.csv, manifest.json, gallery.html and, if lines were bad, rejected.jsonl. The same command
    resumes an interrupted run. With --add-to what is new goes into a finished run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.errors import InputError
    from intermask_cli.export.as_made import parse_formats, run_with_export
    from intermask_cli.generation.estimate import estimate
    from intermask_cli.generation.growing import GrowingRun, add_to_run
    from intermask_cli.generation.job import run_job
    from intermask_cli.generation.prompt_sets.readings import read_texts
    from intermask_cli.generation.requests import generate_job, growth_job

    if add_to is not None and (run.out is not None or run.overwrite):
        raise InputError("--add-to names the run that grows; leave --out and --overwrite out")
    formats = parse_formats(run.export)
    settings = run.settings(model, sampling)
    source, request = settings.source, asked.request(settings.source, run.strict)
    if add_to is not None:
        job = growth_job(settings, GrowingRun.open(add_to), request)
    else:
        job = generate_job(settings, request)
    if dry_run:
        reporting.report(estimate(job, source, run.strict), json)
    if run.strict:
        read_texts((item.text for item in job.plan.items), source, run.strict)
    make = partial(run_with_export, formats=formats, run=run_job if add_to is None else add_to_run)
    reporting.run_and_report(job, make, source.info.max_frames, json, whole=bool(formats))
