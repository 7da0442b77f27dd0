"""`intermask react`: a partner for a given person."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def react(
    *,
    input: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            help="The given person: a motion file (.bvh .amc .fbx .glb .usd .npy .npz .pt) or FILE.h5#ID. "
            "For many, repeat it, or give a folder or a pattern in quotes.",
            show_default=False,
        ),
    ],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", help="Text prompt (optional).", show_default=False),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt file; one partner per line.", show_default=False)
    ] = None,
    person: opt.Person = None,
    role: Annotated[
        int,
        typer.Option("--as", min=1, max=2, help="Which person of the prompt the given person is: 1 or 2."),
    ] = 1,
    motion: opt.ReadingOptions,
    run: opt.RunOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    json: opt.Json = False,
) -> None:
    """Make a partner for a given motion, or for each of many.

    The given person is stored exactly as read (resampled to 30 fps if needed). The partner has the same
    length and is in the same world frame. The run directory is like that of `intermask generate`, and the
    same command resumes an interrupted run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.datasets.motion_files.read import read_motion
    from intermask_cli.export.as_made import parse_formats, run_with_export
    from intermask_cli.generation.given.motions import find_inputs, read_inputs
    from intermask_cli.generation.prompt_sets.readings import read_texts
    from intermask_cli.generation.prompts.read import react_prompts
    from intermask_cli.generation.requests import react_job

    formats = parse_formats(run.export)
    settings = run.settings(model, sampling)
    settings.source.require_joints("react needs a model of interhuman motion")
    read = partial(read_motion, options=motion.options(person))
    inputs, unusable = read_inputs(find_inputs(input), read)
    reporting.warn_rejected(unusable, run.strict)
    reporting.print_inputs(inputs)
    accepted = reporting.require_prompts(react_prompts(prompt, prompts), run.strict)
    job = react_job(settings, input, inputs, unusable, accepted, read, role - 1)
    if run.strict:
        read_texts((item.text for item in job.plan.items), settings.source, run.strict)
    make = partial(run_with_export, formats=formats)
    reporting.run_and_report(job, make, settings.source.info.max_frames, json, whole=bool(formats))
