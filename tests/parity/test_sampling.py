"""Sampling and reaction traces of the published system, number by number, with the recorded noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.config import BODY_ROWS, SamplingConfig
from intermask_cli.models.published import load_transformer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.sampling import sampler, tasks
from intermask_cli.sampling.guidance import TokensToLogits, guided
from intermask_cli.sampling.schedule import masked_counts
from tests.helpers.parity_comparing import assert_close, assert_same
from tests.helpers.recorded_noise import RecordedNoise

pytestmark = pytest.mark.parity
CLOSE = {"atol": 2e-4, "rtol": 1e-4}
#: Traces that a complete folder has; `trace_name` also takes any other sample_*.npz there is.
KNOWN = (
    "sample_generate_interhuman",
    "sample_generate_interx",
    "sample_generate_variant_interhuman",
    "sample_generate_uncond_interhuman",
    "sample_generate_categorical_interhuman",
    "sample_reaction_interhuman",
    "sample_reaction_interx",
)


@pytest.fixture
def golden(trace_name: str, load: Callable[[str], Any]) -> Any:
    return load(f"model/{trace_name}.npz")


@pytest.fixture
def transformer(trace_name: str, checkpoint: Callable[[str, str], Path]) -> InteractionTransformer:
    return load_transformer(checkpoint(trace_name.rpartition("_")[2], "transformer"))[0]


def tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def setting(array: np.ndarray) -> float:
    """A recorded option as typed: 0.9 stored in float32 is 0.9, or the filter might keep one code more."""
    return float(str(array[()]))


def run(golden: Any, model: InteractionTransformer) -> tuple[Tensor, list[dict[str, Tensor]], bool]:
    """Our sampler on a trace's inputs -> final ids, every step's tensors, whether it is a reaction."""
    lengths = tensor(golden["m_lens"])
    codes = model.config.codebook_size
    maps = [tasks.generate(int(n)) for n in lengths]
    noise, steps = tensor(golden["gumbel_noise"]).float(), int(golden["time_steps"])
    reaction = "motion1_ids" in golden
    if reaction:
        given = tensor(golden["motion1_ids"]).long().unflatten(1, (BODY_ROWS, -1))
        maps = [tasks.react(ids[:, : int(n)], 0) for ids, n in zip(given, lengths, strict=True)]
        noise = torch.cat([torch.zeros_like(noise), noise], dim=2)
        steps = steps // 2
    known, valid = tasks.batch(maps)
    if (more := golden["final_ids"].shape[1] - known.shape[1]) > 0:
        known, valid = (F.pad(x.unflatten(1, (10, -1)), (0, more // 10)).flatten(1) for x in (known, valid))
    unconditional = bool(golden["force_mask"])
    gumbel = bool(golden["gumbel_sample"])
    config = SamplingConfig(
        steps=steps,
        guidance=0.0 if unconditional else setting(golden["cond_scale"]),
        filter=setting(golden["topk_filter_thres"]),
        # The published categorical draw ignores the temperature; ours does not.
        temperature=setting(golden["temperature"]) if gumbel else 1.0,
        draw="gumbel" if gumbel else "categorical",
    )
    condition = tensor(golden["cond"])
    network = guided(
        lambda ids, wanted=None: model(ids, condition, lengths),
        lambda ids, wanted=None: model(ids, None, lengths),
        config.guidance,
    )
    with traced(network) as (network, trace):
        ids = sampler.sample(network, known, valid, config, codes, RecordedNoise(noise))
    return ids, trace, reaction


@contextmanager
def traced(network: TokensToLogits) -> Iterator[tuple[TokensToLogits, list[dict[str, Tensor]]]]:
    """The network, and a list that gets every step's tensors while the sampler runs it."""
    trace: list[dict[str, Tensor]] = []
    draw_codes = sampler.draw_codes

    def recording_network(ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        trace.append({"ids_in": ids, "logits": network(ids)})
        return trace[-1]["logits"][wanted]

    def recording_draw(logits: Tensor, *settings: Any) -> tuple[Tensor, Tensor]:
        masked = settings[-1].masked
        drawn, confidence = draw_codes(logits, *settings)
        ids = trace[-1]["ids_in"].masked_scatter(masked, drawn)
        scores = torch.full(ids.shape, sampler.DECIDED).masked_scatter(masked, confidence)
        trace[-1] |= {"where": masked, "ids": ids, "scores": scores}
        return drawn, confidence

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "draw_codes", recording_draw)
        yield recording_network, trace


@pytest.mark.slow
def test_trace(golden: Any, transformer: InteractionTransformer) -> None:
    ids, trace, reaction = run(golden, transformer)
    assert_same(ids, golden["final_ids"])
    assert len(trace) == len(golden["ids_in"])
    half = slice(ids.shape[1] // 2 if reaction else 0, None)
    valid = tensor(golden["padding_mask"]) == 0
    for step, seen in enumerate(trace):
        where = seen["where"][:, half]
        assert_same(where.sum(1), golden["num_masked"][step], f"step {step}")
        assert_same(where, golden["is_mask"][step] != 0, f"step {step}")
        assert_same(seen["ids_in"], golden["ids_in"][step], f"step {step}")
        assert_same(seen["ids"][:, half][where], golden["pred_ids"][step][where], f"step {step}")
        assert_same(seen["ids"][:, half], golden["ids_out"][step], f"step {step}")
        assert_close(seen["scores"][:, half], golden["scores"][step], **CLOSE, what=f"step {step}")
    for step, key in ((0, "logits_first"), (-1, "logits_last")):
        keep = valid[:, half].numpy()
        assert_close(trace[step]["logits"][:, half][keep], golden[key][keep], **CLOSE, what=key)


def test_schedule(golden: Any) -> None:
    reaction = "motion1_ids" in golden
    free = tensor(golden["m_lens"]) * (5 if reaction else 10)
    steps = int(golden["time_steps"]) // (2 if reaction else 1)
    assert_same(masked_counts(free, steps), golden["num_masked"])
