"""Reads `wordings.yaml` and `wordings_all.yaml`: the words and sentences captions are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from intermask_cli.files import package_yaml

WORDINGS_FILE = Path(__file__).with_name("wordings.yaml")  # everything common, and the core kinds
FURTHER_FILE = Path(__file__).with_name("wordings_all.yaml")  # the other kinds, and "then"


@dataclass(frozen=True)
class Slot:
    """Words for the values of one label, or for `any`; with `always` they are never left out."""

    label: str | None
    words: dict[str | int, str]
    any: str | None = None
    otherwise: str = ""
    always: bool = False


@dataclass(frozen=True)
class KindWords:
    """All wordings of one kind: full sentences, short ones, those kept for testing, own slots and nouns."""

    full: tuple[str, ...]
    short: tuple[str, ...]
    held_full: tuple[str, ...]
    held_short: tuple[str, ...]
    slots: dict[str, Slot]
    nouns: tuple[str, ...]
    held_nouns: tuple[str, ...]


@dataclass(frozen=True)
class Wordings:
    """Both files; `common`, `held` and `then` have the structure of the YAML."""

    common: dict[str, Any]
    held: dict[str, Any]
    then: dict[str, Any]
    kinds: dict[str, KindWords]


@lru_cache(maxsize=1)
def wordings() -> Wordings:
    """The committed wordings."""
    content, further = package_yaml(WORDINGS_FILE), package_yaml(FURTHER_FILE)
    kinds = {name: _kind(value) for name, value in {**content["kinds"], **further["kinds"]}.items()}
    return Wordings(content["common"], content["held"], further["then"], kinds)


def _kind(value: dict[str, Any]) -> KindWords:
    sentences = {
        name: tuple(value[name].splitlines()) for name in ("full", "short", "held_full", "held_short")
    }
    slots = {name: _slot(slot) for name, slot in value["slots"].items()}
    return KindWords(
        **sentences, slots=slots, nouns=tuple(value["nouns"]), held_nouns=tuple(value["held_nouns"])
    )


def _slot(value: str | dict[str, Any]) -> Slot:
    """A slot is a plain choice of words, or states one label."""
    if isinstance(value, str):
        return Slot(None, {}, otherwise=value)
    return Slot(**{"words": {}, **value})
