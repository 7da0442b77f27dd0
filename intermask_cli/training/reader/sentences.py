"""Sentences with what they say, from which a reader learns: captions, paraphrases and what is outside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intermask_cli.datasets.duets.captions import Caption, captions_for
from intermask_cli.datasets.duets.labels import KINDS, draw_labels
from intermask_cli.datasets.duets.paraphrases import paraphrase
from intermask_cli.files import package_yaml
from intermask_cli.reading.people import People
from intermask_cli.training.reader.people import draw_naming, filled, renamed

PLAIN_FILE = Path(__file__).with_name("plain.yaml")
ROLES_FILE = Path(__file__).with_name("roles.yaml")
OUTSIDE_FILE = Path(__file__).with_name("outside.yaml")
#: Share of captions and paraphrases whose people get other names.
RENAMED_SHARE = 0.7
#: Chances of the caption types full, part, anonymous and short: longer ones state more labels.
CAPTION_CHANCES = (0.35, 0.25, 0.15, 0.25)
#: Subjects of the actions of two people that are outside.
PAIRS = ("two people", "two people", "they", "both of them", "a man and a woman", "two friends", "the two",
         "a couple", "two men", "two women", "Anna and Ben", "the first person and the second person", "we",
         "he and she")  # fmt: skip
#: The value of a label that a sentence leaves open.
OPEN = ""


class Sentence(NamedTuple):
    """A text, its kind ("" for outside), and the labels that it is known to state or to leave open (`OPEN`).

    `numbered` is the text with people's names as `reading.people` replaces them. Labels are texts, persons
    "0" and "1"; a label that is not in `labels` may or may not be stated.
    """

    text: str
    numbered: str
    kind: str
    labels: dict[str, str]


@lru_cache(maxsize=1)
def _outside() -> dict[str, list[str]]:
    content: dict[str, list[str]] = package_yaml(OUTSIDE_FILE)
    return content


def outside_sentences(rng: np.random.Generator, times: int) -> list[Sentence]:
    """Every sentence that is none of the kinds, `times` times with different people."""
    texts = []
    for _ in range(times):
        texts += [f"{PAIRS[int(rng.integers(len(PAIRS)))]} {action}" for action in _outside()["pair"]]
        texts += [filled(sentence, draw_naming(rng)) for sentence in _outside()["one"]]
    return [Sentence(_styled(text, rng), "", "", {}) for text in [*texts, *_outside()["whole"]]]


@lru_cache(maxsize=1)
def _plain() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = package_yaml(PLAIN_FILE)
    return content


def plain_sentences(rng: np.random.Generator, times: int) -> list[Sentence]:
    """The plainest sentences of every kind, `times` times with different people; no labels are known."""
    made = []
    for kind, forms in _plain().items():
        for _ in range(times):
            texts = [f"{PAIRS[int(rng.integers(len(PAIRS)))]} {verb}" for verb in forms["they"]]
            texts += [f"they {verb}" for verb in forms["they"]]
            texts += [filled(sentence, draw_naming(rng)) for sentence in forms["one"]]
            made += [Sentence(_styled(text, rng), "", kind, {}) for text in texts]
    return made


@lru_cache(maxsize=1)
def _roles() -> dict[str, list[str]]:
    content: dict[str, list[str]] = package_yaml(ROLES_FILE)
    return content


def role_sentences(rng: np.random.Generator, kinds: Sequence[str], times: int) -> list[Sentence]:
    """The sentences of `roles.yaml` of these kinds, each `times` times for either person who acts."""
    made = []
    for kind in kinds:
        for form in _roles().get(kind, ()):
            for actor in (0, 1) * times:
                people = ("the first person", "the second person")
                sentence = form.replace("{A}", people[actor]).replace("{B}", people[1 - actor])
                text, now = renamed(sentence, draw_naming(rng))
                text = _styled(text, rng)
                made.append(Sentence(text, People().numbered(text), kind, {"actor": str(now[actor])}))
    return made


def captions_of_kinds(rng: np.random.Generator, kinds: Sequence[str], per_kind: int) -> list[Sentence]:
    """Captions of each kind with random labels, most of them with other names for the people."""
    made = []
    for kind in kinds:
        for _ in range(per_kind):
            captions = captions_for(draw_labels(rng, kind), rng)
            caption = captions[int(rng.choice(len(captions), p=CAPTION_CHANCES))]
            made.append(_sentence(caption, rng, caption.type != "anonymous"))
    return made


def paraphrases_of_kinds(rng: np.random.Generator, kinds: Sequence[str], per_kind: int) -> list[Sentence]:
    """Paraphrases of each kind; of their labels only who acts is known."""
    made = []
    for kind in kinds:
        for _ in range(per_kind):
            caption = paraphrase(draw_labels(rng, kind), rng)
            sentence = _sentence(caption, rng, True)
            known = {"actor"} if caption.mention.actor is not None else set()
            made.append(sentence._replace(labels={k: v for k, v in sentence.labels.items() if k in known}))
    return made


def _sentence(caption: Caption, rng: np.random.Generator, counted: bool) -> Sentence:
    """A caption as a sentence, often under other names; `counted` is whether it says who acts if at all."""
    mention = caption.mention._asdict()
    kind = mention.pop("kind")
    text, now = caption.text, (0, 1)
    if counted and rng.random() < RENAMED_SHARE:
        text, now = renamed(text, draw_naming(rng))
        text = _styled(text, rng)
    labels = {}
    for name, value in mention.items():
        if name.startswith("then_"):
            continue
        if name == "actor" and value is not None:
            value = now[value]
        labels[name] = OPEN if value is None else str(value)
    # "one person bows to the other" says who acts, by who is named first, but its record does not.
    if labels["actor"] == OPEN and KINDS[kind].has_actor:
        del labels["actor"]
    return Sentence(text, People().numbered(text), kind, labels)


def _styled(text: str, rng: np.random.Generator) -> str:
    """Half of them as sentences, half as people type."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if rng.random() < 0.5 else text
