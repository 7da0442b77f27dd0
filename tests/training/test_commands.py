"""The recipe as a user runs it: corpus, tokenizer, refined decoder, transformer, pair decoder, bundle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from intermask_cli import load_model
from intermask_cli.cli import app
from intermask_cli.errors import InputError
from intermask_cli.training.stages import load_trained_tokenizer, load_trained_transformer

pytestmark = pytest.mark.slow

RECIPE = """
tokenizer: {stem: conv, width: 8, code_dim: 6, codebook_size: 16, dropout: 0.0}
tokenizer_loss: {kind: metric}
tokenizer_training: {batch_size: 4, steps: 6, window: 32, plain_steps: 2, gumbel: 0.0, validate_clips: 2}
refine_loss: {kind: metric}
refine_training: {batch_size: 4, steps: 3, window: 32, gumbel: 0.0, validate_clips: 2}
transformer: {codebook_size: 16, code_dim: 6, latent_dim: 16, heads: 2, layers: 1, ff_dim: 24, dropout: 0.0,
              text_dim: 384, text_head: pooled, text_width: 16, text_layers: 1, text_heads: 2, text_ff: 24,
              person_embedding: true}
text_pretraining: {steps: 2, batch_size: 4}
transformer_training: {batch_size: 4, steps: 3, step_unroll: 0.0, validate_clips: 2}
pair_decoder: {width: 8, blocks: 1}
pair_decoder_training: {batch_size: 4, steps: 3, window: 32, clips: 8, fill_steps: 2, validate_clips: 2,
                        lr: 0.1, warmup_steps: 1}
sampling: {guidance: 2.5, steps: 3}
"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Corpus and the three stages' folders, by the commands of `make duets`."""
    folder = tmp_path_factory.mktemp("recipe")
    recipe = folder / "tiny.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    given = ("--config", recipe, "--data", folder / "corpus", "--device", "cpu")
    run("data", "duets", "--out", folder / "corpus", "--clips", 60, "--seed", 7, "--kinds", "core")
    run("train", "tokenizer", *given, "--out", folder / "tokenizer")
    run(
        "train",
        "refine",
        *given,
        "--tokenizer",
        folder / "tokenizer",
        "--decoder-only",
        "--out",
        folder / "refined",
    )
    run("train", "transformer", *given, "--tokenizer", folder / "tokenizer", "--out", folder / "transformer")
    run("train", "pair-decoder", *given, "--tokenizer", folder / "refined", "--transformer",
        folder / "transformer", "--out", folder / "pair-decoder")  # fmt: skip
    return folder


@pytest.mark.long
def test_a_setting_changes_the_weights_and_is_recorded(trained, tmp_path):
    given = ("--config", trained / "tiny.yaml", "--data", trained / "corpus", "--device", "cpu")
    slower = ("--set", "tokenizer_training.lr=1e-6", "--set", "tokenizer_training.steps=5")
    run("train", "tokenizer", *given, *slower, "--out", tmp_path / "slower")
    recorded = json.loads((tmp_path / "slower" / "config.json").read_text())["recipe"]
    before = json.loads((trained / "tokenizer" / "config.json").read_text())["recipe"]
    assert recorded["tokenizer_training"] == {**before["tokenizer_training"], "lr": 1e-6, "steps": 5}
    assert json.loads((tmp_path / "slower" / "report.json").read_text())["steps"] == 5
    one, other = (
        load_trained_tokenizer(folder)[0] for folder in (trained / "tokenizer", tmp_path / "slower")
    )
    weight = "encoder.model.0.weight"
    assert not torch.equal(one.state_dict()[weight], other.state_dict()[weight])


def test_an_unknown_setting_names_the_nearest_key(trained, tmp_path):
    arguments = ["train", "tokenizer", "--config", trained / "tiny.yaml", "--data", trained / "corpus",
                 "--out", tmp_path / "wrong", "--set", "tokenizer_training.windw=32"]  # fmt: skip
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError)
    assert "did you mean 'tokenizer_training.window'" in str(result.exception)
    assert not (tmp_path / "wrong").exists()


