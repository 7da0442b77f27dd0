"""Bundles: what is saved comes back, and every kind of damage is one line."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from intermask_cli.errors import InputError, MissingError
from intermask_cli.models import bundle_info as bundles
from intermask_cli.models.bundle import load_bundle, save_bundle
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.motion.normalizer import Normalizer
from tests.helpers.tiny import save_tiny, tiny_info, tiny_parts


@pytest.mark.parametrize("representation", ["interhuman", "interx"])
def test_saved_bundle_computes_the_same(tmp_path: Path, representation: str) -> None:
    info = tiny_info(representation)
    tokenizer, transformer, normalizer = tiny_parts(info)
    sha256 = save_bundle(tmp_path / "b", info, tokenizer, transformer, normalizer, card="# card\n")
    loaded = load_bundle(tmp_path / "b")
    assert loaded.info == info
    assert loaded.sha256 == sha256
    ids = torch.randint(0, 40, (2, 5, 4))
    assert torch.equal(loaded.tokenizer.decode(ids), tokenizer.decode(ids))
    assert torch.equal(loaded.transformer(ids.view(1, -1)), transformer(ids.view(1, -1)))
    assert not loaded.tokenizer.training
    assert not loaded.transformer.training
    if normalizer is None:
        assert loaded.normalizer is None
    else:
        assert loaded.normalizer is not None
        assert (loaded.normalizer.mean == normalizer.mean).all()


def test_half_precision_halves_matrices_only_and_loads_as_float32(tmp_path: Path) -> None:
    save_tiny(tmp_path / "full")
    save_tiny(tmp_path / "half", fp16=True)
    stored = load_file(tmp_path / "half" / bundles.TRANSFORMER)
    assert stored["cond_emb.weight"].dtype == torch.float16
    assert stored["position_enc.positional_encoding.inv_freq"].dtype == torch.float32
    full, half = load_bundle(tmp_path / "full"), load_bundle(tmp_path / "half")
    assert {p.dtype for p in half.transformer.parameters()} == {torch.float32}
    for (name, a), b in zip(
        full.transformer.state_dict().items(), half.transformer.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3, msg=name)
    size = [(tmp_path / n / bundles.TRANSFORMER).stat().st_size for n in ("full", "half")]
    assert size[1] < 0.6 * size[0]


def test_half_precision_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    info = tiny_info()
    tokenizer, transformer, normalizer = tiny_parts(info)
    with torch.no_grad():
        transformer.cond_emb.weight[0, 0] = 1e6
    with pytest.raises(InputError, match=r"'cond_emb.weight' does not fit half precision"):
        save_bundle(tmp_path, info, tokenizer, transformer, normalizer, card="", fp16=True)


def test_hash_covers_every_file_but_the_card(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    before = bundles.bundle_sha256(folder)
    assert before == bundles.bundle_sha256(save_tiny(tmp_path / "again"))
    (folder / bundles.CARD).write_text("other")
    assert bundles.bundle_sha256(folder) == before
    for name in (bundles.CONFIG, bundles.NORMALIZER, bundles.TOKENIZER, bundles.TRANSFORMER):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        assert bundles.bundle_sha256(folder) != before, name
        (folder / name).write_bytes(content)


def test_loading_leaves_the_callers_random_stream_alone(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_bundle(folder)
    assert torch.equal(torch.rand(3), expected)


def test_no_training_state_and_no_pickle_in_the_folder(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    assert {p.name for p in folder.iterdir()} == {
        bundles.CONFIG, bundles.TOKENIZER, bundles.TRANSFORMER, bundles.NORMALIZER, bundles.CARD,
    }  # fmt: skip
    assert not [k for k in load_file(folder / bundles.TOKENIZER) if "code_sum" in k or "code_count" in k]


def test_names_resolve_to_assets_then_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "ASSETS", tmp_path / "assets")
    save_tiny(tmp_path / "assets" / "tiny")
    evaluator = tmp_path / "assets" / "judge"
    evaluator.mkdir()
    (evaluator / "config.json").write_text('{"kind": "evaluator", "format": "intermask-bundle"}')
    assert bundles.list_bundled() == ["tiny"]
    assert load_bundle("tiny").folder == tmp_path / "assets" / "tiny"
    assert load_bundle(str(tmp_path / "assets" / "tiny")).info.name == "tiny-interhuman"
    with pytest.raises(InputError, match="describes evaluator, not an intermask model"):
        load_bundle("judge")


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/no/such/folder", "somebody/model"])
def test_unknown_names_say_what_is_bundled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingError, match=r"--model NAME\|PATH\|HUB_ID"):
        load_bundle(name)


def test_a_folder_without_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"a folder without config\.json"):
        load_bundle(tmp_path)


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / bundles.CONFIG).read_text())
    config |= changes
    config = {k: v for k, v in config.items() if v is not ...}
    (folder / bundles.CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not an intermask model"),
        ({"format_version": 9}, "format_version 9; this program reads 1"),
        ({"max_frame": 3}, r"unknown key 'max_frame'; did you mean 'max_frames'\?"),
        ({"max_frames": ...}, "no 'max_frames'"),
        ({"tokenizer": ...}, "no section 'tokenizer'"),
        ({"sampling": {"step": 3}}, "sampling: unknown key 'step'; did you mean 'steps'"),
        ({"text_encoder": {"id": "x"}}, "expected an object with id, sha256 and dim"),
    ],
)
def test_wrong_config_is_named(tmp_path: Path, changes: dict, message: str) -> None:
    folder = save_tiny(tmp_path / "b")
    edit_config(folder, **changes)
    with pytest.raises(InputError, match=message):
        load_bundle(folder)


@pytest.mark.slow
def test_every_config_field_is_required(tmp_path: Path) -> None:
    for field in dataclasses.fields(BundleInfo):
        if field.name in ("pair_decoder", "body", "reading"):
            continue  # older bundles do not say these
        folder = save_tiny(tmp_path / field.name)
        edit_config(folder, **{field.name: ...})
        with pytest.raises(InputError, match=f"'{field.name}'"):
            load_bundle(folder)


@pytest.mark.slow
def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    for name, damage in [
        (bundles.TOKENIZER, lambda data: data[: len(data) // 2]),
        (bundles.TRANSFORMER, lambda data: b"\x80\x04" + data),
        (bundles.NORMALIZER, lambda data: data[:40]),
        (bundles.CONFIG, lambda data: data[:-20]),
    ]:
        folder = save_tiny(tmp_path / name)
        (folder / name).write_bytes(damage((folder / name).read_bytes()))
        with pytest.raises(InputError) as caught:
            load_bundle(folder)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [bundles.TOKENIZER, bundles.TRANSFORMER, bundles.NORMALIZER])
def test_missing_files_are_named(tmp_path: Path, name: str) -> None:
    folder = save_tiny(tmp_path / "b")
    (folder / name).unlink()
    with pytest.raises(MissingError, match=name):
        load_bundle(folder)


@pytest.mark.slow
def test_keys_shapes_and_values_must_fit(tmp_path: Path) -> None:
    def changed(change) -> Path:
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
        folder = save_tiny(tmp_path / "b")
        state = load_file(folder / bundles.TRANSFORMER)
        change(state)
        save_file(state, folder / bundles.TRANSFORMER)
        return folder

    with pytest.raises(InputError, match=r"unknown key 'cond_emb.weigth' \(nearest: 'cond_emb.weight'\)"):
        load_bundle(changed(lambda s: s.update({"cond_emb.weigth": torch.zeros(1)})))
    with pytest.raises(InputError, match=r"missing key 'cond_emb.bias'"):
        load_bundle(changed(lambda s: s.pop("cond_emb.bias")))
    with pytest.raises(InputError, match=r"'cond_emb.bias' is \(3,\), config.json asks for \(32,\)"):
        load_bundle(changed(lambda s: s.update({"cond_emb.bias": torch.zeros(3)})))
    with pytest.raises(InputError, match=r"'cond_emb.bias' has NaN"):
        load_bundle(changed(lambda s: s["cond_emb.bias"].fill_(float("nan"))))


def test_normaliser_belongs_to_interhuman_only(tmp_path: Path) -> None:
    for representation, wrong in [("interhuman", None), ("interx", Normalizer([0.0], [1.0]))]:
        info = tiny_info(representation)
        tokenizer, transformer, _ = tiny_parts(info)
        with pytest.raises(InputError, match="normaliser"):
            save_bundle(tmp_path, info, tokenizer, transformer, wrong, card="")
