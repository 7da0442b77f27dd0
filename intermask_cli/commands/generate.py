"""`intermask generate`: prompt files to an interaction dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def generate(
    *,
    prompts: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Prompt files (.txt .csv .tsv .jsonl .json), folders of them, or - for stdin.",
            show_default=False,
        ),
    ] = None,
    run: opt.RunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", help="A prompt (repeatable), instead of a file or after it."),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(help="Frames of prompts that give no length.  [default: 5 seconds]", show_default=False),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="The same in seconds.", show_default=False)] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="Format of the prompt files: txt, csv, tsv, jsonl or json.  [default: by suffix or content]",
            show_default=False,
        ),
    ] = None,
    prompt_fps: Annotated[
        float, typer.Option(min=1, max=1000, help="Frames per second of prompts written text#frames.")
    ] = 20.0,
    add_to: Annotated[
        Path | None,
        typer.Option(
            help="A finished run to add to: prompts, or samples of its prompts, that it does not have yet.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be made; make nothing.")
    ] = False,
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
    from intermask_cli.generation.growing import GrowingRun, add_to_run
    from intermask_cli.generation.job import Estimate, run_job
    from intermask_cli.generation.prompts import read_prompts
    from intermask_cli.generation.requests import generate_job, growth_job

    if add_to is not None and (run.out is not None or run.overwrite):
        raise InputError("--add-to names the run that grows; leave --out and --overwrite out")
    formats = parse_formats(run.export)
    settings = run.settings(model, sampling)
    limits = settings.source.frame_limits()
    length = limits.default_length(frames, seconds)
    files = prompts or []
    if not files and not prompt:
        raise InputError("no prompts; give a prompt file, or a text with --prompt")
    read = read_prompts(files, limits, format, prompt_fps, prompt or ())
    accepted = reporting.require_prompts(read, run.strict)
    if add_to is not None:
        job = growth_job(settings, GrowingRun.open(add_to), files, accepted, length)
    else:
        job = generate_job(settings, files, accepted, length)
    readings = reporting.read_prompts_of(job, settings.source, run.strict) if dry_run or run.strict else None
    if dry_run:
        source = settings.source
        warning_of = source.text_warning_of(item.text for item in job.plan.items)
        reporting.report(Estimate.of(job, source.info.fps, source.num_joints, warning_of, readings), json)
    result = run_with_export(job, formats, run_job if add_to is None else add_to_run)
    reporting.report_run(result, settings.source.info.max_frames, json)
