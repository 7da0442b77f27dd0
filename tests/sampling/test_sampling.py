"""The sampler against a plain loop, the published counts, and its invariants."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from intermask_cli.config import COLDEST, SamplingConfig
from intermask_cli.errors import InputError
from intermask_cli.sampling import tasks
from intermask_cli.sampling.guidance import combine, guided, in_steps, network_passes
from intermask_cli.sampling.noise import PerSampleNoise, Site, invert_cdf
from intermask_cli.sampling.sampler import sample
from intermask_cli.sampling.schedule import guided_steps, kept_codes, masked_counts
from tests.helpers.recorded_noise import RecordedNoise
from tests.oracles.plain_sampler import plain_sample

K = 24


class Network:
    """Logits that depend on every valid token of the same sample (and on nothing else)."""

    def __init__(self, seed: int, codes: int = K):
        g = torch.Generator().manual_seed(seed)
        self.embedding = torch.randn(codes + 3, 8, generator=g)
        self.place = torch.randn(5000, 8, generator=g)
        self.head = torch.randn(8, codes, generator=g)
        self.pad = codes + 1
        self.calls: list[Tensor] = []

    def __call__(self, ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        self.calls.append(ids.clone())
        rows = []
        for sample_ids in ids:  # one at a time, so that padding cannot change rounding
            valid = sample_ids != self.pad
            x = self.embedding[sample_ids[valid]]
            x = x + self.place[: len(x)] + x.mean(0, keepdim=True)
            out = torch.zeros(len(sample_ids), self.head.shape[1])
            out[valid] = torch.tanh(x) @ self.head
            rows.append(out)
        logits = torch.stack(rows)
        return logits if wanted is None else logits[wanted]


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def run(
    maps: list[Tensor], seeds: list[int], config: SamplingConfig, steps: int | None = None
) -> list[Tensor]:
    known, valid = tasks.batch(maps)
    network = guided(Network(1), Network(2), config.guidance)
    ids = sample(network, known, valid, config, K, PerSampleNoise(generators(*seeds)))
    return tasks.unbatch(ids, [m.shape[-1] for m in maps])


def test_published_counts() -> None:
    assert masked_counts(torch.tensor([750]), 20)[:, 0].tolist() == [
        750, 747, 740, 727, 709, 687, 660, 628, 592, 552, 508, 461, 410, 357, 301, 244, 184, 123, 62, 1,
    ]  # fmt: skip
    assert masked_counts(torch.tensor([220]), 20)[:, 0].tolist() == [
        220, 219, 217, 213, 208, 201, 193, 184, 174, 162, 149, 135, 120, 105, 88, 71, 54, 36, 18, 1,
    ]  # fmt: skip
    assert masked_counts(torch.tensor([375]), 10)[:, 0].tolist() == [
        375, 369, 352, 325, 287, 241, 187, 128, 65, 1,
    ]  # fmt: skip


def test_counts_never_exceed_what_is_free() -> None:
    counts = masked_counts(torch.tensor([0, 1, 5]), 7)
    assert counts[:, 0].max() == 0
    assert counts[:, 1].unique().tolist() == [1]
    assert (counts.diff(dim=0) <= 0).all()


@pytest.mark.parametrize(("codes", "kept"), [(1024, 103), (128, 13), (512, 52)])
def test_filter_keeps_the_published_number_of_codes(codes: int, kept: int) -> None:
    assert kept_codes(0.9, codes) == kept
    assert kept_codes(0.0, codes) == codes


@pytest.mark.parametrize("draw", ["categorical", "gumbel"])
@pytest.mark.parametrize("guidance", [2.0, 1.0, 0.0])
def test_equals_the_plain_loop(draw: str, guidance: float) -> None:
    config = SamplingConfig(steps=6, guidance=guidance, filter=0.7, temperature=0.8, draw=draw)
    given = torch.arange(15).reshape(5, 3)
    known, valid = tasks.batch([tasks.generate(4), tasks.react(given, 1), tasks.generate(2)])
    network = guided(Network(1), Network(2), guidance)
    ids = sample(network, known, valid, config, K, PerSampleNoise(generators(7, 8, 9)))
    noise = generators(7, 8, 9)
    plain = plain_sample(Network(1), Network(2), known, valid, noise, K, 6, guidance, 0.7, 0.8, draw)
    assert torch.equal(ids, plain)


def test_steps_of_an_interval_are_guided_and_the_others_are_not() -> None:
    interval, config = (0.3, 0.9), SamplingConfig(steps=6, guidance=3.0, guidance_interval=(0.3, 0.9))
    known, valid = tasks.batch([tasks.generate(4)])
    guides = guided_steps(config.guidance_interval, 6)
    assert guides == [interval[0] <= math.cos(i / 5 * math.pi / 2) <= interval[1] for i in range(6)]
    assert network_passes(3.0, guides) == 6 + sum(guides) and network_passes(1.0, guides) == 6
    network = in_steps(guides, guided(Network(1), Network(2), 3.0), Network(1))
    ids = sample(network, known, valid, config, K, PerSampleNoise(generators(7)))
    calls = iter(guides)

    def weakened(seen: torch.Tensor) -> torch.Tensor:  # makes u + w (c - u) the conditional logits
        return (Network(2) if next(calls) else Network(1))(seen)

    plain = plain_sample(
        Network(1), weakened, known, valid, generators(7), K, 6, 3.0, 0.9, 1.0, "categorical"
    )
    assert torch.equal(ids, plain)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 20])
def test_the_widest_interval_guides_every_step(steps: int) -> None:
    assert all(guided_steps((0.0, 1.0), steps))
    assert guided_steps((1.0, 1.0), steps) == [True] + [False] * (steps - 1)


@pytest.mark.parametrize("interval", [(0.5,), (0.5, 0.2), (-0.1, 1), (0, 1.5), (0.1, 0.2, 0.3), "0-1", None])
def test_other_intervals_are_refused(interval: object) -> None:
    with pytest.raises(InputError, match="guidance_interval"):
        SamplingConfig(guidance_interval=interval)  # type: ignore[arg-type]


def test_every_free_token_is_filled_and_padding_stays_empty() -> None:
    known, valid = tasks.batch([tasks.generate(3), tasks.generate(5)])
    ids = sample(Network(1), known, valid, SamplingConfig(steps=4), K, PerSampleNoise(generators(1, 2)))
    assert ((ids >= 0) & (ids < K))[valid].all()
    assert (ids[~valid] == -1).all()


def test_network_sees_mask_and_pad_ids_and_the_scheduled_counts() -> None:
    known, valid = tasks.batch([tasks.generate(2), tasks.generate(4)])
    network = Network(1)
    sample(network, known, valid, SamplingConfig(steps=5), K, PerSampleNoise(generators(1, 2)))
    counts = masked_counts(valid.sum(1), 5)
    for step, ids in enumerate(network.calls):
        assert (ids == K).sum(1).tolist() == counts[step].tolist()
        assert torch.equal(ids == K + 1, ~valid)


def test_known_tokens_never_change_and_are_never_masked() -> None:
    given = torch.randint(0, K, (5, 4))
    known, valid = tasks.batch([tasks.react(given, 0)])
    network = Network(1)
    ids = sample(network, known, valid, SamplingConfig(steps=6), K, PerSampleNoise(generators(3)))
    assert torch.equal(tasks.unbatch(ids, [4])[0][0], given)
    for seen in network.calls:
        assert torch.equal(seen[0, :20], given.flatten())


def test_a_sample_with_nothing_to_fill_comes_back_unchanged() -> None:
    full = torch.randint(0, K, (2, 5, 3))
    known, valid = tasks.batch([full, tasks.generate(3)])
    ids = sample(Network(1), known, valid, SamplingConfig(steps=3), K, PerSampleNoise(generators(1, 2)))
    assert torch.equal(tasks.unbatch(ids, [3, 3])[0], full)


def test_a_fixed_token_is_never_masked_again() -> None:
    network = Network(1)
    known, valid = tasks.batch([tasks.generate(4)])
    sample(network, known, valid, SamplingConfig(steps=8), K, PerSampleNoise(generators(5)))
    for before, after in zip(network.calls, network.calls[1:], strict=False):
        decided = before != K
        assert torch.equal(after[decided], before[decided])


@pytest.mark.parametrize("draw", ["categorical", "gumbel"])
def test_batch_and_padding_change_nothing(draw: str) -> None:
    config = SamplingConfig(steps=5, draw=draw)
    together = run([tasks.generate(3), tasks.generate(6), tasks.generate(4)], [1, 2, 3], config)
    for n, seed, result in zip((3, 6, 4), (1, 2, 3), together, strict=True):
        assert torch.equal(run([tasks.generate(n)], [seed], config)[0], result)


@pytest.mark.parametrize("draw", ["categorical", "gumbel"])
@pytest.mark.parametrize(
    "change",
    [{"steps": 3}, {"guidance": 4.0}, {"filter": 0.1}, {"temperature": 5.0}],
    ids=lambda c: next(iter(c)),
)
def test_every_option_changes_the_outcome(draw: str, change: dict[str, float]) -> None:
    base = {"steps": 6, "guidance": 2.0, "filter": 0.9, "temperature": 1.0, "draw": draw}
    first = run([tasks.generate(5)], [1], SamplingConfig(**base))[0]
    second = run([tasks.generate(5)], [1], SamplingConfig(**{**base, **change}))[0]
    assert not torch.equal(first, second)


def test_draw_modes_and_seeds_differ_and_repeat() -> None:
    results = [
        run([tasks.generate(5)], [seed], SamplingConfig(steps=4, draw=draw))[0]
        for seed, draw in [(1, "categorical"), (1, "gumbel"), (2, "categorical"), (1, "categorical")]
    ]
    assert torch.equal(results[0], results[3])
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_the_coldest_temperature_takes_the_likeliest_code() -> None:
    kept = torch.tensor([[90.0, 89.9, -50.0]]) / COLDEST
    where = torch.ones(1, 1, dtype=torch.bool)
    for seed in range(20):
        noise = PerSampleNoise([torch.Generator().manual_seed(seed)])
        drawn = noise.draw(kept, torch.tensor([[4, 1, 0]]), "categorical", Site(0, where, where, 5))
        assert drawn.tolist() == [4]
    with pytest.raises(InputError, match=r"1e-30 \(always the likeliest code\)"):
        SamplingConfig(temperature=COLDEST / 10)


@pytest.mark.parametrize("draw", ["categorical", "gumbel"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_follow_the_tempered_distribution(draw: str, temperature: float) -> None:
    """20,000 draws from one row: shares within four standard errors of softmax(kept / temperature)."""
    codes, count = 8, 20_000
    logits = torch.linspace(0.0, 2.0, codes)
    kept, order = logits.topk(4)
    where = torch.ones(1, count, dtype=torch.bool)
    drawn = PerSampleNoise(generators(0)).draw(
        (kept / temperature).expand(count, -1), order.expand(count, -1), draw, Site(0, where, where, codes)
    )
    share = torch.bincount(drawn, minlength=codes) / count
    expected = torch.zeros(codes).index_add(0, order, torch.softmax(kept / temperature, 0))
    error = (expected * (1 - expected) / count).sqrt()
    assert ((share - expected).abs() <= 4 * error).all()


def test_inverse_cdf_edges() -> None:
    kept = torch.tensor([[0.0, 0.0]]).expand(4, 2)
    below = math.nextafter(1.0, 0.0)
    assert invert_cdf(kept, torch.tensor([0.0, 0.49, 0.5, below])).tolist() == [0, 0, 1, 1]


def test_recorded_noise_picks_the_largest_sum() -> None:
    gumbel = torch.zeros(1, 1, 1, 3)
    gumbel[0, 0, 0, 2] = 5.0
    where = torch.ones(1, 1, dtype=torch.bool)
    kept, codes = torch.tensor([[4.0, 1.0]]), torch.tensor([[0, 2]])
    for mode in ("categorical", "gumbel"):
        assert RecordedNoise(gumbel).draw(kept, codes, mode, Site(0, where, where, 3)).tolist() == [2]


def test_guidance_runs_only_the_passes_it_needs() -> None:
    ids = torch.zeros(1, 10, dtype=torch.long)
    for scale, expected in [(1.0, (1, 0)), (0.0, (0, 1)), (3.0, (1, 1))]:
        c, u = Network(1), Network(2)
        result = guided(c, u, scale)(ids)
        assert (len(c.calls), len(u.calls)) == expected
        assert torch.allclose(result, combine(Network(1)(ids), Network(2)(ids), scale))


def test_a_kept_first_unconditional_pass_changes_nothing_but_the_work() -> None:
    config = SamplingConfig(steps=3)
    known, valid = tasks.batch([tasks.generate(2), tasks.generate(2)])
    first = Network(2)(torch.full((1, 20), K))
    results = []
    for kept, passes in ((None, 3), (first, 2)):
        u = Network(2)
        network = guided(Network(1), u, 2.0, kept)
        results.append(sample(network, known, valid, config, K, PerSampleNoise(generators(4, 5))))
        assert len(u.calls) == passes
    assert torch.equal(*results)
