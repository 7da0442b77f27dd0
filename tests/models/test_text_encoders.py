"""Text encoders: exact padding, independence of the batch, checked weights, short errors."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
import torch

from intermask_cli.errors import InputError, MissingError
from intermask_cli.models import text_encoders as te
from intermask_cli.models.text_encoders import clean_clip_text
from tests.helpers.fakes import FakeTextEncoder

START, END = 48, 49  # of the tiny CLIP vocabulary below
TEXTS = ["two people bow", "the first person pushes the second one away", "hug", "they shake hands", "run"]


@pytest.fixture(scope="module")
def minilm() -> te.TextEncoder:
    return te.load_text_encoder("minilm")


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP text tower with a letter vocabulary, saved the way the hub does (both towers)."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(c) for c in range(ord("a"), ord("x"))]
    words = ["!", *letters, *(letter + "</w>" for letter in letters), "z</w>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": START, "<|endoftext|>": END}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    text = CLIPTextConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        bos_token_id=START, eos_token_id=END,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=8,
        patch_size=4,
    )
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    return folder


def test_minilm_is_the_checked_package(minilm: te.TextEncoder) -> None:
    assert (minilm.id, minilm.dim) == ("all-MiniLM-L6-v2", 384)
    assert minilm.sha256 == te.MINILM_SHA256["model.safetensors"]


def test_minilm_states_stop_at_the_end_token(minilm: te.TextEncoder) -> None:
    out = minilm.encode(TEXTS)
    lengths = out.mask.sum(1)
    assert out.states.shape == (5, int(lengths.max()), 384)
    assert torch.equal(out.end, lengths - 1)
    assert (out.states[~out.mask] == 0).all()


@pytest.mark.slow
def test_a_text_has_the_same_bits_in_any_batch_and_on_any_number_of_threads(minilm: te.TextEncoder) -> None:
    many = [
        "",
        "hug",
        "run",
        *(f"{a} {b} {c}" for a in ("one", "two") for b in ("dance", "box") for c in TEXTS),
    ]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = {text: minilm._run([text])[text] for text in many}
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            for size in (1, 5, len(many)):
                for text, (states, end) in minilm._run(many[:size]).items():
                    assert torch.equal(states, alone[text][0]), (threads, size, text)
                    assert end == alone[text][1]
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_states_equal_the_network_called_with_an_attention_mask(minilm: te.TextEncoder) -> None:
    """Independent of our batching: the usual padded call of transformers, up to rounding."""
    from transformers import AutoTokenizer, BertModel

    tokens = AutoTokenizer.from_pretrained(minilm.folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = BertModel.from_pretrained(minilm.folder).eval()(**tokens).last_hidden_state
    out = minilm.encode(TEXTS)
    assert torch.equal(out.mask, tokens["attention_mask"].bool())
    torch.testing.assert_close(out.states[out.mask], expected[out.mask], atol=1e-5, rtol=1e-5)


def test_repeated_texts_run_once_and_old_ones_are_forgotten(
    minilm: te.TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    run = minilm._run
    monkeypatch.setattr(minilm, "_run", lambda texts: ran.extend(texts) or run(texts))
    monkeypatch.setattr(te, "CACHED_TEXTS", 2)
    first = minilm.encode(["a kick", "a kick", "a wave"])
    minilm.encode(["a kick", "a wave"])
    assert ran == ["a kick", "a wave"]
    assert torch.equal(first.states[0], first.states[1])
    minilm.encode(["a bow", "a wave"])
    minilm.encode(["a kick"])
    assert ran == ["a kick", "a wave", "a bow", "a kick"]


def test_long_text_keeps_the_end_token_and_warns(
    minilm: te.TextEncoder, capsys: pytest.CaptureFixture
) -> None:
    out = minilm.encode(["walk " * 400])
    assert out.states.shape[1] == te.MiniLM.limit
    assert minilm._tokens("walk " * 400)[-1] == minilm._tokens("walk")[-1]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cut to 256" in printed.err


def test_loading_and_encoding_print_nothing(capfd: pytest.CaptureFixture, tiny_clip: Path) -> None:
    te.load_text_encoder("minilm").encode(["two people bow"])
    te.load_text_encoder(f"clip:{tiny_clip}").encode(["two people bow"])
    assert tuple(capfd.readouterr()) == ("", "")


def test_changed_package_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(te.MINILM_SHA256, "tokenizer.json", "f" * 64)
    with pytest.raises(InputError, match=r"tokenizer.json: SHA-256 .*--text-encoder PATH"):
        te.load_text_encoder("minilm")


def test_minilm_from_a_folder_is_the_same_encoder(minilm: te.TextEncoder) -> None:
    again = te.load_text_encoder(str(minilm.folder))
    assert (again.id, again.sha256, again.dim) == (minilm.id, minilm.sha256, minilm.dim)
    assert torch.equal(again.encode(["they hug"]).states, minilm.encode(["they hug"]).states)


def test_clip_pads_with_zero_to_77_and_uses_no_mask(tiny_clip: Path) -> None:
    from transformers import AutoTokenizer, CLIPModel

    encoder = te.load_text_encoder(f"clip:{tiny_clip}")
    out = encoder.encode(["hug", "bow low"])
    assert out.states.shape == (2, 77, 16)
    assert out.mask.all()
    ids = torch.zeros(1, 77, dtype=torch.long)
    letters = AutoTokenizer.from_pretrained(tiny_clip).convert_tokens_to_ids(["h", "u", "g</w>"])
    tokens = [START, *letters, END]
    ids[0, :5] = torch.tensor(tokens)
    tower = CLIPModel.from_pretrained(tiny_clip).eval().text_model
    with torch.no_grad():
        expected = tower(input_ids=ids).last_hidden_state
    assert torch.equal(out.states[:1], expected)
    assert out.end.tolist() == [4, 7]
    with torch.no_grad():  # the fault this guards against: padding hidden, or another padding id
        masked = tower(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state
        other = tower(input_ids=ids.masked_fill(ids == 0, END)).last_hidden_state
    assert (masked - expected).abs().max() > 1e-3
    assert (other - expected).abs().max() > 1e-3


def test_clip_cuts_to_77_with_the_end_token_last(tiny_clip: Path) -> None:
    encoder = te.load_text_encoder(str(tiny_clip))
    out = encoder.encode(["abc " * 60])
    assert out.states.shape == (1, 77, 16)
    assert out.end.tolist() == [76]
    assert encoder._tokens("abc " * 60)[-1] == END


def test_clip_cleans_as_the_original_tokenizer(tiny_clip: Path) -> None:
    encoder = te.load_text_encoder(str(tiny_clip))
    assert encoder._tokens("  A &amp;lt;  b\n") == encoder._tokens("a < b")
    assert encoder._tokens("one’s “hug”") == encoder._tokens('one\'s "hug"')
    assert encoder._tokens("") == [START, END]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  TWO  dancers &amp;amp; one’s partner ", "two dancers & one's partner"),
        ("one&rsquo;s “hug” ʼn‛ „low‟", 'one\'s "hug" \'n\' "low"'),
        ("ﬁght Ｔｗｏ\u3000ｂｏｗ", "fight two bow"),
        ("cafe\u0301", "café"),
        ("½ of them, 10²", "½ of them, 10²"),
    ],
)
def test_clip_text_cleaning(text: str, cleaned: str) -> None:
    assert clean_clip_text(text) == cleaned


def test_the_first_end_token_counts(tiny_clip: Path) -> None:
    """A prompt that spells the end token out: published code takes the first largest id."""
    out = te.load_text_encoder(str(tiny_clip)).encode(["hug <|endoftext|> low"])
    assert out.end.tolist() == [4]


def test_pickled_hub_weights_load_too(tiny_clip: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    pickled = te.load_text_encoder(str(folder))
    assert torch.equal(
        pickled.encode(["hug"]).states, te.load_text_encoder(str(tiny_clip)).encode(["hug"]).states
    )


@pytest.mark.parametrize(
    "spec", ["clip", "unknown/model", "clip:unknown/model", "/not/there", "minilm:/not/there"]
)
def test_missing_weights_say_so_at_once(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    started = time.monotonic()
    with pytest.raises(MissingError, match=r"--text-encoder PATH\|HUB_ID"):
        te.load_text_encoder(spec)
    assert time.monotonic() - started < 3


def test_wrong_kind_and_damaged_weights_are_one_line(tiny_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="describes a clip encoder, not minilm"):
        te.load_text_encoder(f"minilm:{tiny_clip}")
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not weights at all")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        te.load_text_encoder(str(folder))
    assert "\n" not in str(caught.value)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="'gpt2'; accepted: bert, clip"):
        te.load_text_encoder(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(MissingError, match=r"needs config.json"):
        te.load_text_encoder(str(folder))


def test_another_encoder_than_the_recorded_one_is_an_error() -> None:
    encoder = FakeTextEncoder(12)
    record = {"id": "fake", "sha256": "0" * 64, "dim": 12}
    te.check_encoder(encoder, record, "duet-mini")
    te.check_encoder(encoder, {**record, "sha256": None}, "duet-mini")
    for change in ({"id": "other"}, {"sha256": "1" * 64}, {"dim": 13}):
        with pytest.raises(InputError, match="'duet-mini' was trained with text encoder"):
            te.check_encoder(encoder, record | change, "duet-mini")


@pytest.mark.parametrize("spec", ["clip", "clip:", "some/hub-id", "clip:some/hub-id"])
def test_texts_that_an_encoder_of_the_hub_cuts_are_seen_without_loading_it(
    spec: str, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(te, "_from_hub", lambda repository: tiny_clip)
    monkeypatch.setattr(te.Clip, "_load", lambda self: 1 / 0)
    cut = te.local_cut_tokens(spec)
    assert cut is not None
    assert cut("a b")[0] == 0 and cut("a " * 100) == (102 - 77, 102)
