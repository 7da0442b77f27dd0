"""The cost of a sampling step on the CPU, as it is said before the first one."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.inference import step_cost as module
from intermask_cli.inference.step_cost import StepCost, operations_per_second, operations_per_step, step_cost
from intermask_cli.models.transformer import InteractionTransformer
from tests.helpers.tiny import tiny_info


def test_operations_are_those_of_the_matrices() -> None:
    """Each weight of the blocks and of the head is used once for a token, whatever the widths."""
    from intermask_cli.config import TransformerConfig

    for net in (TransformerConfig(), TransformerConfig(latent_dim=768, heads=8, ff_dim=2048, layers=3)):
        model = InteractionTransformer(net)
        blocks = sum(
            weight.numel() for name, weight in model.named_parameters()
            if weight.ndim == 2 and "block" in name and "adaLN" not in name
        )  # fmt: skip
        counted = operations_per_step(net, 1, 1, passes=1) / 20  # ten tokens, two operations a weight
        assert counted == pytest.approx(blocks, rel=0.1)


def test_costs_grow_with_clips_windows_and_guidance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "operations_per_second", lambda net: 1e6)
    info = tiny_info()
    one = step_cost(info, 1, info.max_frames, passes=1)
    assert step_cost(info, 3, info.max_frames, 1).seconds == pytest.approx(3 * one.seconds)
    assert step_cost(info, 3, info.max_frames, 1).memory == 3 * one.memory
    assert step_cost(info, 1, info.max_frames, 2).seconds == pytest.approx(2 * one.seconds)
    assert step_cost(info, 1, 2 * info.max_frames, 1).seconds == pytest.approx(2 * one.seconds)


def test_only_long_waits_are_announced() -> None:
    assert StepCost(1.0, 10**9).line(4, 300, 20) is None
    line = StepCost(30.0, 3 * 10**9).line(4, 300, 20)
    assert line is not None and "takes about 10 minutes: 20 steps at 2.0 per minute, 3.0 GB of memory" in line


def test_the_speed_of_this_machine_is_a_number() -> None:
    with torch.inference_mode():
        assert 1e6 < operations_per_second(tiny_info().transformer) < 1e16
