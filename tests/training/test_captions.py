"""Which caption of a clip is drawn how often, and what it states."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.datasets.duets.corpus_writer import write_corpus
from intermask_cli.training.sources.open import open_source
from intermask_cli.training.sources.source import ClipCaption, ClipText
from intermask_cli.training.transformer.captions import (
    UNSTATED,
    cached_states,
    caption_table,
    captions_of,
    label_values,
)
from tests.helpers.fakes import FakeTextEncoder

BOW = ClipText(
    (
        ClipCaption("a bow", frozenset({"kind"})),
        ClipCaption("the first person bows", frozenset({"kind", "actor"})),
    ),
    {"kind": "bow", "actor": "0"},
    (
        ClipCaption("homage", frozenset({"kind"})),
        ClipCaption("the first person stoops", frozenset({"kind", "actor"})),
    ),
)
HUG = ClipText((ClipCaption("they hug", frozenset({"kind"})),), {"kind": "hug"})


def table(paraphrases: float):
    texts = [caption for clip in (BOW, HUG) for caption in captions_of(clip, paraphrases)]
    number = {caption.text: i for i, caption in enumerate(texts)}
    return caption_table([BOW, HUG], number, 0.6, label_values([BOW, HUG]), paraphrases)


def test_shares_of_roles_and_paraphrases():
    without, some = table(0.0), table(0.25)
    assert without.chances.tolist() == [pytest.approx([0.2, 0.8]), [1.0, 0.0]]
    assert some.chances.tolist() == [pytest.approx([0.15, 0.6, 0.125, 0.125]), [1.0, 0.0, 0.0, 0.0]]
    torch.manual_seed(0)
    texts, stated = some.draw(torch.zeros(4000, dtype=torch.int64))
    counts = torch.bincount(texts, minlength=4) / 4000
    assert counts.tolist() == pytest.approx([0.15, 0.6, 0.125, 0.125], abs=0.03)
    actor = list(some.labels).index("actor")
    assert torch.equal(stated[:, actor] != UNSTATED, (texts == 1) | (texts == 3))


def test_paraphrases_of_a_corpus_are_the_same_each_time_and_no_part_of_it(tmp_path):
    write_corpus(tmp_path, 6, 2026)
    one, other = (open_source(tmp_path, "train") for _ in range(2))
    for clip in range(len(one)):
        text = one.text(clip)
        assert text == other.text(clip) and len(text.paraphrases) == 3
        assert all("kind" in caption.mentions for caption in text.paraphrases)
        assert not {c.text for c in text.paraphrases} & {c.text for c in text.captions}
        assert captions_of(text, 0.0) == text.captions


def test_cached_states_are_those_of_the_encoder_bit_for_bit(tmp_path):
    texts, encoder = ["they hug", "the first person bows to the second"], FakeTextEncoder()
    wanted = encoder.encode(texts)
    for calls in (2, 2):  # encoded, then read from the file
        taken = cached_states(tmp_path / "states.safetensors", texts, encoder).take(torch.tensor([0, 1]))
        assert encoder.calls == calls
        assert taken.states.dtype == torch.float32 and torch.equal(taken.states, wanted.states)
        assert torch.equal(taken.mask, wanted.mask) and torch.equal(taken.end, wanted.end)
