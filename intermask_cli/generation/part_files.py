"""Results on disk: part files while a run goes on, one `interactions.h5` at its end.

A part is encoded in memory and written whole, so its existence means that it is complete. Merging
copies the compressed items of all parts, in plan order, into a file that appears only when finished.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py

from intermask_cli.datasets.interactions import (
    INDEX,
    INDEX_COLUMNS,
    ITEMS,
    text,
    write_attributes,
    write_index,
    write_item,
)
from intermask_cli.errors import IntermaskError
from intermask_cli.files import replacing, write_bytes, write_csv
from intermask_cli.generation.plan import WorkItem
from intermask_cli.inference.interaction import Interaction

_COPIED = "copied"
_DAMAGED = "{}: damaged part file; delete it and run the same command again"


@dataclass(frozen=True)
class Failure:
    """An item that could not be made, and why."""

    item: WorkItem
    reason: str


# ---------------------------------------------------------------- parts


def write_part(
    path: Path,
    fingerprint: str,
    made: Iterable[tuple[WorkItem, Interaction]],
    failures: Sequence[Failure] = (),
) -> None:
    """Write one part file atomically."""
    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        file.attrs["fingerprint"] = fingerprint
        file.attrs["failed"] = json.dumps(
            [[_row(f.item), f.item.file, f.item.line, f.reason] for f in failures]
        )
        items = file.create_group(ITEMS)
        rows = []
        for item, result in made:
            write_item(items.create_group(item.id), result)
            rows.append(_row(item))
        file.attrs["rows"] = json.dumps(rows)
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


def _row(item: WorkItem) -> dict[str, Any]:
    return {
        "position": item.position,
        "id": item.id,
        "prompt": item.text,
        "sample": item.sample,
        "seed": item.seed,
        "frames": item.frames,
        "carried": dict(item.carried),
    }


@dataclass(frozen=True)
class PartRecord:
    """What a part file holds, without its arrays."""

    path: Path
    fingerprint: str
    rows: list[dict[str, Any]]
    failed: list[tuple[dict[str, Any], str, int, str]]  # row, prompt file, line, reason


def read_part(path: Path) -> PartRecord:
    """Rows and failures of one part; IntermaskError when the file is damaged."""
    try:
        with h5py.File(path, "r") as file:
            return PartRecord(
                path,
                text(file.attrs["fingerprint"]),
                json.loads(file.attrs["rows"]),
                [tuple(entry) for entry in json.loads(file.attrs["failed"])],
            )
    except (OSError, KeyError, ValueError) as error:
        raise IntermaskError(_DAMAGED.format(path)) from error


# ---------------------------------------------------------------- merge


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise IntermaskError(_DAMAGED.format(path)) from error
    with file:
        yield file


def merge_parts(parts: Sequence[PartRecord], folder: Path, attributes: Mapping[str, Any], name: str) -> int:
    """Copy all items into `folder/name`, and their columns into `index.csv`; number of items.

    `attributes` become root attributes beside format and version (docs/reference/formats.md).
    """
    rows = sorted(
        ((row["position"], part.path, row) for part in parts for row in part.rows), key=lambda r: r[0]
    )
    for (a, path, row), (b, other, _) in pairwise(rows):
        if a == b:
            raise IntermaskError(f"'{row['id']}' stands in both {path} and {other}; delete one of them")
    _check_space(folder, sum(part.path.stat().st_size for part in parts))
    columns = _columns([row for _, _, row in rows])
    with replacing(folder / name) as temporary, h5py.File(temporary, "w") as file:
        write_attributes(file, attributes)
        # One part open at a time, since HDF5 holds about 9 MB for each; then the items are put in plan order.
        copied = file.create_group(_COPIED)
        for part in sorted(parts, key=lambda part: part.path.name):
            with _opened(part.path) as source:
                for row in part.rows:
                    source.copy(f"{ITEMS}/{row['id']}", copied)
        file.create_group(ITEMS, track_order=True)
        for _, _, row in rows:
            file.move(f"{_COPIED}/{row['id']}", f"{ITEMS}/{row['id']}")
        del file[_COPIED]
        write_index(file.create_group(INDEX, track_order=True), columns)
    write_csv(folder / "index.csv", columns, zip(*columns.values(), strict=True))
    return len(rows)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * 1.05:
        raise IntermaskError(
            f"{folder}: merging needs {needed / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free; "
            "free some space and run the same command again"
        )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Index columns, then the carried ones under safe and unique names; '' where a row has none."""
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in INDEX_COLUMNS}
    carried: dict[str, None] = {}
    for row in rows:
        carried.update(dict.fromkeys(row["carried"]))
    for name in carried:
        safe = name.replace("/", "_").strip(".") or "column"
        while safe in columns:
            safe += "_"
        columns[safe] = [row["carried"].get(name, "") for row in rows]
    return columns


def part_files(folder: Path) -> Iterator[Path]:
    """Finished parts in a `parts/` folder, by name."""
    return iter(sorted(folder.glob("part-*.h5")))
