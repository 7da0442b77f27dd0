"""The training loop: resuming bit for bit, budgets in time, checkpoints, averaged weights."""

from __future__ import annotations

import json
import math

import pytest
import torch

from intermask_cli.errors import IntermaskError, InterruptedRun, MissingError
from intermask_cli.training.checkpoints import AVERAGE, LAST
from intermask_cli.training.log import TRAIN, read_table
from intermask_cli.training.loop import AveragedWeights, StageRun
from tests.helpers.training_samples import StopAfter, assert_same, last_weights, tiny_recipe


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [3, 8])  # before and after the quantiser is on
def test_tokenizer_resumes_bit_for_bit(tokenizer_stage, accelerator, tmp_path, stop_at):
    recipe = tiny_recipe()
    StageRun(tokenizer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = tokenizer_stage(recipe)
    StopAfter(stage, stop_at)
    with pytest.raises(InterruptedRun) as stopped:
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    assert stopped.value.exit_code == 143
    assert json.loads((tmp_path / "parts" / LAST / "state.json").read_text())["step"] == stop_at + 1
    StageRun(tokenizer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    whole = last_weights(tmp_path / "whole")
    assert {"quantizer.layers.0.code_sum", "quantizer.layers.0.code_count"} <= set(whole)
    assert_same(whole, last_weights(tmp_path / "parts"))


@pytest.mark.slow
@pytest.mark.long
def test_published_quantiser_resumes_bit_for_bit(tokenizer_stage, accelerator, tmp_path):
    """The codebook's sums survive; published training would take the next batch's vectors instead."""
    recipe = tiny_recipe(
        tokenizer={"reseed": "published"},
        tokenizer_training={"plain_steps": 0, "gumbel": 0.5, "fast_share": 0.0},
    )
    StageRun(tokenizer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = tokenizer_stage(recipe)
    StopAfter(stage, 5)
    with pytest.raises(InterruptedRun):
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    StageRun(tokenizer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    assert_same(last_weights(tmp_path / "whole"), last_weights(tmp_path / "parts"))


@pytest.mark.slow
def test_transformer_resumes_bit_for_bit(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe()
    StageRun(transformer_stage(recipe), tmp_path / "whole", accelerator, resume=False).run()
    stage = transformer_stage(recipe)
    StopAfter(stage, 4)
    with pytest.raises(InterruptedRun):
        StageRun(stage, tmp_path / "parts", accelerator, resume=False).run()
    StageRun(transformer_stage(recipe), tmp_path / "parts", accelerator, resume=True).run()
    assert_same(last_weights(tmp_path / "whole"), last_weights(tmp_path / "parts"))
    assert_same(last_weights(tmp_path / "whole", AVERAGE), last_weights(tmp_path / "parts", AVERAGE))
    assert (
        read_table(tmp_path / "whole" / TRAIN)[-1]["loss"]
        == read_table(tmp_path / "parts" / TRAIN)[-1]["loss"]
    )


@pytest.mark.slow
def test_seed_changes_the_run(tokenizer_stage, accelerator, tmp_path):
    for seed in (1, 2):
        recipe = tiny_recipe(tokenizer_training={"seed": seed, "steps": 2, "plain_steps": 0})
        StageRun(tokenizer_stage(recipe), tmp_path / str(seed), accelerator, resume=False).run()
    first, second = last_weights(tmp_path / "1"), last_weights(tmp_path / "2")
    assert not torch.equal(first["encoder.model.0.weight"], second["encoder.model.0.weight"])


def test_resume_without_a_checkpoint_says_so(tokenizer_stage, accelerator, tmp_path):
    with pytest.raises(MissingError, match="without --resume"):
        StageRun(tokenizer_stage(tiny_recipe()), tmp_path, accelerator, resume=True)


def test_loss_that_is_not_a_number_stops_the_run(tokenizer_stage, accelerator, tmp_path):
    stage = tokenizer_stage(tiny_recipe())
    stage._windows.motion[:] = math.nan
    with pytest.raises(IntermaskError, match="loss is not finite in step 1"):
        StageRun(stage, tmp_path, accelerator, resume=False).run()


class SteppedClock:
    """Seconds that pass only when a training batch is made."""

    def __init__(self, stage, seconds: float):
        self.now, self._seconds, self._batch = 100.0, seconds, stage.batch
        stage.batch = self._timed_batch

    def _timed_batch(self, step: int):
        self.now += self._seconds
        return self._batch(step)

    def __call__(self) -> float:
        return self.now


@pytest.mark.slow
def test_time_budget_ends_the_run_and_its_decay(tokenizer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        tokenizer_training={"steps": 0, "epochs": 0, "minutes": 2.0, "lr_end": 0.01, "log_steps": 1}
    )
    stage = tokenizer_stage(recipe)
    report = StageRun(stage, tmp_path, accelerator, False, SteppedClock(stage, seconds=10.0)).run()
    assert report["steps"] == 12 and report["minutes"] == 2.0
    rows = read_table(tmp_path / TRAIN)
    assert [float(row["minutes"]) for row in rows] == pytest.approx(
        [(i + 1) / 6 for i in range(12)], rel=1e-5
    )
    assert float(rows[5]["lr"]) == 1e-3  # half of the time: the decay starts
    assert float(rows[-1]["lr"]) < 0.2 * 1e-3


@pytest.mark.slow
def test_time_of_earlier_sessions_counts_when_resumed(tokenizer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(tokenizer_training={"steps": 0, "epochs": 0, "minutes": 2.0})
    stage = tokenizer_stage(recipe)
    StopAfter(stage, 4)
    with pytest.raises(InterruptedRun):
        StageRun(stage, tmp_path, accelerator, False, SteppedClock(stage, seconds=10.0)).run()
    stage = tokenizer_stage(recipe)
    report = StageRun(stage, tmp_path, accelerator, True, SteppedClock(stage, seconds=35.0)).run()
    assert report["steps"] == 5 + 2 and report["minutes"] == 2.0


def test_averaged_weights_follow_and_give_back():
    model = torch.nn.Linear(2, 1, bias=False)
    average = AveragedWeights(model, decay=0.5)
    start = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1.0
    average.update(step=10**6)
    with average.applied():
        assert torch.allclose(model.weight, start + 0.5)
    assert torch.allclose(model.weight, start + 1.0)
