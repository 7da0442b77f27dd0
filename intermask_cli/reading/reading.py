"""What a prompt says, as a record: what a reader returns and generation uses.

A reading has one phase or several. Each says which kind of action was read, who acts, with which side, in
which manner and tempo, how sure that is, and the texts that give the model its condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from intermask_cli.reading.contacts import KindContacts
from intermask_cli.reading.phases import split_phases

#: In `read_as` of texts without a known action.
NOTHING = "outside"


@dataclass(frozen=True)
class StatedAction:
    """One text for a model's condition, and the labels it states; persons are 0 and 1."""

    text: str
    actor: int | None = None
    side: str | None = None
    manner: str | None = None


@dataclass(frozen=True)
class PhaseReading:
    """One phase of a prompt.

    Attributes:
        text: the words of the phase, as the user wrote them.
        kind: the kind of action, "" where none was read.
        actor: who acts, person 0 or 1; None where the text leaves it open.
        side, manner, tempo: likewise; None where open.
        confidence: of the kind, 0 to 1; None where nothing was read.
        outside: why this is outside what the model knows, "" where it is inside.
        actions: equally fitting full texts for the model's condition; a sample's seed picks one of them.
        frames: typical length of the action.
        contacts: the limbs that meet in it (`reading.contacts`).
    """

    text: str
    kind: str = ""
    actor: int | None = None
    side: str | None = None
    manner: str | None = None
    tempo: str | None = None
    confidence: float | None = None
    outside: str = ""
    actions: tuple[StatedAction, ...] = ()
    frames: int = 1
    contacts: KindContacts = field(default_factory=dict)

    def action(self, seed: int) -> StatedAction:
        """The text of the condition for a sample; the phase's own words where nothing was read."""
        return self.actions[seed % len(self.actions)] if self.actions else StatedAction(self.text)

    def __str__(self) -> str:
        """The kind and its labels in a line, persons counted from 1: "kick_dodge, person 2, left, high"."""
        if self.outside or not self.kind:
            return NOTHING
        acts = None if self.actor is None else f"person {self.actor + 1}"
        tempo = None if self.tempo == "normal" else self.tempo
        return ", ".join(filter(None, (self.kind, acts, self.side, self.manner, tempo)))


@dataclass(frozen=True)
class Reading:
    """A prompt as it was read; `found` says that its phases were found by the reader, not given by "|"."""

    text: str
    phases: tuple[PhaseReading, ...]
    found: bool = False

    @property
    def read_as(self) -> str:
        """All phases in a line, separated by "|"."""
        return " | ".join(map(str, self.phases))

    @property
    def confidence(self) -> float | None:
        """That of the least sure phase; None where nothing was read."""
        sure = [phase.confidence for phase in self.phases if phase.confidence is not None]
        return min(sure, default=None)

    @property
    def outside(self) -> str:
        """Why some of it is outside what the model knows, "" where all is inside."""
        reasons = [phase.outside for phase in self.phases if phase.outside]
        if len(self.phases) == 1 or not reasons:
            return "".join(reasons)
        return "; ".join(f"'{phase.text}': {phase.outside}" for phase in self.phases if phase.outside)


class Reader(Protocol):
    """Reads prompts for one model. A package may register its own (`intermask.readings`)."""

    def read(self, text: str, find_phases: bool = True) -> Reading:
        """What a prompt says; the same text always gives the same reading.

        find_phases: split a text that has several actions ("they bow, then shake hands").
        """
        ...


def unread(text: str) -> Reading:
    """A text that is given to the model as it is, its phases equally long."""
    return Reading(text, tuple(PhaseReading(phase) for phase in split_phases(text)))


def shares_of(phases: Sequence[PhaseReading]) -> list[int]:
    """Relative lengths of phases: their typical frames, or equal ones if some phase was not read."""
    known = all(phase.actions for phase in phases)
    return [phase.frames if known else 1 for phase in phases]
