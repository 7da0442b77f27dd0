"""The parts of a run as one dataset.

Merging copies the compressed items of all parts, in plan order, into a file that appears only when finished.
Where the disk has no space for that, the parts move into a growing file one by one: it becomes the dataset.
Large runs are not merged: their parts get a second name next to the dataset, which then is an index of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

import h5py

from intermask_cli.console import note
from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    FLOAT_COLUMNS,
    INDEX,
    INDEX_COLUMNS,
    ITEMS,
    OPTIONAL_COLUMNS,
)
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import disk_errors
from intermask_cli.generation.run.contents import Contents, new_dataset
from intermask_cli.generation.run.disk_space import check_merge_space, has_merge_space, stays_in_parts
from intermask_cli.generation.run.journaled_file import JournaledFile
from intermask_cli.generation.run.linked_items import remove_unused_parts, write_links
from intermask_cli.generation.run.part_files import DAMAGED, PartRecord, write_moved

#: Files of a merge in place, in the run directory, until it is finished.
GROWING, JOURNAL = "merging.h5", "merging.journal"
#: Temporary group of the merged file; its items are moved out in plan order.
_COPIED = "copied"


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise IntermaskError(DAMAGED.format(path)) from error
    with file:
        yield file


def merge_parts(
    parts: Sequence[PartRecord],
    folder: Path,
    attributes: Mapping[str, Any],
    name: str,
    csv_bom: bool = False,
    own: bool = False,
    layout: str = "single",
) -> int:
    """Make the dataset `folder/name` of all items, and `index.csv` of their rows -> number of items.

    `attributes` become root attributes, next to format and version (docs/reference/formats.md). csv_bom:
    begin the table with a byte order mark. own: the parts are those of `folder`, which nothing but the
    dataset needs. Where the disk cannot hold it next to them, they then move into it one by one, as long as
    no item failed: items that failed are tried again with their part. layout: one of `config.LAYOUTS`.
    """
    rows = sorted(
        ((row["position"], part.path, row) for part in parts for row in part.rows), key=lambda r: r[0]
    )
    for (position, path, row), (next_position, next_path, _) in pairwise(rows):
        if position == next_position:
            raise IntermaskError(f"'{row['id']}' is in both {path} and {next_path}; delete one of them")
    parts = sorted(parts, key=lambda part: part.path.name)
    moved = [part for part in parts if part.moved]
    if moved and (not own or layout == "parts"):
        raise InputError(
            f"{moved[0].path}: its interactions are in {GROWING}, where they are being merged in place; "
            f"finish that with the same command {'with --layout single' if own else 'without --out'}"
        )
    needed = sum(part.path.stat().st_size for part in parts)
    contents = Contents(_columns([row for _, _, row in rows]), attributes, byte_order_mark=csv_bom)
    hashes = [row.get("sha256") for _, _, row in rows]
    if not moved and stays_in_parts(layout, needed):
        note(f"{folder}: {len(parts):,} files keep the interactions, {name} is their index")
        fingerprints = {part.path: part.fingerprint for part in parts}
        places = ((path, row["id"]) for _, path, row in rows)
        write_links(folder / name, contents, fingerprints, places, hashes)
    elif moved or (own and not has_merge_space(folder, needed) and not any(part.failed for part in parts)):
        _merge_in_place(parts, folder / name, contents, hashes)
    else:
        check_merge_space(folder, needed)
        with new_dataset(folder / name) as file:
            # One part is open at a time, since HDF5 holds about 9 MB for each.
            for part in parts:
                _copy_part(part, file)
            _complete(file, contents, hashes)
    contents.write_table(folder)
    remove_unused_parts(folder)
    return len(rows)


def _copy_part(part: PartRecord, file: h5py.File) -> None:
    """Copy the compressed items of a part; existing ones are kept."""
    copied = file.require_group(_COPIED)
    with _opened(part.path) as source:
        for row in part.rows:
            if row["id"] not in copied:
                source.copy(f"{ITEMS}/{row['id']}", copied)


def _complete(file: h5py.File, contents: Contents, hashes: Sequence[str | None]) -> None:
    """Put copied items in plan order, between what comes before and after them."""
    contents.begin(file)
    for id in contents.ids:
        file.move(f"{_COPIED}/{id}", f"{ITEMS}/{id}")
    if _COPIED in file:
        del file[_COPIED]
    contents.finish(file, hashes)


# ---------------------------------------------------------------- merge in place


def _merge_in_place(
    parts: Sequence[PartRecord], path: Path, contents: Contents, hashes: Sequence[str | None]
) -> None:
    """Move the items of all parts into the dataset, one part after the other; a kill loses none.

    Of a part that has moved the file stays, without its arrays, so that it counts as made.
    """
    folder = path.parent
    growing, journal = folder / GROWING, folder / JOURNAL
    if growing.exists() or not all(part.moved for part in parts):  # else killed after its last step
        note(f"{folder}: no space for a second copy; parts are merged in place, one after the other")
        with disk_errors(growing), JournaledFile(growing, journal) as stream:
            for part in parts:
                if not part.moved:
                    check_merge_space(folder, part.path.stat().st_size)
                    with _after_this(), _growing(stream) as file:
                        _copy_part(part, file)
                    stream.commit()
                    write_moved(part)
            with _after_this(), _growing(stream) as file:
                if INDEX not in file:
                    _complete(file, contents, hashes)
            stream.commit()
        os.replace(growing, path)
    journal.unlink(missing_ok=True)


def _growing(stream: JournaledFile) -> h5py.File:
    mode = "r+" if stream.seek(0, os.SEEK_END) else "w"
    return h5py.File(stream, mode, libver=LIBVER)


@contextmanager
def _after_this() -> Iterator[None]:
    """Signals wait for the end of the block: their exceptions must not pass through HDF5."""
    if current_thread() is not main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, lambda *call: came.append(call)) for number in numbers}
    try:
        yield
    finally:
        for restored, handler in handlers.items():
            signal.signal(restored, handler)
    for number, _ in came[:1]:
        signal.raise_signal(number)


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Index columns, then the carried ones under safe and unique names; rows without a value have ''."""
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in INDEX_COLUMNS}
    for name in OPTIONAL_COLUMNS:
        if any(name in row for row in rows):
            columns[name] = [row.get(name, "") for row in rows]
    carried: dict[str, None] = {}
    for row in rows:
        carried.update(dict.fromkeys(row["carried"]))
    for name in carried:
        safe = name.replace("/", "_").strip(".") or "column"
        while safe in columns or safe in FLOAT_COLUMNS:
            safe += "_"
        columns[safe] = [row["carried"].get(name, "") for row in rows]
    return columns
