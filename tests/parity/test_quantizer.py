"""Three recorded training steps of the published quantiser, then eval mode, noise included."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.models.codebook import Quantized
from tests.helpers.parity_comparing import assert_close, assert_same
from tests.helpers.recorded_noise import RecordedCodebook

pytestmark = pytest.mark.parity
DECAY, TEMPERATURE = 0.99, 0.5
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


def vectors(x: np.ndarray) -> Tensor:
    """(B, C, T) -> (B * T, C)."""
    return torch.from_numpy(x).permute(0, 2, 1).flatten(0, 1)


def check(out: Quantized, golden, step: str) -> None:
    assert_same(out.ids.numpy(), golden[f"{step}/idx"].reshape(-1))
    assert_close(out.vectors, vectors(golden[f"{step}/x_d"]), **CLOSE)
    assert_close(out.commitment, golden[f"{step}/commit"], rtol=1e-4)
    assert_close(out.perplexity, golden[f"{step}/perplexity"], rtol=1e-4)


@torch.no_grad()
def test_training_steps_then_eval(load):
    golden = load("model/quantizer_ema.npz")
    size, dim = golden["step0/codebook_after"].shape
    codebook = RecordedCodebook(size, dim, DECAY, reseed="published")
    steps = {int(match[1]) for name in golden if (match := re.match(r"step(\d+)/x$", name))}
    for step in (f"step{i}" for i in sorted(steps)):
        tile_names = sorted(name for name in golden if name.startswith(f"{step}/tile_noise_"))
        tiles = [torch.from_numpy(golden[name]) for name in tile_names]
        codebook.record(torch.from_numpy(golden[f"{step}/gumbel"]), tiles)
        check(codebook(vectors(golden[f"{step}/x"]), TEMPERATURE), golden, step)
        for name in ("codebook", "code_sum", "code_count"):
            assert_close(getattr(codebook, name), golden[f"{step}/{name}_after"], **CLOSE)
    codebook.eval()
    check(codebook(vectors(golden["eval/x"]), TEMPERATURE), golden, "eval")
