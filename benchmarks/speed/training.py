"""Steps of the bundled model's transformer in training: positions per second, as trained before and now.

Each run is a process of its own, or one for each core with a thread each, which share every batch:
`python -m benchmarks.speed.training` trains random tokens and prints what `measure` reads.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed import commands
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import BODY_ROWS, PERSONS
from intermask_cli.training.config import Recipe
from intermask_cli.training.log import TRAIN, read_table
from intermask_cli.training.loop import StageRun
from intermask_cli.training.processes import training_processes
from intermask_cli.training.recipes import load_recipe
from intermask_cli.training.transformer.captions import CaptionTable, StateCache
from intermask_cli.training.transformer.stage import TransformerData, TransformerStage, new_transformer
from intermask_cli.training.transformer.token_cache import TokenCache

AUTOCAST = "autocast, one process"
HALF = "half_weights, one process"
APART = "half_weights, a process per core"
#: Tokens of a text, its width aside.
TEXT_TOKENS = 14


@dataclass(frozen=True)
class TrainingSizes:
    """How large the batches are; `tokens` of a row, so ten times as many of a sample."""

    recipe: str = "duet-mini"
    batch: int = 16
    tokens: int = 27
    steps: int = 12
    rounds: int = 3
    processes: int = 2


def measure(sizes: TrainingSizes) -> dict[str, Any]:
    """Seconds of a step, the first ones left out, and positions of all samples per second."""
    seconds: dict[str, list[float]] = {AUTOCAST: [], HALF: [], APART: []}

    def run(name: str) -> None:
        processes = sizes.processes if name == APART else 1
        launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
        words = [*(launcher if processes > 1 else []), "benchmarks.speed.training"]
        options = {**dataclasses.asdict(sizes), "half": name != AUTOCAST,
                   "threads": max(1, sizes.processes // processes)}  # fmt: skip
        printed = commands.run([sys.executable, "-m", *words, json.dumps(options)])
        seconds[name].append(float(printed.split()[-1]))

    in_turns("training steps", {name: lambda name=name: run(name) for name in seconds}, sizes.rounds)
    runs = summary(seconds, AUTOCAST)
    positions = sizes.batch * PERSONS * BODY_ROWS * sizes.tokens
    for row in runs.values():
        row["positions_per_second"] = positions / row["min"]
    return {**dataclasses.asdict(sizes), "runs": runs}


def random_data(recipe: Recipe, sizes: TrainingSizes) -> TransformerData:
    """Training data of random tokens and texts, as many as two batches."""
    count, codes = 2 * sizes.batch, recipe.transformer.codebook_size
    shape = (count, PERSONS, PERSONS, BODY_ROWS, sizes.tokens)
    data = object.__new__(TransformerData)  # reading a corpus is not measured
    lengths = torch.full((count,), sizes.tokens)
    lengths[::4] -= 1
    data.tokens = data.validation_tokens = TokenCache(
        torch.randint(codes, shape).short(), lengths, torch.arange(count)
    )
    texts = torch.arange(count)
    counts = torch.full((count,), TEXT_TOKENS)
    states = torch.randn(count * TEXT_TOKENS, recipe.transformer.text_dim)
    data.states = StateCache([str(i) for i in range(count)], states, counts, counts - 1)
    stated = torch.zeros(count, 1, 0, dtype=torch.int64)
    data.captions = data.validation_captions = CaptionTable(texts[:, None], torch.ones(count, 1), {}, stated)
    return data


def seconds_of_a_step(sizes: TrainingSizes, half: bool) -> float:
    """Median over the steps of a training in this process, or in those of a launcher."""
    recipe = load_recipe(sizes.recipe)
    training = dataclasses.replace(
        recipe.transformer_training, batch_size=sizes.batch, steps=sizes.steps, warmup_steps=1, log_steps=1,
        precision="bf16", half_weights=half, validate_clips=1,
    )  # fmt: skip
    recipe = dataclasses.replace(recipe, transformer_training=training)
    torch.manual_seed(0)
    data = random_data(recipe, sizes)
    with tempfile.TemporaryDirectory() as folder, training_processes("cpu", Path(folder)) as accelerator:
        codebook = torch.randn(recipe.transformer.codebook_size, recipe.transformer.code_dim)
        stage = TransformerStage(recipe, data, new_transformer(recipe, codebook), accelerator)
        StageRun(stage, Path(folder), accelerator, resume=False).run()
        if not accelerator.is_main_process:
            return 0.0
        minutes = [float(row["minutes"]) for row in read_table(Path(folder) / TRAIN)]
    return 60 * statistics.median(b - a for a, b in pairwise(minutes[1:]))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed.training", description=__doc__.splitlines()[0])
    parser.add_argument("options", help="a JSON object: sizes, half, threads")
    options = json.loads(parser.parse_args(arguments).options)
    half, threads = options.pop("half"), options.pop("threads")
    torch.set_num_threads(threads)
    seconds = seconds_of_a_step(TrainingSizes(**options), half)
    if seconds:
        print(seconds)


if __name__ == "__main__":
    main()
