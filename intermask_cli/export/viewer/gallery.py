"""Galleries: which interactions of a run or HDF5 file to show, and the viewer page with them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.export.viewer.page import ViewerItem, write_viewer

#: Columns of a dataset that the page always shows, so they are not repeated as fields.
_HIDDEN_COLUMNS = ("id", "prompt")


def selected_ids(dataset: InteractionFile, ids: Sequence[str], limit: int | None) -> list[str]:
    """The given ids, or all of the file in its order; at most `limit`.

    Raises:
        InputError: an id that the file does not have; the message lists the first ids of the file.
    """
    known = dataset.ids
    unknown = sorted(set(ids) - set(known))
    if unknown:
        shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
        raise InputError(f"{dataset.path}: no interaction '{unknown[0]}'; it holds {shown}")
    selected = list(ids) or known
    return selected if limit is None else selected[:limit]


def read_scores(path: Path) -> dict[str, dict[str, Any]]:
    """A CSV with an `id` column (`per_prompt.csv`) -> columns by id, finite numbers as numbers.

    Raises:
        InputError: the file cannot be read or has no `id` column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    if not rows or "id" not in rows[0]:
        raise InputError(f"{path}: expected a CSV with an 'id' column, such as per_prompt.csv of evaluate")
    return {row["id"]: {k: _number(v) for k, v in row.items() if k and k != "id"} for row in rows}


def _number(value: str | None) -> Any:
    """The number that a cell holds; the cell itself if it holds none, or one that JSON cannot represent."""
    try:
        number = float(value or "")
    except ValueError:
        return value
    return number if math.isfinite(number) else value


class ComparisonSet:
    """The interactions of another file, to be shown next to those of the first.

    They are matched by id, else by prompt without regard to case and spacing. The first one of several with
    the same prompt is used.
    """

    def __init__(self, dataset: InteractionFile):
        self._dataset, self._ids = dataset, set(dataset.ids)
        pairs = zip(dataset.column("prompt"), dataset.ids, strict=True)
        self._by_prompt = dict(reversed([(_normalised(prompt), id) for prompt, id in pairs]))

    def joints_for(self, id: str, prompt: str) -> np.ndarray | None:
        """Joints (2, T, J, 3) to compare with the interaction of this id and prompt, or None."""
        match = id if id in self._ids else self._by_prompt.get(_normalised(prompt))
        return None if match is None else self._dataset.read(match).joints


def _normalised(prompt: str) -> str:
    """Lower case, with single spaces."""
    return " ".join(prompt.lower().split())


def write_gallery(
    source: Path,
    page: Path,
    limit: int | None = None,
    ids: Sequence[str] = (),
    scores: Mapping[str, Mapping[str, Any]] | None = None,
    truth: Path | None = None,
) -> int:
    """Write the viewer page of a run or HDF5 file; returns how many interactions it shows.

    scores: more columns by id. truth: another run or file; each interaction is shown next to the one with the
    same id there, else with the same prompt.

    Raises:
        InputError: an unknown id, or a `truth` without any interaction to show.
    """
    with InteractionFile(source) as dataset, ExitStack() as stack:
        comparison = None if truth is None else ComparisonSet(stack.enter_context(InteractionFile(truth)))
        columns = {name: dataset.column(name) for name in dataset.columns if name not in _HIDDEN_COLUMNS}
        row = {id: k for k, id in enumerate(dataset.ids)}
        items = []
        for id in selected_ids(dataset, ids, limit):
            item = dataset.read(id)
            fields = {name: values[row[id]] for name, values in columns.items()}
            # As text, since a browser's numbers do not hold 63 bits exactly.
            fields = {k: str(v) if k == "seed" else v for k, v in fields.items()}
            fields.update((scores or {}).get(id, {}))
            compared = None if comparison is None else comparison.joints_for(id, item.text)
            items.append(ViewerItem(id, item.text, item.joints, fields, compared))
        total = len(dataset)
        title = dataset.path.parent.name or dataset.path.name
    if truth is not None and all(item.truth is None for item in items):
        raise InputError(f"{truth}: no interaction has the id or the prompt of one shown from {source}")
    note = "" if len(items) == total else f" (the first {len(items)} of {total} in the file)"
    if ids:
        note = f" (chosen from {total} in the file)"
    write_viewer(items, page, title, note)
    return len(items)
