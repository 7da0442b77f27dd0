"""Data of a label reader about its model's kinds: reader.json of a bundle.

===============  =======================================================================================
key              content
===============  =======================================================================================
network          sizes of the `LabelNetwork`
kinds            the kinds that the reader distinguishes
labels           label -> its values
least_confidence of a kind, below which a text is outside
split_confidence of both parts, from which a text is split
tables           kind that the model knows -> {"frames": {tempo: number}, "contacts": ...,
                 "actions": [[text, value of each of `ACTION_LABELS`], ...]}
===============  =======================================================================================

A kind without a table is one that the reader distinguishes and the model does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.config import Layers, Probability, Size, check_fields, from_dict
from intermask_cli.errors import InputError
from intermask_cli.files import json_object, write_json
from intermask_cli.motion.skeleton import JOINT
from intermask_cli.reading.contacts import KindContacts
from intermask_cli.reading.reading import StatedAction

FORMAT, FORMAT_VERSION = "intermask-reader", 1
REMEDY = "get the bundle again, or train the reader again"
#: Labels of a text of `KindTable.actions`, in the order of their values; "" is not stated.
ACTION_LABELS = ("actor", "side", "manner", "tempo", "approach", "repeats")
#: Labels that every network reads.
NEEDED_LABELS = frozenset(ACTION_LABELS)
#: What is meant where a text leaves a label open. Other labels are then left to the seed of the sample.
USUAL = {"tempo": "normal", "approach": "near", "repeats": ""}


@dataclass(frozen=True)
class LabelNetworkConfig:
    """Sizes of a `LabelNetwork`."""

    #: width of the encoder's states
    text_dim: Size = 384
    #: width of the small transformer
    width: Size = 128
    heads: Size = 2
    layers: Layers = 2
    ff: Size = 256

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width % self.heads:
            raise InputError(f"width is {self.width}, heads {self.heads}; accepted: a divisor of the width")


@dataclass(frozen=True)
class KindTable:
    """One kind that the model knows."""

    frames: Mapping[str, int]  # tempo -> typical length
    contacts: KindContacts
    actions: Sequence[Sequence[str]]  # texts, each followed by its values of `ACTION_LABELS`

    def actions_for(self, stated: Mapping[str, str]) -> tuple[StatedAction, ...]:
        """The texts that fit what was stated best: label by label, those with its value if there are any."""
        rows = list(self.actions)
        for column, name in enumerate(ACTION_LABELS, start=1):
            wanted = stated.get(name) or USUAL.get(name)
            if wanted is not None:
                rows = [row for row in rows if row[column] == wanted] or rows
        return tuple(_action(row) for row in rows)


def _action(row: Sequence[str]) -> StatedAction:
    text, actor, side, manner = row[:4]
    return StatedAction(text, int(actor) if actor else None, side or None, manner or None)


@dataclass(frozen=True)
class LabelTables:
    """The content of reader.json."""

    network: LabelNetworkConfig
    kinds: tuple[str, ...]
    labels: Mapping[str, Sequence[str]]
    least_confidence: Probability
    split_confidence: Probability
    tables: Mapping[str, KindTable]

    def save(self, path: Path) -> None:
        """Write the file."""
        tables = {kind: vars(table) for kind, table in self.tables.items()}
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        write_json(path, {**head, **vars(self), "network": vars(self.network), "tables": tables})

    @classmethod
    def load(cls, path: Path) -> LabelTables:
        """Read the file.

        Raises InputError for a file that is not one, or is damaged.
        """
        values = json_object(path, REMEDY)
        head = values.pop("format", None), values.pop("format_version", None)
        if head != (FORMAT, FORMAT_VERSION):
            raise InputError(f"{path}: format {head[0]} {head[1]}; expected {FORMAT} {FORMAT_VERSION}")
        try:
            return _checked(values, str(path))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); {REMEDY}") from error


def _checked(values: dict[str, Any], source: str) -> LabelTables:
    """The record of parsed JSON; any exception where that is something else."""
    network = from_dict(LabelNetworkConfig, values["network"], f"{source}: network")
    labels = {str(name): tuple(map(str, of)) for name, of in values["labels"].items()}
    missing = NEEDED_LABELS - set(labels)
    if missing:
        raise ValueError(f"no label {sorted(missing)[0]}")
    tables = {kind: _table(kind, table) for kind, table in values["tables"].items()}
    made = LabelTables(
        network, tuple(map(str, values["kinds"])), labels, values["least_confidence"],
        values["split_confidence"], tables,
    )  # fmt: skip
    confidences = {name: values[name] for name in ("least_confidence", "split_confidence")}
    from_dict(_Confidences, confidences, source)
    unread = set(tables) - set(made.kinds)
    if unread or not tables:
        raise ValueError(
            f"tables of {', '.join(sorted(unread)) or 'no kind'}, not of the kinds that are read"
        )
    return made


@dataclass(frozen=True)
class _Confidences:
    """For their check."""

    least_confidence: Probability
    split_confidence: Probability

    def __post_init__(self) -> None:
        check_fields(self)


def _table(kind: str, values: dict[str, Any]) -> KindTable:
    frames = {str(tempo): int(number) for tempo, number in values["frames"].items()}
    if USUAL["tempo"] not in frames or min(frames.values()) < 1:
        raise ValueError(f"frames of {kind} are {frames}")
    contacts = {
        str(manner): [[[_joint(name) for name in pair] for pair in group] for group in groups]
        for manner, groups in values["contacts"].items()
    }
    actions = [tuple(map(str, row)) for row in values["actions"]]
    width = 1 + len(ACTION_LABELS)
    if not actions or any(len(row) != width or row[1] not in ("", "0", "1") for row in actions):
        raise ValueError(f"actions of {kind} are not texts with {len(ACTION_LABELS)} labels each")
    return KindTable(frames, contacts, actions)


def _joint(name: Any) -> str:
    if name not in JOINT:
        raise ValueError(f"no joint {name!r}")
    return str(name)
