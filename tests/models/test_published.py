"""Import of published checkpoints: every known variant loads, everything else gets a clear no."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from intermask_cli.commands.import_checkpoint import import_checkpoint as command
from intermask_cli.config import TokenizerConfig
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.bundle import load_bundle
from intermask_cli.models.codebook import EXTRA_BUFFERS
from intermask_cli.models.published import import_checkpoint, load_published
from intermask_cli.models.published_files import read_options
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.representation import INTERHUMAN
from tests.helpers.published_checkpoint import (
    TRANSFORMER,
    VARIANTS,
    PublishedCheckpoint,
    write_options,
    write_state,
)


def edit_options(folder: Path, **changes: Any) -> None:
    options = read_options(folder / "opt.txt") | changes
    write_options(folder, {key: value for key, value in options.items() if value is not None})


@pytest.fixture(params=list(VARIANTS))
def variant(request):
    return request.param


@pytest.fixture
def graph(tmp_path):
    return PublishedCheckpoint(tmp_path, VARIANTS["graph"])


@pytest.fixture
def interx(tmp_path):
    return PublishedCheckpoint(tmp_path, VARIANTS["interx"])


@pytest.fixture
def stats(tmp_path):
    files = [tmp_path / "mean.npy", tmp_path / "std.npy"]
    np.save(files[0], np.linspace(-1, 1, 262, dtype=np.float32))
    np.save(files[1], np.linspace(0.1, 1, 262, dtype=np.float32))
    return files


@torch.inference_mode()
def test_every_variant_loads_with_equal_outputs_and_is_named(tmp_path, variant):
    original = PublishedCheckpoint(tmp_path, VARIANTS[variant])
    model = load_published(original.trans)
    expected = {
        "graph": "interhuman, graph stem",
        "old": "before 23 April 2025",
        "interx": "interx, convolution",
    }
    assert expected[variant] in model.variant
    shape = (56, 6) if variant == "interx" else (262,)
    motion = torch.randn(2, 17, *shape)
    ids = original.tokenizer.encode(motion)
    assert torch.equal(model.tokenizer.encode(motion), ids)
    assert torch.equal(model.tokenizer.decode(ids), original.tokenizer.decode(ids))
    flat, condition = torch.randint(0, 17, (2, 40)), torch.randn(2, 16)
    assert torch.equal(model.transformer(flat, condition), original.transformer(flat, condition))
    assert model.transformer.config == TRANSFORMER
    assert bool(model.tokenizer.quantizer.first.initialised), "training on must not start a new codebook"


@torch.inference_mode()
def test_bundle_round_trip(tmp_path, graph, stats):
    model, sha256 = import_checkpoint(graph.trans, tmp_path / "bundle", stats)
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.sha256 == sha256 and bundle.info.representation is INTERHUMAN
    assert bundle.info.text_encoder["id"] == "clip-vit-large-patch14-336"
    np.testing.assert_array_equal(bundle.normalizer.mean, np.load(stats[0]))
    flat, condition = torch.randint(0, 17, (1, 40)), torch.randn(1, 16)
    assert torch.equal(bundle.transformer(flat, condition), model.transformer(flat, condition))
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "graph stem" in card and "trans_a/best_fid.tar" in card
    with pytest.raises(InputError, match="holds the model intermask-interhuman-trans_a"):
        import_checkpoint(graph.trans, tmp_path / "bundle", stats)


def test_statistics_rules(tmp_path, graph, stats):
    out = tmp_path / "bundle"
    with pytest.raises(MissingError, match=r"--stats global_mean\.npy"):
        import_checkpoint(graph.trans, out)
    np.save(tmp_path / "short.npy", np.ones(200, dtype=np.float32))
    with pytest.raises(InputError, match="200 features, expected 262"):
        import_checkpoint(graph.trans, out, [tmp_path / "short.npy"] * 2)
    assert not out.exists()
    np.savez(tmp_path / "both.npz", global_mean=np.load(stats[0]), global_std=np.load(stats[1]))
    import_checkpoint(graph.trans, out, [tmp_path / "both.npz"])


def test_interx_takes_no_statistics(tmp_path, interx, stats):
    with pytest.raises(InputError, match="leave --stats out"):
        import_checkpoint(interx.trans, tmp_path / "bundle", stats)
    import_checkpoint(interx.trans, tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle").normalizer is None


def test_older_names_frozen_clip_and_fp16_weights_are_accepted(graph):
    write_state(graph.vq, "net", graph.vq_state())
    extra = {"clip_ln_final.weight": torch.ones(16), "clip_token_embedding.weight": torch.ones(5, 16)}
    write_state(graph.trans, "trans", graph.transformer.state_dict() | extra)
    load_published(graph.trans)


def test_which_chooses_the_transformer_file(graph):
    state = {k: v.clone() for k, v in graph.transformer.state_dict().items()}
    state["cond_emb.bias"] += 1
    write_state(graph.trans, "t2m_transformer", state, "finest_epoch12")
    finest = load_published(graph.trans, "finest").transformer
    assert torch.equal(finest.cond_emb.bias, state["cond_emb.bias"])
    assert not torch.equal(load_published(graph.trans).transformer.cond_emb.bias, state["cond_emb.bias"])
    with pytest.raises(MissingError, match=r"no checkpoint 'latest' \(best_fid.tar, finest_epoch12.tar\)"):
        load_published(graph.trans, "latest")


def test_unknown_missing_and_misshapen_keys_are_named(graph):
    state = dict(graph.transformer.state_dict())
    state["word_attention.weight"] = torch.ones(2)
    del state["clipln.bias"]
    state["output_process.dense.bias"] = torch.ones(3)
    write_state(graph.trans, "t2m_transformer", state)
    with pytest.raises(InputError) as error:
        load_published(graph.trans)
    for words in (
        "1 unknown (word_attention.weight)",
        "1 missing (clipln.bias)",
        "1 misshapen (output_process",
    ):
        assert words in str(error.value)
    vq = graph.vq_state() | {"encoder.model.0.1.model.0.norm1.weight": torch.ones(10)}
    write_state(graph.trans, "t2m_transformer", graph.transformer.state_dict())
    write_state(graph.vq, "vq_model", vq)
    with pytest.raises(InputError, match=r"1 unknown \(encoder.model.0.1.model.0.norm1.weight\)"):
        load_published(graph.trans)


@pytest.mark.parametrize(
    ("stage", "key", "value", "words"),
    [
        ("vq", "quantizer.layers.0.codebook", torch.zeros(5), r"has shape \(5,\); expected 2 axes"),
        ("vq", "encoder.model.0.0.weight", torch.zeros(()), r"has shape \(\); expected 4 axes"),
        ("trans", "cond_emb.weight", torch.zeros(5), r"'cond_emb.weight' has shape \(5,\)"),
        ("trans", "cond_emb.weight", torch.zeros(0, 16), "none of them empty"),
        ("trans", "token_emb.weight", torch.zeros(3, 6), "has 3 rows; expected 3 and one per code"),
        ("trans", 7, torch.zeros(5), "expected names and tensors"),
        ("trans", "cond_emb.bias", 1.5, "'cond_emb.bias' is a float"),
    ],
)
def test_tensors_of_another_kind_are_named(graph, stage, key, value, words):
    if stage == "vq":
        write_state(graph.vq, "vq_model", {**graph.vq_state(), key: value})
    else:
        write_state(graph.trans, "t2m_transformer", {**graph.transformer.state_dict(), key: value})
    with pytest.raises(InputError, match=words):
        load_published(graph.trans)


def test_weights_in_half_precision_are_accepted(graph):
    half = {key: value.half() for key, value in graph.transformer.state_dict().items()}
    write_state(graph.trans, "t2m_transformer", half)
    loaded = load_published(graph.trans).transformer.cond_emb.weight
    assert torch.equal(loaded, half["cond_emb.weight"].float())


def test_a_tokenizer_under_another_name_says_what_to_do(graph):
    (graph.vq / "model" / "best_fid.tar").rename(graph.vq / "model" / "latest.tar")
    with pytest.raises(MissingError, match=r"\(latest\.tar\); copy the one to use to best_fid\.tar"):
        load_published(graph.trans, "best_fid")


def test_a_fork_gets_a_clear_no(graph):
    state = dict(graph.transformer.state_dict())
    for i in range(2):
        name = f"Transformer.blocks.{i}.adaLN_mod_combined.model.1"
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.ones(9 * 12, 12), torch.ones(9 * 12)
    write_state(graph.trans, "t2m_transformer", state)
    with pytest.raises(
        InputError, match=r"9 chunks in 'adaLN_mod_combined', 6 in the published model; .* fork"
    ):
        load_published(graph.trans)


@pytest.mark.parametrize(
    ("which", "changes", "words"),
    [
        ("vq", {"vq_norm": "GN"}, "vq_norm is GN; accepted: None"),
        ("vq", {"down_t": 3}, "down_t is 3"),
        ("vq", {"nb_code": 512}, "nb_code is 16 in the tensors and 512 in opt.txt"),
        ("vq", {"vq_act": "tanh"}, "activation is 'tanh'"),
        ("vq", {"mu": "often"}, "mu is 'often' in opt.txt; expected a number"),
        ("vq", {"dilation_growth_rate": 0}, "dilation_growth_rate is 0 in opt.txt; expected a whole number"),
        ("trans", {"n_heads": None}, "no n_heads"),
        ("trans", {"n_heads": True}, "n_heads is 'True' in opt.txt; expected a number"),
        ("trans", {"n_heads": 2.5}, "n_heads is 2.5 in opt.txt; expected a whole number above 0"),
        ("trans", {"n_heads": 5}, "latent_dim=12 is not a multiple of heads=5"),
        ("trans", {"n_layers": 6}, "n_layers is 2 in the tensors and 6 in opt.txt"),
        ("trans", {"vq_name": None}, "no vq_name"),
        (
            "trans",
            {"dataset_name": "interx"},
            "options say 'interx', but the tokenizer's tensors are interhuman",
        ),
        ("trans", {"dataset_name": "humanml"}, "dataset 'humanml'; accepted: interhuman, interx"),
    ],
)
def test_options_that_do_not_fit(graph, which, changes, words):
    edit_options(getattr(graph, which), **changes)
    with pytest.raises(InputError) as error:
        load_published(graph.trans)
    assert words in str(error.value)


def test_tokenizer_of_another_model(graph):
    other = Tokenizer(TokenizerConfig(width=10, code_dim=6, codebook_size=8)).state_dict()
    write_state(
        graph.vq, "vq_model", {k: v for k, v in other.items() if k.rpartition(".")[2] not in EXTRA_BUFFERS}
    )
    edit_options(graph.vq, nb_code=8)
    with pytest.raises(InputError, match="codebook_size 16, tokenizer 'vq_a' with 8"):
        load_published(graph.trans)


class Payload:
    """Unpickling this would create a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_hostile_and_damaged_files(tmp_path, graph):
    file = graph.trans / "model" / "best_fid.tar"
    content = file.read_bytes()
    write_state(graph.trans, "t2m_transformer", Payload(tmp_path / "pwned"))
    with pytest.raises(InputError, match="not a readable weights file"):
        load_published(graph.trans)
    assert not (tmp_path / "pwned").exists()
    flipped = bytes(byte ^ 0xFF for byte in content[:2000]) + content[2000:]
    for damaged in (b"not a checkpoint", content[: len(content) // 2], flipped):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="not a readable weights file"):
            load_published(graph.trans)
    write_state(graph.trans, "t2m_transformer", {"huge": torch.zeros(1).expand(1 << 40)})
    with pytest.raises(InputError, match=r"'huge' claims shape .1099511627776,., holds less"):
        load_published(graph.trans)
    torch.save([1, 2], file)
    with pytest.raises(InputError, match="holds list; expected one of t2m_transformer, trans"):
        load_published(graph.trans)
    write_state(graph.trans, "trans", [1, 2])
    with pytest.raises(InputError, match="'trans' is a list, expected a dictionary"):
        load_published(graph.trans)
    state = {k: v.clone() for k, v in graph.transformer.state_dict().items()}
    state["cond_emb.bias"][0] = torch.nan
    write_state(graph.trans, "t2m_transformer", state)
    with pytest.raises(InputError, match=r"'cond_emb\.bias' has NaN"):
        load_published(graph.trans)


def test_missing_parts(tmp_path, graph):
    with pytest.raises(MissingError, match="no such folder"):
        load_published(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"opt\.txt: a file; give the folder .*trans_a, .*interclip\.ckpt"):
        load_published(graph.trans / "opt.txt")
    shutil.move(graph.vq, tmp_path / "elsewhere")
    with pytest.raises(MissingError, match="vq_a"):
        load_published(graph.trans)
    (graph.trans / "opt.txt").unlink()
    with pytest.raises(MissingError, match=r"opt\.txt: not found"):
        load_published(graph.trans)


def test_option_files_are_read_as_the_published_code_reads_them(tmp_path):
    write_options(tmp_path, {"a": True, "b": 0.5, "c": 12, "d": "1e-05", "e": None, "f": "x: y", "g": ""})
    options = read_options(tmp_path / "opt.txt")
    assert options == {"a": True, "b": 0.5, "c": 12, "d": "1e-05", "e": "None", "f": "x: y", "g": ""}


def test_command(tmp_path, graph, stats):
    app = typer.Typer()
    app.command()(command)
    out = tmp_path / "bundle"
    arguments = [str(graph.trans), "--out", str(out), "--stats", *map(str, stats), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["dataset"] == "interhuman"
    assert "graph stem" in result.stderr
    both = CliRunner().invoke(app, [*arguments, "--stats-npz", "x.npz"])
    assert isinstance(both.exception, InputError)
