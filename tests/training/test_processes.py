"""Two gloo processes train one model with one codebook: the same as one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from intermask_cli.cli import app
from intermask_cli.training.checkpoints import WEIGHTS, weights_of
from intermask_cli.training.config import Recipe
from intermask_cli.training.log import TRAIN, read_table
from intermask_cli.training.loop import StageRun
from tests.helpers.paths import ROOT
from tests.helpers.training_samples import TINY_RECIPE, SmoothSource, pairs_tree, tiny_recipe


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
@pytest.mark.long
def test_two_processes_equal_one(tmp_path):
    train(tmp_path / "one", comparable_recipe(batch=8))
    whole = load_file(tmp_path / "one" / "rank0.safetensors")
    first, _ = train_in_two(tmp_path / "two", comparable_recipe(batch=8))
    for name in ("codebook", "code_sum", "code_count"):
        key = f"quantizer.layers.0.{name}"
        torch.testing.assert_close(first[key], whole[key], rtol=1e-4, atol=1e-5)
    # Adam's first step is the sign of a gradient: where that is nearly zero, rounding may turn it.
    apart = torch.cat([(first[name].float() - whole[name].float()).abs().flatten() for name in whole])
    assert float((apart > 1e-5).float().mean()) < 0.01


def command(
    *arguments: object, launcher: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess:
    """`intermask train` in a process of its own, or in those of a launcher."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACCELERATE_")}
    return subprocess.run(
        [sys.executable, *launcher, "-m", "intermask_cli", "train", *map(str, arguments)],
        capture_output=True, text=True, env={**clean, "OMP_NUM_THREADS": "1", **environment}, cwd=ROOT,
    )  # fmt: skip


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "launcher", "device"),
    [
        ("tokenizer", TORCHRUN, ()),  # case train-ranks-on-cpu: without --device cpu
        ("transformer", TORCHRUN, ("--device", "cpu")),
        ("pair-decoder", TORCHRUN, ("--device", "cpu")),
    ],
)
@pytest.mark.long
def test_a_launcher_trains_what_one_process_trains(tmp_path, stage, launcher, device):
    """All steps, with codes that are seeded again, and masked positions that differ in number."""
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE)
    data = pairs_tree(tmp_path / "mine")
    given = ("--data", data, "--config", tmp_path / "tiny.yaml", "--set")
    before = {"tokenizer": (), "transformer": ("tokenizer",), "pair-decoder": ("tokenizer", "transformer")}
    models: list[object] = []
    for name in before[stage]:
        words = (name, *given, "transformer.ff_dim=24", *models, "--out", tmp_path / name, "--device", "cpu")
        made = CliRunner().invoke(app, ["train", *map(str, words)])  # faster than in a process of its own
        assert made.exit_code == 0, made.output
        models += [f"--{name}", tmp_path / name]
    section = f"{stage.replace('-', '_')}_training"
    given = (stage, *given, f"{section}.precision=fp32", "--set", f"{section}.steps=5", *models)
    given += ("--json",)
    one = command(*given, "--out", tmp_path / "one", "--device", "cpu")
    two = command(*given, "--out", tmp_path / "two", *device, launcher=launcher)
    assert one.returncode == 0 and two.returncode == 0, one.stderr + two.stderr
    assert json.loads(two.stdout)["best"]  # one object, of the first process
    assert two.stderr.count("checking clips: 6/6 clips") == 1
    rows, others = (read_table(tmp_path / name / TRAIN) for name in ("one", "two"))
    assert len(rows) == len(others) == 5
    for row, other in zip(rows, others, strict=True):
        for name in set(row) - {"minutes"}:
            assert float(other[name]) == pytest.approx(float(row[name]), rel=1e-4, abs=1e-6), name
    assert json.loads((tmp_path / "two" / "report.json").read_text())["processes"] == 2
    whole, shared = (load_file(tmp_path / name / "last" / WEIGHTS) for name in ("one", "two"))
    apart = torch.cat([(shared[name].float() - whole[name].float()).abs().flatten() for name in whole])
    assert float((apart > 1e-5).float().mean()) < 0.01


@pytest.mark.slow
@pytest.mark.long
def test_a_batch_that_cannot_be_shared_and_a_foreign_precision_are_refused(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE)
    given = ("tokenizer", "--data", pairs_tree(tmp_path / "mine"), "--config", tmp_path / "tiny.yaml",
             "--out", tmp_path / "t")  # fmt: skip
    odd = command(*given, "--set", "tokenizer_training.batch_size=5", launcher=TORCHRUN)
    assert odd.returncode != 0
    assert "which 2 processes cannot share in equal parts; accepted: 4 or 6" in odd.stderr
    half = command(*given, ACCELERATE_MIXED_PRECISION="fp16")
    assert half.returncode == 2 and "accepted: no, which leaves the recipe's (fp32), and bf16" in half.stderr
    assert command(*given, ACCELERATE_MIXED_PRECISION="bf16").returncode == 0
    config = json.loads((tmp_path / "t" / "config.json").read_text())
    assert config["recipe"]["tokenizer_training"]["precision"] == "bf16"


@pytest.mark.slow
@pytest.mark.long
def test_accelerate_starts_one_process_on_cpus_and_that_is_said(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE)
    launcher = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")
    done = command("tokenizer", "--data", pairs_tree(tmp_path / "mine"), "--config", tmp_path / "tiny.yaml",
                   "--out", tmp_path / "t", launcher=launcher)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("started one process") == 1 and "torchrun --nproc-per-node N" in done.stderr
    assert json.loads((tmp_path / "t" / "report.json").read_text())["processes"] == 1


@pytest.mark.slow
@pytest.mark.long
def test_ranks_keep_one_model_and_one_codebook(tmp_path):
    """With k-means start, random re-seeding, sampled codes and drop-out, drawn differently by each rank."""
    first, second = train_in_two(tmp_path / "two", tiny_recipe(tokenizer_training={"gumbel": 0.5}))
    assert bool(first["quantizer.layers.0.initialised"])
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
