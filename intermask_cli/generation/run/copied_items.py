"""A dataset of items of other datasets, copied as they are stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py

from intermask_cli.console import counter
from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    FILE_NAME,
    INDEX,
    ITEMS,
    RUNS,
    InteractionFile,
    content_sha256,
    item_sha256,
    write_attributes,
    write_index,
)
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.files import replacing

#: Root attributes that a file of copied items has of its own.
OWN_ATTRIBUTES = ("format", "format_version", CONTENT_SHA256, "created", "versions")
#: A dataset, or its run directory, and the ids of the items to copy from it.
Source = tuple[Path, Sequence[str]]


def write_copies(
    folder: Path,
    sources: Sequence[Source],
    columns: Mapping[str, Sequence[Any]],
    attributes: Mapping[str, Any],
    runs: Mapping[str, Mapping[str, Any]],
    label: str,
    only_in_table: Collection[str] = (),
    byte_order_mark: bool = False,
) -> None:
    """Write `interactions.h5` and `index.csv`; each appears, or replaces an earlier one, when it is complete.

    Args:
        columns: one value per item, in the order of the sources; `id` has the ids in the new file.
        attributes: root attributes.
        runs: root attributes of the runs that the items come from, by their names, where there are several.
        label: of the progress that is shown.
        only_in_table: columns that `index.csv` has and the dataset does not.

    Raises InputError for a damaged item.
    """
    ids = iter(columns["id"])
    hashes: list[tuple[str, str]] = []
    with (
        replacing(folder / FILE_NAME) as draft,
        h5py.File(draft, "w", libver=LIBVER, locking=False) as file,
        counter(label, len(columns["id"]), "interactions") as progress,
    ):
        write_attributes(file, attributes)
        if runs:
            origins = file.create_group(RUNS)
            for name, of_run in runs.items():
                write_attributes(origins.create_group(name), of_run)
        items = file.create_group(ITEMS, track_order=True)
        for path, own_ids in sources:
            # One dataset is open at a time: HDF5 holds megabytes for each.
            with InteractionFile(path) as dataset:
                for id in own_ids:
                    new = next(ids)
                    hashes.append((new, item_sha256(dataset.read(id))))  # which also finds damaged items
                    dataset.copy_item(id, items, new)
                    progress.advance()
        file.attrs[CONTENT_SHA256] = content_sha256(hashes)
        index = {name: values for name, values in columns.items() if name not in only_in_table}
        write_index(file.create_group(INDEX, track_order=True), index)
    rows = zip(*columns.values(), strict=True)
    write_csv(folder / "index.csv", list(columns), rows, byte_order_mark=byte_order_mark)


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
