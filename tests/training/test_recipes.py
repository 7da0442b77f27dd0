"""Recipes: bundled files, checks, old keys, and changes on the command line."""

from __future__ import annotations

import dataclasses
import json

import pytest

from evaluators.training.recipe import EvaluatorRecipe
from intermask_cli.errors import InputError, MissingError
from intermask_cli.training.config import (
    PairDecoderTrainConfig,
    Recipe,
    TokenizerLossConfig,
)
from intermask_cli.training.recipes import (
    USED_SECTIONS,
    load_recipe,
    open_folder,
    read_config,
    read_recipe,
    recipe_from_dict,
    recipe_to_dict,
    with_overrides,
)
from tests.helpers.training_samples import tiny_recipe


@pytest.mark.parametrize("name", ["duet-mini", "duet-mini-first", "duet-mini-second", "interhuman", "interx"])
def test_bundled_recipes_load_and_survive_json(name):
    recipe = load_recipe(name)
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe))), "json") == recipe


def test_published_recipe_is_the_default():
    recipe = load_recipe("interhuman")
    assert recipe.tokenizer_training.batch_size == 256 and recipe.transformer_training.batch_size == 52
    assert recipe.tokenizer_loss == TokenizerLossConfig()
    assert load_recipe("interx").tokenizer.stem == "conv"


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("tokenizer_training", {"lr": "1e-3"}, "1.0e-3"),
        ("tokenizer_training", {"batchsize": 3}, "did you mean 'batch_size'"),
        ("tokenizer_training", {"window": 30}, "multiple of 4"),
        ("masking", {"interaction": 0.7, "full": 0.5}, "at most 1"),
        ("transformer_training", {"published": True, "epochs": 0, "minutes": 5}, "epochs or steps"),
        ("transformer", {"codebook_size": 8}, "codebook_size differs"),
        ("trainsformer", {}, "unknown section"),
        ("masking", "full", "masking: expected keys with values, got 'full'"),
    ],
)
def test_bad_settings_are_named(section, values, message):
    with pytest.raises(InputError, match=message):
        recipe_from_dict({section: values}, "test.yaml")


# ---------------------------------------------------------------- keys of version 0.1

OLD_SHARE = "whole_share"  # language: ok, the old name
OLD_MASKED = "most_hidden"  # language: ok, the old name


def test_old_keys_still_work_with_a_note(tmp_path, capsys):
    path = tmp_path / "old.yaml"
    path.write_text(f"pair_decoder_training: {{{OLD_SHARE}: 1.0, {OLD_MASKED}: 0.5}}\n")
    training = load_recipe(str(path)).pair_decoder_training
    assert (training.intact_share, training.max_masked_share) == (1.0, 0.5)
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == 2
    assert f"pair_decoder_training.{OLD_SHARE} is deprecated; write intact_share" in notes[0]


def test_an_old_key_next_to_its_new_name_is_refused():
    values = {"pair_decoder_training": {OLD_SHARE: 1.0, "intact_share": 0.5}}
    with pytest.raises(InputError, match="intact_share is given twice"):
        recipe_from_dict(values, "test.yaml")


def test_a_recorded_recipe_with_old_keys_can_be_resumed(accelerator, tmp_path, capsys):
    recipe = Recipe(pair_decoder_training=PairDecoderTrainConfig(intact_share=0.5))
    open_folder(tmp_path, "pair_decoder", recipe, {}, {}, False, accelerator)
    config = read_config(tmp_path)
    section = config["recipe"]["pair_decoder_training"]
    section[OLD_SHARE], section[OLD_MASKED] = (
        section.pop("intact_share"),
        section.pop("max_masked_share"),
    )
    (tmp_path / "config.json").write_text(json.dumps(config))
    open_folder(tmp_path, "pair_decoder", recipe, {}, {}, True, accelerator)
    assert read_recipe(tmp_path) == recipe
    assert "deprecated" not in capsys.readouterr().err


# ---------------------------------------------------------------- changes on the command line


