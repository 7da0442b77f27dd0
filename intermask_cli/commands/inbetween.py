"""`intermask inbetween`: new motion from one interaction to another."""

from __future__ import annotations

from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def inbetween(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help="Tables of jobs (.csv .tsv .jsonl), instead of --start and --end.", show_default=False
        ),
    ] = None,
    *,
    start: Annotated[
        str | None,
        typer.Option("--start", help="The pair before: RUN#ID, or a motion file.", show_default=False),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", help="The pair after, in the same world frame.", show_default=False),
    ] = None,
    start_with: Annotated[
        str | None,
        typer.Option(help="File of the second person of --start, where it holds one.", show_default=False),
    ] = None,
    end_with: Annotated[str | None, typer.Option(help="The same of --end.", show_default=False)] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt", "-p", help="What happens between; for lines without a text.", show_default=False
        ),
    ] = None,
    frames: opt.NewFrames = None,
    seconds: opt.NewSeconds = None,
    motion: opt.WholeReadingOptions,
    run: opt.PartRunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Make the motion from the end of one clip to the start of another.

    The result has all of the first clip, the new motion, and all of the second clip. None of the given frames
    changes, and the new ones join them without a step in position or speed. Both clips must be in one world
    frame. The run directory is like that of `intermask generate`, and the same command resumes an
    interrupted run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.generation.given.pairs import PairReader
    from intermask_cli.generation.given.part_jobs import PartTask, length_limits, read_jobs, wishes_of
    from intermask_cli.generation.requests import part_job

    settings = run.settings(model, sampling)
    source = settings.source
    source.require_joints("inbetween needs a model of interhuman motion")
    length = length_limits(PartTask.inbetween, source.info).default_length(frames, seconds)
    values = {"start": start, "start_with": start_with, "end": end, "end_with": end_with}
    wishes = wishes_of(PartTask.inbetween, tables or [], values, prompt, length)
    reader = PairReader(motion.options())
    jobs = reporting.require_jobs(read_jobs(wishes, source.info, reader), run.strict)
    reporting.report_parts(part_job(settings, wishes, jobs, reader), source, run.strict, dry_run, json)
