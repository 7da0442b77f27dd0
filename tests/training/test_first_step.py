"""Steps that take long are announced before the first one."""

from __future__ import annotations

import pytest

from intermask_cli.training import first_step
from intermask_cli.training.first_step import FirstStep, spoken


@pytest.mark.parametrize(("weights", "announced"), [(10**9, True), (1000, False)])
def test_only_a_long_step_is_announced(accelerator, capsys, monkeypatch, weights, announced):
    monkeypatch.setattr(first_step, "multiplications_per_s", lambda: 1e11)
    step = FirstStep("transformer", "transformer_training", weights, 52, 52 * 750, accelerator)
    with step:
        before = capsys.readouterr().err
    after = capsys.readouterr().err
    assert ("transformer: a step takes about" in before) is announced
    assert ("steps per minute" in before and "GiB of memory" in before) is announced
    assert ("the first step took" in after) is announced
    with step:
        pass
    assert capsys.readouterr().err == ""  # once


def test_durations():
    assert (spoken(45), spoken(600)) == ("45 s", "10 minutes")