@pytest.mark.parametrize(
    ("setting", "section", "key", "value"),
    [
        ("transformer_training.lr=1e-3", "transformer_training", "lr", 1e-3),
        ("transformer_training.bucket=4", "transformer_training", "bucket", 4),
        ("transformer_training.freeze_text=True", "transformer_training", "freeze_text", True),
        ("transformer_training.schedule = cosine", "transformer_training", "schedule", "cosine"),
        ("transformer_training.milestones=0.5,0.75", "transformer_training", "milestones", (0.5, 0.75)),
        ("masking.full=0.2", "masking", "full", 0.2),
        ("transformer.latent_dim=12", "transformer", "latent_dim", 12),
        ("sampling.draw=gumbel", "sampling", "draw", "gumbel"),
    ],
)
def test_a_setting_is_typed_by_its_field(setting, section, key, value):
    recipe = with_overrides(Recipe(), "transformer_training", [setting])
    changed = getattr(getattr(recipe, section), key)
    assert changed == value and type(changed) is type(value)
    expected = dataclasses.replace(getattr(Recipe(), section), **{key: value})
    assert recipe == dataclasses.replace(Recipe(), **{section: expected})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("transformer_training.learning", "expected section.key=value"),
        ("lr=1e-3", "expected section.key=value"),
        ("transformer_training.betch_size=3", "did you mean 'transformer_training.batch_size'"),
        ("trainsformer_training.lr=1e-3", "did you mean 'transformer_training.lr'"),
        ("zzz.qqq=1", "sections: tokenizer, "),
        ("transformer_training.batch_size=2.5", "expected a whole number, got '2.5'"),
        ("transformer_training.lr=fast", "expected a number, got 'fast'"),
        ("transformer_training.freeze_text=perhaps", "expected true or false"),
        ("transformer_training.milestones=0.5;0.7", "expected numbers separated by commas"),
        ("transformer_training.schedule=step", "schedule is 'step'; accepted: multistep, cosine"),
        ("transformer_training.paraphrases=1.5", "paraphrases is 1.5; accepted"),
        ("tokenizer_training.lr=1e-3", "does not use the section tokenizer_training; it uses transformer, "),
    ],
)
def test_a_bad_setting_is_named(setting, message):
    with pytest.raises(InputError, match=message):
        with_overrides(Recipe(), "transformer_training", [setting])


def test_settings_of_one_key_must_not_meet():
    key = "refine_training.steps"
    with pytest.raises(InputError, match="given twice"):
        with_overrides(Recipe(), "refine_training", [f"{key}=5", f"{key}=6"])
    with pytest.raises(InputError, match=r"--steps and --set refine_training\.steps set the same key"):
        with_overrides(Recipe(), "refine_training", [f"{key}=5"], steps=6)


def test_options_replace_the_budget_and_settings_add_to_it():
    recipe = with_overrides(tiny_recipe(), "tokenizer_training", ["tokenizer_training.steps=7"], minutes=3)
    assert (recipe.tokenizer_training.steps, recipe.tokenizer_training.minutes) == (7, 3.0)
    recipe = with_overrides(recipe, "tokenizer_training", [], steps=9, seed=4)
    training = recipe.tokenizer_training
    assert (training.steps, training.minutes, training.seed) == (9, 0.0, 4)


def test_an_old_key_can_be_set_with_a_note(capsys):
    recipe = with_overrides(Recipe(), "pair_decoder_training", [f"pair_decoder_training.{OLD_SHARE}=1"])
    assert recipe.pair_decoder_training.intact_share == 1.0
    assert "deprecated" in capsys.readouterr().err


def test_the_evaluators_recipe_is_changed_in_the_same_way():
    recipe = with_overrides(
        EvaluatorRecipe(), "training", ["training.noise_m=0", "network.width=96"], steps=5
    )
    assert (recipe.training.noise_m, recipe.training.steps, recipe.network.width) == (0.0, 5, 96)
    with pytest.raises(InputError, match=r"did you mean 'training\.jitter_m'"):
        with_overrides(EvaluatorRecipe(), "training", ["training.jiter_m=0"])


def test_every_section_a_command_uses_exists():
    sections = {item.name for item in dataclasses.fields(Recipe)}
    for stage, used in USED_SECTIONS.items():
        assert stage in used
        assert stage == "training" or set(used) <= sections


# ---------------------------------------------------------------- training folders


def test_a_resumed_folder_needs_the_same_recipe_but_not_the_same_budget(accelerator, tmp_path, capsys):
    recipe = tiny_recipe()
    open_folder(tmp_path, "tokenizer", recipe, {"data": ["corpus"]}, {}, False, accelerator)
    assert read_config(tmp_path)["data"] == ["corpus"] and read_recipe(tmp_path) == recipe
    longer = with_overrides(recipe, "tokenizer_training", [], steps=50)
    open_folder(tmp_path, "tokenizer", longer, {}, {}, True, accelerator)
    assert "resuming with another tokenizer_training.steps" in capsys.readouterr().err
    other = with_overrides(recipe, "tokenizer_training", ["tokenizer_training.seed=9"])
    with pytest.raises(InputError, match=r"other settings than it began with \(tokenizer_training\.seed"):
        open_folder(tmp_path, "tokenizer", other, {}, {}, True, accelerator)
    with pytest.raises(MissingError, match="start without --resume"):
        open_folder(tmp_path / "none", "tokenizer", recipe, {}, {}, True, accelerator)


def test_a_key_that_an_earlier_version_did_not_write_counts_as_its_default(accelerator, tmp_path, capsys):
    open_folder(tmp_path, "tokenizer", tiny_recipe(), {}, {}, False, accelerator)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["recipe"]["sampling"]["guidance_interval"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    open_folder(tmp_path, "tokenizer", tiny_recipe(), {}, {}, True, accelerator)
    assert "another" not in capsys.readouterr().err


def test_leftovers_of_a_killed_training_are_removed(accelerator, tmp_path):
    (tmp_path / "text_head").mkdir()
    (tmp_path / "normalizer.npz").write_text("old")
    (tmp_path / "kept").write_text("mine")
    open_folder(
        tmp_path, "transformer", Recipe(), {}, {}, False, accelerator, ("text_head", "normalizer.npz", "none")
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "kept"]
