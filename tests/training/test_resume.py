"""What a resumed training must have in common with the one that began, and what a NaN leaves behind."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from intermask_cli.cli import app
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.training.loop import StageRun
from tests.helpers.training_samples import TINY_RECIPE, last_weights, pairs_tree, tiny_recipe


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """Data sets A and B, two tokenizers, and a transformer of A and the first."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "tiny.yaml").write_text(TINY_RECIPE)
    for name, seed in (("A", 0), ("B", 50)):
        pairs_tree(folder / name, seed=seed)
    for name, seed in (("t", 1), ("other", 2)):
        run("tokenizer", folder, "A", folder / name, "--seed", seed)
    run("transformer", folder, "A", folder / "x", "--tokenizer", folder / "t")
    return folder


def arguments(stage: str, folder: Path, data: str, out: Path, *more: object) -> list[str]:
    given = (
        stage,
        "--data",
        folder / data,
        "--out",
        out,
        "--config",
        folder / "tiny.yaml",
        "--device",
        "cpu",
    )
    return ["train", *map(str, (*given, *more))]


def run(stage: str, folder: Path, data: str, out: Path, *more: object) -> str:
    result = CliRunner().invoke(app, arguments(stage, folder, data, out, *more))
    assert result.exit_code == 0, result.output
    return result.output


def refusal(stage: str, folder: Path, data: str, out: Path, *more: object) -> str:
    result = CliRunner().invoke(app, arguments(stage, folder, data, out, *more, "--resume"))
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture
def folder(begun, tmp_path) -> Path:
    """A copy to change."""
    shutil.copytree(begun, tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.long
def test_other_data_is_refused_with_both_names(folder):
    """Case train-resume-other-data."""
    message = refusal("tokenizer", folder, "B", folder / "t", "--seed", 1, "--steps", 5)
    assert "other training motion" in message
    assert "A'] there" in message and "B'] here" in message
    config = json.loads((folder / "t" / "config.json").read_text())
    assert config["data"][0].endswith("A") and config["recipe"]["tokenizer_training"]["steps"] == 3


@pytest.mark.parametrize("part", ["motion", "caption"])
def test_the_same_path_with_other_content_is_refused(folder, part):
    if part == "motion":
        path = folder / "A/motions_processed/person2/2.npy"
        np.save(path, np.load(folder / "B/motions_processed/person2/2.npy"))
    else:
        (folder / "A/annots/2.txt").write_text("two people hug\n")
    given = ("transformer", folder, "A", folder / "x", "--tokenizer", folder / "t", "--steps", 5)
    message = refusal(*given)
    assert {"motion": "training motion", "caption": "captions"}[part] in message


def test_the_same_content_elsewhere_continues_and_is_recorded(folder):
    shutil.move(folder / "A", folder / "moved")
    run("transformer", folder, "moved", folder / "x", "--tokenizer", folder / "t", "--steps", 5, "--resume")
    config = json.loads((folder / "x" / "config.json").read_text())
    assert config["data"] == [str(folder / "moved")]
    assert config["recipe"]["transformer_training"]["steps"] == 5
    assert config["resumed"] == [{"transformer_training.steps": [3, 5]}]
    assert config["text_encoder"]["dim"] == 384  # what earlier parts recorded stays


def test_another_tokenizer_start_or_stage_is_refused(folder):
    given = ("transformer", folder, "A", folder / "x")
    assert "other tokenizer" in refusal(*given, "--tokenizer", folder / "other")
    message = refusal(*given, "--tokenizer", folder / "t", "--start-from", folder / "x")
    assert "start" in message
    assert "not of transformer" in refusal(
        "transformer", folder, "A", folder / "t", "--tokenizer", folder / "t"
    )
    message = refusal("tokenizer", folder, "A", folder / "t", "--seed", 9)
    assert "tokenizer_training.seed 1 there, 9 here" in message


def test_a_token_map_is_made_again_when_motion_changed(folder):
    """Without --resume: the cache of a training that was killed early must not be used for other motion."""
    shutil.rmtree(folder / "x" / "last")
    shutil.copytree(folder / "B/motions_processed", folder / "A/motions_processed", dirs_exist_ok=True)
    assert "encoding again" in run("transformer", folder, "A", folder / "x", "--tokenizer", folder / "t")


# ---------------------------------------------------------------- a loss that is not finite


def test_weights_before_a_nan_are_kept_and_the_remedy_works(folder, begun):
    """Case train-nan-advice: what the message says is accepted."""
    more = ("--seed", 1, "--steps", 9, "--resume")
    wild = ("--set", "tokenizer_training.lr=1e30")
    before = last_weights(folder / "t")
    result = CliRunner().invoke(app, arguments("tokenizer", folder, "A", folder / "t", *more, *wild))
    message = str(result.exception)
    assert isinstance(result.exception, IntermaskError) and result.exit_code == 1
    step, lower = re.search(r"checkpoint of step (\d+) is whole.*--set (\S+)$", message).groups()
    assert step == "3" and lower == "tokenizer_training.lr=1e+29"
    assert all(torch.equal(value, before[name]) for name, value in last_weights(folder / "t").items())
    run("tokenizer", folder, "A", folder / "t", *more, "--set", "tokenizer_training.lr=1e-5")


def test_without_a_checkpoint_the_message_says_to_start_again(folder):
    given = ("tokenizer", folder, "A", folder / "new")
    result = CliRunner().invoke(app, arguments(*given, "--set", "tokenizer_training.lr=1e30"))
    assert "start again, without --resume" in str(result.exception)
    assert not (folder / "new" / "last").exists()
    run(*given, "--set", "tokenizer_training.lr=1e-4")


def test_weights_that_are_not_finite_are_not_saved(tokenizer_stage, accelerator, tmp_path):
    """A last step without a finite gradient shows in no loss."""
    stage = tokenizer_stage(tiny_recipe(tokenizer_training={"steps": 2, "plain_steps": 0, "log_steps": 50}))
    training = StageRun(stage, tmp_path, accelerator, resume=False)
    step = training._step

    def spoiled(progress: float) -> None:
        step(progress)
        with torch.no_grad():
            stage.model.encoder.model[0].weight[0] = math.nan

    training._step = spoiled
    with pytest.raises(IntermaskError, match="not finite"):
        training.run()
    assert not (tmp_path / "last").exists() and not (tmp_path / "best").exists()
