"""The codebook against loops in float64, and what must hold for any data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from intermask_cli.models.codebook import FRESH_COUNT, Codebook
from tests.helpers.recorded_noise import RecordedCodebook
from tests.oracles import plain_codebook

SIZE, DIM = 12, 5


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(3)


def trained(reseed: str = "random", count: float = 4.0, kind: type[Codebook] = Codebook) -> Codebook:
    codebook = kind(SIZE, DIM, decay=0.9, reseed=reseed).train()
    codebook.adopt(torch.randn(SIZE, DIM), count)
    return codebook


def test_nearest_perplexity_and_lookup():
    codebook = trained().eval()
    x = torch.randn(50, DIM)
    out = codebook(x, temperature=0.5)
    expected = plain_codebook.nearest(x.numpy(), codebook.codebook.numpy())
    assert out.ids.tolist() == expected.tolist()
    assert float(out.perplexity) == pytest.approx(plain_codebook.perplexity(expected, SIZE), rel=1e-5)
    assert float(out.commitment) == pytest.approx(
        np.mean((x.numpy() - codebook.codebook.numpy()[expected]) ** 2), rel=1e-5
    )
    torch.testing.assert_close(out.vectors, codebook.codebook[out.ids])
    assert torch.all(codebook.lookup(torch.tensor([[-1, 2]]))[0, 0] == 0)


def test_ties_take_the_lowest_code():
    codebook = trained().eval()
    codebook.adopt(torch.ones(SIZE, DIM))
    assert torch.all(codebook.nearest(torch.randn(4, DIM)) == 0)


def test_gradient_passes_straight_through():
    codebook = trained().eval()
    x = torch.randn(7, DIM, requires_grad=True)
    weights = torch.randn(7, DIM)
    (codebook(x).vectors * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights)


@pytest.mark.parametrize("count", [4.0, 1.05])  # 1.05: codes not hit die at once
def test_published_step_is_the_plain_step(count):
    codebook = trained("published", count)
    x = torch.randn(40, DIM) * 0.3
    before = [t.double().numpy().copy() for t in (codebook.code_sum, codebook.code_count)]
    ids = codebook(x).ids.numpy()
    expected = plain_codebook.moved(x.double().numpy(), ids, *before, 0.9, x.double().numpy())
    for name, value in zip(("codebook", "code_sum", "code_count"), expected, strict=True):
        np.testing.assert_allclose(getattr(codebook, name), value, rtol=1e-5, atol=1e-6, err_msg=name)
    if count < 2:
        assert (expected[2] < 1).any(), "this case is meant to have dead codes"


def test_random_reseed_gives_dead_codes_a_fresh_start():
    codebook = trained("random", count=1.05)
    x = torch.randn(3, DIM)
    ids = codebook(x).ids
    dead = torch.ones(SIZE, dtype=torch.bool)
    dead[ids] = False
    assert dead.any()
    for row in codebook.codebook[dead]:
        assert (row == x).all(1).any(), "a dead code becomes a vector of the batch"
    assert torch.all(codebook.code_count[dead] == FRESH_COUNT)
    torch.testing.assert_close(codebook.code_sum[dead], codebook.codebook[dead] * FRESH_COUNT)
    living = codebook.codebook.clone()
    codebook(x[:1])
    kept = dead.clone()
    kept[codebook.nearest(x[:1])] = False
    torch.testing.assert_close(codebook.codebook[kept], living[kept])


def test_first_batch_initialises_and_few_vectors_are_tiled():
    codebook = Codebook(SIZE, DIM, reseed="published").train()
    x = torch.randn(SIZE + 4, DIM)
    codebook(x)
    assert bool(codebook.initialised)
    start = x[:SIZE].double().numpy()
    ids = plain_codebook.nearest(x.numpy(), start)
    expected, _, _ = plain_codebook.moved(x.double().numpy(), ids, start, np.ones(SIZE), 0.99, start)
    np.testing.assert_allclose(codebook.codebook, expected, rtol=1e-5, atol=1e-6)

    few = Codebook(SIZE, DIM, reseed="published").train()
    few(x[:5])
    spread = (few.codebook - x[:5].repeat(3, 1)[:SIZE]).abs()
    assert 0 < spread.max() < 0.01 / DIM**0.5 * 6


def test_eval_moves_nothing():
    codebook = trained().eval()
    before = {name: value.clone() for name, value in codebook.state_dict().items()}
    codebook(torch.randn(30, DIM), 0.5)
    assert all(torch.equal(value, before[name]) for name, value in codebook.state_dict().items())


def test_saved_and_resumed_training_is_uninterrupted_training():
    batches = [torch.randn(30, DIM) for _ in range(4)]
    uninterrupted, resumed = Codebook(SIZE, DIM).train(), Codebook(SIZE, DIM).train()
    torch.manual_seed(0)
    for x in batches:
        uninterrupted(x, 0.5)
    torch.manual_seed(0)
    for x in batches[:2]:
        resumed(x, 0.5)
    again = Codebook(SIZE, DIM).train()
    again.load_state_dict(resumed.state_dict())
    for x in batches[2:]:
        again(x, 0.5)
    assert all(
        torch.equal(value, again.state_dict()[name]) for name, value in uninterrupted.state_dict().items()
    )


def test_temperature_draws_in_training_only():
    codebook = trained()
    x = torch.randn(200, DIM)
    plain = codebook.nearest(x)
    warm = [codebook._choose(x, tau) for tau in (1e-4, 0.5, 5.0)]
    agreement = [float((ids == plain).float().mean()) for ids in warm]
    assert agreement[0] > 0.98 > agreement[1] > agreement[2]
    assert torch.equal(codebook._choose(x, 0.0), plain)
    assert torch.equal(codebook.eval()._choose(x, 5.0), plain)


def test_given_noise_decides_the_draw():
    codebook = trained(kind=RecordedCodebook)
    gumbel = torch.zeros(6, SIZE)
    gumbel[torch.arange(6), torch.arange(6)] = 1e4
    codebook.record(gumbel)
    out = codebook(torch.randn(6, DIM), 0.5)
    assert out.ids.tolist() == [0, 1, 2, 3, 4, 5]


def test_kmeans_finds_separate_clusters():
    centres = torch.randn(SIZE, DIM) * 50
    vectors = (centres[:, None] + torch.randn(SIZE, 40, DIM) * 0.01).flatten(0, 1)
    codebook = Codebook(SIZE, DIM)
    codebook.initialise(vectors, iterations=30)
    distance = torch.cdist(centres, codebook.codebook).min(1).values
    assert distance.max() < 0.1
    assert bool(codebook.initialised) and torch.all(codebook.code_count == FRESH_COUNT)


def test_half_precision_around_it_does_not_change_the_choice():
    codebook = trained().eval()
    x = torch.randn(300, DIM)
    plain = codebook(x).ids
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(codebook(x).ids, plain)


def _rank(rank: int, folder: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    data = torch.load(f"{folder}/data.pt", weights_only=True)
    torch.manual_seed(100 + rank)
    known, fresh = Codebook(SIZE, DIM, decay=0.9), Codebook(SIZE, DIM, decay=0.9)
    known.adopt(data["codes"], 50.0)
    for step in data["steps"]:
        half = step.chunk(2)[rank]
        known.train()(half)
        fresh.train()(half, 0.5)
    torch.save({"known": known.state_dict(), "fresh": fresh.state_dict()}, f"{folder}/rank{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_keep_one_codebook(tmp_path: Path):
    """Statistics of both halves add up to those of the batch; re-seeding and the first batch agree."""
    codes, steps = torch.randn(SIZE, DIM), torch.randn(3, 40, DIM)
    torch.save({"codes": codes, "steps": steps}, tmp_path / "data.pt")
    multiprocessing.spawn(_rank, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    for kind in ("known", "fresh"):
        assert all(torch.equal(value, second[kind][name]) for name, value in first[kind].items())
    alone = Codebook(SIZE, DIM, decay=0.9).train()
    alone.adopt(codes, 50.0)
    for step in steps:
        alone(step)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(first["known"][name], value)
