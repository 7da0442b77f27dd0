"""A dataset over the parts of datasets in parts: nothing is copied, as when a run ends in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    FILE_NAME,
    INDEX,
    ITEMS,
    RUNS,
    InteractionFile,
    content_sha256,
    write_attributes,
    write_index,
)
from intermask_cli.datasets.part_set import part_file_name, write_part_set
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.files import Replacements, replacing
from intermask_cli.generation.run.copied_items import Source
from intermask_cli.generation.run.merged_file import put_part, remove_unused_parts
from intermask_cli.generation.run.part_files import read_part


@dataclass(frozen=True)
class _Place:
    """Where an item is: file, id in the file, and its `item_sha256`."""

    file: str
    id: str
    sha256: str


def all_in_parts(folders: Sequence[Path]) -> bool:
    """Whether the datasets of all these run directories are in parts."""
    return all(_parts(folder) for folder in folders)


def write_linked(
    folder: Path,
    sources: Sequence[Source],
    columns: Mapping[str, Sequence[Any]],
    attributes: Mapping[str, Any],
    runs: Mapping[str, Mapping[str, Any]],
    byte_order_mark: bool = False,
) -> None:
    """Write `interactions.h5` and `index.csv` as `write_copies` does, of sources that are in parts.

    `folder` may be one of the sources. A kill leaves its old dataset or the new one.

    Raises:
        InputError, IntermaskError: a part that is missing, damaged or of another run.
    """
    parts = [part for path, _ in sources for part in _parts(path)]
    names = [part_file_name(number, len(parts)) for number in range(1, len(parts) + 1)]
    new_name = dict(zip(parts, names, strict=True))
    with Replacements() as files:
        for part, name in new_name.items():
            put_part(part, folder / name, files)
    records = {part: read_part(part) for part in parts}
    places: list[_Place] = []
    for path, ids in sources:
        with InteractionFile(path) as dataset:
            hashes = {(p, row["id"]): row["sha256"] for p in _parts(path) for row in records[p].rows}
            for id in ids:
                part, inner = dataset.place_of(id)
                places.append(_Place(new_name[part], inner, hashes[part, inner]))
    with (
        replacing(folder / FILE_NAME) as draft,
        h5py.File(draft, "w", libver=LIBVER, locking=False) as file,
    ):
        write_attributes(file, attributes)
        if runs:
            origins = file.create_group(RUNS)
            for run, of_run in runs.items():
                write_attributes(origins.create_group(run), of_run)
        ids = columns["id"]
        file.attrs[CONTENT_SHA256] = content_sha256(
            (id, place.sha256) for id, place in zip(ids, places, strict=True)
        )
        write_part_set(
            file,
            file.create_group(ITEMS, track_order=True),
            {new_name[part]: record.fingerprint for part, record in records.items()},
            ((id, place.file, place.id) for id, place in zip(ids, places, strict=True)),
        )
        write_index(file.create_group(INDEX, track_order=True), columns)
    rows = zip(*columns.values(), strict=True)
    write_csv(folder / "index.csv", list(columns), rows, byte_order_mark=byte_order_mark)
    remove_unused_parts(folder)


def _parts(path: Path) -> list[Path]:
    """The files of a dataset without its index."""
    with InteractionFile(path) as dataset:
        return dataset.files[1:]
