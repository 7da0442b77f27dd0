"""Masking of training tokens: invariants that hold for every draw, and shares over many."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.training.config import MaskingConfig
from intermask_cli.training.transformer.masking import (
    IGNORED,
    HiddenTokens,
    decide,
    draw,
    half_batch_sides,
    hidden_positions,
    hide,
    lowest,
    unroll,
    valid_positions,
)

CODES, ROW = 20, 6
MASK, PAD = CODES, CODES + 1


def sample(config: MaskingConfig, batch: int = 64, seed: int = 0):
    torch.manual_seed(seed)
    ids = torch.randint(CODES, (batch, 10 * ROW))
    valid = valid_positions(torch.randint(1, ROW + 1, (batch,)), ROW)
    decision = decide(batch, config)
    draws = draw(decision, ids.shape[1], CODES, config)
    return ids, valid, decision, draws


def test_valid_positions_pad_the_end_of_every_row():
    valid = valid_positions(torch.tensor([2]), 3)
    assert valid.view(10, 3).tolist() == [[True, True, False]] * 10


@pytest.mark.parametrize("published", [False, True])
def test_invariants(published):
    ids, valid, _, draws = sample(MaskingConfig(interaction=0.4, full=0.0 if published else 0.2))
    hidden = hide(ids, valid, draws, CODES, published)
    counted = hidden.labels != IGNORED
    assert (hidden.ids[~valid] == PAD).all()
    assert not counted[~valid].any()
    assert (hidden.labels[counted] == ids[counted]).all()
    untouched = valid & ~counted
    assert (hidden.ids[untouched] == ids[untouched]).all()
    assert ((hidden.ids == MASK) <= counted).all()


def test_ours_hides_the_exact_share_of_valid_tokens():
    _, valid, _, draws = sample(MaskingConfig(interaction=0.0))
    hidden = hidden_positions(draws, valid)
    expected = torch.round(draws.ratio * valid.sum(1)).clamp(min=1)
    assert (hidden.sum(1) == expected).all()


def test_published_count_includes_padding():
    _, valid, _, draws = sample(MaskingConfig(interaction=0.0))
    everything = torch.ones_like(valid)
    count = hidden_positions(draws, everything, published=True).sum(1)
    assert (count == torch.round(draws.ratio * valid.shape[1]).clamp(min=1)).all()
    assert (hidden_positions(draws, valid, published=True).sum(1) <= count).all()


def test_interaction_hides_one_person_whole():
    _, valid, decision, draws = sample(MaskingConfig(interaction=1.0))
    assert set(decision.hidden_person.tolist()) == {0, 1}
    first, second = hidden_positions(draws, valid).chunk(2, dim=1)
    for row, person in enumerate(decision.hidden_person.tolist()):
        shown, gone = (second, first) if person == 0 else (first, second)
        assert not shown[row].any()
        assert (gone[row] == valid[row, : 5 * ROW]).all()


def test_partly_hidden_persons_keep_the_other_whole():
    config = MaskingConfig(interaction=1.0, interaction_partial=1.0)
    _, valid, decision, draws = sample(config)
    hidden = hidden_positions(draws, valid)
    of_hidden = hidden.unflatten(1, (2, -1))[torch.arange(len(hidden)), decision.hidden_person]
    assert (of_hidden.sum(1) == hidden.sum(1)).all()
    assert (hidden.sum(1) < valid.sum(1) // 2).any()


def test_published_sides_by_half_batch():
    assert half_batch_sides(4, second_first=True).tolist() == [1, 1, 0, 0]
    assert half_batch_sides(4, second_first=False).tolist() == [0, 0, 1, 1]
    config = MaskingConfig(interaction=1.0, per_sample=False)
    torch.manual_seed(0)
    seen = {tuple(decide(4, config).hidden_person.tolist()) for _ in range(20)}
    assert seen == {(1, 1, 0, 0), (0, 0, 1, 1)}


def test_shares_over_many_samples():
    config = MaskingConfig(interaction=0.25, full=0.2, corrupted_samples=0.3)
    ids, valid, decision, draws = sample(config, batch=4000)
    assert float((decision.hidden_person >= 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(decision.full.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert not (decision.full & (decision.hidden_person >= 0)).any()
    assert float(draws.corrupted[~decision.full].float().mean()) == pytest.approx(0.3, abs=0.03)
    hidden = hide(ids, valid, draws, CODES)
    full = hidden.ids[decision.full]
    assert (full[valid[decision.full]] == MASK).all()
    plain = ~draws.corrupted
    assert ((hidden.labels[plain] != IGNORED) == (hidden.ids[plain] == MASK)).all()


def test_corruption_shares():
    ids, valid, _, draws = sample(MaskingConfig(), batch=2000)
    hidden = hide(ids, valid, draws, CODES)
    counted = hidden.labels != IGNORED
    masked = float((hidden.ids[counted] == MASK).float().mean())
    true = float((hidden.ids[counted] == ids[counted]).float().mean())
    assert masked == pytest.approx(0.9 * 0.88, abs=0.01)
    assert true == pytest.approx(0.9 * 0.12 + 0.1 / CODES, abs=0.01)


def test_lowest_is_exact_and_breaks_ties_by_index():
    scores = torch.tensor([[3.0, 1.0, 1.0, 2.0]])
    assert lowest(scores, torch.tensor([1])).tolist() == [[False, True, False, False]]
    assert lowest(scores, torch.tensor([3])).tolist() == [[False, True, True, True]]


@pytest.mark.parametrize("published", [False, True])
def test_unroll_fills_the_most_confident_and_keeps_corrupted_labels(published):
    ids, valid, _, draws = sample(MaskingConfig(interaction=0.0), batch=16)
    hidden = hide(ids, valid, draws, CODES, published)
    logits = torch.randn(*ids.shape, CODES, generator=torch.Generator().manual_seed(3))
    later = unroll(hidden, logits, CODES, published)
    was, still = hidden.ids == MASK, later.ids == MASK
    filled = was & ~still
    assert (still <= was).all()
    assert (later.ids[filled] == logits.argmax(-1)[filled]).all()
    assert (later.labels[filled] == IGNORED).all()
    assert (later.labels[~filled] == hidden.labels[~filled]).all()
    scores = logits.softmax(-1).amax(-1)
    for row in range(len(ids)):
        if filled[row].any() and still[row].any():
            assert scores[row, filled[row]].min() >= scores[row, still[row]].max()


def test_unroll_of_everything_hidden_takes_one_step_of_the_schedule():
    valid = torch.ones(1, 10 * ROW, dtype=torch.bool)
    start = HiddenTokens(torch.full((1, 10 * ROW), MASK), torch.zeros(1, 10 * ROW, dtype=torch.int64), valid)
    later = unroll(start, torch.randn(1, 10 * ROW, CODES), CODES)
    expected = round(60 * float(torch.cos(torch.tensor(torch.pi / 2 / 21))))
    assert int((later.ids == MASK).sum()) == expected
