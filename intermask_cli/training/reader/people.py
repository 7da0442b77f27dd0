"""Other names for the two people of a caption, so that a reader learns who acts whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intermask_cli.datasets.duets.paraphrases import NOUNS
from intermask_cli.datasets.duets.wordings import wordings
from intermask_cli.files import package_yaml

PEOPLE_FILE = Path(__file__).with_name("people.yaml")
#: Shares of sentences with numbered people, with first names, and (the rest) with other people in order.
NUMBERED_SHARE, NAMES_SHARE = 0.35, 0.25

_NUMBERS = {"first": 0, "one": 0, "1": 0, "second": 1, "two": 1, "2": 1}
#: Words after which a name is the subject of a clause, and so has the form "he", not "him".
_BEFORE_SUBJECT = frozenset(
    ("while", "as", "and", "when", "then", "until", "because", "that", "but", "so", "if", "before", "after",
     "is", "who", "where", "whom")
)  # fmt: skip


class Name(NamedTuple):
    """The forms of a name in a sentence: "he", "him", "his"."""

    subject: str
    object: str
    possessive: str

    @classmethod
    def of(cls, forms: str | Sequence[str]) -> Name:
        if isinstance(forms, str):
            forms = [forms]
        if len(forms) == 3:
            return cls(*forms)
        return cls(forms[0], forms[0], f"{forms[0]}'s")


@dataclass(frozen=True)
class Naming:
    """Names of two people; `numbered` ones are of persons 1 and 2, others go by who is named first."""

    names: tuple[Name, Name]
    numbered: bool


@lru_cache(maxsize=1)
def people_words() -> dict[str, Any]:
    """The words of `people.yaml`."""
    content: dict[str, Any] = package_yaml(PEOPLE_FILE)
    return content


@lru_cache(maxsize=1)
def _counted() -> re.Pattern[str]:
    """A counted person of a caption: "the first woman", "the other woman", "woman two", "the second"."""
    words = wordings()
    of_kinds = [noun for kind in words.kinds.values() for noun in kind.nouns]
    nouns = "|".join(sorted({*words.common["nouns"], *of_kinds, *NOUNS}))
    return re.compile(
        rf"\b(?:the (?P<ordinal>first|second)(?: (?:{nouns}))?|the other (?:{nouns})|"
        rf"(?:{nouns}) (?P<number>one|two|1|2))(?P<possessive>'s)?(?![\w'-])"
    )


def draw_naming(rng: np.random.Generator) -> Naming:
    """A random way to name two people."""
    people, share = people_words(), rng.random()
    if share < NUMBERED_SHARE:
        noun = _one_of(people["nouns"], rng)
        pair = [form.format(n=noun) for form in _one_of(people["numbered"], rng)]
        return Naming((Name.of(pair[0]), Name.of(pair[1])), True)
    if share < NUMBERED_SHARE + NAMES_SHARE:
        first, second = rng.choice(people["names"], 2, replace=False)
        return Naming((Name.of(str(first)), Name.of(str(second))), False)
    first, second = _one_of(people["ordered"], rng)
    return Naming((Name.of(first), Name.of(second)), False)


def renamed(text: str, naming: Naming) -> tuple[str, tuple[int, int]]:
    """A caption with counted people under other names, and which person (0 or 1) each now is.

    In "the second woman bows to the first woman" with "Anna" and "Ben" it is Anna who bows: person 1 is who
    is named first, unless the names are numbered.
    """
    text = text[:1].lower() + text[1:]
    persons = _persons_in(text)
    first = persons[0][1] if persons else 0
    now = (0, 1) if naming.numbered or first == 0 else (1, 0)
    parts, done = [], 0
    for found, person in persons:
        name = naming.names[now[person]]
        if found["possessive"]:
            form = name.possessive
        else:
            form = name.subject if _is_subject(text[: found.start()]) else name.object
        parts += [text[done : found.start()], form]
        done = found.end()
    return "".join([*parts, text[done:]]), now


def filled(sentence: str, naming: Naming) -> str:
    """A sentence with {A} and {B} in other names."""
    counted = sentence.replace("{A}", "the first person").replace("{B}", "the second person")
    return renamed(counted, naming)[0]


def _persons_in(text: str) -> list[tuple[re.Match[str], int]]:
    """Every mention of a counted person in a caption, and who that is."""
    found: list[tuple[re.Match[str], int]] = []
    for match in _counted().finditer(text):
        number = match["ordinal"] or match["number"]
        if number is not None:
            found.append((match, _NUMBERS[number]))
        elif found:  # "the other woman" is whoever was not named before
            found.append((match, 1 - found[0][1]))
    return found


def _is_subject(before: str) -> bool:
    words = before.rstrip().split()
    return not words or words[-1][-1] in ".,;:" or words[-1].lower() in _BEFORE_SUBJECT


def _one_of(options: Sequence[Any], rng: np.random.Generator) -> Any:
    return options[int(rng.integers(len(options)))]
