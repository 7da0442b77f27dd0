"""Sentences for text heads: every kind has some, none is among what models are tested with."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.datasets.duets.labels import KINDS, Labels, draw_labels
from intermask_cli.datasets.duets.paraphrases import paraphrase, paraphrases
from intermask_cli.datasets.duets.wordings import wordings
from tests.helpers.paths import ROOT

MEASURING_ONLY = ("free-wordings", "fresh-wordings", "fresh-two-phases", "fresh-outside", "fresh-demo")
every_kind = pytest.mark.parametrize("kind", KINDS)


def words(value) -> set[str]:
    """Words of every string in a tree of wordings, slots left out."""
    if isinstance(value, dict):
        return set().union(*(words(one) for one in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(words(one) for one in value))
    return set(re.findall("[a-z]+", re.sub(r"\{[^{}]*\}", " ", str(value).lower())))


def reserved_words() -> set[str]:
    """Words of held-out sentences that no other sentence has."""
    all_words, then = wordings(), wordings().then
    trained, held = words(all_words.common), words(all_words.held) | words(then["held_joins"])
    trained |= words([value for name, value in then.items() if name != "held_joins"])
    for kind in all_words.kinds.values():
        trained |= words([kind.full, kind.short, kind.nouns])
        trained |= words([[slot.words, slot.any or "", slot.otherwise] for slot in kind.slots.values()])
        held |= words([kind.held_full, kind.held_short, kind.held_nouns])
    return held - trained


@every_kind
def test_every_kind_has_sentences_and_the_right_slots(kind):
    sentences = paraphrases()[kind]
    assert len(set(sentences)) == len(sentences) >= 10
    slotted = [sentence for sentence in sentences if "{" in sentence]
    assert bool(slotted) == KINDS[kind].has_actor
    assert all({"{A}", "{B}"} == set(re.findall(r"\{.*?\}", sentence)) for sentence in slotted)


def test_nothing_kept_for_testing_is_among_them():
    reserved = reserved_words()
    assert {"roshambo", "pirouette", "stroll", "ambush"} <= reserved
    free = set()
    for name in MEASURING_ONLY:
        with (ROOT / "prompts" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            free |= {row["text"].lower().strip(" .") for row in csv.DictReader(file)}
    assert len(free) > 300
    for kind, sentences in paraphrases().items():
        for sentence in sentences:
            assert not words(sentence) & reserved, (kind, sentence)
            assert sentence.lower().strip(" .") not in free, (kind, sentence)
            assert not words(sentence) & {"left", "right"}, (kind, sentence)


def test_the_followed_person_acts_as_in_the_corpus():
    """With the slots exchanged, a text head would learn the roles of this kind backwards."""
    sentences = paraphrases()["follow"]
    behind = r"(follows|trails|tails|(comes|walks) (along |closely )?behind)"
    assert sum(re.search(r"\{B\} " + behind, sentence) is not None for sentence in sentences) >= 5
    assert not any(re.search(r"\{A\} " + behind, sentence) for sentence in sentences)
    assert any(
        "{A} {slowly} walks [ahead|in front]" in sentence for sentence in wordings().kinds["follow"].full
    )


@every_kind
def test_the_actor_is_stated_only_where_people_are_counted(kind):
    rng = np.random.default_rng(0)
    stated = 0
    for _ in range(200):
        labels = draw_labels(rng, kind)
        text, _, mention = paraphrase(labels, rng)
        assert mention.matches(labels) and mention.kind == kind and "{" not in text
        counted = re.search(
            r"\b(first|one)\b.*\b(second|two)\b|\b(second|two)\b.*\b(first|one)\b", text, re.I
        )
        if mention.actor is not None:
            stated += 1
            assert counted, text
    assert bool(stated) == KINDS[kind].has_actor


def test_the_other_actor_gets_the_same_sentence_with_the_names_exchanged():
    rng, seen = np.random.default_rng(1), 0
    for seed in range(100):
        labels = replace(draw_labels(rng, "bow"), actor=0)
        one, other = (paraphrase(replace(labels, actor=a), np.random.default_rng(seed)) for a in (0, 1))
        if one.mention.actor is None:
            assert one.text == other.text
        else:
            seen += 1
            swapped = re.sub("first|second", lambda m: {"first": "second", "second": "first"}[m[0]], one.text)
            if "first" in one.text.lower():
                assert swapped.lower().replace("the the", "the") == other.text.lower()
    assert seen > 10


def test_two_phases_are_joined_in_order_and_keep_their_people():
    rng, both = np.random.default_rng(2), 0
    for _ in range(200):
        later: Labels = draw_labels(rng, "wave")
        text, _, mention = paraphrase(replace(draw_labels(rng, "bow"), then=later), rng)
        assert (mention.kind, mention.then_kind) == ("bow", "wave")
        assert (mention.actor is None) == (mention.then_actor is None)
        assert re.search("then|after that", text.lower())
        if mention.actor is not None:
            both += 1
            assert mention.then_actor == later.actor
    assert both > 50
