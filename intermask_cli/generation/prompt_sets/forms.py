"""What texts are made from: sentences with slots, and the labels that a choice states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from intermask_cli.motion.skeleton import FPS
from intermask_cli.reading.label_tables import KindTable

#: Labels that a set is balanced over, in this order; persons are counted from 1, as in all files.
BALANCED = ("kind", "actor", "side", "manner", "tempo")


@dataclass(frozen=True)
class SlotWord:
    """One filling of a slot, and the value that it states where the slot is one of `BALANCED`."""

    text: str
    value: str


@dataclass(frozen=True)
class Form:
    """A sentence made of fixed parts and slots.

    Attributes:
        name: of the template, the same for all texts made from it.
        parts: fixed texts and names of slots (`slots` has them), in order.
        slots: the choices of every slot.
        labels: what every text of it states; columns of the prompt file.
        seconds: lengths that suit it, () for those of the set.
    """

    name: str
    parts: tuple[str, ...]
    slots: Mapping[str, Sequence[SlotWord]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    seconds: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many texts it has."""
        return math.prod(len(choices) for choices in self.slots.values())

    def text(self, number: int) -> str:
        """The text with that number, from 0 to `count` - 1."""
        chosen: dict[str, str] = {}
        for name, choices in self.slots.items():
            number, index = divmod(number, len(choices))
            chosen[name] = choices[index].text
        return " ".join("".join(chosen.get(part, part) for part in self.parts).split())

    def settled(self) -> Iterator[Form]:
        """Forms in which every slot of `BALANCED` has been filled and its value is a label."""
        names = [name for name in self.slots if name in BALANCED]
        rest = {name: choices for name, choices in self.slots.items() if name not in BALANCED}
        for choices in product(*(self.slots[name] for name in names)):
            fixed = dict(zip(names, choices, strict=True))
            parts = tuple(fixed[part].text if part in fixed else part for part in self.parts)
            labels = {**self.labels, **{name: choice.value for name, choice in fixed.items()}}
            yield replace(self, parts=parts, slots=rest, labels=labels)


def own_forms(tables: Mapping[str, KindTable]) -> list[Form]:
    """The full captions of a model's own kinds (`reading.label_tables`), one form each.

    Each has the usual length of its action in its tempo.
    """
    return [
        Form(f"{kind}-{number}", (text,), {}, _labels(kind, row), _seconds(table, row[3]))
        for kind, table in tables.items()
        for number, (text, *row) in enumerate(table.actions)
    ]


def _labels(kind: str, row: Sequence[str]) -> dict[str, str]:
    actor, side, manner, tempo = row[:4]
    named = {
        "kind": kind,
        "actor": str(int(actor) + 1) if actor else "",
        "side": side,
        "manner": manner,
        "tempo": tempo,
    }
    return {name: value for name, value in named.items() if value}


def _seconds(table: KindTable, tempo: str) -> tuple[float, ...]:
    frames = table.frames.get(tempo) or table.frames["normal"]
    return (round(frames / FPS, 2),)
