"""Pretraining of the text head on the labels that captions state."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.training.loop import StageRun
from intermask_cli.training.transformer.captions import UNSTATED
from intermask_cli.training.transformer.text_pretraining import TextPretraining, from_view_of
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
