"""What is taken as it stands in a prompt file although it may be meant otherwise: a note for each kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from intermask_cli.errors import InputError

#: What files other than text begin with, and what they are.
_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive (.xlsx, .docx); save it as CSV or as plain text"),
    (b"\xd0\xcf\x11\xe0", "a file of an old office program; save it as CSV or as plain text"),
    (b"{\\rtf", "rich text; save it as plain text"),
    (b"%PDF", "a PDF; save it as plain text"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"PAR1", "a Parquet file; save it as CSV or JSON lines"),
    (b"\x89HDF", "an HDF5 file; the index.csv of a run has its prompts"),
)
_MARKED = re.compile(r"(\d{1,4}[.):]|[-*•–])\s+\S")
_QUOTED = re.compile(r"\"[^\"]+\"|'.+'|“[^”]+”|«[^»]+»")
#: Names of columns, letters alone, that are most likely a length or a rate.
_LENGTHS = frozenset(
    ("duration", "durations", "length", "len", "lengths", "sec", "secs", "time", "numframes",
     "nframes", "framecount", "motionlength", "secondss", "durationseconds", "fps", "framerate", "rate")
)  # fmt: skip
#: Share of the lines of a file that must look alike.
_MOST = 0.8


def refuse_other_files(data: bytes, name: str) -> None:
    """InputError for a file that plainly is something else than text, with what it is."""
    for start, kind in _OTHER_FILES:
        if data.startswith(start):
            raise InputError(f"{name}: is {kind}")


class Traps:
    """Counts what lines of a file have in common; `notes` says it and begins with the next file."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._lines = 0
        self._seen: Counter[str] = Counter()
        self._columns: dict[str, None] = {}

    def text_line(self, text: str) -> None:
        """A line of plain text, as it stands in the file."""
        self._lines += 1
        self._seen["marked"] += bool(_MARKED.match(text))
        self._seen["quoted"] += bool(_QUOTED.fullmatch(text))
        self._seen["tabs"] += "\t" in text

    def record(self, values: Mapping[str, Any]) -> None:
        """The columns of a row."""
        names = (name for name in values if re.sub(r"[^a-z]", "", name.lower()) in _LENGTHS)
        self._columns.update(dict.fromkeys(names))

    def notes(self, name: str) -> list[str]:
        """What may be meant otherwise, one line each."""
        words = {
            "marked": "lines begin with list numbers or bullets, which are taken as part of the text",
            "quoted": "lines are in quotes, which are taken as part of the text",
            "tabs": "lines have tabs, which are taken as blanks; a table needs a header with a column text",
        }
        notes = [
            f"{name}: {self._seen[kind]:,} {words[kind]}"
            for kind in words
            if self._lines > 1 and self._seen[kind] >= _MOST * self._lines
        ]
        notes += [
            f"{name}: the column '{column}' is copied to the results and has no other effect; lengths are "
            "columns frames (30 per second) or seconds"
            for column in self._columns
        ]
        self._begin()
        return notes
