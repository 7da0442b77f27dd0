"""Pretraining of the text head on the labels that captions state."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.errors import InputError
from intermask_cli.training.loop import StageRun
from intermask_cli.training.transformer.captions import UNSTATED, CaptionTable
from intermask_cli.training.transformer.text_pretraining import TextPretraining, clips_of, from_view_of
from tests.helpers.training_samples import tiny_recipe


@pytest.mark.slow
def test_text_head_learns_the_labels(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(text_pretraining={"steps": 60, "lr": 1e-2})
    stage = transformer_stage(recipe)
    pretraining = TextPretraining(recipe, stage._data, stage.model, accelerator)
    untouched = stage.model.token_emb.weight.clone()
    report = StageRun(pretraining, tmp_path / "head", accelerator, resume=False).run()
    assert report["best"]["tempo"] == 1.0
    assert torch.equal(untouched, stage.model.token_emb.weight)


def test_labels_as_each_person_sees_them():
    labels = {"actor": ["0", "1"], "kind": ["bow", "hug", "wave"], "side": ["left", "right"]}
    stated = torch.tensor([[0, 2, 1], [1, 0, 0], [UNSTATED, 1, 1], [1, 1, UNSTATED]])
    first, second = (from_view_of(person, stated, labels) for person in (0, 1))
    assert first.tolist() == [[0, 2, 1], [1, 0, 2], [UNSTATED, 1, 5], [1, 1, UNSTATED]]
    assert second.tolist() == [[1, 2, 3], [0, 0, 0], [UNSTATED, 1, 5], [0, 1, UNSTATED]]


@pytest.mark.slow
def test_text_head_learns_who_acts_for_each_person(transformer_stage, accelerator, tmp_path):
    recipe = tiny_recipe(
        text_pretraining={"steps": 150, "lr": 1e-2}, transformer={"person_condition": True, "dropout": 0.0}
    )
    stage = transformer_stage(recipe)
    pretraining = TextPretraining(recipe, stage._data, stage.model, accelerator)
    report = StageRun(pretraining, tmp_path / "head", accelerator, resume=False).run()
    assert report["best"]["actor"] == 1.0
    condition, stated = pretraining.objective.examples(pretraining.batch(0))
    assert len(condition) == len(stated) == 2 * recipe.text_pretraining.batch_size


def test_clips_of_some_kinds_and_one_phase():
    labels = {"kind": ["bow", "hug", "wave"], "then_kind": ["bow", "wave"]}
    kinds = [[UNSTATED, 0], [2, UNSTATED], [1, 1], [0, 0], [UNSTATED, UNSTATED]]  # of two captions per clip
    then = [[UNSTATED, UNSTATED]] * 3 + [[UNSTATED, 1], [UNSTATED, UNSTATED]]
    table = CaptionTable(
        torch.zeros(5, 2, dtype=torch.int64),
        torch.ones(5, 2),
        labels,
        torch.stack([torch.tensor(kinds), torch.tensor(then)], dim=2),
    )
    assert clips_of(table, "bow, wave, juggle").tolist() == [0, 1]
    assert clips_of(table, "juggle").tolist() == []


def test_first_steps_need_kinds():
    with pytest.raises(InputError, match="first_steps needs first_kinds"):
        tiny_recipe(text_pretraining={"first_steps": 3})


@pytest.mark.parametrize("first_kinds, at_first", [("slow", {1}), ("juggle", {0, 1})])
def test_a_few_kinds_come_first(transformer_stage, accelerator, capsys, first_kinds, at_first):
    first = {"first_steps": 3, "first_kinds": first_kinds, "steps": 6, "batch_size": 16}
    recipe = tiny_recipe(text_pretraining=first)
    stage = transformer_stage(recipe)
    captions = stage._data.captions
    captions.labels = {"kind" if name == "tempo" else name: captions.labels[name] for name in captions.labels}
    pretraining = TextPretraining(recipe, stage._data, stage.model, accelerator)
    column = list(captions.labels).index("kind")
    drawn = [set(pretraining.batch(step).stated[:, column].tolist()) - {UNSTATED} for step in range(6)]
    assert set().union(*drawn[:3]) == at_first
    assert set().union(*drawn[3:]) == {0, 1}
    assert ("starts with all kinds" in capsys.readouterr().err) == (first_kinds == "juggle")
