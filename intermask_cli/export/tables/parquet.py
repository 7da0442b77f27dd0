"""Parquet files, by pyarrow: one row per interaction, arrays as lists of fixed-size lists.

An array with frames first, (T, 2, 22, 3), is a list of T lists of 132 numbers; the metadata of its field
says the shape of one entry as JSON (`shape`). The metadata of the schema has the dataset's root attributes
as JSON (`intermask`). DuckDB, pandas, Polars and `datasets` open the files as they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.dataset_folder import FolderWritten, write_complete_folder
from intermask_cli.datasets.interactions import FLOAT_COLUMNS, NUMBER_COLUMNS
from intermask_cli.errors import MissingError
from intermask_cli.export.tables.rows import Row, Rows, grouped

#: Interactions per file: about 120 MB of five-second pairs in memory.
FILE_ROWS = 500
#: Interactions per row group, which is what a reader loads at once.
_GROUP_ROWS = 50
#: Name of the metadata entry with the root attributes.
METADATA = b"intermask"


def packages() -> tuple[Any, Any]:
    """pyarrow and pyarrow.parquet; MissingError where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingError("Parquet needs pyarrow: pip install 'intermask[tables]'") from error
    return pyarrow, pyarrow.parquet


def write_parquet(rows: Rows, root: Path) -> FolderWritten:
    """Write `data/<split>-00000.parquet` and so on into a new folder.

    Raises:
        InputError: the folder is not empty.
        IntermaskError: a file that reads back otherwise than it was written.
        MissingError: pyarrow is not installed.
    """
    packages()
    with write_complete_folder(root) as draft:
        return write_files(rows, draft)


def write_files(rows: Rows, folder: Path) -> FolderWritten:
    """Write the files into an existing folder, each read back as soon as it is complete."""
    arrow, parquet = packages()
    written, numbers = FolderWritten(), Counter[str]()
    (folder / "data").mkdir()
    for group in grouped(rows, FILE_ROWS):
        split = group[0].split
        path = folder / "data" / f"{split}-{numbers[split]:05d}.parquet"
        numbers[split] += 1
        table = table_of(group, rows.column_names, rows.attributes)
        # Streams of bytes compress floats; a dictionary of them would be larger than they are.
        texts = [name for name in rows.column_names if table.schema.field(name).type == arrow.string()]
        parquet.write_table(
            table, path, compression="zstd", compression_level=3, use_dictionary=texts,
            use_byte_stream_split=True, row_group_size=_GROUP_ROWS,
        )  # fmt: skip
        read = parquet.read_table(path, columns=["joints"])["joints"]
        for row, stored in zip(group, read, strict=True):
            joints = np.asarray(stored.values.flatten(), np.float32).reshape(row.arrays["joints"].shape)
            written.check_read_back(row.columns["id"], joints, row.arrays["joints"])
        written.count += len(group)
        written.splits[split] += len(group)
    return written


def table_of(rows: Sequence[Row], columns: Sequence[str], attributes: Mapping[str, Any]) -> Any:
    """The pyarrow.Table of some rows."""
    arrow, _ = packages()
    fields, values = [], []
    for name in columns:
        type = (
            arrow.int64() if name in NUMBER_COLUMNS
            else arrow.float64() if name in FLOAT_COLUMNS
            else arrow.string()
        )  # fmt: skip
        fields.append(arrow.field(name, type))
        values.append(arrow.array([row.columns[name] for row in rows], type))
    for name in dict.fromkeys(name for row in rows for name in row.arrays):
        arrays = [row.arrays.get(name) for row in rows]
        entry = next(array.shape[1:] for array in arrays if array is not None)
        column = _lists(arrays, int(np.prod(entry)))
        fields.append(arrow.field(name, column.type, metadata={"shape": json.dumps(list(entry))}))
        values.append(column)
    metadata = {METADATA: json.dumps(dict(attributes), sort_keys=True)}
    return arrow.table(values, schema=arrow.schema(fields, metadata=metadata))


def _lists(arrays: Sequence[np.ndarray | None], size: int) -> Any:
    """Arrays (n, ...) of any n as a list per array of lists of `size` numbers; None as null."""
    arrow, _ = packages()
    present = [array.reshape(-1) for array in arrays if array is not None]
    entries = arrow.FixedSizeListArray.from_arrays(arrow.array(np.concatenate(present)), size)
    lengths = [0 if array is None else len(array) for array in arrays]
    offsets = arrow.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    missing = arrow.array([array is None for array in arrays])
    return arrow.ListArray.from_arrays(offsets, entries, mask=missing)
