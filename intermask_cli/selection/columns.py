"""The columns by which interactions are chosen: of the index, of an evaluation, and measured physics."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.spreadsheets import without_guard
from intermask_cli.errors import InputError
from intermask_cli.files import path_of
from intermask_cli.motion.physics import COLUMNS as PHYSICS
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import NUM_JOINTS

#: A column by name, one value per interaction in the order of the dataset.
Table = dict[str, list[Any]]
#: Interactions whose joints are in memory at once while they are measured.
_MEASURED_TOGETHER = 256


def table_of(dataset: InteractionFile, needed: Collection[str], scores: Path | None = None) -> Table:
    """Every column of the index and of `scores`; columns of `motion.physics` that are needed are measured.

    Args:
        needed: names that will be used; those of physics that neither the index nor `scores` have are
            measured on the persons that were generated.
        scores: a `per_prompt.csv` of `intermask evaluate`, joined by id.

    Raises:
        InputError: scores without an id column, or for none of these interactions.
    """
    table: Table = {name: dataset.column(name) for name in dataset.columns}
    if scores is not None:
        for name, values in _scores(scores, table["id"]).items():
            table.setdefault(name, values)
    missing = [name for name in PHYSICS if name in needed and name not in table]
    if missing:
        table |= _measured(dataset, missing)
    return table


def known_columns(table: Table) -> set[str]:
    """Names that a condition may use: those of the table, and physics that would be measured."""
    return {*table, *PHYSICS}


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


def _measured(dataset: InteractionFile, names: list[str]) -> Table:
    ids = dataset.ids
    table: Table = {name: [] for name in names}
    with counter("measure", len(ids), "interactions") as progress:
        for start in range(0, len(ids), _MEASURED_TOGETHER):
            items = [dataset.read(id) for id in ids[start : start + _MEASURED_TOGETHER]]
            for item in items:
                if item.joints.shape[2] != NUM_JOINTS:
                    raise InputError(
                        f"{dataset.path}: bodies of {item.joints.shape[2]} joints; physics is measured on "
                        f"{NUM_JOINTS}"
                    )
            persons = [(0, 1) if item.given is None else (1 - item.given,) for item in items]
            measured = physics_table([item.joints for item in items], persons)
            for name in names:
                table[name] += measured[name].tolist()
            progress.advance(len(items))
    return table
