"""What the prompts of a run are read as, before anything is made: for --dry-run and --strict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from intermask_cli.errors import InputError
from intermask_cli.reading.reading import Reader, Reading

#: Characters of a prompt in a line.
_LONGEST = 70


@dataclass(frozen=True)
class PromptReadings:
    """The readings of the distinct texts of a run, in order."""

    readings: Sequence[Reading]

    @classmethod
    def of(cls, reader: Reader, texts: Iterable[str]) -> PromptReadings:
        """Read every distinct text once."""
        return cls([reader.read(text) for text in dict.fromkeys(texts) if text])

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

    def lines(self) -> list[str]:
        """One line per text."""
        return [
            reading_line(reading.text, reading.read_as, reading.confidence, reading.outside)
            + (" (phases found in the text)" if reading.found else "")
            for reading in self.readings
        ]

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
