"""What the dataset trees share: they appear whole or not at all, and say what they hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import replacing_folder

#: Farthest that a joint read back from a tree may be from what was written, millimetres.
BOUND_MM = 0.1


@dataclass
class FolderWritten:
    """What became of the interactions; `failed`: ids and reasons.

    fit_mm: mean distance of the tree's joints to the given ones, where the tree has a body of its own;
    round_trip_mm: largest distance of a joint read back.
    """

    count: int = 0
    fits_mm: list[float] = field(default_factory=list)
    round_trip_mm: float = 0.0
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def fit_mm(self) -> float:
        return float(np.mean(self.fits_mm)) if self.fits_mm else 0.0

    def checked(self, id: str, seen: np.ndarray, wanted: np.ndarray) -> None:
        """Note how far joints (..., 3) read back are from those written; IntermaskError beyond the bound."""
        error = float(1000 * np.linalg.norm(seen - wanted, axis=-1).max())
        if not error <= BOUND_MM:
            raise IntermaskError(
                f"{id}: read back from the tree, a joint is {error:.3f} mm away (bound {BOUND_MM} mm)"
            )
        self.round_trip_mm = max(self.round_trip_mm, error)


@contextmanager
def write_complete_folder(root: Path, replaces: Collection[str] = ()) -> Iterator[Path]:
    """A draft folder that takes the place of `root` at the end; InputError if `root` has something in it.

    replaces: names that may be in `root`, which then goes when the draft is complete.
    """
    there = {path.name for path in root.iterdir()} if root.is_dir() else set()
    foreign = there - set(replaces)
    if foreign and replaces:
        raise InputError(f"{root}: holds {min(foreign)}, which no such tree has; it is not overwritten")
    if foreign or (root.exists() and not root.is_dir()):
        raise InputError(f"{root}: not empty; a tree is written into a new folder")
    with replacing_folder(root.resolve()) as draft:
        yield draft
