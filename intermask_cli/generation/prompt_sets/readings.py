"""What prompts are read as, before anything is made: for plans and --strict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from intermask_cli.console import track
from intermask_cli.errors import InputError
from intermask_cli.reading.reading import Reader, Reading

if TYPE_CHECKING:
    from intermask_cli.generation.workers.model_source import ModelSource

#: Characters of a prompt in a line.
_LONGEST = 70


@dataclass(frozen=True)
class PromptReadings:
    """The readings of the distinct texts of a run, in order."""

    readings: Sequence[Reading]

    @classmethod
    def of(cls, reader: Reader, texts: Iterable[str]) -> PromptReadings:
        """Read every distinct text once."""
        distinct = [text for text in dict.fromkeys(texts) if text]
        return cls([reader.read(text) for text in track(distinct, "read", len(distinct), "texts")])

    @property
    def outside(self) -> list[Reading]:
        """Those that are outside what the model knows."""
        return [reading for reading in self.readings if reading.outside]

    def require_inside(self, model: str) -> None:
        """Raise InputError if a text is outside what the model knows."""
        if self.outside:
            first = self.outside[0]
            raise InputError(
                f"{len(self.outside):,} of {len(self.readings):,} texts are outside what {model} knows, "
                f"first {_shown(first.text)} ({first.outside}); nothing was made because of --strict"
            )

    def kinds(self) -> dict[str, int]:
        """Texts in which each kind of action was read, most frequent first."""
        counts: Counter[str] = Counter()
        for reading in self.readings:
            counts.update({phase.kind for phase in reading.phases if phase.kind and not phase.outside})
        return dict(counts.most_common())

    def summary(self, shown: int) -> list[str]:
        """Counts of the kinds; then a line for each of the first texts, and of those outside."""
        inside = [reading for reading in self.readings if not reading.outside]
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds().items())
        lines = [f"read as, of {len(self.readings):,} texts: {kinds or 'no action that the model knows'}"]
        for of, what in ((inside, "texts, which --json lists"), (self.outside, "texts outside")):
            lines += [
                reading_line(reading.text, reading.read_as, reading.confidence, reading.outside)
                + (" (phases found in the text)" if reading.found else "")
                for reading in of[:shown]
            ]
            lines += [f"{len(of) - shown:,} more {what}"] if len(of) > shown else []
        return lines

    def as_json(self) -> list[dict[str, Any]]:
        """One object per text."""
        return [
            {
                "prompt": reading.text,
                "read_as": reading.read_as,
                "read_confidence": None if reading.confidence is None else round(reading.confidence, 4),
                "outside": reading.outside,
                "phases": [phase.text for phase in reading.phases],
            }
            for reading in self.readings
        ]


def reading_line(text: str, read_as: str, confidence: float | None, outside: str) -> str:
    """How one text was read, for people."""
    if outside:
        return f"{_shown(text)} is outside what the model knows: {outside}"
    return f"{_shown(text)} is read as {read_as}" + ("" if confidence is None else f" ({confidence:.2f})")


def _shown(text: str) -> str:
    return f"'{shorten(text, _LONGEST, placeholder='...')}'"


def read_texts(texts: Iterable[str], source: ModelSource, strict: bool) -> PromptReadings | None:
    """What texts are read as for a model; None for one without a reader.

    Raises InputError if `strict` and a text is outside what the model knows.
    """
    reader = source.load_reader()
    if reader is None:
        return None
    readings = PromptReadings.of(reader, texts)
    if strict:
        readings.require_inside(source.info.name)
    return readings
