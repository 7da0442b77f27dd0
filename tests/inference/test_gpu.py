"""What holds on a CUDA device: equal to the CPU and to itself in a larger batch, within a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.inference.model import load_model
from intermask_cli.inference.motion_codec import MotionCodec
from intermask_cli.models.bundle import load_bundle

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

LOGITS = 1e-3
METRES = 0.01


@torch.inference_mode()
def test_float32_logits_equal_those_of_the_cpu_alone_and_in_a_batch() -> None:
    transformer = load_bundle("duet-mini").transformer.eval()
    config = transformer.config
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, config.codebook_size + 1, (3, 370), generator=generator)
    condition = torch.randn(3, config.text_width, generator=generator)
    expected = transformer(ids, condition)
    transformer.to("cuda")
    together = transformer(ids.cuda(), condition.cuda()).cpu()
    torch.testing.assert_close(together, expected, atol=LOGITS, rtol=LOGITS)
    for b in range(3):
        alone = transformer(ids[b : b + 1].cuda(), condition[b : b + 1].cuda()).cpu()
        torch.testing.assert_close(alone, expected[b : b + 1], atol=LOGITS, rtol=LOGITS)


def test_equal_tokens_become_equal_motion() -> None:
    tokens = list(torch.randint(0, 512, (4, 5, 20), generator=torch.Generator().manual_seed(0)))
    on_cpu = MotionCodec(load_bundle("duet-mini"), torch.device("cpu")).decode(tokens)
    on_gpu = MotionCodec(load_bundle("duet-mini"), torch.device("cuda")).decode(tokens)
    for a, b in zip(on_cpu, on_gpu, strict=True):
        np.testing.assert_allclose(a[:, :66], b[:, :66], atol=METRES)


@pytest.mark.parametrize("dtype", ["float32", "bf16"])
def test_cuda_graphs_replay_what_runs_without_them(dtype: str) -> None:
    """The same kernels, so the same tokens: two lengths, two batch sizes, and memory that is used again."""
    plain, replayed = (
        load_model("duet-mini", None, "cuda", dtype, cuda_graphs) for cuda_graphs in (False, True)
    )
    # Without graphs the first unconditional pass is kept from batch 1, whose products may round otherwise.
    plain.filler._first_pass = lambda n: None  # type: ignore[method-assign, assignment]
    for texts in (["two people bow", "they wave", "they hug"], ["they hug", "they clap", "two people bow"]):
        for frames in (40, 60):
            made = [model.generate(texts, frames, seed=3, batch_size=2) for model in (plain, replayed)]
            for a, b in zip(*made, strict=True):
                np.testing.assert_array_equal(a.tokens, b.tokens)


@pytest.mark.parametrize("dtype", ["float32", "bf16"])
def test_two_workers_on_one_gpu_make_the_run(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, dtype: str
) -> None:
    prompts = tmp_path / "p.txt"
    prompts.write_text("".join(f"two people shake hands {i}\n" for i in range(24)))
    code, _, err = cli(
        "generate", prompts, "--out", tmp_path / "run", "--seconds", 2, "--steps", 4, "--device", "cuda:0",
        "--processes", 2, "--dtype", dtype,
    )  # fmt: skip
    assert code == 0, err
    with InteractionFile(tmp_path / "run") as dataset:
        assert [item.id for item in dataset] == [f"p-{i + 1}-s0" for i in range(24)]
        assert all(np.isfinite(item.joints).all() for item in dataset)
