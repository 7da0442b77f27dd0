"""The reader of bundled models: small trained heads on the states of the model's text encoder.

It reads the kind of action, who acts, with which side, in which manner and tempo, and gives the model the
full caption that says just this: the model follows such captions better than words it never met
(docs/results/bundled-model.md). Trained by `intermask train reader`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from intermask_cli.devices import on_one_thread
from intermask_cli.models.bundle_info import READER, READER_TABLES
from intermask_cli.models.text_encoders import TextEncoder
from intermask_cli.models.weights import load_network
from intermask_cli.reading.clauses import Clause, clauses, joined
from intermask_cli.reading.label_network import LabelNetwork
from intermask_cli.reading.label_tables import ACTION_LABELS, THEN, USUAL, KindTable, LabelTables
from intermask_cli.reading.phases import SEPARATOR, split_phases
from intermask_cli.reading.reading import PhaseReading, Reading

#: Between the first phase of a text and another one, for whose labels both are read together.
_JOIN = ", then "
#: Readings that are kept, the most recently used ones.
CACHED_READINGS = 2048


class LabelReader:
    """Reads texts for the model of a bundle; `tables` says which kinds it tells apart and which are known."""

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
        """The phases of a text: a clause that is no action by itself belongs to the one before."""
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
        phase = self._phase(clause)
        return not phase.outside and (phase.confidence or 0.0) >= self.tables.split_confidence

    def _repeats(self, phases: Sequence[str]) -> bool:
        """Whether two phases in a row are the same action: "he punches, then punches again" is one clip."""
        read = self._phases(phases)
        return any(
            one.kind == following.kind and one.actor == following.actor for one, following in pairwise(read)
        )

    def _phases(self, texts: Sequence[str]) -> tuple[PhaseReading, ...]:
        """Readings of phases; the names of people in later ones are those of the first."""
        return tuple(
            self._phase(text, before=texts[0] if number else None) for number, text in enumerate(texts)
        )

    def _phase(self, text: str, before: str | None = None) -> PhaseReading:
        """The reading of one phase; `before` is the phase that names the people."""
        if not text:
            return PhaseReading(text)
        kind, confidence, logits = self._read_words(text)
        if confidence < self.tables.least_confidence:
            reason = f"no action that the model knows (nearest: {kind}, {confidence:.2f})"
            return PhaseReading(text, confidence=confidence, outside=reason)
        if kind not in self.tables.tables:
            reason = f"{kind} is none of the model's actions"
            return PhaseReading(text, kind, confidence=confidence, outside=reason)
        if before:
            *_, both = self._read_words(before.rstrip(" .!") + _JOIN + text)
            logits |= {name: both[THEN + name] for name in ("actor", "side")}
        table = self.tables.tables[kind]
        stated = self._stated(logits, table)
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

    def _stated(self, logits: Mapping[str, Tensor], table: KindTable) -> dict[str, str]:
        """The labels that a text states, of the values that its kind can have."""
        stated = {}
        for column, name in enumerate(ACTION_LABELS, start=1):
            possible = {row[column] for row in table.actions}
            values = self.tables.labels[name]
            places = [0, *(place for place, value in enumerate(values, start=1) if value in possible)]
            best = places[int(logits[name][places].argmax())]
            if best:
                stated[name] = values[best - 1]
        return stated

    @torch.inference_mode()
    def _read_words(self, text: str) -> tuple[str, float, dict[str, Tensor]]:
        """The most likely kind, its probability, and the logits (1 + values,) of every label."""
        states = self.encoder.encode([text])
        network, rows = self.network, states.states.shape[1]
        kinds, labels = on_one_thread(lambda: network(states), rows, torch.device("cpu"))
        probabilities = kinds[0].softmax(-1)[1:]
        best = int(probabilities.argmax())
        logits = {name: of_label[0] for name, of_label in labels.items()}
        return self.tables.kinds[best], float(probabilities[best]), logits
