"""The columns by which interactions are chosen: of the index, of an evaluation, and measured ones."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.measures import MEASURES, OF_JOINTS, measured
from intermask_cli.datasets.spreadsheets import without_guard
from intermask_cli.errors import InputError
from intermask_cli.files import path_of
from intermask_cli.motion.skeleton import NUM_JOINTS

#: A column by name, one value per interaction in the order of the dataset.
Table = dict[str, list[Any]]


def table_of(dataset: InteractionFile, needed: Collection[str], scores: Path | None = None) -> Table:
    """Every column of the index and of `scores`; `measures.MEASURES` that are needed are measured.

    Args:
        needed: names that will be used. Where neither the index nor `scores` have one of `MEASURES` for an
            interaction, it is measured on the persons that were generated.
        scores: a `per_prompt.csv` of `intermask evaluate`, joined by id.

    Raises:
        InputError: scores without an id column, or for none of these interactions.
    """
    table: Table = {name: dataset.column(name) for name in dataset.columns}
    if scores is not None:
        for name, values in _scores(scores, table["id"]).items():
            table.setdefault(name, values)
    names = [name for name in MEASURES if name in needed]
    if names:
        _measure(dataset, table, names)
    return table


def known_columns(table: Table) -> set[str]:
    """Names that a condition may use: those of the table, and what would be measured."""
    return {*table, *MEASURES}


def _scores(path: Path, ids: list[str]) -> Table:
    path = path_of(path)
    if path.is_dir():
        path = path / "per_prompt.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{k: without_guard(v) for k, v in row.items() if k} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a per_prompt.csv ({error})") from error
    if not rows or "id" not in rows[0]:
        raise InputError(f"{path}: no column id; give the per_prompt.csv of intermask evaluate")
    by_id = {row["id"]: row for row in rows}
    if not any(id in by_id for id in ids):
        raise InputError(
            f"{path}: has none of these interactions (its first is '{rows[0]['id']}', here '{ids[0]}')"
        )
    return {name: [by_id.get(id, {}).get(name) or "" for id in ids] for name in rows[0] if name != "id"}


def _measure(dataset: InteractionFile, table: Table, names: list[str]) -> None:
    """Fill the columns of those names wherever they have no value."""
    for name in names:
        table.setdefault(name, [math.nan] * len(table["id"]))
    empty = [row for row in range(len(table["id"])) if any(_is_missing(table[name][row]) for name in names)]
    if not empty:
        return
    with counter("measure", len(empty), "interactions") as progress:
        for row in empty:
            item = dataset.read(table["id"][row])
            joints = item.joints.shape[2]
            if joints != NUM_JOINTS and set(names) & set(OF_JOINTS):
                raise InputError(
                    f"{dataset.path}: bodies of {joints} joints; physics is measured on {NUM_JOINTS}"
                )
            for name, value in measured(item, names).items():
                if _is_missing(table[name][row]):
                    table[name][row] = value
            progress.advance()


def _is_missing(value: Any) -> bool:
    return value == "" or (isinstance(value, float) and math.isnan(value))
