"""The modes of `--clean`; in a file without NumPy, so that the command line is parsed fast."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from intermask_cli.errors import InputError


class Clean(str, Enum):
    """The modes in the order in which they are applied, whatever the order they are given in.

    `feet`, `contact` and `published` all plant the feet, so at most one of them is accepted.
    """

    smooth = "smooth"
    feet = "feet"
    contact = "contact"
    published = "published"
    meet = "meet"


_PLANTING = {Clean.feet, Clean.contact, Clean.published}


#: Modes that only plant feet. Rigid bodies (`--body rigid`) have planted feet and stay as they are.
FOR_DECODED = (Clean.feet, Clean.published)


def notes_on_rigid(modes: Sequence[Clean]) -> list[str]:
    """One line for each mode that leaves rigid bodies as they are."""
    return [
        f"--clean {mode.value}: leaves rigid bodies as they are, since their feet are planted; this mode "
        "is for --body decoded"
        for mode in modes
        if mode in FOR_DECODED
    ]


def checked_modes(modes: Sequence[Clean]) -> tuple[Clean, ...]:
    """The modes in the order in which they are applied; InputError for two that exclude each other."""
    planting = sorted({mode.value for mode in modes if mode in _PLANTING})
    if len(planting) > 1:
        raise InputError(f"--clean {' and --clean '.join(planting)} exclude each other; each plants the feet")
    return tuple(mode for mode in Clean if mode in modes)
