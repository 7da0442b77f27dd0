"""`intermask edit`: a part of interactions made again."""

from __future__ import annotations

from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def edit(
    inputs: opt.PartInputs,
    *,
    second: opt.SecondFile = None,
    prompt: opt.JobPrompt = None,
    person: Annotated[
        str | None,
        typer.Option(help="Who is edited: 1, 2 or 1,2.  [default: both]", show_default=False),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            help="Body rows: 0 pelvis, hips, knees; 1 spine, ankles; 2 toes, neck, left collar; 3 head, "
            "shoulders, right collar; 4 elbows, wrists. Neighbours mix.  [default: all]",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="First edited frame: seconds as 1.5, or 45f.  [default: 0]", show_default=False
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option("--to", help="First frame after it.  [default: the end]", show_default=False),
    ] = None,
    motion: opt.WholeReadingOptions,
    run: opt.PartRunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Make a part of interactions again: some body rows of some persons, in a range of time.

    Other persons and other frames do not change, and the new frames join them without a step in position or
    speed. The run directory is like that of `intermask generate`, and the same command resumes an
    interrupted run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.generation.given.pairs import PairReader
    from intermask_cli.generation.given.part_jobs import PartTask, read_jobs, wishes_of
    from intermask_cli.generation.requests import part_job

    settings = run.settings(model, sampling)
    source = settings.source
    source.require_joints("edit needs a model of interhuman motion")
    values = {"with": second, "person": person, "rows": rows, "from": start, "to": stop}
    wishes = wishes_of(PartTask.edit, inputs, values, prompt, 0)
    reader = PairReader(motion.options())
    jobs = reporting.require_jobs(read_jobs(wishes, source.info, reader), run.strict)
    reporting.report_parts(part_job(settings, wishes, jobs, reader), source, run.strict, dry_run, json)
