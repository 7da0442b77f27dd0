"""Two gloo processes train one model with one codebook: the same as one process with twice the batch."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from intermask_cli.training.checkpoints import weights_of
from intermask_cli.training.config import Recipe
from intermask_cli.training.loop import StageRun
from tests.helpers.training_samples import SmoothSource, tiny_recipe


def comparable_recipe(batch: int) -> Recipe:
    """One step without random numbers but the order of windows; every term a plain mean over samples."""
    return tiny_recipe(
        tokenizer={"dropout": 0.0, "reseed": "published"},
        tokenizer_loss={"foot": 0.0},
        tokenizer_training={
            "batch_size": batch, "steps": 1, "plain_steps": 0, "gumbel": 0.0, "fast_share": 0.0,
            "warmup_steps": 1,
        },
    )  # fmt: skip


def train(folder: Path, recipe: Recipe) -> None:
    """One tokenizer training in this process (or this rank); every rank leaves its weights."""
    from accelerate import Accelerator

    from intermask_cli.training.sources.source import source_normalizer
    from intermask_cli.training.tokenizer.stage import TokenizerStage

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    source = SmoothSource(6)
    stage = TokenizerStage(recipe, source, SmoothSource(2, seed=100), source_normalizer(source), accelerator)
    # An untrained encoder's latents are all but equal, and rounding would pick the code.
    with torch.no_grad():
        stage.model.encoder.model[-1].weight.mul_(30)
    StageRun(stage, folder, accelerator, resume=False).run()
    save_file(weights_of(stage.model), folder / f"rank{accelerator.process_index}.safetensors")
    assert accelerator.num_processes == int(os.environ.get("WORLD_SIZE", "1"))


def _rank(rank: int, folder: Path, recipe: Recipe, port: int) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    train(folder, recipe)
    torch.distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def train_in_two(folder: Path, recipe: Recipe) -> tuple[dict[str, torch.Tensor], ...]:
    """Weights of both ranks."""
    folder.mkdir()
    torch.multiprocessing.spawn(_rank, args=(folder, recipe, _free_port()), nprocs=2, join=True)
    return tuple(load_file(folder / f"rank{rank}.safetensors") for rank in (0, 1))


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(tmp_path):
    train(tmp_path / "one", comparable_recipe(batch=8))
    whole = load_file(tmp_path / "one" / "rank0.safetensors")
    first, _ = train_in_two(tmp_path / "two", comparable_recipe(batch=4))
    for name in ("codebook", "code_sum", "code_count"):
        key = f"quantizer.layers.0.{name}"
        torch.testing.assert_close(first[key], whole[key], rtol=1e-4, atol=1e-5)
    # Adam's first step is the sign of a gradient: where that is nearly zero, rounding may turn it.
    apart = torch.cat([(first[name].float() - whole[name].float()).abs().flatten() for name in whole])
    assert float((apart > 1e-5).float().mean()) < 0.01


@pytest.mark.slow
def test_ranks_keep_one_model_and_one_codebook(tmp_path):
    """With k-means start, random re-seeding, sampled codes and drop-out, drawn differently by each rank."""
    first, second = train_in_two(tmp_path / "two", tiny_recipe(tokenizer_training={"gumbel": 0.5}))
    assert bool(first["quantizer.layers.0.initialised"])
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
