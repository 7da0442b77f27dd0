"""`--log-with`: trackers of Accelerate get the rows of the log."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from intermask_cli.cli import app
from intermask_cli.errors import InputError
from tests.helpers.training_samples import TINY_RECIPE, pairs_tree


def train(folder, tracker: str):
    (folder / "tiny.yaml").write_text(TINY_RECIPE)
    data = pairs_tree(folder / "mine")
    given = ["--data", data, "--out", folder / "t", "--config", folder / "tiny.yaml", "--log-with", tracker]
    return CliRunner().invoke(app, ["train", "tokenizer", "--device", "cpu", *map(str, given)])


@pytest.mark.slow
def test_tensorboard_gets_training_and_validation(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = train(tmp_path, "tensorboard")
    assert result.exit_code == 0, result.output
    log = events.EventAccumulator(str(tmp_path / "t" / "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("tokenizer/train/loss")] == [1, 2, 3]
    assert [event.step for event in log.Scalars("tokenizer/validation/mpjpe_mm")] == [3]


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb"])
def test_a_tracker_without_its_package_is_refused(tmp_path, monkeypatch, tracker):
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", list)
    result = train(tmp_path, tracker)
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == (
        f"--log-with {tracker}: the package {tracker} is not installed; pip install {tracker}, or leave "
        "--log-with out"
    )
    assert not (tmp_path / "t").exists()


def test_an_unknown_tracker_is_refused(tmp_path):
    result = train(tmp_path, "mlfow")
    assert str(result.exception) == "--log-with mlfow: accepted: tensorboard, wandb"
