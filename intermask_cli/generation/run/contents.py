"""A dataset apart from its items: root attributes, index, and the table `index.csv`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    INDEX,
    ITEMS,
    RUNS,
    content_sha256,
    write_attributes,
    write_index,
)
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.files import replacing

#: The table of a run, one row per item.
INDEX_TABLE = "index.csv"
#: Root attributes that a dataset of items of other datasets has of its own.
OWN_ATTRIBUTES = ("format", "format_version", CONTENT_SHA256, "created", "versions")


@dataclass(frozen=True)
class Contents:
    """What is written before and after the items of a dataset.

    columns: one value per item, in the order of the dataset. attributes: of the root. runs: root attributes
    of the runs that the items come from, by their names, where there are several. only_in_table: columns that
    the table has and the dataset does not. byte_order_mark: whether the table begins with one.
    """

    columns: Mapping[str, Sequence[Any]]
    attributes: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only_in_table: Collection[str] = ()
    byte_order_mark: bool = False

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the items."""
        return self.columns["id"]

    def begin(self, file: h5py.File) -> h5py.Group:
        """Write all that comes before the items -> the group that they belong in."""
        write_attributes(file, self.attributes)
        if self.runs:
            origins = file.create_group(RUNS)
            for name, of_run in self.runs.items():
                write_attributes(origins.create_group(name), of_run)
        return file.create_group(ITEMS, track_order=True)

    def finish(self, file: h5py.File, hashes: Sequence[str | None]) -> None:
        """Write what comes after the items. hashes: the `item_sha256` of each; parts of 0.2.0 have none."""
        known = [(id, sha256) for id, sha256 in zip(self.ids, hashes, strict=True) if sha256 is not None]
        if len(known) == len(hashes):
            file.attrs[CONTENT_SHA256] = content_sha256(known)
        index = {name: values for name, values in self.columns.items() if name not in self.only_in_table}
        write_index(file.create_group(INDEX, track_order=True), index)

    def write_table(self, folder: Path) -> None:
        """Write `index.csv`."""
        rows = zip(*self.columns.values(), strict=True)
        write_csv(folder / INDEX_TABLE, self.columns, rows, byte_order_mark=self.byte_order_mark)


@contextmanager
def new_dataset(path: Path) -> Iterator[h5py.File]:
    """A file to write, which appears, or replaces an earlier one, at the end of the `with` block."""
    with replacing(path) as draft, h5py.File(draft, "w", libver=LIBVER, locking=False) as file:
        yield file


def united_columns(
    tables: Sequence[Mapping[str, Sequence[Any]]], first: Sequence[str]
) -> dict[str, list[Any]]:
    """Columns of several index tables one below the other; "" where a table lacks one.

    first: names that come before the others, those of them that a table has.
    """
    sizes = [len(table["id"]) for table in tables]
    present = dict.fromkeys(name for table in tables for name in table)
    names = dict.fromkeys([*(name for name in first if name in present), *present])
    return {
        name: [v for table, n in zip(tables, sizes, strict=True) for v in table.get(name, [""] * n)]
        for name in names
    }
