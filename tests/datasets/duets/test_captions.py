"""Captions: their mentions are right and complete, the sentences proper, and held-out words stay out."""

import re
from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.datasets.duets.captions import CAPTION_TYPES, Caption, captions_for, stated_values
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import KINDS, Labels, draw_labels
from intermask_cli.datasets.duets.wordings import wordings
from intermask_cli.motion.skeleton import JOINT


def many(kind: str, n: int = 150, held_out: bool = False) -> list[tuple[Labels, Caption]]:
    rng = np.random.default_rng([7, list(KINDS).index(kind), held_out])
    pairs = []
    for _ in range(n):
        labels = draw_labels(rng, kind)
        pairs += [(labels, caption) for caption in captions_for(labels, rng, held_out)]
    return pairs


every_kind = pytest.mark.parametrize("kind", KINDS)
either_wording = pytest.mark.parametrize("held_out", [False, True])


@every_kind
def test_a_clip_gets_one_caption_of_each_type(kind):
    labels = draw_labels(np.random.default_rng(0), kind)
    captions = captions_for(labels, np.random.default_rng(1))
    assert tuple(c.type for c in captions) == CAPTION_TYPES
    assert captions == captions_for(labels, np.random.default_rng(1))


@every_kind
def test_there_are_enough_wordings(kind):
    words = wordings().kinds[kind]
    assert len(set(words.full)) >= 12 and len(set(words.short)) >= 6
    assert len(set(words.held_full)) >= 4 and len(set(words.held_short)) >= 3
    texts = {c.text for _, c in many(kind) if c.type != "short"}
    assert len(texts) > 300


@every_kind
@either_wording
def test_what_is_stated_is_true(kind, held_out):
    for labels, caption in many(kind, 60, held_out):
        assert caption.mention.matches(labels), caption


def test_a_mention_does_not_match_other_labels():
    labels = Labels("wave", 0, "left", "slow", "small", 2, "near", (), ())
    caption = next(c for _, c in many("wave") if c.type == "full")
    mention = caption.mention._replace(
        actor=0, side="left", tempo="slow", manner=None, repeats=None, approach=None
    )
    assert mention.matches(labels)
    for change in ({"actor": 1}, {"side": "right"}, {"tempo": "fast"}, {"kind": "bow", "side": None}):
        assert not mention.matches(replace(labels, **change))


@every_kind
@either_wording
def test_full_captions_leave_nothing_out(kind, held_out):
    for labels, caption in many(kind, 60, held_out):
        if caption.type != "full":
            continue
        values = stated_values(labels)
        assert caption.mention.side == values["side"], caption
        assert caption.mention.manner == values["manner"], caption
        if KINDS[kind].has_actor:
            assert caption.mention.actor == labels.actor, caption
        if labels.tempo != "normal":
            assert caption.mention.tempo == labels.tempo, caption


@every_kind
@either_wording
def test_sides_are_written_exactly_when_mentioned(kind, held_out):
    for _, caption in many(kind, held_out=held_out):
        words = set(re.findall(r"\w+", caption.text.lower())) & {"left", "right"}
        assert words == {caption.mention.side} - {None, "straight"}, caption


@every_kind
@either_wording
def test_roles_are_written_exactly_when_mentioned(kind, held_out):
    for _, caption in many(kind, held_out=held_out):
        nouns = {*wordings().common["nouns"], *wordings().held["nouns"], *wordings().kinds[kind].nouns}
        nouns = "|".join(nouns | set(wordings().kinds[kind].held_nouns))
        role = rf"\bthe (first|second)\b(?! step)|\b({nouns}) (1|2|one|two)\b"
        named = re.search(role, caption.text, re.I)
        assert (named is not None) == (caption.mention.actor is not None), caption


@pytest.mark.parametrize("kind", [kind for kind, info in KINDS.items() if not info.has_actor])
def test_symmetric_kinds_name_only_who_walks_up(kind):
    named = [c for _, c in many(kind) if c.mention.actor is not None]
    assert all(c.mention.approach == "actor" for c in named)
    assert bool(named) == ("actor" in KINDS[kind].approaches)


@every_kind
def test_anonymous_captions_name_no_actor(kind):
    assert all(c.mention.actor is None for _, c in many(kind) if c.type == "anonymous")


def swapped(text: str, pairs: dict[str, str]) -> str:
    both = pairs | {b: a for a, b in pairs.items()}
    return re.sub(rf"\b({'|'.join(both)})\b", lambda found: both[found[0]], text)


