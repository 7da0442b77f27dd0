"""The training of a reader: names of people, sentences, tables, and a small training from end to end."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from intermask_cli.datasets.duets.captions import captions_for
from intermask_cli.datasets.duets.labels import KINDS, draw_labels
from intermask_cli.datasets.duets.wordings import wordings
from intermask_cli.reading.label_network import LabelNetwork
from intermask_cli.reading.label_tables import ACTION_LABELS, LabelNetworkConfig
from intermask_cli.training.reader.people import Name, Naming, draw_naming, people_words, renamed
from intermask_cli.training.reader.sentences import (
    Sentence,
    captions_of_kinds,
    outside_sentences,
    paraphrases_of_kinds,
    role_sentences,
)
from intermask_cli.training.reader.tables import kind_tables
from intermask_cli.training.reader.train import ReaderRecipe, fit_kind, fit_labels, label_values
from intermask_cli.training.transformer.captions import cached_states
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.paths import ROOT

ANNA_AND_BEN = Naming((Name.of("Anna"), Name.of("Ben")), False)
HE_AND_SHE = Naming((Name.of(["he", "him", "his"]), Name.of(["she", "her", "her"])), False)


@pytest.mark.parametrize(
    ("text", "naming", "wanted", "now"),
    [
        ("The second woman bows to the first woman.", ANNA_AND_BEN, "Anna bows to Ben.", (1, 0)),
        ("person one kicks the other person", ANNA_AND_BEN, "Anna kicks Ben", (0, 1)),
        ("the first person's hand waves at the second", HE_AND_SHE, "his hand waves at her", (0, 1)),
        ("after the second person has come, the first person bows", HE_AND_SHE,
         "after he has come, she bows", (1, 0)),
        ("two people bow", ANNA_AND_BEN, "two people bow", (0, 1)),
    ],
)  # fmt: skip
def test_other_names(text: str, naming: Naming, wanted: str, now: tuple[int, int]) -> None:
    assert renamed(text, naming) == (wanted, now)


def test_there_are_fifty_ways_to_name_two_people() -> None:
    rng = np.random.default_rng(0)
    assert len({draw_naming(rng).names for _ in range(3000)}) > 500
    ways = people_words()
    assert len(ways["numbered"]) + len(ways["ordered"]) >= 50 and len(ways["names"]) >= 50


def test_sentences_say_who_acts_under_any_name() -> None:
    """Who acts in the numbered text is who its label says: the template with the names put back."""
    made = captions_of_kinds(np.random.default_rng(1), ["push_stagger"], 60)
    pushes = re.compile(r"the (first|second) person (?:(?!the\b)\w+ )*?(?:pushes|shoves)\b")
    checked = 0
    for sentence in made:
        found = pushes.search(sentence.numbered)
        if found and sentence.labels.get("actor"):
            assert sentence.labels["actor"] == str(["first", "second"].index(found[1])), sentence
            checked += 1
    assert checked >= 10


def test_words_and_prompts_for_testing_are_not_trained_on() -> None:
    words = people_words()
    held = {*wordings().held["nouns"]}
    assert not held & {*words["nouns"]}
    prompts = {
        row["text"].lower().rstrip(".")
        for name in ("free-wordings.csv", "benchmark.csv")
        for row in csv.DictReader((ROOT / "prompts" / name).open(encoding="utf-8", newline=""))
    }
    outside = {s.text.lower().rstrip(".") for s in outside_sentences(np.random.default_rng(0), 2)}
    assert not prompts & outside and len(outside) > 400


def test_every_kind_has_sentences_about_either_person() -> None:
    with_actor = [kind for kind, info in KINDS.items() if info.has_actor]
    made = role_sentences(np.random.default_rng(3), list(KINDS), 2)
    for kind in with_actor:
        acts = [s.labels["actor"] for s in made if s.kind == kind]
        assert len(acts) >= 24 and 0.25 < acts.count("0") / len(acts) < 0.75
    assert {s.kind for s in made} == set(with_actor)
    pushed = [s for s in made if re.match("the [a-z]+ person is shoved away by the", s.numbered.lower())]
    assert pushed
    for sentence in pushed:
        assert sentence.labels["actor"] == ("1" if sentence.numbered.lower().startswith("the first") else "0")


def test_paraphrases_state_no_more_than_who_acts() -> None:
    made = paraphrases_of_kinds(np.random.default_rng(0), ["kick_dodge", "handshake"], 20)
    assert {name for sentence in made for name in sentence.labels} <= {"actor"}


@pytest.mark.slow
def test_tables_have_full_captions_for_every_combination() -> None:
    (table,) = kind_tables(["high_five"], 0).values()
    assert set(table.frames) == {"slow", "normal", "fast"} and table.frames["slow"] > table.frames["fast"]
    rows = {tuple(row[1:]) for row in table.actions}
    assert len(rows) == len(table.actions) and ("", "left", "low", "slow", "near", "2") in rows
    stated = dict(zip(ACTION_LABELS, ("", "right", "high", "fast", "both", ""), strict=True))
    (action,) = table.actions_for(stated)
    assert "right" in action.text and action.side == "right" and action.manner == "high"
    assert len(table.actions_for({})) == 4  # two sides, two manners; normal tempo, near


def test_a_small_training_learns_its_sentences(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = list(KINDS)[:3]
    sentences = [
        Sentence(caption.text, caption.text, kind, {"side": caption.mention.side or ""})
        for kind in kinds
        for _ in range(30)
        for caption in captions_for(draw_labels(rng, kind), rng)[:1]
    ]
    labels = {"side": label_values()["side"]}
    torch.manual_seed(0)
    network = LabelNetwork(LabelNetworkConfig(48, 16, 2, 1, 16), len(KINDS), labels)
    encoder = FakeTextEncoder(48)
    states = cached_states(tmp_path / "s", list(dict.fromkeys(s.text for s in sentences)), encoder)
    recipe = ReaderRecipe(noise=0.0, steps=250, kind_steps=300, batch_size=16, lr_kind=3e-2, lr_layers=5e-3)
    numbers = torch.tensor([states.number[sentence.text] for sentence in sentences])
    targets = torch.tensor([1 + kinds.index(sentence.kind) for sentence in sentences])
    with torch.no_grad():
        means = network.mean(states.take(numbers))
    assert fit_kind(network, means, targets, recipe) > 0.9
    assert fit_labels(network, sentences, states, labels, recipe)["side"] > 0.9
