"""Three recorded training steps of the published quantiser, then eval mode, noise included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.models.codebook import Codebook, Quantized, QuantizerNoise

pytestmark = pytest.mark.parity
DECAY, TEMPERATURE = 0.99, 0.5
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


def vectors(x: np.ndarray) -> Tensor:
    """(B, C, T) -> (B * T, C)."""
    return torch.from_numpy(x).permute(0, 2, 1).flatten(0, 1)


def check(out: Quantized, golden, step: str) -> None:
    np.testing.assert_array_equal(out.ids.numpy(), golden[f"{step}/idx"].reshape(-1))
    np.testing.assert_allclose(out.vectors, vectors(golden[f"{step}/x_d"]), **CLOSE)
    np.testing.assert_allclose(out.commitment, golden[f"{step}/commit"], rtol=1e-4)
    np.testing.assert_allclose(out.perplexity, golden[f"{step}/perplexity"], rtol=1e-4)


@torch.no_grad()
def test_training_steps_then_eval(load):
    golden = load("model/quantizer_ema.npz")
    size, dim = golden["step0/codebook_after"].shape
    codebook = Codebook(size, dim, DECAY, reseed="published")
    for i in range(int(golden["n_steps"])):
        step = f"step{i}"
        tile_names = sorted(name for name in golden if name.startswith(f"{step}/tile_noise_"))
        noise = QuantizerNoise(
            torch.from_numpy(golden[f"{step}/gumbel"]),
            tuple(torch.from_numpy(golden[name]) for name in tile_names),
        )
        check(codebook(vectors(golden[f"{step}/x"]), TEMPERATURE, noise), golden, step)
        for name in ("codebook", "code_sum", "code_count"):
            np.testing.assert_allclose(getattr(codebook, name), golden[f"{step}/{name}_after"], **CLOSE)
    codebook.eval()
    check(codebook(vectors(golden["eval/x"]), TEMPERATURE), golden, "eval")
