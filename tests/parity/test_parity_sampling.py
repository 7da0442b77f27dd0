"""Sampling and reaction traces of the published system, number by number, with the recorded noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.config import SamplingConfig
from intermask_cli.models.published import Published, load_published
from intermask_cli.sampling import tasks
from intermask_cli.sampling.guidance import guided
from intermask_cli.sampling.noise import RecordedNoise
from intermask_cli.sampling.sampler import sample
from intermask_cli.sampling.schedule import masked_counts

pytestmark = pytest.mark.parity
TRACES = (
    "generate_interhuman",
    "generate_interx",
    "generate_variant_interhuman",
    "generate_uncond_interhuman",
    "generate_categorical_interhuman",
    "reaction_interhuman",
    "reaction_interx",
)


@pytest.fixture(scope="module")
def published(parity_file: Callable[[str], Path]) -> Callable[[str], Published]:
    return lambda dataset: load_published(parity_file(f"model/checkpoints/{dataset}/trans_reduced"))


def tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def run(golden: Any, model: Published) -> tuple[Tensor, list[dict[str, Tensor]], bool]:
    """Our sampler on a trace's inputs -> final ids, every step's tensors, whether it is a reaction."""
    lengths = tensor(golden["m_lens"])
    codes = model.transformer.config.codebook_size
    maps = [tasks.generate(int(n)) for n in lengths]
    noise, steps = tensor(golden["gumbel_noise"]).float(), int(golden["time_steps"])
    reaction = "motion1_ids" in golden
    if reaction:
        given = tensor(golden["motion1_ids"]).long().unflatten(1, (tasks.ROWS, -1))
        maps = [tasks.react(ids[:, : int(n)], 0) for ids, n in zip(given, lengths, strict=True)]
        noise = torch.cat([torch.zeros_like(noise), noise], dim=2)
        steps = steps // 2
    known, valid = tasks.batch(maps)
    unconditional = bool(golden["force_mask"])
    config = SamplingConfig(
        steps=steps,
        guidance=0.0 if unconditional else float(golden["cond_scale"]),
        filter=float(golden["topk_filter_thres"]),
        temperature=float(golden["temperature"]),
        draw="gumbel" if golden["gumbel_sample"] else "categorical",
    )
    condition = tensor(golden["cond"])
    network = guided(
        lambda ids: model.transformer(ids, condition, lengths),
        lambda ids: model.transformer(ids, None, lengths),
        config.guidance,
    )
    trace: list[dict[str, Tensor]] = []
    ids = sample(network, known, valid, config, codes, RecordedNoise(noise), observe=trace.append)
    return ids, trace, reaction


@pytest.mark.parametrize("name", TRACES)
def test_trace(name: str, load: Callable[[str], Any], published: Callable[[str], Published]) -> None:
    golden = load(f"model/sample_{name}.npz")
    ids, trace, reaction = run(golden, published(name.rpartition("_")[2]))
    assert torch.equal(ids, tensor(golden["final_ids"]).long())
    assert len(trace) == len(golden["ids_in"])
    half = slice(ids.shape[1] // 2 if reaction else 0, None)
    valid = tensor(golden["padding_mask"]) == 0
    for step, seen in enumerate(trace):
        where = seen["where"][:, half]
        expected = {
            key: tensor(golden[key][step]) for key in ("ids_in", "is_mask", "pred_ids", "ids_out", "scores")
        }
        assert torch.equal(where.sum(1), tensor(golden["num_masked"][step]).long())
        assert torch.equal(where, expected["is_mask"].bool())
        assert torch.equal(seen["ids_in"], expected["ids_in"].long())
        assert torch.equal(seen["ids"][:, half][where], expected["pred_ids"].long()[where])
        assert torch.equal(seen["ids"][:, half], expected["ids_out"].long())
        torch.testing.assert_close(seen["scores"][:, half], expected["scores"], atol=2e-4, rtol=1e-4)
    for step, key in ((0, "logits_first"), (-1, "logits_last")):
        logits = trace[step]["logits"][:, half][valid[:, half]]
        torch.testing.assert_close(logits, tensor(golden[key])[valid[:, half]], atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", TRACES)
def test_schedule(name: str, load: Callable[[str], Any]) -> None:
    golden = load(f"model/sample_{name}.npz")
    reaction = "motion1_ids" in golden
    free = tensor(golden["m_lens"]) * (5 if reaction else 10)
    steps = int(golden["time_steps"]) // (2 if reaction else 1)
    assert torch.equal(masked_counts(free, steps), tensor(golden["num_masked"]).long())
