"""Motion representations: InterHuman and Inter-X."""

from __future__ import annotations

from intermask_cli.errors import InputError
from intermask_cli.motion.representation.base import Representation
from intermask_cli.motion.representation.interhuman import INTERHUMAN
from intermask_cli.motion.representation.interx import INTERX

__all__ = ["INTERHUMAN", "INTERX", "REPRESENTATIONS", "Representation", "representation_named"]

REPRESENTATIONS: dict[str, Representation] = {each.name: each for each in (INTERHUMAN, INTERX)}


def representation_named(name: str) -> Representation:
    """The representation of that name; InputError with the accepted names for any other."""
    if name not in REPRESENTATIONS:
        raise InputError(f"representation '{name}'; accepted: {', '.join(REPRESENTATIONS)}")
    return REPRESENTATIONS[name]
