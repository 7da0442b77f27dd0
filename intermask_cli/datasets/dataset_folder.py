"""What the writers of dataset folders share: folders that appear when complete, the check, the splits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import replacing_folder

#: Largest distance between a joint that was written and the same joint read back, millimetres.
BOUND_MM = 0.1
#: Every 20th interaction is for validation and every 20th for testing; `ids.csv` lists which.
_SPLIT_CYCLE = 20


@dataclass
class FolderWritten:
    """Result of writing interactions as a dataset folder.

    Attributes:
        count: interactions written.
        fits_mm: per interaction, mean distance between its joints and those of the dataset's own body, where
            the dataset has one.
        round_trip_mm: largest distance of a joint read back.
        failed: ids and reasons.
    """

    count: int = 0
    fits_mm: list[float] = field(default_factory=list)
    round_trip_mm: float = 0.0
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def fit_mm(self) -> float:
        """Mean of `fits_mm`."""
        return float(np.mean(self.fits_mm)) if self.fits_mm else 0.0

    def check_read_back(self, id: str, read: np.ndarray, written: np.ndarray) -> None:
        """Record how far joints (..., 3) read back are from those written.

        Raises:
            IntermaskError: farther than `BOUND_MM`.
        """
        error = float(1000 * np.linalg.norm(read - written, axis=-1).max())
        if not error <= BOUND_MM:  # also for NaN
            raise IntermaskError(
                f"{id}: read back from the folder, a joint is {error:.3f} mm away (bound {BOUND_MM} mm)"
            )
        self.round_trip_mm = max(self.round_trip_mm, error)


@contextmanager
def write_complete_folder(root: Path, replaces: Collection[str] = ()) -> Iterator[Path]:
    """A draft folder that takes the place of `root` when the block succeeds.

    replaces: names that may exist in `root`, which is then replaced.

    Raises:
        InputError: `root` contains anything else, or is a file.
    """
    existing = {path.name for path in root.iterdir()} if root.is_dir() else set()
    unexpected = existing - set(replaces)
    if unexpected and replaces:
        raise InputError(
            f"{root}: holds {min(unexpected)}, which is not part of such a dataset; it is not overwritten"
        )
    if unexpected or (root.exists() and not root.is_dir()):
        raise InputError(f"{root}: not empty; a dataset is written into a new folder")
    with replacing_folder(root.resolve()) as draft:
        yield draft


def split_of_number(number: int) -> str:
    """The split of the n-th interaction of an exported dataset, counted from 1."""
    return {0: "val", 1: "test"}.get(number % _SPLIT_CYCLE, "train")
