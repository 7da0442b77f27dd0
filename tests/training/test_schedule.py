"""Budgets and learning rates as functions of the step number and the time."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.training.config import (
    StageConfig,
    TokenizerTrainConfig,
    TransformerTrainConfig,
)
from intermask_cli.training.schedule import TrainingBudget, learning_rate_factor


def test_progress_is_the_larger_share():
    now = [7.0]
    budget = TrainingBudget(steps=10, minutes=1.0, spent_s=24.0, clock=lambda: now[0])
    now[0] += 6.0
    assert budget.elapsed_s() == 30.0
    assert budget.progress(2) == pytest.approx(0.5)
    assert budget.progress(8) == pytest.approx(0.8)
    assert TrainingBudget(steps=10, minutes=0.0).progress(10) == 1.0


def test_fixed_warmup_reaches_the_rate_and_milestones_follow():
    config = StageConfig(steps=100, milestones=(0.5, 0.8), gamma=0.1)
    rates = [learning_rate_factor(config, step, step / 100, 10, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[49] == 1.0
    assert rates[50] == pytest.approx(0.1) and rates[80] == pytest.approx(0.01)


def test_cosine_is_flat_then_falls_to_its_end():
    config = StageConfig(steps=100, schedule="cosine", decay_from=0.5, lr_end=0.02)
    rates = [learning_rate_factor(config, step, step / 100, 0, 100) for step in range(101)]
    assert rates[0] == rates[50] == 1.0
    assert rates[75] == pytest.approx(0.51)
    assert rates[100] == pytest.approx(0.02)


@pytest.mark.parametrize(("kind", "shift"), [(TransformerTrainConfig, 0), (TokenizerTrainConfig, 10)])
def test_published_rates_against_a_plain_loop(kind, shift):
    """The published loop written out: warm-up by hand, then MultiStepLR stepped once an iteration."""
    config = kind(published=True, steps=200)
    warmup, total = 10, 200
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    milestones = [int(total * share) for share in config.milestones]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, config.gamma)
    for iteration in range(1, total + 1):
        if iteration < warmup:
            optimizer.param_groups[0]["lr"] = (iteration + 1) / (warmup + 1)
        expected = optimizer.param_groups[0]["lr"]
        seen = learning_rate_factor(config, iteration - 1, 0.0, warmup, total)
        assert seen == pytest.approx(expected), iteration
        optimizer.step()
        if iteration >= warmup or shift == 0:
            scheduler.step()
