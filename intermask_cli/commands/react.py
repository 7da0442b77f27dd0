"""`intermask react`: a given person gets a partner."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt
from intermask_cli.config import DEFAULT_MODEL


def react(
    input: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            help="The given person: .npy, .npz, .bvh or FILE.h5#ID. For many, repeat it, or give a folder "
            "or a pattern in quotes.",
            show_default=False,
        ),
    ],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", help="What the two do; may be left out.", show_default=False),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt file instead: a partner for every line.", show_default=False)
    ] = None,
    person: Annotated[
        int | None, typer.Option(min=1, max=2, help="Which person of a file with two.", show_default=False)
    ] = None,
    role: Annotated[
        int,
        typer.Option("--as", min=1, max=2, help="The given person is the first or the second of the prompt."),
    ] = 1,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of the input, if its file does not say.", show_default=False),
    ] = None,
    up: Annotated[str | None, typer.Option(help="Up axis of the input: y or z.", show_default=False)] = None,
    units: Annotated[
        str | None,
        typer.Option(help="Units of the input: m, cm, mm, inch or metres per unit.", show_default=False),
    ] = None,
    skeleton: Annotated[
        Path | None,
        typer.Option(
            help="YAML map from our joints to a BVH file's (docs/reference/formats.md).", show_default=False
        ),
    ] = None,
    out: opt.Out = None,
    model: opt.Model = DEFAULT_MODEL,
    samples: opt.Samples = 1,
    seed: opt.Seed = 0,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    temperature: opt.Temperature = None,
    draw: opt.Draw = None,
    filter: opt.Filter = None,
    batch_size: opt.BatchSize = "auto",
    processes: opt.Processes = "auto",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "float32",
    cuda_graphs: opt.CudaGraphs = False,
    text_encoder: opt.TextEncoder = None,
    shard: opt.Shard = None,
    clean: opt.CleanModes = None,
    limit: opt.Limit = None,
    overwrite: opt.Overwrite = False,
    strict: opt.Strict = False,
    json: opt.Json = False,
) -> None:
    """Make a partner for a given motion, or for each of many.

    The given person comes out exactly as given (resampled to 30 fps if needed), the partner in the same
    world frame and of the same length. The run directory is that of `intermask generate`,
    and the same command continues an interrupted run.
    """
    from intermask_cli.cleanup.modes import checked_modes
    from intermask_cli.config import sampling_with
    from intermask_cli.datasets.motion_files.read import read_motion
    from intermask_cli.datasets.tables import safe_id
    from intermask_cli.generation.engines import Cleaned, ModelSource, Reacting
    from intermask_cli.generation.given_motions import find_inputs, make_react_plan, read_inputs
    from intermask_cli.generation.job import run_job
    from intermask_cli.generation.launch import parse_processes
    from intermask_cli.generation.plan import Shard
    from intermask_cli.generation.prompts import react_prompts
    from intermask_cli.generation.run_directory import RunInfo

    together, workers = opt.batch_size(batch_size), parse_processes(processes)
    parsed_shard = Shard.parse(shard)
    modes = checked_modes(clean or ())
    index = None if person is None else person - 1
    read = partial(read_motion, person=index, fps=fps, up=up, units=units, skeleton=skeleton)
    inputs, unusable = read_inputs(find_inputs(input), read)
    opt.tell_rejected(unusable, strict)
    opt.tell_inputs(inputs)
    source = ModelSource.find(model, text_encoder, dtype, opt.checked_graphs(cuda_graphs, device))
    sampling = sampling_with(source.info.sampling, steps, guidance, temperature, draw, filter)
    found = opt.usable(react_prompts(prompt, prompts, inputs[0].name), strict)
    planned = make_react_plan(inputs, lambda name: react_prompts(prompt, prompts, name), seed, samples, limit)
    plan = planned.plan
    one = inputs[0].sha256 if len(inputs) == 1 else [[given.name, given.sha256] for given in inputs]
    info = RunInfo(
        command="react",
        items=len(plan.items),
        prompts=len(found.prompts),
        identity={
            "prompts": plan.fingerprint(),
            "input": one,
            "given person": role,
            **opt.cleaning_identity(modes),
            **source.identity(sampling),
        },
        dataset=source.dataset_attributes(sampling),
        about={
            "input": input,
            "input_is": [i.source for i in inputs],
            "input_bones": [i.bones for i in inputs],
            "seed": seed,
            **source.summary(),
        },
    )
    name = inputs[0].name if len(inputs) == 1 else safe_id(Path(input[0]).stem, "motions")
    folder = out or Path("runs") / f"{name}-react"
    load = Cleaned.around(Reacting(source, sampling, together, planned.given(read, role - 1)), modes, folder)
    rejected = [*unusable, *found.rejected]
    result = run_job(folder, info, plan, rejected, parsed_shard, overwrite, device, load, workers)
    opt.tell_effect(folder)
    opt.tell_seams(folder, source.info.max_frames)
    opt.report(result, json)
