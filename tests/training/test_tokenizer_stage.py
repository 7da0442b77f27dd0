"""Training of the tokenizer: that it learns, its log, its windows."""

from __future__ import annotations

import json

import pytest
import torch

from intermask_cli.training.log import TRAIN, VALIDATION, read_table
from intermask_cli.training.loop import StageRun
from intermask_cli.training.sources.source import build_windows
from tests.helpers.training_samples import tiny_recipe


@pytest.mark.slow
def test_tokenizer_learns_and_leaves_a_log(tokenizer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        tokenizer={"width": 16},
        tokenizer_training={"steps": 150, "plain_steps": 40, "lr": 5e-3, "log_steps": 10},
    )
    stage = tokenizer_stage(recipe)
    stage.objective.bypass = False
    before = stage.validate()["mpjpe_mm"]
    report = StageRun(stage, tmp_path, accelerator, resume=False).run()
    assert report["steps"] == 150
    assert report["best"]["mpjpe_mm"] < 0.9 * before
    assert report["best"]["codebook_use"] > 0.3
    rows = read_table(tmp_path / TRAIN)
    assert [int(row["step"]) for row in rows] == list(range(10, 151, 10))
    assert float(rows[-1]["loss"]) < 0.6 * float(rows[0]["loss"])
    assert float(rows[0]["commitment"]) == 0 and float(rows[-1]["commitment"]) > 0
    assert len(read_table(tmp_path / VALIDATION)) == 1
    assert json.loads((tmp_path / "report.json").read_text())["steps"] == 150
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_windows_cover_every_start_and_prefer_fast_limbs(source, normalizer):
    windows = build_windows(source, normalizer, window=64, stride=1, alternate=True)
    expected = sum(2 * (source.frames(i) - 64 + 1) for i in range(len(source)))
    assert len(windows) == expected
    clip = normalizer.normalize(source.features(1, 1))
    offset = 2 * (source.frames(0) - 63)
    assert torch.equal(windows.take(torch.tensor([offset + 3]))[0], torch.from_numpy(clip[0, 3:67]))
    torch.manual_seed(0)
    peaks = windows._cumulative.diff(prepend=torch.zeros(1)).sqrt()
    uniform, fast = peaks[windows.random(2000, 0.0)].mean(), peaks[windows.random(2000, 1.0)].mean()
    assert fast > 1.02 * uniform
    epoch = torch.cat([windows.shuffled(0, 0, batch, 10) for batch in range(len(windows) // 10)])
    assert len(epoch.unique()) == len(epoch)
