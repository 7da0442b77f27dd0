"""Recorded networks: a stand-in for CUDA graphs shows that the right memory is filled before every replay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from intermask_cli.config import SamplingConfig
from intermask_cli.errors import InputError
from intermask_cli.inference import cuda_graphs as graphs
from intermask_cli.inference import token_filler as filling
from intermask_cli.inference.cuda_graphs import GraphCache
from intermask_cli.inference.model import load_model
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.sampling import tasks
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.tiny import tiny_info, tiny_parts
from tests.helpers.tiny_model import TinyModel

TEXTS = ["they hug", "they wave", "", "two people bow", "they hug"]


class StandIn:
    """What a CUDA graph does, without one: the function again, on the same memory, into the same result."""

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, function: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        self.recorded += 1
        result = function()
        return lambda: result.copy_(function()), result


def filler(recordings: GraphCache | None) -> TokenFiller:
    _, transformer, _ = tiny_parts(tiny_info())
    return TokenFiller(transformer, FakeTextEncoder(), torch.device("cpu"), lambda tokens: 2, recordings)


def filled(
    made_by: TokenFiller,
    n: int,
    texts: list[str],
    guidance: float = 2.0,
    interval: tuple[float, float] = (0.0, 1.0),
) -> list[Tensor]:
    generators = [torch.Generator().manual_seed(i) for i in range(len(texts))]
    known = [tasks.generate(n)] * len(texts)
    return made_by.fill(
        texts, known, generators, SamplingConfig(guidance=guidance, guidance_interval=interval), 4
    )


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [2.0, 1.0, 0.0])
def test_replayed_networks_fill_the_same_tokens(guidance: float) -> None:
    """Batches of two and a last one of one; two lengths; then other texts in memory that was used before."""
    record = StandIn()
    eager, replayed = filler(None), filler(GraphCache(record))
    for n, texts in ((3, TEXTS), (5, TEXTS), (3, TEXTS[::-1])):
        expected, found = filled(eager, n, texts, guidance), filled(replayed, n, texts, guidance)
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert record.recorded == 4  # two batch sizes by two lengths


@pytest.mark.parametrize("interval", [(0.4, 0.9), (0.5, 1.0)])
def test_steps_outside_the_interval_are_replayed_without_guidance(interval: tuple[float, float]) -> None:
    record = StandIn()
    expected, found = (
        filled(made_by, 3, TEXTS[:2], 2.0, interval) for made_by in (filler(None), filler(GraphCache(record)))
    )
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert record.recorded == 2  # with guidance and without


def test_settings_of_the_network_are_recorded_apart() -> None:
    record = StandIn()
    replayed = filler(GraphCache(record))
    one, two = (filled(replayed, 3, TEXTS[:2], guidance) for guidance in (1.0, 3.0))
    assert record.recorded == 2
    assert not all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_large_batches_are_not_recorded_and_old_recordings_go(monkeypatch: pytest.MonkeyPatch) -> None:
    record = StandIn()
    replayed = filler(GraphCache(record))
    monkeypatch.setattr(filling, "MAX_GRAPH_TOKENS", 2 * 10 * 3)
    filled(replayed, 4, TEXTS[:2])
    assert record.recorded == 0
    monkeypatch.setattr(graphs, "MAX_RECORDINGS", 1)
    for n in (3, 2, 3):
        filled(replayed, n, TEXTS[:2])
    assert record.recorded == 3


def test_there_are_none_on_a_cpu(
    tmp_path: Path, cli: Callable[..., tuple[int, str, str]], tiny_model: TinyModel
) -> None:
    with pytest.raises(InputError, match="CUDA graphs on device 'cpu'"):
        load_model(tiny_model.bundle, str(tiny_model.encoder), cuda_graphs=True)
    (tmp_path / "p.txt").write_text("hug\n")
    code, _, err = cli("generate", tmp_path / "p.txt", *tiny_model.options, "--cuda-graphs")
    assert code == 2 and "--cuda-graphs: the device is the CPU" in err
