"""The table `splits.csv` next to a dataset: which interaction is in train, val or test."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.errors import InputError

SPLIT_TABLE = "splits.csv"
SPLITS = ("train", "val", "test")


def read_split_table(path: Path | RemotePath, ids: Sequence[str]) -> list[str]:
    """The split of each id, from a table that `intermask split` wrote or one like it.

    Raises:
        InputError: no columns id and split, a split that there is not, or an id without one.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not rows or not {"id", "split"} <= set(rows[0]):
        raise InputError(f"{path}: no columns id and split; intermask split writes such a table")
    splits = {row["id"]: (row["split"] or "").strip().lower() for row in rows}
    for id in ids:
        if splits.get(id) not in SPLITS:
            seen = f"split {splits[id]!r}" if id in splits else "no split"
            raise InputError(
                f"{path}: {id} has {seen}; accepted: {', '.join(SPLITS)}; intermask split writes it again"
            )
    return [splits[id] for id in ids]
