"""Where another action may begin in a text: "they bow, then shake hands" -> "they bow", "shake hands"."""

from __future__ import annotations

import re

_JOIN = re.compile(
    r"""
    (?:\s*[,;.!]+\s*|\s+) (?:(?:and|but)\s+)?
    (?:then|after\s+that|after\s+which|afterwards?|finally|next|subsequently|thereafter|later(?:\s+on)?|
       at\s+last|in\s+the\s+end|followed\s+by|before) \b ,?\s*
  | \s*;\s*
  | [.!]+\s+(?=\S)
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: Words at the beginning of a text or sentence that only say the order; not the "first" of "first person".
_ORDER = re.compile(
    r"(?:first(?:ly)?|to\s+begin\s+with|initially|then|finally|next|after\s+that|afterwards)\b,?\s+"
    r"(?!person|man|woman|one\b)",
    re.IGNORECASE,
)


class Clause(str):
    """A part of a text, with its place [start, stop) in it."""

    start: int
    stop: int

    @classmethod
    def of(cls, text: str, start: int, stop: int) -> Clause:
        """The words of text[start:stop], without what only says the order."""
        words = text[start:stop].strip()
        if (found := _ORDER.match(words)) is not None:
            words = words[found.end() :]
        clause = cls(words)
        clause.start, clause.stop = start, stop
        return clause


def clauses(text: str) -> list[Clause]:
    """The parts of a text that may each be an action, in order; one part where it has no such join."""
    joins = [found.span() for found in _JOIN.finditer(text)]
    starts, stops = [0, *(stop for _, stop in joins)], [*(start for start, _ in joins), len(text)]
    parts = [Clause.of(text, *place) for place in zip(starts, stops, strict=True)]
    return [part for part in parts if any(map(str.isalpha, part))] or [Clause.of(text, 0, len(text))]


def joined(text: str, first: Clause, last: Clause) -> Clause:
    """Everything from one part to another."""
    return Clause.of(text, first.start, last.stop)