@pytest.mark.parametrize("kind", [kind for kind, info in KINDS.items() if info.has_actor])
@either_wording
def test_the_other_actor_gives_the_same_sentence_with_the_names_exchanged(kind, held_out):
    rng = np.random.default_rng(5)
    named = 0
    for seed in range(60):
        labels = replace(draw_labels(rng, kind), actor=0)
        ones = captions_for(labels, np.random.default_rng(seed), held_out)
        twos = captions_for(replace(labels, actor=1), np.random.default_rng(seed), held_out)
        for one, two in zip(ones, twos, strict=True):
            assert two.mention == one.mention._replace(actor=None if one.mention.actor is None else 1)
            if one.mention.actor is None:
                assert one.text == two.text
            else:
                assert one.text != two.text
                named += 1
                names = {"first": "second", "First": "Second", "1": "2"}
                plain = re.sub(r"the first step", "the opening step", one.text)
                other = re.sub(r"the first step", "the opening step", two.text)
                if not re.search(r"\b(one|two)\b", plain + other):
                    assert swapped(plain, names) == other
    assert named > 60


@pytest.mark.parametrize("kind", [kind for kind, info in KINDS.items() if info.side])
def test_the_other_side_gives_the_same_sentence_with_left_and_right_exchanged(kind):
    rng = np.random.default_rng(6)
    for seed in range(60):
        labels = replace(draw_labels(rng, kind), side="left")
        lefts = captions_for(labels, np.random.default_rng(seed))
        rights = captions_for(replace(labels, side="right"), np.random.default_rng(seed))
        assert [swapped(c.text, {"left": "right"}) for c in lefts] == [c.text for c in rights]


@pytest.mark.parametrize("kind", [kind for kind, info in KINDS.items() if info.has_actor])
def test_word_order_does_not_reveal_who_acts(kind):
    ordinals = {"first": 0, "second": 1, "1": 0, "2": 1}
    actor_leads, total = 0, 0
    for _, caption in many(kind, 300):
        text = re.sub(r"the first step", "", caption.text.lower())
        found = re.search(r"\b(first|second|1|2)\b", text)
        if caption.mention.actor is not None and found:
            total += 1
            actor_leads += ordinals[found[1]] == caption.mention.actor
    assert total > 200 and 0.25 < actor_leads / total < 0.75


@every_kind
@either_wording
def test_sentences_are_tidy(kind, held_out):
    for _, caption in many(kind, held_out=held_out):
        text = caption.text
        assert not re.search(r"[\[\]{}|!]|\s{2}| [,.;]|[,;][,.;]|[,;]$", text), text
        assert not re.search(r"\b(\w+) \1\b", text, re.I), text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text, re.I), text
        assert not re.search(r"\b(persons|mans|womans|right behind|what is left)\b", text), text
        assert len(text.split()) <= 45, text


@pytest.mark.slow
@pytest.mark.long
def test_held_out_words_never_reach_training():
    def tokens(text: str) -> set[str]:
        return set(re.findall(r"[a-z]+", text.lower()))

    training = {token for kind in KINDS for _, c in many(kind, 120) for token in tokens(c.text)}
    seen = {c.text.lower().rstrip(".") for kind in KINDS for _, c in many(kind, 120)}
    for kind in KINDS:
        words = wordings().kinds[kind]
        assert not set(words.full + words.short) & set(words.held_full + words.held_short)
        held = [c.text.lower().rstrip(".") for _, c in many(kind, 100, held_out=True)]
        assert not seen & set(held)
        new = {token for text in held for token in tokens(text)} - training
        assert len(new) >= 4, f"{kind}: held-out wordings bring only {new}"
    for word in (
        "individual",
        "leisurely",
        "hastily",
        "somebody",
        "orbit",
        "grooves",
        "tows",
        "shadows",
        "reels",
    ):
        assert word not in training


def test_rates_of_tempo_and_roles():
    captions = [c for kind in ("wave", "push_stagger") for _, c in many(kind, 400) if c.type == "part"]
    assert 0.3 < np.mean([c.mention.tempo is not None for c in captions]) < 0.55
    assert 0.6 < np.mean([c.mention.actor is not None for c in captions]) < 0.9


def test_captions_agree_with_the_motion():
    """The person who waves or kicks, and the limb of the caption, are those of the highest limb."""
    limbs = {"wave": ("left_wrist", "right_wrist"), "kick_dodge": ("left_ankle", "right_ankle")}
    for kind, names in limbs.items():
        for index in range(12):
            clip = make_clip(3, index, kind)
            mention = captions_for(clip.labels, np.random.default_rng(index))[0].mention
            heights = clip.joints[:, :, [JOINT[name] for name in names], 1].max(axis=1)
            person, limb = np.unravel_index(heights.argmax(), heights.shape)
            assert (person, ("left", "right")[limb]) == (mention.actor, mention.side), clip.labels