def test_the_bundle_of_a_recipe_generates(trained, tmp_path):
    report = json.loads(
        run("train", "bundle", "--tokenizer", trained / "refined", "--transformer", trained / "transformer",
            "--out", tmp_path / "small", "--licence", "MIT", "--training-data", "60 clips", "--json")
    )  # fmt: skip
    model = load_model(str(tmp_path / "small"))
    assert report["sha256"] == model.bundle.sha256
    assert (model.info.name, model.info.licence, model.info.training_data) == ("small", "MIT", "60 clips")
    assert (model.info.sampling.guidance, model.info.sampling.steps) == (2.5, 3)
    (made,) = model.generate(["two people bow"], frames=32, seed=1)
    assert made.joints.shape == (2, 32, 22, 3) and np.isfinite(made.joints).all()
    card = (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
    assert "Training data: 60 clips." in card and "Licence: MIT." in card


def test_a_pair_decoder_corrects_what_the_bundle_makes(trained, tmp_path):
    given = ("--tokenizer", trained / "refined", "--transformer", trained / "transformer")
    run("train", "bundle", *given, "--out", tmp_path / "apart", "--fp32")
    run("train", "bundle", *given, "--pair-decoder", trained / "pair-decoder", "--out", tmp_path / "together",
        "--fp32")  # fmt: skip
    apart, together = (load_model(str(tmp_path / name)) for name in ("apart", "together"))
    assert apart.info.pair_decoder is None and together.info.pair_decoder.width == 8
    before, after = (m.generate(["two people bow"], frames=32, seed=1)[0] for m in (apart, together))
    np.testing.assert_array_equal(before.tokens, after.tokens)
    assert not np.allclose(before.joints, after.joints)
    assert together.info.provenance["recipe"]["pair_decoder_training"]["clips"] == 8


def test_a_pair_decoder_of_other_tokens_is_refused(trained, tmp_path):
    run("train", "tokenizer", "--config", trained / "tiny.yaml", "--data", trained / "corpus", "--seed", 9,
        "--device", "cpu", "--out", tmp_path / "other")  # fmt: skip
    arguments = ["train", "pair-decoder", "--config", trained / "tiny.yaml", "--data", trained / "corpus",
                 "--tokenizer", tmp_path / "other", "--transformer", trained / "transformer", "--out",
                 tmp_path / "wrong", "--device", "cpu"]  # fmt: skip
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError)
    assert "was not trained on tokens of" in str(result.exception)
    assert not (tmp_path / "wrong").exists()


def test_half_precision_is_the_default_and_fp32_keeps_every_bit(trained, tmp_path):
    given = ("--tokenizer", trained / "refined", "--transformer", trained / "transformer")
    run("train", "bundle", *given, "--out", tmp_path / "half")
    run("train", "bundle", *given, "--out", tmp_path / "full", "--fp32")
    half, full = (
        load_model(str(tmp_path / name)).bundle.transformer.state_dict() for name in ("half", "full")
    )
    assert any((half[name] != full[name]).any() for name in full)
    for name in full:
        if full[name].is_floating_point():
            np.testing.assert_allclose(half[name].numpy(), full[name].numpy(), rtol=2**-11, atol=2**-25)


