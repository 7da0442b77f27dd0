"""Training of the evaluator: pairs, hard negatives, false negatives, resuming, and the bundle it writes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from evaluators.networks.bundle_info import read_info
from evaluators.networks.duet import DuetEvalConfig
from evaluators.training import train as module
from evaluators.training.objective import false_negatives
from evaluators.training.pairs import VariantTable, augmented, true_of, variants_of
from evaluators.training.recipe import EvaluatorRecipe, EvaluatorTrainConfig, load_evaluator_recipe
from evaluators.training.train import train_evaluator
from intermask_cli.datasets.duets.corpus import Corpus, make_corpus_clip, split_of
from intermask_cli.datasets.duets.corpus_writer import write_corpus
from intermask_cli.errors import InputError, MissingError
from intermask_cli.training.checkpoints import best_weights
from tests.helpers.fakes import FakeTextEncoder

pytestmark = pytest.mark.slow

SIZES = DuetEvalConfig(width=16, layers=1, heads=2, ff=24, text_dim=12, text_layers=1, out_dim=8, dropout=0.0)
TRAINING = EvaluatorTrainConfig(
    batch_size=6, captions=3, clips=12, steps=4, lr=3e-3, warmup_epochs=0.0, validate_minutes=100.0,
    save_minutes=100.0, log_steps=2, validate_clips=4,
)  # fmt: skip
RECIPE = EvaluatorRecipe(SIZES, TRAINING)


@pytest.fixture(scope="module")
def clips():
    return [make_corpus_clip(7, index) for index in range(14)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("duets")
    write_corpus(folder, 90, seed=7)
    assert len(Corpus(folder).split("val")) >= 1
    return folder


@pytest.fixture(autouse=True)
def fake_encoder(monkeypatch):
    monkeypatch.setattr(module, "load_text_encoder", lambda *_: FakeTextEncoder())


def test_variants_exchange_the_actor_and_mirror_the_side(clips):
    for clip in clips:
        variants = variants_of(0, clip.labels)
        expected = (2 if clip.labels.actor is not None else 1) * (
            2 if clip.labels.side in ("left", "right") else 1
        )
        assert len(variants) == expected
        for variant in variants:
            joints = variant.joints([clip.joints])
            assert joints.shape == clip.joints.shape
            assert (variant.labels.actor != clip.labels.actor) == variant.swapped
            assert (variant.labels.side != clip.labels.side) == variant.mirrored
            if variant.swapped and not variant.mirrored:
                np.testing.assert_array_equal(joints, clip.joints[::-1])


def test_a_caption_is_true_of_its_own_variant_and_of_another_only_without_an_actor(clips):
    table = VariantTable(clips, captions=2, seed=1, label="pairs")
    for variant in range(len(table.variants)):
        for caption in range(2):
            assert true_of(table.stated[variant, caption][None], table.truth[variant][None]).item()
    for own in table.of_clip:
        if len(own) > 1 and table.variants[own[1]].swapped:
            states_actor = table.stated[own[0], 0, 1] >= 0
            answers = true_of(table.stated[own[0], 0][None], table.truth[own[1]][None]).item()
            assert answers != bool(states_actor)


def test_false_negatives_are_pairs_a_caption_is_also_true_of():
    also_true = torch.tensor([[True, True, False], [False, True, False], [True, False, True]])
    expected = torch.tensor([[False, True, False], [False, False, False], [True, False, False]])
    assert torch.equal(false_negatives(also_true), expected)


def test_augmentation_moves_joints_by_centimetres_and_keeps_the_shape(clips):
    torch.manual_seed(0)
    positions = torch.from_numpy(clips[0].joints)
    still = replace(TRAINING, noise_m=0.0, jitter_m=0.0, turn_rad=0.0)
    torch.testing.assert_close(augmented(positions, still), positions)
    turned = augmented(positions, replace(still, turn_rad=0.5))
    torch.testing.assert_close(turned.norm(dim=-1), positions.norm(dim=-1))
    noisy = augmented(positions, replace(still, noise_m=0.05))
    assert 0 < (noisy - positions).norm(dim=-1).mean() < 0.15


@pytest.mark.long
def test_training_learns_writes_a_bundle_and_never_sees_test_clips(corpus, tmp_path, monkeypatch):
    seen = []
    original = VariantTable.__init__

    def remembered(self, clips, *rest):
        seen.extend(clip.index for clip in clips)
        original(self, clips, *rest)

    monkeypatch.setattr(VariantTable, "__init__", remembered)
    longer = replace(RECIPE, training=replace(TRAINING, steps=30))
    report = train_evaluator(longer, corpus, tmp_path / "run", False, Accelerator(cpu=True))
    assert seen and all(split_of(index) != "test" for index in seen)
    assert report["steps"] == 30 and {"role", "side", "top1_full"} <= set(report["best"])
    losses = [
        float(line.split(",")[3]) for line in (tmp_path / "run" / "train.csv").read_text().splitlines()[1:]
    ]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    info = read_info(tmp_path / "run" / "bundle")
    assert info.name == "duet-eval" and "seed 7" in info.training_data
    assert info.text_encoder["id"] == "fake"
    assert "role" in (tmp_path / "run" / "bundle" / "README.md").read_text()


@pytest.mark.long
def test_a_resumed_training_equals_an_uninterrupted_one(corpus, tmp_path):
    def run(name, steps, resume=False):
        recipe = replace(
            RECIPE, training=replace(TRAINING, steps=steps, schedule="multistep", milestones=(2.0, 3.0))
        )
        train_evaluator(recipe, corpus, tmp_path / name, resume, Accelerator(cpu=True))
        return (tmp_path / name / "last" / "weights.safetensors").read_bytes()

    whole = run("whole", 6)
    run("parts", 3)
    assert run("parts", 6, resume=True) == whole


def test_resuming_needs_the_same_recipe_and_starting_an_empty_folder(corpus, tmp_path):
    train_evaluator(RECIPE, corpus, tmp_path / "run", False, Accelerator(cpu=True))
    with pytest.raises(InputError, match="already holds a training"):
        train_evaluator(RECIPE, corpus, tmp_path / "run", False, Accelerator(cpu=True))
    other = replace(RECIPE, training=replace(TRAINING, seed=9))
    with pytest.raises(InputError, match=r"other settings than it began with \(training\.seed"):
        train_evaluator(other, corpus, tmp_path / "run", True, Accelerator(cpu=True))
    with pytest.raises(MissingError, match="start without --resume"):
        train_evaluator(RECIPE, corpus, tmp_path / "none", True, Accelerator(cpu=True))


def test_a_training_starts_from_the_weights_of_another(corpus, tmp_path):
    still = replace(RECIPE, training=replace(TRAINING, steps=1, lr=1e-9, weight_decay=0.0, text_steps=0))
    train_evaluator(RECIPE, corpus, tmp_path / "first", False, Accelerator(cpu=True))
    train_evaluator(still, corpus, tmp_path / "second", False, Accelerator(cpu=True), tmp_path / "first")
    before, after = (load_file(best_weights(tmp_path / name)) for name in ("first", "second"))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0.0)
    wide = replace(RECIPE, network=replace(RECIPE.network, out_dim=2 * RECIPE.network.out_dim))
    with pytest.raises(InputError, match=r"config\.json asks for"):
        train_evaluator(wide, corpus, tmp_path / "wide", False, Accelerator(cpu=True), tmp_path / "first")
    with pytest.raises(MissingError, match="no validated weights"):
        train_evaluator(RECIPE, corpus, tmp_path / "none", False, Accelerator(cpu=True), tmp_path)


def test_the_bundled_recipe_loads():
    recipe = load_evaluator_recipe("duet-eval")
    assert recipe.training.steps > 0 and json.dumps(recipe.network.width)


def test_mistakes_in_a_recipe_are_named(tmp_path):
    with pytest.raises(MissingError, match="bundled: duet-eval"):
        load_evaluator_recipe("nothing")
    path = tmp_path / "wrong.yaml"
    path.write_text("training:\n  nois_m: 1\n")
    with pytest.raises(InputError, match="did you mean 'noise_m'"):
        load_evaluator_recipe(str(path))
    path.write_text("trainin: {}\n")
    with pytest.raises(InputError, match="unknown section 'trainin'"):
        load_evaluator_recipe(str(path))
