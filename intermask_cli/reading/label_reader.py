"""The reader of bundled models: small trained heads on the states of the model's text encoder.

It reads the kind of action, who acts, with which side, in which manner and tempo, and gives the model the
full caption that says just this: the model follows such captions better than words it never met
(docs/results/bundled-model.md). Trained by `intermask train reader`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import torch

from intermask_cli.devices import on_one_thread
from intermask_cli.models.bundle_info import READER, READER_TABLES
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.models.weights import load_network
from intermask_cli.reading.clauses import Clause, clauses, joined
from intermask_cli.reading.label_network import LabelNetwork
from intermask_cli.reading.label_tables import ACTION_LABELS, USUAL, KindTable, LabelTables
from intermask_cli.reading.people import People
from intermask_cli.reading.phases import SEPARATOR, split_phases
from intermask_cli.reading.reading import PhaseReading, Reading

T = TypeVar("T")
#: Readings that are kept, the most recently used ones.
CACHED_READINGS = 2048


class LabelReader:
    """Reads texts for a model; `tables` has the kinds that it distinguishes and those of the model."""

    def __init__(self, network: LabelNetwork, tables: LabelTables, encoder: TextEncoder):
        self.network, self.tables, self.encoder = network.eval(), tables, encoder
        self._readings: OrderedDict[tuple[str, bool], Reading] = OrderedDict()

    @classmethod
    def load(cls, folder: Path, encoder: TextEncoder) -> LabelReader:
        """The reader of a bundle.

        Raises:
            MissingError: its weights are missing. InputError: damaged, or of another encoder's width.
        """
        tables = LabelTables.load(folder / READER_TABLES)
        build = partial(LabelNetwork, tables.network, len(tables.kinds), tables.labels)
        return cls(load_network(build, tables.network, folder / READER), tables, encoder)

    def __repr__(self) -> str:
        return f"LabelReader({len(self.tables.kinds)} kinds, {len(self.tables.tables)} known to the model)"

    def read(self, text: str, find_phases: bool = True) -> Reading:
        """What a text says; phases are those given by "|", else those that are found."""
        key = (text, find_phases)
        reading = self._readings.pop(key, None)
        self._readings[key] = reading = reading or self._read(text, find_phases)
        if len(self._readings) > CACHED_READINGS:
            self._readings.popitem(last=False)
        return reading

    def _read(self, text: str, find_phases: bool) -> Reading:
        given = split_phases(text)
        if SEPARATOR in text or not find_phases:
            return Reading(text, self._phases(given))
        phases = self._phases(self._found(text))
        sure = [phase.confidence or 0.0 for phase in phases]
        if len(phases) == 1 or min(sure) < self.tables.split_confidence:
            return Reading(text, self._phases([text]))
        return Reading(text, phases, found=True)

    def _found(self, text: str) -> list[str]:
        """The phases of a text: a clause without an action of its own belongs to the one before."""
        parts = clauses(text)
        found: list[Clause] = [parts[0]]
        for part in parts[1:]:
            if self._is_action(found[-1]) and self._is_action(part):
                found.append(part)
            else:
                found[-1] = joined(text, found[-1], part)
        phases = list(map(str, found))
        return phases if len(phases) > 1 and not self._repeats(phases) else [text]

    def _is_action(self, clause: str) -> bool:
        phase = self._phase(clause, People())
        return not phase.outside and (phase.confidence or 0.0) >= self.tables.split_confidence

    def _repeats(self, phases: Sequence[str]) -> bool:
        """Whether two phases in a row are the same action: "he punches, then punches again" is one clip."""
        read = self._phases(phases)
        return any(
            one.kind == following.kind and one.actor == following.actor for one, following in pairwise(read)
        )

    def _phases(self, texts: Sequence[str]) -> tuple[PhaseReading, ...]:
        """Readings of phases; a name means the same person in all of them."""
        people = People()
        return tuple(self._phase(text, people) for text in texts)

    def _phase(self, text: str, people: People) -> PhaseReading:
        """The reading of one phase of a text with these people."""
        numbered = people.numbered(text)
        if not text:
            return PhaseReading(text)
        confidences = self._confidences(text)
        kind = max(self.tables.tables, key=confidences.__getitem__)
        confidence = confidences[kind]
        if confidence < self.tables.least_confidence:
            likely = max(confidences, key=confidences.__getitem__)
            reason = f"no action that the model knows (nearest: {kind})"
            if likely != kind and confidences[likely] >= self.tables.least_confidence:
                reason = f"{likely}, which the model does not know"
            return PhaseReading(text, confidence=confidence, outside=reason)
        table = self.tables.tables[kind]
        stated = self._stated(numbered, table)
        tempo = stated.get("tempo", USUAL["tempo"])
        return PhaseReading(
            text,
            kind,
            actor=int(stated["actor"]) if "actor" in stated else None,
            side=stated.get("side"),
            manner=stated.get("manner"),
            tempo=stated.get("tempo"),
            confidence=confidence,
            actions=table.actions_for(stated),
            frames=table.frames.get(tempo, table.frames[USUAL["tempo"]]),
            contacts=table.contacts,
        )

    def _stated(self, text: str, table: KindTable) -> dict[str, str]:
        """The labels that a text states, of the values that its kind can have."""
        logits = self._run(self.network.labels, text)
        stated = {}
        for column, name in enumerate(ACTION_LABELS, start=1):
            possible = {row[column] for row in table.actions}
            values = self.tables.labels[name]
            places = [0, *(place for place, value in enumerate(values, start=1) if value in possible)]
            best = places[int(logits[name][0, places].argmax())]
            if best:
                stated[name] = values[best - 1]
        if stated.get("approach") != "actor" and any(row[1] == "" for row in table.actions):
            stated.pop("actor", None)  # a kind without an actor, whom only walking up can have
        return stated

    def _confidences(self, text: str) -> dict[str, float]:
        """The probability of every kind; the rest is that of none of them."""
        probabilities = self._run(self.network.kinds, text)[0].softmax(-1)[1:].tolist()
        return dict(zip(self.tables.kinds, probabilities, strict=True))

    @torch.inference_mode()
    def _run(self, part: Callable[[TextStates], T], text: str) -> T:
        """A part of the network on one text, on one thread so that its bits do not depend on their number."""
        states = self.encoder.encode([text])
        return on_one_thread(lambda: part(states), states.states.shape[1], torch.device("cpu"))
