"""One interaction as a row: its columns, and its arrays with frames first.

Arrays, each only where the interaction has it:

======================  ==========  =============================================================
joints                  (T, 2, J, 3)   float32, metres, Y up, 30 fps
rotations6d             (T, 2, 21, 6)  float32, local rotations, first two columns of the matrix
root_rotations6d        (T, 2, 6)      float32, rotation of the pelvis in the world
bone_lengths            (2, 21)        float32, metres
features                (T, 2, 56, 6)  float32, of Inter-X models
tokens                  (n, 2, 5)      int16, the token map, n = T // 4
======================  ==========  =============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intermask_cli.datasets.dataset_folder import Splits
from intermask_cli.datasets.interactions import FLOAT_COLUMNS, NUMBER_COLUMNS, InteractionFile
from intermask_cli.inference.interaction import Interaction

#: Column of the split.
SPLIT = "split"


@dataclass(frozen=True)
class Row:
    """`columns` by name, in the order of the dataset, and `arrays` with frames first."""

    split: str
    columns: dict[str, Any]
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Rows:
    """The interactions of a dataset as rows; `attributes` are those of its root.

    splits: None puts everything into `train`.
    """

    items: Iterable[Interaction]
    attributes: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, Any]]  # column -> id -> value
    splits: Splits | None

    @classmethod
    def of(cls, dataset: InteractionFile, items: Iterable[Interaction], splits: Splits | None) -> Rows:
        """Rows of `items`, which were read from the dataset."""
        ids = dataset.ids
        names = (name for name in dataset.columns if name != SPLIT)
        columns = {name: dict(zip(ids, dataset.column(name), strict=True)) for name in names}
        return cls(items, dataset.attributes, columns, splits)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, without the split."""
        return list(self.columns)

    def __iter__(self) -> Iterator[Row]:
        for item in self.items:
            columns = {name: _plain(name, values[item.id]) for name, values in self.columns.items()}
            split = "train" if self.splits is None else self.splits.of(item)
            yield Row(split, columns, arrays_of(item))


def _plain(name: str, value: Any) -> Any:
    """A column's value as int, float or text; None where a number is missing."""
    if name in NUMBER_COLUMNS:
        return int(value)
    if name in FLOAT_COLUMNS:
        return None if value in ("", None) or not np.isfinite(value) else float(value)
    return str(value)


def arrays_of(item: Interaction) -> dict[str, np.ndarray]:
    """The arrays of an interaction with frames first, contiguous."""
    stored = {
        "joints": (item.joints, np.float32),
        "rotations6d": (item.rotations6d, np.float32),
        "root_rotations6d": (item.motion.root_rotations6d, np.float32),
        "features": (item.features, np.float32),
    }
    arrays = {
        name: np.ascontiguousarray(np.moveaxis(array, 0, 1), dtype)  # (2, T, ...) -> (T, 2, ...)
        for name, (array, dtype) in stored.items()
        if array is not None
    }
    if item.motion.bone_lengths is not None:
        arrays["bone_lengths"] = np.ascontiguousarray(item.motion.bone_lengths, np.float32)
    if item.tokens is not None:
        arrays["tokens"] = np.ascontiguousarray(np.moveaxis(item.tokens, -1, 0), np.int16)  # (n, 2, 5)
    return arrays


def grouped(rows: Iterable[Row], size: int) -> Iterator[Sequence[Row]]:
    """Rows in groups of `size` of one split, in their order within it."""
    waiting: dict[str, list[Row]] = {}
    for row in rows:
        group = waiting.setdefault(row.split, [])
        group.append(row)
        if len(group) == size:
            yield waiting.pop(row.split)
    yield from waiting.values()
