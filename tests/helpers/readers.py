"""A label reader over a vocabulary of a few words, whose network is a table instead of trained weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from intermask_cli.models.text_encoders import TextStates
from intermask_cli.reading.label_reader import LabelReader
from intermask_cli.reading.label_tables import KindTable, LabelNetworkConfig, LabelTables

WORDS = ("bow", "wave", "tug", "left", "right", "deeply", "slowly", "first", "second", "swim")
KINDS = ("bow", "wave", "tug")
LABELS = {
    "actor": ("0", "1"), "side": ("left", "right"), "manner": ("deeply", "slightly"),
    "tempo": ("slow", "normal", "fast"), "approach": ("near", "actor"), "repeats": ("1", "2"),
}  # fmt: skip
#: Word -> (label, number of its value, counted from 1).
STATED = {"left": ("side", 1), "right": ("side", 2), "deeply": ("manner", 1), "slowly": ("tempo", 1)}


class WordEncoder:
    """Every word of `WORDS` is a state of its own, by its beginning; other words are zeros."""

    id, sha256, dim = "words", "0" * 64, len(WORDS)

    def encode(self, texts: Sequence[str]) -> TextStates:
        words = [re.findall(r"[a-z]+", text.lower()) or [""] for text in texts]
        states = torch.zeros(len(texts), max(map(len, words)), self.dim)
        mask = torch.zeros(states.shape[:2], dtype=torch.bool)
        for row, of_text in enumerate(words):
            mask[row, : len(of_text)] = True
            for column, word in enumerate(of_text):
                for number, known in enumerate(WORDS):
                    if word.startswith(known[:3]):
                        states[row, column, number] = 1
        return TextStates(states, mask, mask.sum(1) - 1)


class WordNetwork:
    """The kind is the word for it; who acts is who is named first."""

    def eval(self) -> WordNetwork:
        return self

    def kinds(self, states: TextStates) -> Tensor:
        logits = torch.zeros(1, 1 + len(KINDS))
        for number, kind in enumerate(KINDS, start=1):
            logits[0, number] = 9.0 * states.states[0, :, WORDS.index(kind)].max()
        return logits

    def labels(self, states: TextStates) -> dict[str, Tensor]:
        logits = {name: torch.zeros(1, 1 + len(values)) for name, values in LABELS.items()}
        for word, (name, value) in STATED.items():
            logits[name][0, value] = 9.0 * states.states[0, :, WORDS.index(word)].max()
        people = [states.states[0, :, WORDS.index(word)] for word in ("first", "second")]
        named = [int(one.argmax()) if bool(one.any()) else 1000 for one in people]
        if min(named) < 1000:
            logits["actor"][0, 1 + named.index(min(named))] = 9.0
        return logits


def word_tables(**changes: Any) -> LabelTables:
    """Tables of "bow" (120 frames) and "wave" (60); "tug" is read but not known."""
    bows = [
        (f"bow {manner} by {actor}", actor, "", manner, tempo, "near", "")
        for actor in ("0", "1")
        for manner in ("deeply", "slightly")
        for tempo in ("slow", "normal")
    ]
    waves = [
        (f"wave {side} by {actor}", actor, side, "", "normal", "near", "")
        for actor in ("0", "1")
        for side in ("left", "right")
    ]
    values = {
        "network": LabelNetworkConfig(len(WORDS), 8, 2, 1, 8),
        "kinds": KINDS,
        "labels": LABELS,
        "least_confidence": 0.4,
        "split_confidence": 0.6,
        "tables": {
            "bow": KindTable({"normal": 120, "slow": 180}, {"": []}, bows),
            "wave": KindTable({"normal": 60}, {"": [[["right_wrist", "left_wrist"]]]}, waves),
        },
        **changes,
    }
    return LabelTables(**values)


def word_reader() -> LabelReader:
    """A reader that knows bows and waves, and reads tugs."""
    return LabelReader(WordNetwork(), word_tables(), WordEncoder())  # type: ignore[arg-type]
