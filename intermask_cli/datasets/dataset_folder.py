"""What the writers of dataset folders share: folders that appear when complete, the check, the splits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import replacing_folder
from intermask_cli.inference.interaction import Interaction

#: Largest distance between a joint that was written and the same joint read back, millimetres.
BOUND_MM = 0.1
#: Share of the texts for validation, and the share for testing.
_HELD_OUT = 0.05
#: Names of the splits as tables have them.
_SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass
class FolderWritten:
    """Result of writing interactions as a dataset folder.

    Attributes:
        count: interactions written.
        fits_mm: per interaction, mean distance between its joints and those of the dataset's own body, where
            the dataset has one.
        round_trip_mm: largest distance of a joint read back.
        failed: ids and reasons.
        splits: interactions of each split.
    """

    count: int = 0
    fits_mm: list[float] = field(default_factory=list)
    round_trip_mm: float = 0.0
    failed: list[tuple[str, str]] = field(default_factory=list)
    splits: Counter[str] = field(default_factory=Counter)

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

    replaces: files that this program wrote in `root`, relative to it; these are then replaced.

    Raises:
        InputError: `root` contains any other file, or is a file.
    """
    if replaces:
        existing = (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
        if unexpected := {path.relative_to(root).as_posix() for path in existing} - set(replaces):
            raise InputError(
                f"{root}: holds {min(unexpected)}, which is not part of a dataset that this program wrote; "
                "it is not overwritten"
            )
    elif root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root}: not empty; a dataset is written into a new folder")
    with replacing_folder(root.resolve()) as draft:
        yield draft


class Splits:
    """The split of each interaction of a dataset: the stated one, else that of all samples of its text.

    A text without a stated split goes by its hash: its split stays the same when the dataset grows, and no
    text of the training split stands in another one.
    """

    def __init__(self, stated: Iterable[tuple[str, str, str]] = ()) -> None:
        """stated: id, text and split of interactions; "" for no split. InputError for unknown names."""
        self._by_id: dict[str, str] = {}
        self._by_text: dict[str, str] = {}
        for id, text, name in stated:
            if not name.strip():
                continue
            split = _SPLITS.get(name.strip().lower())
            if split is None:
                raise InputError(
                    f"{id}: split is '{name.strip()[:40]}'; accepted: train, val, test, or nothing"
                )
            self._by_id[id] = split
            self._by_text.setdefault(_words(text), split)

    def of(self, item: Interaction) -> str:
        """train, val or test; interactions without a text are split one by one."""
        if item.id in self._by_id:
            return self._by_id[item.id]
        words = _words(item.text)
        return split_of(item.id) if not words else self._by_text.get(words) or split_of(words)


def split_of(key: str) -> str:
    """The split of a text or an id by its hash, so that it does not depend on others."""
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    return "val" if share < _HELD_OUT else "test" if share < 2 * _HELD_OUT else "train"


def _words(text: str) -> str:
    """A text without differences of case and white space."""
    return " ".join(text.casefold().split())
