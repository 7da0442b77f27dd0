"""Batch sizes by formula: smaller for longer clips, larger models and less memory, never none."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from benchmarks.speed.sampling import GivenConditions, random_network
from intermask_cli.config import SamplingConfig, TokenizerConfig, TransformerConfig
from intermask_cli.inference import batch_size as footprint
from intermask_cli.inference.batch_size import FAST_TOKENS, BatchSize, free_memory
from intermask_cli.models.bundle import load_bundle
from intermask_cli.sampling import tasks
from tests.helpers.peak_memory import peak_bytes
from tests.helpers.tiny import tiny_info

FULL = tiny_info(
    tokenizer=TokenizerConfig(),
    transformer=TransformerConfig(),
    max_frames=300,
    sampling=tiny_info().sampling,
)
GIB = 2**30


def test_with_much_memory_the_batch_is_as_large_as_is_fast() -> None:
    for device, tokens in FAST_TOKENS.items():
        fit = BatchSize(FULL, device, 1000 * GIB)
        assert [fit(n) for n in (75, 15)] == [tokens // 750, tokens // 150]


def test_memory_limits_the_batch() -> None:
    sizes = [BatchSize(FULL, "cuda", free)(75) for free in (GIB // 1000, GIB, 2 * GIB, 4 * GIB)]
    assert sizes[0] == 1
    assert 1 < sizes[1] < sizes[2] < sizes[3]
    assert sizes[1] * BatchSize(FULL, "cuda", GIB).bytes_per_clip(75) <= GIB
    assert BatchSize(tiny_info(max_frames=300), "cuda", GIB)(75) > sizes[1]


def test_what_a_clip_takes_is_no_less_than_its_largest_arrays() -> None:
    """Logits of two passes and their sum on the one hand, two decoder maps of two persons on the other."""
    assert BatchSize(FULL, "cpu", GIB).bytes_per_clip(75) > 3 * 750 * 1024 * 4
    assert BatchSize(FULL, "cuda", GIB).bytes_per_clip(75) > 2 * 2 * 512 * 22 * 300 * 4


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["categorical", "gumbel"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["duet-mini", "full size", "a text vector for each person"])
def test_the_formula_covers_the_measured_peak(name: str, dtype: torch.dtype, draw: str) -> None:
    """One step with guidance, batches of one and of three; not more than three times what is needed."""
    if name == "duet-mini":
        bundle = load_bundle(name)
        info, network, tokens = bundle.info, bundle.transformer.eval(), 20
    else:
        each = name != "full size"
        config = TransformerConfig(text_head="pooled" if each else "clip", person_condition=each)
        info, tokens = dataclasses.replace(FULL, transformer=config), 5
        network = random_network(config)
    network = network.to(dtype)
    sampling = SamplingConfig(steps=1, draw=draw)

    def peak(clips: int) -> int:
        vectors = (2,) if info.transformer.person_condition else ()
        conditions = torch.randn(clips, *vectors, info.transformer.text_width)
        filler = GivenConditions(network, conditions, "cpu")
        generators = [torch.Generator().manual_seed(i) for i in range(clips)]
        known = [tasks.generate(tokens)] * clips
        return peak_bytes(lambda: filler.fill([str(i) for i in range(clips)], known, generators, sampling, 1))

    measured = (peak(3) - peak(1)) / 2
    by_formula = BatchSize(info, "cpu", GIB, dtype != torch.float32).bytes_per_clip(tokens)
    assert measured <= by_formula <= 3 * measured


def test_clips_longer_than_the_window_count_as_the_window() -> None:
    fit = BatchSize(FULL, "cpu", GIB)
    assert fit(1000) == fit(75) and fit(0) == fit(1)


def test_workers_on_one_device_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "free_memory", lambda device: 8 * GIB)
    one, two = (BatchSize.fitting(FULL, torch.device("cpu"), torch.bfloat16, workers) for workers in (1, 2))
    assert two == dataclasses.replace(one, free=one.free // 2)
    assert one.half_precision


def test_free_memory_is_that_of_the_machine_or_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_memory(torch.device("cpu")) > 2**20
    files = {
        "/sys/fs/cgroup/memory.max": ["3000000"],
        "/sys/fs/cgroup/memory.current": ["2000000"],
    }
    monkeypatch.setattr(footprint, "_lines", lambda path: files.get(path, []))
    machine = SimpleNamespace(available=2048 * 1024)
    monkeypatch.setattr("psutil.virtual_memory", lambda: machine)
    assert free_memory(torch.device("cpu")) == 1_000_000
    files["/sys/fs/cgroup/memory.max"] = ["max"]
    assert free_memory(torch.device("cpu")) == 2048 * 1024
    files.clear()
    assert free_memory(torch.device("cpu")) == 2048 * 1024
