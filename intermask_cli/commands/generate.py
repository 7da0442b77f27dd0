"""`intermask generate`: prompt files to an interaction dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt
from intermask_cli.config import DEFAULT_MODEL


def generate(
    prompts: Annotated[
        list[Path],
        typer.Argument(help="Prompt files (.txt .csv .tsv .jsonl) or - for stdin.", show_default=False),
    ],
    out: opt.Out = None,
    model: opt.Model = DEFAULT_MODEL,
    samples: opt.Samples = 1,
    frames: Annotated[
        int | None,
        typer.Option(help="Length where a line gives none.  [default: 5 seconds]", show_default=False),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="The same in seconds.", show_default=False)] = None,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, make nothing.")] = False,
    overwrite: opt.Overwrite = False,
    strict: opt.Strict = False,
    json: opt.Json = False,
) -> None:
    """Make a dataset from prompt files.

    Every prompt becomes two-person interactions in an HDF5 file. The run directory gets interactions.h5,
    index.csv, manifest.json, gallery.html and, if lines were bad, rejected.jsonl. The same command on the
    same directory continues after an interruption.
    """
    from intermask_cli.cleanup.modes import checked_modes
    from intermask_cli.config import sampling_with
    from intermask_cli.generation.engines import Cleaned, Generating, ModelSource
    from intermask_cli.generation.job import Estimate, run_job
    from intermask_cli.generation.launch import parse_processes
    from intermask_cli.generation.plan import Shard, make_plan
    from intermask_cli.generation.prompts import default_run_name, read_prompts
    from intermask_cli.generation.run_directory import RunInfo

    together, workers = opt.batch_size(batch_size), parse_processes(processes)
    modes = checked_modes(clean or ())
    source = ModelSource.find(model, text_encoder, dtype, opt.checked_graphs(cuda_graphs, device))
    sampling = sampling_with(source.info.sampling, steps, guidance, temperature, draw, filter)
    limits = source.frame_limits()
    length = limits.default_length(frames, seconds)
    parsed_shard = Shard.parse(shard)
    found = opt.usable(read_prompts(prompts, limits), strict)
    plan = make_plan(found.prompts, seed, samples, length, limit)
    if dry_run:
        opt.report(Estimate.of(plan, found.rejected, source.info.fps, source.num_joints), json)
    info = RunInfo(
        command="generate",
        items=len(plan.items),
        prompts=len(found.prompts),
        identity={"prompts": plan.fingerprint(), **opt.cleaning_identity(modes), **source.identity(sampling)},
        dataset=source.dataset_attributes(sampling),
        about={"prompt_files": [str(path) for path in prompts], "seed": seed, **source.summary()},
    )
    folder = out or Path("runs") / default_run_name(prompts)
    load = Cleaned.around(Generating(source, sampling, together), modes, folder)
    result = run_job(folder, info, plan, found.rejected, parsed_shard, overwrite, device, load, workers)
    opt.tell_effect(folder)
    opt.tell_seams(folder, source.info.max_frames)
    opt.report(result, json)
