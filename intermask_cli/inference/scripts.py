"""From what was read of a prompt to what a clip is made from: texts, their lengths, the limbs that meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.windows import phase_ends
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.reading.contacts import wishes_of
from intermask_cli.reading.reading import Reader, Reading, shares_of, unread

#: Decimals of a confidence: later ones differ between processors, and people read the table.
_CONFIDENCE_DIGITS = 4
#: Fewest tokens per phase, half a second, for which a text is split: less shows no action.
FEWEST_TOKENS = 4


class Script(NamedTuple):
    """What a clip shows, phase by phase: the texts for the model's condition and their relative lengths."""

    texts: tuple[str, ...]
    shares: tuple[int, ...]


def read_text(reader: Reader | None, text: str, tokens: int) -> Reading:
    """The reading of a text for a clip of that many tokens per body row; a short clip is not split."""
    if reader is None:
        return unread(text)
    reading = reader.read(text)
    if reading.found and tokens < FEWEST_TOKENS * len(reading.phases):
        return reader.read(text, find_phases=False)
    return reading


def script_of(reading: Reading, seed: int) -> Script:
    """What a sample with this seed is made from."""
    texts = tuple(phase.action(seed).text for phase in reading.phases)
    return Script(texts, tuple(shares_of(reading.phases)))


def meetings_of(reading: Reading, seed: int, tokens: int, done: int = 0) -> list[ContactWish] | None:
    """The limbs that should meet in a sample whose phases fill tokens [done, tokens).

    None if there is a phase of which nothing was read: whether bodies should touch is not known then.
    """
    if not all(phase.kind for phase in reading.phases):
        return None
    ends = [end * FRAMES_PER_TOKEN for end in phase_ends(tokens, shares_of(reading.phases), done)]
    starts = [done * FRAMES_PER_TOKEN, *ends[:-1]]
    wishes: list[ContactWish] = []
    for phase, start, end in zip(reading.phases, starts, ends, strict=True):
        if phase.contacts:
            action = phase.action(seed)
            wishes += wishes_of(phase.contacts, action.actor, action.side, action.manner, start, end)
    return wishes


def with_reading(made: Sequence[Interaction], readings: Sequence[Reading]) -> list[Interaction]:
    """Interactions that say what their texts were read as; unchanged where nothing was read."""
    return [
        one
        if reading.confidence is None
        else replace(
            one,
            read_as=reading.read_as,
            read_confidence=round(reading.confidence, _CONFIDENCE_DIGITS),
            outside=reading.outside,
        )
        for one, reading in zip(made, readings, strict=True)
    ]
