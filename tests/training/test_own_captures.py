"""Training on one's own captures, without labels: it runs, or is refused before the first step."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from intermask_cli import load_model
from intermask_cli.cli import app
from intermask_cli.datasets.interhuman.check import check_interhuman
from intermask_cli.errors import InputError
from intermask_cli.training.log import TRAIN, read_table
from tests.helpers.paths import SHARED
from tests.helpers.training_samples import TINY_RECIPE, pairs_tree

CASES = SHARED / "cases" / "pipeline"
MOTION = "motions_processed/person1/3.npy"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*arguments: object) -> str:
    """The one line of a command that is refused as wrong input."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A data set, a recipe, and a tokenizer trained with them."""
    folder = tmp_path_factory.mktemp("own")
    pairs_tree(folder / "mine")
    (folder / "tiny.yaml").write_text(TINY_RECIPE)
    run("train", "tokenizer", "--data", folder / "mine", "--out", folder / "tokenizer", *tiny(folder))
    return folder


def tiny(folder: Path) -> list[str]:
    return ["--config", str(folder / "tiny.yaml"), "--device", "cpu"]


@pytest.fixture
def tree(folder, tmp_path) -> Path:
    """A copy of the data set to spoil."""
    shutil.copytree(folder / "mine", tmp_path / "mine")
    return tmp_path / "mine"


def change(path: Path, edit) -> None:
    values = np.load(path)
    np.save(path, edit(values))


# ---------------------------------------------------------------- without labels


@pytest.mark.slow
@pytest.mark.long
def test_every_command_runs_without_labels(folder, tmp_path):
    """As docs/guides/train.md: all stages, the bundle, motion from it, and its evaluation."""
    data, tokenizer = ("--data", folder / "mine"), ("--tokenizer", folder / "tokenizer")
    run("train", "refine", *data, *tokenizer, "--decoder-only", "--out", tmp_path / "refined", *tiny(folder))
    message = run("train", "transformer", *data, *tokenizer, "--out", tmp_path / "first", *tiny(folder))
    assert "no labels in" in message and "the text head is trained with the transformer" in message
    config = json.loads((tmp_path / "first" / "config.json").read_text())["recipe"]
    assert config["transformer_training"]["freeze_text"] is False  # what was done, not what was asked for
    assert config["text_pretraining"]["steps"] == 0
    message = run("train", "transformer", *data, *tokenizer, "--start-from", tmp_path / "first",
               "--out", tmp_path / "second", *tiny(folder))  # fmt: skip
    assert "the text head keeps the weights it starts from" in message
    run("train", "pair-decoder", *data, *tokenizer, "--transformer", tmp_path / "second",
        "--out", tmp_path / "pair", *tiny(folder))  # fmt: skip
    run("train", "bundle", "--tokenizer", tmp_path / "refined", "--transformer", tmp_path / "second",
        "--pair-decoder", tmp_path / "pair", "--out", tmp_path / "model")  # fmt: skip
    (tmp_path / "prompts.txt").write_text("two people bow to each other\n")
    run("generate", tmp_path / "prompts.txt", "--model", tmp_path / "model", "--seconds", 2,
        "--out", tmp_path / "run", "--device", "cpu")  # fmt: skip
    run("evaluate", tmp_path / "run", "--device", "cpu")


@pytest.mark.slow
def test_the_text_head_learns_where_nothing_is_frozen(folder, tmp_path):
    from intermask_cli.training.stages import load_trained_transformer

    given = ("--data", folder / "mine", "--tokenizer", folder / "tokenizer", *tiny(folder))
    run("train", "transformer", *given, "--out", tmp_path / "short", "--steps", 1)
    run("train", "transformer", *given, "--out", tmp_path / "long", "--steps", 4)
    short, long = (
        load_trained_transformer(tmp_path / name)[0].text_modules()[0].state_dict()
        for name in ("short", "long")
    )
    assert any((short[name] != long[name]).any() for name in short)


