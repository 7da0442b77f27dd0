"""Prompts of several phases: "they bow | they shake hands" is one clip, generated phase by phase."""

from __future__ import annotations

from intermask_cli.errors import InputError

#: Separates the phases of a prompt.
SEPARATOR = "|"


def split_phases(text: str) -> list[str]:
    """Texts of the phases in order; a text without "|" is a single phase.

    Raises InputError when a phase has no words.
    """
    if SEPARATOR not in text:
        return [text]
    phases = [part.strip() for part in text.split(SEPARATOR)]
    if not all(phases):
        raise InputError(
            f"'{text}' has a phase without words; accepted: texts on both sides of every '{SEPARATOR}'"
        )
    return phases
