"""WebDataset shards: tar files in which each interaction is a JSON file and an NPY file per array.

The key of an interaction is its id with underscores for dots, since WebDataset ends a key at the first dot;
`<key>.json` has the id as it is and the other columns. `dataset.json` next to the shards has the root
attributes of the dataset.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.dataset_folder import FolderWritten, write_complete_folder
from intermask_cli.errors import MissingError
from intermask_cli.export.tables.rows import Row, Rows, grouped
from intermask_cli.files import write_json

#: Interactions per shard: about 120 MB of five-second pairs.
SHARD_ROWS = 500


def write_webdataset(rows: Rows, root: Path) -> FolderWritten:
    """Write `<split>-000000.tar` and so on, and `dataset.json`, into a new folder.

    Raises:
        InputError: the folder is not empty.
        IntermaskError: a shard that reads back otherwise than it was written.
        MissingError: webdataset is not installed.
    """
    try:
        from webdataset import TarWriter
    except ImportError as error:
        raise MissingError("WebDataset needs webdataset: pip install 'intermask[tables]'") from error
    written, numbers, keys = FolderWritten(), Counter[str](), set[str]()
    with write_complete_folder(root) as draft:
        for group in grouped(rows, SHARD_ROWS):
            split = group[0].split
            path = draft / f"{split}-{numbers[split]:06d}.tar"
            numbers[split] += 1
            with TarWriter(str(path), user="", group="", mtime=0, encoder=False) as shard:
                samples = {_key(row, keys): row for row in group}
                for key, row in samples.items():
                    shard.write({"__key__": key, **_files(row)})
            _check(path, samples, written)
            written.count += len(group)
            written.splits[split] += len(group)
        write_json(draft / "dataset.json", {**rows.attributes, "splits": dict(written.splits)})
    return written


def _key(row: Row, taken: set[str]) -> str:
    """A key that no other interaction has."""
    base = key = str(row.columns["id"]).replace(".", "_")
    number = 1
    while key in taken:
        number += 1
        key = f"{base}_{number}"
    taken.add(key)
    return key


def _files(row: Row) -> dict[str, bytes]:
    """Contents by extension."""
    files = {"json": json.dumps(row.columns, ensure_ascii=False).encode()}
    for name, array in row.arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    return files


def _check(path: Path, samples: dict[str, Row], written: FolderWritten) -> None:
    with tarfile.open(path) as shard:
        for key, row in samples.items():
            file: Any = shard.extractfile(f"{key}.joints.npy")
            joints = np.load(io.BytesIO(file.read()), allow_pickle=False)
            written.check_read_back(row.columns["id"], joints, row.arrays["joints"])