@pytest.mark.long
def test_a_second_round_adds_a_condition_per_person(trained, tmp_path):
    recipe = tmp_path / "second.yaml"
    recipe.write_text(
        RECIPE.replace("person_embedding: true", "person_embedding: true, person_condition: true")
    )
    given = ("--config", recipe, "--data", trained / "corpus", "--device", "cpu")
    run("train", "refine", *given, "--tokenizer", trained / "tokenizer", "--out", tmp_path / "tokenizer")
    run("train", "transformer", *given, "--tokenizer", tmp_path / "tokenizer", "--start-from",
        trained / "transformer", "--out", tmp_path / "transformer")  # fmt: skip
    run("train", "bundle", "--tokenizer", tmp_path / "tokenizer", "--transformer", tmp_path / "transformer",
        "--out", tmp_path / "second")  # fmt: skip
    model = load_model(str(tmp_path / "second"))
    before = load_trained_transformer(trained / "transformer")[0].state_dict()
    after = model.bundle.transformer.state_dict()
    # Three steps move the weights a little; a start of their own would be far away.
    near = (after["token_emb.weight"] - before["token_emb.weight"]).abs().max()
    assert near < 0.01 < before["token_emb.weight"].std()
    (made,) = model.generate(["two people bow"], frames=32, seed=1)
    assert np.isfinite(made.joints).all()


@pytest.mark.long
def test_training_starts_from_a_bundle(trained, tmp_path):
    run("train", "bundle", "--tokenizer", trained / "refined", "--transformer", trained / "transformer",
        "--out", tmp_path / "small", "--fp32")  # fmt: skip
    given = ("--config", trained / "tiny.yaml", "--data", trained / "corpus", "--device", "cpu")
    from_bundle = ("--tokenizer", tmp_path / "small", "--start-from", tmp_path / "small")
    run("train", "refine", *given, "--decoder-only", *from_bundle[:2], "--out", tmp_path / "tokenizer")
    run("train", "transformer", *given, *from_bundle, "--out", tmp_path / "transformer")
    run("train", "pair-decoder", *given, *from_bundle[:2], "--transformer", tmp_path / "small",
        "--out", tmp_path / "pair")  # fmt: skip
    run("train", "bundle", "--tokenizer", tmp_path / "tokenizer", "--transformer", tmp_path / "transformer",
        "--pair-decoder", tmp_path / "pair", "--out", tmp_path / "second")  # fmt: skip
    start = load_model(str(tmp_path / "small")).bundle.transformer.state_dict()["token_emb.weight"]
    after = load_model(str(tmp_path / "second")).bundle.transformer.state_dict()["token_emb.weight"]
    assert 0 < (after - start).abs().max() < 0.01 < start.std()


def test_a_transformer_is_bundled_with_the_tokenizer_of_a_bundle(trained, tmp_path):
    stated = ("--licence", "MIT", "--training-data", "60 clips", "--fp32")
    run("train", "bundle", "--tokenizer", trained / "refined", "--transformer", trained / "transformer",
        "--out", tmp_path / "small", *stated)  # fmt: skip
    run("train", "bundle", "--tokenizer", tmp_path / "small", "--transformer", trained / "transformer",
        "--out", tmp_path / "again", "--name", "small", *stated)  # fmt: skip
    for file in sorted(path.name for path in (tmp_path / "small").iterdir()):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "small" / file).read_bytes(), file


def test_a_bundle_has_no_transformer_to_bundle_again(trained, tmp_path):
    run("train", "bundle", "--tokenizer", trained / "refined", "--transformer", trained / "transformer",
        "--out", tmp_path / "small")  # fmt: skip
    given = ["--tokenizer", str(trained / "refined"), "--transformer", str(tmp_path / "small")]
    result = CliRunner().invoke(app, ["train", "bundle", *given, "--out", str(tmp_path / "again")])
    assert isinstance(result.exception, InputError) and "not a training folder" in str(result.exception)


def test_a_transformer_of_other_tokens_is_refused(trained, tmp_path):
    run("train", "tokenizer", "--config", trained / "tiny.yaml", "--data", trained / "corpus", "--seed", 9,
        "--device", "cpu", "--out", tmp_path / "other")  # fmt: skip
    folders = ["--tokenizer", str(tmp_path / "other"), "--transformer", str(trained / "transformer")]
    result = CliRunner().invoke(app, ["train", "bundle", *folders, "--out", str(tmp_path / "wrong")])
    assert isinstance(result.exception, InputError)
    assert "train the transformer again" in str(result.exception)
    assert not (tmp_path / "wrong").exists()