@pytest.mark.slow
@pytest.mark.long
def test_the_bundled_model_is_trained_on_and_says_what_it_comes_from(folder, tmp_path):
    """Cases train-without-labels and fine-tuned-bundle."""
    duet_mini = ("--tokenizer", "duet-mini")
    given = ("--data", folder / "mine", *duet_mini, "--steps", 1, "--device", "cpu")
    message = run("train", "transformer", *given, "--start-from", "duet-mini", "--out", tmp_path / "t")
    assert "the text head keeps the weights it starts from" in message
    assert "12 training excerpts: batches of 12 instead of 16" in message
    message = run("train", "bundle", *duet_mini, "--transformer", tmp_path / "t", "--out", tmp_path / "m")
    assert "pair decoder: that of duet-mini" in message
    before, after = load_model("duet-mini").info, load_model(str(tmp_path / "m")).info
    assert after.pair_decoder == before.pair_decoder and after.pair_decoder is not None
    assert after.licence == "MIT (from duet-mini)"
    assert after.training_data.startswith(before.training_data)
    assert after.training_data.endswith("(from duet-mini); further trained on mine")
    run("train", "bundle", *duet_mini, "--transformer", tmp_path / "t", "--pair-decoder", "duet-mini",
        "--licence", "CC0", "--training-data", "bows", "--out", tmp_path / "named")  # fmt: skip
    named = load_model(str(tmp_path / "named")).info
    assert named.pair_decoder == before.pair_decoder
    assert (named.licence, named.training_data) == ("CC0", "bows")


def test_a_pair_decoder_for_other_tokens_is_refused_by_name(folder, tmp_path):
    data, tokenizer = ("--data", folder / "mine"), ("--tokenizer", folder / "tokenizer")
    run("train", "transformer", *data, *tokenizer, "--out", tmp_path / "t", *tiny(folder))
    message = refusal("train", "bundle", *tokenizer, "--transformer", tmp_path / "t",
                   "--pair-decoder", "duet-mini", "--out", tmp_path / "m")  # fmt: skip
    assert "its pair decoder is for other tokens" in message
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.long
def test_the_recipe_of_the_case_trains(tmp_path):
    recipe = ("--config", CASES / "train-without-labels" / "tiny.yaml", "--steps", 2, "--device", "cpu")
    data = ("--data", pairs_tree(tmp_path / "longer", frames=91))
    run("train", "tokenizer", *data, "--out", tmp_path / "tok", *recipe)
    run("train", "transformer", *data, "--tokenizer", tmp_path / "tok", "--out", tmp_path / "b", *recipe)
    assert len(read_table(tmp_path / "b" / TRAIN)) == 2


def test_fewer_clips_than_a_batch_train_in_smaller_batches(folder, tmp_path):
    given = ("--data", folder / "mine", "--tokenizer", folder / "tokenizer", *tiny(folder))
    large = ("--set", "transformer_training.batch_size=52")
    message = run("train", "transformer", *given, *large, "--out", tmp_path / "t")
    assert "batches of 12 instead of 52" in message


# ---------------------------------------------------------------- refused before the first step


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("stage", ["tokenizer", "transformer"])
def test_a_clip_with_nan_is_named(folder, tree, tmp_path, stage, value):
    """Case train-nan-clip."""

    def spoil(motion):
        motion[10, 3] = value
        return motion

    change(tree / MOTION, spoil)
    more = ("--tokenizer", folder / "tokenizer") if stage == "transformer" else ()
    arguments = ("train", stage, "--data", tree, *more, "--out", tmp_path / "out", *tiny(folder))
    message = refusal(*arguments)
    assert f"{MOTION}: NaN or infinity in 1 frames, first 10" in message
    assert not (tmp_path / "out").exists()
    (tree / "ignore_list.txt").write_text("3\n")  # the advice
    assert "ignore_list.txt" in message
    run(*arguments)


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_empty_split_is_refused(folder, tree, tmp_path, split):
    """Case train-empty-split."""
    (tree / f"split/{split}.txt").write_text("")
    message = refusal("train", "tokenizer", "--data", tree, "--out", tmp_path / "t", *tiny(folder))
    assert f"mine/split/{split}.txt: no clips" in message and "`split`" in message
    assert not (tmp_path / "t").exists()
    kinds = check_interhuman(tree).by_kind()
    assert [problem.where for problem in kinds["empty split"]] == [split]


