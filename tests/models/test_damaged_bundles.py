"""Bundles and recipes of wrong types or impossible sizes end in one line that names file and field."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluators.networks.bundle_info import read_info as read_evaluator
from intermask_cli.commands.info import describe
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.bundle import load_bundle
from intermask_cli.models.weights import stored_shapes
from intermask_cli.training.recipes import load_recipe
from tests.helpers.paths import ROOT, SHARED
from tests.helpers.tiny import save_tiny, save_tiny_with_pair_decoder
from tests.helpers.tiny_evaluator import save_tiny_evaluator

CASES = SHARED / "cases" / "strangers"  # language: ok, a folder
ENCODER = {"id": "x", "sha256": None, "dim": 12}


def edit(folder: Path, section: str | None = None, **changes: Any) -> Path:
    """The bundle with other values in its config.json."""
    path = folder / "config.json"
    values = json.loads(path.read_text())
    (values if section is None else values[section]).update(changes)
    path.write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{", b'"x"', b"5", b"null", b"1.5", b"[" * 5000])
def test_info_names_a_config_that_must_be_an_object(tmp_path: Path, content: bytes) -> None:
    folder = save_tiny(tmp_path / "b")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json: (not readable as JSON|expected a JSON object)"):
        describe(str(folder), ReadOptions())


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("transformer", {"layers": 10**9}, "says layers 1000000000"),
        ("transformer", {"latent_dim": 10**7, "heads": 1}, "says latent_dim 10000000"),
        ("transformer", {"text_layers": 10**9}, "says text_layers 1000000000"),
        ("tokenizer", {"depth": 10**9, "dilation_growth": 1}, "says depth 1000000000"),
        ("tokenizer", {"dilation_growth": 10**6}, "dilates a convolution by more than"),
        ("tokenizer", {"width": 1e3}, "tokenizer: width is 1000.0; accepted: a whole number above 0"),
        ("pair_decoder", {"blocks": 10**9}, "says blocks 1000000000"),
        ("sampling", {"steps": [1]}, r"sampling: steps is \[1\]; expected a whole number"),
        ("sampling", {"steps": 10**9}, "sampling: steps is 1000000000; accepted: 1 to 10000"),
        (None, {"sampling": 5}, "sampling: expected keys with values, got 5"),
        (None, {"text_encoder": None}, "text_encoder is None"),
        (None, {"text_encoder": {**ENCODER, "dim": "12"}}, "text_encoder is .*expected a text as id"),
        (None, {"max_frames": 10**12}, "max_frames 1000000000000; accepted: 4 to 18000"),
        (None, {"fps": 25}, "fps is 25"),
        (None, {"licence": 5}, "licence is 5; expected a text"),
        (None, {"provenance": "x"}, "provenance is 'x'; expected keys with values"),
    ],
)
def test_models_are_refused_by_the_field(
    tmp_path: Path, section: str | None, changes: dict[str, Any], message: str
) -> None:
    folder = edit(save_tiny_with_pair_decoder(tmp_path / "b"), section, **changes)
    with pytest.raises(InputError, match=message):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_encoder": 5}, "text_encoder is 5"),
        ({"name": None}, "name is None; expected a text"),
        ({"network": []}, r"network is \[\]; expected keys with values"),
    ],
)
def test_evaluators_are_refused_by_the_field(tmp_path: Path, changes: dict, message: str) -> None:
    folder = edit(save_tiny_evaluator(tmp_path / "e", ENCODER), **changes)
    with pytest.raises(InputError, match=message):
        read_evaluator(folder)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html><title>Quota exceeded</title>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "a Git LFS pointer"),
        (b"", "an empty file"),
    ],
)
def test_weights_that_a_failed_download_left(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"is {what}"):
        stored_shapes(path)


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
def test_the_damaged_bundles_of_the_cases(tmp_path: Path, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ROOT / "intermask_cli" / "assets" / "duet-mini"
    evaluator = ROOT / "evaluators" / "assets" / "duet-eval"
    monkeypatch.setattr(sys, "argv", ["make.py", str(model), str(evaluator), str(tmp_path / "out")])
    runpy.run_path(str(CASES / "damaged-bundles" / "make.py"))
    commands = {
        "info": lambda f: ["info", f],
        "generate": lambda f: ["generate", "p.txt", "--model", f, "--frames", "8", "--steps", "1"],
        "train": lambda f: ["train", "transformer", "--data", "x", "--tokenizer", f, "--out", "t"],
        "evaluate": lambda f: ["evaluate", "--evaluator", f, "--clips", "32", "--repeats", "1"],
    }
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("two people bow\n")
    folders = sorted((tmp_path / "out").iterdir())
    assert len(folders) == 13
    for folder in folders:
        code, _, err = cli(*commands[folder.name.split("-")[0]](str(folder)))
        assert code == 2 and "--debug" not in err, f"{folder.name}: {err}"
        assert "config.json" in err.splitlines()[-1] or "weights.safetensors" in err.splitlines()[-1]


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
def test_the_recipes_of_the_cases() -> None:
    for path in sorted((CASES / "recipes-of-wrong-types").glob("*.yaml")):
        with pytest.raises(InputError) as caught:
            load_recipe(str(path))
        message = str(caught.value)
        assert message.startswith(str(path)) and "1.0e-3" not in message, message
        if path.stem in ("hex-empty", "nested"):
            assert "not valid YAML" in message


def test_recipes_of_wrong_types(tmp_path: Path) -> None:
    for text, message in [
        ("pair_decoder: {width: wide}", "pair_decoder: width is 'wide'"),
        ("masking: {full: yes please}", "masking: full is 'yes please'; expected a number"),
        ("transformer_training: {betas: 0.9}", "betas is 0.9; expected a list of numbers"),
        ("transformer_training: {betas: [a, 1]}", "betas is 'a'; expected a number"),
        ("tokenizer_training: {lr: 1e-3}", r"in YAML write 1\.0e-3"),
        ("pair_decoder_training: 5", "pair_decoder_training: expected keys with values, got 5"),
        ("tokenizer: {width: " + "9" * 5000 + "}", "not valid YAML"),
        ("a: &x [*x]", "unknown section 'a'"),
        ("tokenizer: {dropout: 2}", "dropout is 2; accepted: 0 to 1"),
        ("tokenizer: {codebook_size: 5}", "codebook_size differs"),
    ]:
        path = tmp_path / "r.yaml"
        path.write_text(text)
        with pytest.raises(InputError, match=message) as caught:
            load_recipe(str(path))
        assert str(caught.value).startswith(str(path))


def test_nothing_foreign_is_overwritten(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match=r"holds the model tiny-interhuman, .*use --overwrite"):
        save_tiny_evaluator(folder, ENCODER)
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "config.json").write_text('{"stage": "tokenizer"}')
    with pytest.raises(InputError, match=r"holds a training \(tokenizer\), .*another --out"):
        save_tiny(tmp_path / "t")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"tiny-interhuman and notes\.txt"):
        save_tiny(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "notes.txt"} == before


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="not found"):
        stored_shapes(tmp_path / "w.safetensors")
