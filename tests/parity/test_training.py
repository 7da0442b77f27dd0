"""Whole training passes against recorded ones: inputs, labels, logits, losses, gradient norms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.models.published import load_transformer
from intermask_cli.training.transformer.masking import (
    IGNORED,
    HiddenTokens,
    MaskingDraws,
    half_batch_sides,
    hide,
    unroll,
    valid_positions,
)
from intermask_cli.training.transformer.objective import TokenBatch, TransformerObjective, masked_loss
from tests.helpers.parity_comparing import assert_close, assert_same

pytestmark = pytest.mark.parity
CLOSE = {"atol": 2e-4, "rtol": 1e-4}
#: Files that a complete folder has; `pass_name` also takes any other train_*.npz there is.
KNOWN = ("train_random", "train_interaction1", "train_interaction2")


@pytest.fixture
def golden(pass_name, load):
    return load(f"model/{pass_name}.npz")


@pytest.fixture
def published(checkpoint):
    return load_transformer(checkpoint("interhuman", "transformer"))


@pytest.fixture
def transformer(published):
    return published[0]


@pytest.fixture
def unroll_weight(published):
    return float(published[1].get("step_unroll", 1))


def ints(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))


def recorded_draws(golden) -> MaskingDraws:
    batch, tokens = golden["ids"].shape
    sides, ratio, keys = torch.full((batch,), -1), torch.ones(batch), torch.zeros(batch, tokens)
    if golden["draw/interaction_flag"] > 0:
        sides = half_batch_sides(batch, second_first=bool(golden["draw/mask_person_flag"] > 0))
    else:
        ratio = torch.cos(torch.from_numpy(golden["draw/rand_time"]) * math.pi / 2)
        keys = torch.from_numpy(golden["draw/rand_perm_keys"])
    return MaskingDraws(
        hidden_person=sides,
        ratio=ratio,
        keys=keys,
        corrupted=torch.ones(batch, dtype=torch.bool),
        to_random=ints(golden["draw/bert_random_10pct"]).bool(),
        random_ids=ints(golden["draw/rand_id"]),
        to_mask=ints(golden["draw/bert_mask_88pct"]).bool(),
    )


def first_pass(golden, codes: int) -> HiddenTokens:
    ids = ints(golden["ids"])
    valid = valid_positions(ints(golden["m_lens"]), ids.shape[1] // 10)
    return hide(ids, valid, recorded_draws(golden), codes, published=True)


def assert_inputs(hidden: HiddenTokens, golden, stage: str, codes: int) -> None:
    assert_same(hidden.ids, golden[f"{stage}/x_ids"])
    labels = torch.where(hidden.labels == IGNORED, codes, hidden.labels)
    assert_same(labels, golden[f"{stage}/labels"])
    assert_same(~hidden.valid, golden[f"{stage}/padding_mask"] != 0)


def assert_pass(logits: Tensor, hidden: HiddenTokens, golden, stage: str) -> None:
    expected = golden[f"{stage}/logits"].transpose(0, 2, 1)
    keep = hidden.valid.numpy()
    assert_close(logits.detach()[keep], expected[keep], **CLOSE)
    loss = masked_loss(logits, hidden.labels)
    assert_close(loss.ce, golden[f"{stage}/ce"], rtol=1e-4)
    assert_close(loss.accuracy, golden[f"{stage}/acc"], rtol=1e-4)


def test_both_passes(golden, transformer):
    codes = transformer.config.codebook_size
    condition, lengths = torch.from_numpy(golden["cond"]), ints(golden["m_lens"])
    hidden = first_pass(golden, codes)
    assert_inputs(hidden, golden, "main", codes)
    with torch.no_grad():
        logits = transformer(hidden.ids, condition, lengths)
        assert_pass(logits, hidden, golden, "main")
        keep = hidden.valid.numpy()
        assert_same(logits.argmax(-1)[keep], golden["pred_id"][keep])
        later = unroll(hidden, logits, codes, published=True)
        assert_inputs(later, golden, "unroll", codes)
        logits = transformer(later.ids, condition, lengths)
        assert_pass(logits, later, golden, "unroll")
        assert_same(logits.argmax(-1)[keep], golden["su_pred_id"][keep])


def test_total_and_gradients(golden, transformer, unroll_weight):
    codes = transformer.config.codebook_size
    objective = TransformerObjective(transformer, unroll_weight, published=True)
    kept = torch.zeros(2, len(golden["ids"]), dtype=torch.bool)
    # The text head's output is recorded, not its input: the loss is taken from the condition on.
    batch = TokenBatch(first_pass(golden, codes), ints(golden["m_lens"]), None, kept)  # type: ignore[arg-type]
    loss, terms = objective.token_loss(batch, torch.from_numpy(golden["cond"]))
    assert_close(loss, golden["loss"], rtol=1e-4)
    accuracy = (terms["accuracy"] + unroll_weight * terms["unroll_accuracy"]) / 2
    assert_close(accuracy, golden["acc"], rtol=1e-4)
    loss.backward()
    expected = dict(zip(golden["grad_names"].tolist(), golden["grad_norms"].tolist(), strict=True))
    norms = {name: float(p.grad.norm()) for name, p in transformer.named_parameters() if p.grad is not None}
    assert set(norms) == set(expected)
    names = sorted(expected)
    ours, theirs = (np.array([values[name] for name in names]) for values in (norms, expected))
    assert_close(ours, theirs, rtol=2e-3, atol=1e-7, what="gradient norms, by name")
