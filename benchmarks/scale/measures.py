"""The measured figures: making with the bundled model, merging and indexing of its results.

Times are processor times of this process with one thread, which other programs hardly change.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import ROOT, busy_share, describe
from intermask_cli.config import STORES
from intermask_cli.console import note
from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.generation.job import Execution, Job, run_job
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.directory import RunDirectory, open_run
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.plan import Plan, Shard, make_plan
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import GenerationLoader
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.interaction import Interaction


def measure(interactions: int, frames: int, merged: int) -> dict[str, Any]:
    """Make `interactions` of the bundled model, then merge and index `merged` copies of them."""
    torch.set_num_threads(1)
    about = {**describe(), "busy_before": busy_share()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        making = _making(folder / "made", interactions, frames, "cpu")
        with InteractionFile(folder / "made") as dataset:
            made = list(dataset)
        merging = _merging(folder, made, merged)
    return {"machine": about, "making": making, "merging": merging}


def gpu_seconds(interactions: int, frames: int) -> dict[str, Any]:
    """Wall seconds of one interaction on a GPU, with the largest batch."""
    with tempfile.TemporaryDirectory() as name:
        making = _making(Path(name) / "made", interactions, frames, "cuda")
    return {"gpu_seconds": making["seconds"] / interactions, "gpu_machine": describe()}


def _making(folder: Path, count: int, frames: int, device: str) -> dict[str, Any]:
    with (ROOT / "prompts" / "benchmark.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    prompts = [Prompt(f"p-{i}", texts[i % len(texts)], "p.csv", i, frames=frames) for i in range(count)]
    source = ModelSource.find("duet-mini", None, "float32")
    plan = make_plan(prompts, 0, 1, frames)
    loading = [0.0]

    def load(worker: Worker) -> Engine:
        begun = time.process_time()
        engine = GenerationLoader(source, source.info.sampling, None)(worker)
        loading[0] = time.process_time() - begun
        return engine

    info = _info(plan, source.dataset_attributes(source.info.sampling), "auto", STORES[0])
    note(f"{count:,} interactions of {frames} frames on {device}")
    begun = time.process_time()
    result = run_job(Job(folder, info, plan, load, execution=Execution(device, 1)))
    assert result is not None and result.merged
    with InteractionFile(folder) as dataset:
        size = dataset.stored_bytes()
    return {
        "interactions": count, "frames": frames, "bytes": size, "seconds": result.seconds,
        "core_seconds": time.process_time() - begun - loading[0],
    }  # fmt: skip


def _merging(folder: Path, made: Sequence[Interaction], count: int) -> dict[str, Any]:
    prompts = [Prompt(f"m-{i}", made[i % len(made)].text, "p.csv", i, frames=150) for i in range(count)]
    plan = make_plan(prompts, 0, 1, 150)
    info = _info(plan, {"fps": 30.0, "sampling": {}, "versions": {}}, "single", "exact")
    note(f"writing {count:,} interactions")
    with open_run(folder / "single", info, Shard(), False) as run:
        for part in plan.parts:
            items = [(item, replace(made[item.position % len(made)], id=item.id)) for item in part.items]
            run.write_part(part, items, [])
    shutil.copytree(folder / "single", folder / "parts")
    note("merging and indexing")
    single = RunDirectory(folder / "single", info)
    parts = RunDirectory(folder / "parts", replace(info, layout="parts"))
    figures = {"interactions": count, "parts": len(plan.parts)}
    figures |= {"single_seconds": _timed(single, plan), "parts_seconds": _timed(parts, plan)}
    return figures | {
        "bytes": (folder / "single" / FILE_NAME).stat().st_size,
        "index_bytes": (folder / "parts" / FILE_NAME).stat().st_size,
    }


def _timed(run: RunDirectory, plan: Plan) -> float:
    begun = time.process_time()
    run.merge(plan.parts, [])
    return time.process_time() - begun


def _info(plan: Plan, attributes: dict[str, Any], layout: str, store: str) -> RunInfo:
    count = len(plan.items)
    identity = {"plan": plan.fingerprint()}
    return RunInfo("generate", count, count, identity, attributes, {}, store, layout=layout)
