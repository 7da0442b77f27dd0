"""`intermask extend`: interactions that continue."""

from __future__ import annotations

from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def extend(
    inputs: opt.PartInputs,
    *,
    second: opt.SecondFile = None,
    prompt: opt.JobPrompt = None,
    frames: opt.NewFrames = None,
    seconds: opt.NewSeconds = None,
    overlap: Annotated[
        int, typer.Option(min=4, max=240, help="Frames at the end of what is given that the model sees.")
    ] = 32,
    motion: opt.ReadingOptions,
    run: opt.PartRunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Continue interactions: of a run, of motion files, or one for each line of a table.

    None of the given frames changes, and the new ones join them without a step in position or speed. A clip
    longer than the model's window is made window by window. A prompt with phases ("they bow | they hug") is
    made phase by phase. The run directory is like that of `intermask generate`, and the same command resumes
    an interrupted run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.generation.given.pairs import PairReader
    from intermask_cli.generation.given.part_jobs import PartTask, length_limits, read_jobs, wishes_of
    from intermask_cli.generation.requests import part_job

    settings = run.settings(model, sampling)
    source = settings.source
    source.require_joints("extend needs a model of interhuman motion")
    length = length_limits(PartTask.extend, source.info).default_length(frames, seconds)
    wishes = wishes_of(PartTask.extend, inputs, {"with": second}, prompt, length)
    reader = PairReader(motion.options())
    jobs = reporting.require_jobs(read_jobs(wishes, source.info, reader), run.strict)
    reporting.report_parts(
        part_job(settings, wishes, jobs, reader, overlap), source, run.strict, dry_run, json
    )
