"""Part files: the results of a run until they are one dataset (`merged_file`).

A part is encoded in memory and written in one step, so its existence means that it is complete.
"""

from __future__ import annotations

import io
import json
import queue
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import Thread
from types import TracebackType
from typing import Any

import h5py

from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    ITEMS,
    optional_columns,
    text,
    write_item,
)
from intermask_cli.datasets.rounding import rounded
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import IntermaskError
from intermask_cli.files import write_bytes
from intermask_cli.generation.run.plan import Part, WorkItem
from intermask_cli.inference.interaction import Interaction

#: Names of part files (`plan.Part.name`): first and last position.
_PART = re.compile(r"part-(\d+)-(\d+)\.h5")
#: Attribute of a part whose items have moved into the dataset; attribute for the items that were dropped.
_MOVED, _DROPPED = "moved", "dropped"
DAMAGED = "{}: damaged part file; delete it and run the same command again"


@dataclass(frozen=True)
class Failure:
    """An item without a result, and why.

    `final`: a rerun would get the same result (`--on-fail drop`), so that its part is not made again.
    """

    item: WorkItem
    reason: str
    final: bool = False


#: An item and its result.
MadeItem = tuple[WorkItem, Interaction]
#: Writes a part, given the items that were made and those that failed.
WritePart = Callable[[Part, Sequence[MadeItem], Sequence[Failure]], None]


# ---------------------------------------------------------------- parts


def write_part(
    path: Path,
    fingerprint: str,
    made: Iterable[MadeItem],
    failures: Sequence[Failure] = (),
    store: str = "exact",
) -> None:
    """Write one part file atomically; `store` is one of `config.STORES`."""
    write_bytes(path, encoded_part(path.name, fingerprint, made, failures, store))


def encoded_part(
    name: str, fingerprint: str, made: Iterable[MadeItem], failures: Sequence[Failure], store: str
) -> bytes:
    """The bytes of a part file; `name` distinguishes it from others that are encoded in this process."""
    with h5py.File(name, "w", driver="core", backing_store=False, libver=LIBVER) as file:
        file.attrs["fingerprint"] = fingerprint
        file.attrs["failed"] = json.dumps(
            [[_row(f.item), f.item.file, f.item.line, f.reason] for f in failures if not f.final]
        )
        file.attrs[_DROPPED] = json.dumps(
            [[f.item.id, f.item.file, f.item.line, f.reason, f.item.attempt + 1] for f in failures if f.final]
        )
        items = file.create_group(ITEMS)
        rows = []
        for item, result in made:
            stored = rounded(result) if store == "rounded" else result
            sha256 = write_item(items.create_group(item.id), stored)
            rows.append({**_row(item), "sha256": sha256, **optional_columns(result)})
        file.attrs["rows"] = json.dumps(rows)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def write_moved(part: PartRecord) -> None:
    """Replace a part whose items are in the dataset, and of which none failed, by its rows alone."""
    with h5py.File(part.path.name, "w", driver="core", backing_store=False, libver=LIBVER) as file:
        file.attrs["fingerprint"], file.attrs["failed"] = part.fingerprint, "[]"
        file.attrs["rows"] = json.dumps(part.rows)
        file.attrs[_DROPPED] = json.dumps(
            [[entry.id, entry.file, entry.line, entry.reason, tries] for entry, tries in part.dropped]
        )
        file.attrs[_MOVED] = True
        file.flush()
        image = file.id.get_file_image()
    write_bytes(part.path, image)


def _row(item: WorkItem) -> dict[str, Any]:
    """Index row of an item."""
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
    """Content of a part file without its arrays.

    `rows` are the index rows of the items made, `failed` the entries of the others for `rejected.jsonl`;
    `moved` is whether the arrays are in the dataset already (`merged_file`). `dropped` are the entries of
    items without an accepted try, with their numbers of tries.
    """

    path: Path
    fingerprint: str
    rows: list[dict[str, Any]]
    failed: list[Rejected]
    moved: bool = False
    dropped: Sequence[tuple[Rejected, int]] = ()


def read_part(path: Path) -> PartRecord:
    """Rows and failures of one part; IntermaskError when the file is damaged."""
    try:
        with h5py.File(path, "r", locking=False) as file:  # a finished part is never written again
            failed = [
                Rejected(prompt_file, line, reason, row["id"])
                for row, prompt_file, line, reason in json.loads(file.attrs["failed"])
            ]
            rows = json.loads(file.attrs["rows"])
            moved = bool(file.attrs.get(_MOVED, False))
            dropped = [
                (Rejected(prompt_file, line, reason, id), tries)
                for id, prompt_file, line, reason, tries in json.loads(file.attrs.get(_DROPPED, "[]"))
            ]
            return PartRecord(path, text(file.attrs["fingerprint"]), rows, failed, moved, dropped)
    except (OSError, KeyError, ValueError) as error:
        raise IntermaskError(DAMAGED.format(path)) from error


def has_moved(data: bytes) -> bool:
    """Whether a part, given as the bytes of its file, has given its items to the dataset (`merged_file`)."""
    with h5py.File(io.BytesIO(data), "r") as file:
        return bool(file.attrs.get(_MOVED, False))


def part_files(folder: Path) -> Iterator[Path]:
    """Finished part files in a `parts/` folder, sorted by name."""
    return iter(sorted(path for path in folder.glob("part-*.h5") if _PART.fullmatch(path.name)))


def items_in(names: Iterable[str]) -> int:
    """Number of items of the finished parts of these names; other names count nothing."""
    found = map(_PART.fullmatch, names)
    return sum(int(name[2]) - int(name[1]) + 1 for name in found if name)


def is_part(path: PurePath) -> bool:
    """Whether a file has the name of a finished part."""
    return bool(_PART.fullmatch(path.name))


class PartWriter:
    """Writes parts in a thread, in the order of `put`, while the next one is made.

    At most one part waits while another is written; `put` blocks when that place is taken. The end of the
    `with` block waits until all parts are on disk. An error of the thread, such as a full disk, is raised by
    the next `check` or `put`, or at the end of the block.
    """

    def __init__(self, write: WritePart):
        self._write = write
        self._jobs: queue.Queue[tuple[Part, Sequence[MadeItem], Sequence[Failure]] | None] = queue.Queue(
            maxsize=1
        )
        self._error: BaseException | None = None
        # A daemon, so that a disk that hangs does not keep a stopped process alive.
        self._thread = Thread(target=self._work, name="part-writer", daemon=True)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:  # after an error jobs are discarded, so that `put` never blocks
                try:
                    self._write(*job)
                except BaseException as error:
                    self._error = error

    def check(self) -> None:
        """Raise the error that stopped the thread, if one did."""
        if self._error is not None:
            raise self._error

    def put(self, part: Part, made: Sequence[MadeItem], failures: Sequence[Failure]) -> None:
        """Queue a part for writing."""
        self.check()
        self._jobs.put((part, made, failures))

    def __enter__(self) -> PartWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(None)
        self._thread.join()
        if error is None:
            self.check()
