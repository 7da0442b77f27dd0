"""The pass for training in half precision computes what the model computes, and its gradients."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.transformer.half_pass import SCORE_LIMIT, Attend, HalfPass
from tests.helpers.tiny import tiny_info


@pytest.mark.parametrize("per_person", [False, True])
@pytest.mark.parametrize("lengths", [None, [6, 4, 1]])
def test_float32_logits_and_gradients_are_those_of_the_model(per_person, lengths):
    torch.manual_seed(0)
    config = dataclasses.replace(
        tiny_info().transformer, person_condition=per_person, person_embedding=per_person, dropout=0.0
    )
    model = InteractionTransformer(config)
    for parameter in model.parameters():  # the published start has shut gates
        torch.nn.init.normal_(parameter, std=0.2)
    ids = torch.randint(config.codebook_size, (3, 60))
    condition = torch.randn(3, 2, config.text_width) if per_person else torch.randn(3, config.text_width)
    lengths = None if lengths is None else torch.tensor(lengths)
    wanted = torch.rand(3, 60) < 0.6
    if lengths is not None:
        wanted &= (torch.arange(6) < lengths[:, None]).repeat(1, 10)
    truth = torch.randint(config.codebook_size, (int(wanted.sum()),))

    def gradients(logits: torch.Tensor) -> dict[str, torch.Tensor]:
        model.zero_grad()
        torch.nn.functional.cross_entropy(logits, truth).backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    plain = model(ids, condition, lengths)[wanted]
    expected = gradients(plain)
    logits = HalfPass(model)(ids, condition, lengths, wanted)
    found = gradients(logits)
    torch.testing.assert_close(logits, plain, atol=1e-5, rtol=1e-4)
    assert found.keys() == expected.keys() and any(value.abs().max() > 1e-3 for value in found.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-3, msg=name)


def test_gradients_in_bfloat16_point_where_float32_ones_do():
    torch.manual_seed(0)
    model = InteractionTransformer(dataclasses.replace(tiny_info().transformer, dropout=0.0))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    ids, labels = torch.randint(8, (4, 100)), torch.randint(8, (400,))
    condition, lengths = torch.randn(4, model.config.text_width), torch.tensor([10, 9, 8, 3])
    gradients = {}
    for kind in (torch.float32, torch.bfloat16):
        model.zero_grad()
        weights = {f"transformer.{n}": p.to(kind) for n, p in model.named_parameters()}
        inputs = (ids, condition, lengths, torch.ones(4, 100, dtype=torch.bool))
        logits = torch.func.functional_call(HalfPass(model), weights, inputs)
        assert logits.dtype == kind
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        gradients[kind] = torch.cat([p.grad.flatten() for p in model.Transformer.parameters()])
    similar = torch.nn.functional.cosine_similarity(*gradients.values(), dim=0)
    assert similar > 0.99 and not torch.equal(*gradients.values())


def test_scores_of_any_size_stay_finite():
    """No query's maximum is subtracted: scores are limited instead."""
    torch.manual_seed(0)
    packed = (1000 * torch.randn(1, 1, 50, 3, 2, 8)).requires_grad_()
    attended = Attend.apply(packed, None, None, False)
    attended.sum().backward()
    assert attended.isfinite().all() and packed.grad.isfinite().all()
    assert torch.tensor(SCORE_LIMIT).exp() * 5000 < torch.finfo(torch.bfloat16).max
