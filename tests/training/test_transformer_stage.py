"""Training of the transformer: that it learns, its batches, and a start from other weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from intermask_cli.errors import InputError
from intermask_cli.training.log import TRAIN, read_table
from intermask_cli.training.loop import StageRun
from intermask_cli.training.transformer.batches import FreshTokens, batch_order
from intermask_cli.training.transformer.warm_start import start_from
from tests.helpers.training_samples import tiny_recipe


@pytest.mark.slow
@pytest.mark.long
def test_transformer_learns(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(transformer_training={"steps": 120, "lr": 5e-3, "ema": 0.9, "step_unroll": 0.5})
    stage = transformer_stage(recipe)
    with torch.no_grad():
        before = stage.validate()
    report = StageRun(stage, tmp_path / "run", accelerator, resume=False).run()
    assert report["best"]["all_hidden_ce"] < before["all_hidden_ce"] - 0.3
    assert {"ce", "accuracy", "unroll_ce", "unroll_accuracy"} <= set(read_table(tmp_path / "run" / TRAIN)[0])


def test_a_transformer_starts_from_another(transformer_stage):
    trained = transformer_stage(tiny_recipe()).model
    personal = transformer_stage(tiny_recipe(transformer={"person_condition": True})).model
    start_from(personal, trained, Path("before"))
    for name, value in trained.state_dict().items():
        assert torch.equal(personal.state_dict()[name], value), name
    with pytest.raises(InputError, match=r"--start-from after: another transformer .person_condition True"):
        start_from(trained, personal, Path("after"))
    wide = transformer_stage(tiny_recipe(transformer={"ff_dim": 32})).model
    with pytest.raises(InputError, match="ff_dim 16, here 32"):
        start_from(wide, trained, Path("before"))


def test_given_person_of_a_reaction_is_canonical(transformer_stage):
    stage = transformer_stage(
        tiny_recipe(masking={"interaction": 1.0, "interaction_partial": 0.0, "full": 0.0})
    )
    cache = stage._data.tokens
    torch.manual_seed(0)
    batch = stage.batch(0)
    items = stage._items(0)
    for row, item in enumerate(items.tolist()):
        shown = (batch.hidden.labels[row] < 0) & batch.hidden.valid[row]
        given = 0 if shown[: shown.numel() // 2].any() else 1
        expected, _ = cache.take(torch.tensor([item]), torch.tensor([given]))
        seen = batch.hidden.ids[row, batch.hidden.valid[row] & shown]
        half = expected.view(2, -1)[given]
        assert torch.equal(seen, half)


def test_fresh_tokens_are_padded_and_drawn_again(source, normalizer, tokenizer_stage):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    fresh = FreshTokens(source, tokenizer, normalizer, 80, torch.device("cpu"))
    torch.manual_seed(0)
    draws = [
        fresh.take(torch.tensor([0, 1]), torch.zeros(2, dtype=torch.int64), slice(None)) for _ in range(8)
    ]
    assert all(ids.shape == (2, 10 * 20) and lengths.tolist() == [17, 20] for ids, lengths in draws)
    assert len({tuple(ids[0].tolist()) for ids, _ in draws}) == 4  # who is canonical x who comes first


def test_batches_of_similar_length_visit_every_item_once():
    lengths = torch.randint(10, 60, (103,), generator=torch.Generator().manual_seed(0))
    plain = batch_order(lengths, seed=1, epoch=0, batch=10, bucket=0)
    bucketed = batch_order(lengths, seed=1, epoch=0, batch=10, bucket=10)
    for order in (plain, bucketed):
        assert tuple(order.shape) == (10, 10) and len(order.unique()) == 100
    spread = [(lengths[o].amax(1) - lengths[o].amin(1)).float().mean() for o in (plain, bucketed)]
    assert spread[1] < 0.3 * spread[0]


def test_half_weights_give_the_gradients_of_float32(transformer_stage, accelerator, tmp_path):
    """Every parameter's by itself: a sum over all hides attention that is wrong in one block."""
    gradients = {}
    for half in (False, True):
        precision = {"precision": "bf16" if half else "fp32", "half_weights": half, "cond_drop": 0.0}
        stage = transformer_stage(tiny_recipe(transformer_training=precision))
        for name, parameter in stage.model.named_parameters():  # the published start has shut gates
            torch.nn.init.normal_(
                parameter,
                std=1.0 if "attention.in_proj_weight" in name else 0.1,
                generator=torch.Generator().manual_seed(parameter.numel()),
            )
        torch.manual_seed(0)
        loss, _ = stage.objective.train()(stage.batch(0))
        loss.backward()
        gradients[half] = {
            name: value.grad.flatten()
            for name, value in stage.model.Transformer.named_parameters()
            if value.grad is not None and value.grad.norm() > 1e-5
        }
    assert len(gradients[True]) > 20 and gradients[True].keys() == gradients[False].keys()
    for name, wanted in gradients[False].items():
        found = gradients[True][name]
        assert found.dtype == torch.float32 and not torch.equal(found, wanted)
        assert torch.nn.functional.cosine_similarity(found, wanted, dim=0) > 0.97, name
    StageRun(stage, tmp_path / "run", accelerator, resume=False).run()
    assert all(value.dtype == torch.float32 for value in stage.model.state_dict().values())
    with pytest.raises(InputError, match="half_weights with precision fp32"):
        tiny_recipe(transformer_training={"half_weights": True})


def test_conditions_lie_between_the_drawn_caption_and_the_full_one(transformer_stage):
    def conditions(**settings):
        own = {"full_condition": 0.0, "mixed_condition": 0.0} | settings
        recipe = tiny_recipe(
            transformer={"person_condition": True}, transformer_training={**own, "cond_drop": 0.0}
        )
        stage = transformer_stage(recipe)
        torch.manual_seed(0)
        batch = stage.batch(0)
        with torch.no_grad():
            model = stage.model.eval()
            ends = [model.condition(t) if t is not None else None for t in (batch.text, batch.full)]
            return stage.objective._condition(batch), *ends

    plain, own, none = conditions()
    assert none is None and torch.equal(plain, own)
    full, own, of_full = conditions(full_condition=1.0)
    assert torch.equal(full, of_full) and not torch.allclose(own, of_full)
    mixed, own, of_full = conditions(mixed_condition=1.0)
    share = ((mixed - of_full) * (own - of_full)).sum((1, 2)) / (own - of_full).square().sum((1, 2))
    differs = (own - of_full).abs().amax((1, 2)) > 1e-6
    assert differs.any() and ((share > 0) & (share < 1))[differs].all()
    noisy, own, _ = conditions(condition_noise=0.1)
    relative = (noisy - own).square().mean(-1).sqrt() / own.square().mean(-1).sqrt()
    assert ((relative > 0.03) & (relative < 0.3)).all()
    with pytest.raises(InputError, match=r"full_condition \+ mixed_condition is 1.2"):
        tiny_recipe(transformer_training={"full_condition": 0.6, "mixed_condition": 0.6})