def test_a_split_without_a_usable_clip_says_why(folder, tree, tmp_path):
    for id in (7, 8):
        (tree / f"annots/{id}.txt").unlink()
    message = refusal("train", "tokenizer", "--data", tree, "--out", tmp_path / "t", *tiny(folder))
    assert "none of its clips can be used" in message and "7.txt" in message


def test_centimetres_are_refused_and_not_whole(folder, tree, tmp_path):
    """Case data-check-plausibility."""
    for path in tree.glob("motions_processed/*/*.npy"):
        change(path, lambda motion: np.concatenate([100 * motion[:, :66], motion[:, 66:]], axis=1))
    message = refusal("train", "tokenizer", "--data", tree, "--out", tmp_path / "t", *tiny(folder))
    assert "m tall; accepted: 0.5 to 3 m" in message
    result = CliRunner().invoke(app, ["data", "check", "interhuman", "--root", str(tree)])
    assert result.exit_code == 3 and "no body" in result.output


def test_another_rate_is_refused_and_not_whole(folder, tree, tmp_path):
    for path in tree.glob("motions_processed/*/*.npy"):
        change(path, lambda motion: motion[np.arange(0, 60 * 4, 4) % 61])  # 7.5 frames per second
    message = refusal("train", "tokenizer", "--data", tree, "--out", tmp_path / "t", *tiny(folder))
    assert "30 frames per second" in message
    result = CliRunner().invoke(app, ["data", "check", "interhuman", "--root", str(tree)])
    assert result.exit_code == 3 and "wrong rate" in result.output


def test_clips_too_short_for_a_window_or_a_token(folder, tree, tmp_path):
    for path in tree.glob("motions_processed/*/*.npy"):
        change(path, lambda motion: motion[:20])
    message = refusal("train", "tokenizer", "--data", tree, "--out", tmp_path / "t", *tiny(folder))
    assert "no clip has 32 frames" in message


def test_too_few_steps_for_the_schedule_say_the_minimum(folder, tmp_path):
    message = refusal("train", "tokenizer", "--data", folder / "mine", "--out", tmp_path / "t", *tiny(folder),
                   "--set", "tokenizer_training.plain_steps=10")  # fmt: skip
    assert "a budget of 3 steps" in message and "accepted: 11 steps or more" in message


# ---------------------------------------------------------------- text encoder


def test_the_text_encoder_is_an_option(folder, tmp_path, monkeypatch):
    """Case train-encoder-remedy: the option that the message names exists."""
    given = ("train", "transformer", "--data", folder / "mine", "--tokenizer", folder / "tokenizer",
             "--out", tmp_path / "t", *tiny(folder))  # fmt: skip
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = CliRunner().invoke(app, [*map(str, given), "--text-encoder", "clip:absent/none"])
    assert "--text-encoder" in str(result.exception) and not (tmp_path / "t").exists()
    run(*given, "--text-encoder", "minilm", "--set", "transformer_training.steps=1")
    config = json.loads((tmp_path / "t" / "config.json").read_text())
    assert config["recipe"]["transformer_training"]["text_encoder"] == "minilm"


def test_an_encoder_of_another_width_names_the_key(folder, tmp_path):
    message = refusal("train", "transformer", "--data", folder / "mine", "--tokenizer", folder / "tokenizer",
                   "--out", tmp_path / "t", *tiny(folder), "--set", "transformer.text_dim=768")  # fmt: skip
    assert "--set transformer.text_dim=384 fits" in message


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_others_can_read_a_training_and_its_bundle_as_the_umask_says(folder, tmp_path):
    """Case weights-only-their-owner-reads: all files, and folders that can be entered."""
    out = ("--out", tmp_path / "t")
    before = os.umask(0o022)
    try:
        run("train", "transformer", "--data", folder / "mine", "--tokenizer", folder / "tokenizer", *out,
            *tiny(folder))  # fmt: skip
        run("train", "bundle", "--tokenizer", folder / "tokenizer", "--transformer", tmp_path / "t",
            "--out", tmp_path / "m")  # fmt: skip
    finally:
        os.umask(before)
    made = [path for name in ("t", "m") for path in (tmp_path / name).rglob("*")]
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {"t/best/weights.safetensors", "t/last/optimizer.pt", "m/transformer.safetensors"} <= set(modes)
    assert {name: mode for name, mode in modes.items() if mode not in (0o644, 0o755)} == {}
