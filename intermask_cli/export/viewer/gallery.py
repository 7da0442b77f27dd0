"""Galleries of our HDF5 files: which items to show, and the page that shows them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.export.viewer.page import ViewerItem, write_viewer

GALLERY_LIMIT = 50
_HIDDEN_COLUMNS = ("id", "prompt")


def chosen_ids(dataset: InteractionFile, wanted: Sequence[str], limit: int | None) -> list[str]:
    """The given ids, or all in file order; at most `limit`. Unknown ids raise InputError with the nearest."""
    known = dataset.ids
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
        raise InputError(f"{dataset.path}: no interaction '{unknown[0]}'; it holds {shown}")
    ids = list(wanted) or known
    return ids if limit is None else ids[:limit]


def read_scores(path: Path) -> dict[str, dict[str, Any]]:
    """A CSV with an `id` column (`per_prompt.csv`) -> columns by id; numbers become numbers."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    if not rows or "id" not in rows[0]:
        raise InputError(f"{path}: expected a CSV with an 'id' column, such as per_prompt.csv of evaluate")
    return {row["id"]: {k: _number(v) for k, v in row.items() if k and k != "id"} for row in rows}


def _number(value: str | None) -> Any:
    try:
        number = float(value or "")
    except ValueError:
        return value
    return number if number == number and abs(number) != float("inf") else value


class Beside:
    """Interactions of another file, by id, else by prompt (the first that has it)."""

    def __init__(self, dataset: InteractionFile):
        self._dataset, self._ids = dataset, set(dataset.ids)
        pairs = zip(dataset.column("prompt"), dataset.ids, strict=True)
        self._by_prompt = dict(reversed([(" ".join(prompt.lower().split()), id) for prompt, id in pairs]))

    def of(self, id: str, prompt: str) -> np.ndarray | None:
        """Joints (2, T, J, 3) of the partner of an interaction, or None."""
        other = id if id in self._ids else self._by_prompt.get(" ".join(prompt.lower().split()))
        return None if other is None else self._dataset.read(other).joints


def write_gallery(
    source: Path,
    page: Path,
    limit: int | None = GALLERY_LIMIT,
    ids: Sequence[str] = (),
    scores: Mapping[str, Mapping[str, Any]] | None = None,
    truth: Path | None = None,
) -> int:
    """Write the viewer page for a run or HDF5 file; returns how many items it shows.

    `truth`: another run or file; each item is shown beside its interaction of the same id, else of the same
    prompt. Raises InputError when none of them has one.
    """
    with InteractionFile(source) as dataset, ExitStack() as stack:
        beside = None if truth is None else Beside(stack.enter_context(InteractionFile(truth)))
        chosen = chosen_ids(dataset, ids, limit)
        columns = {name: dataset.column(name) for name in dataset.columns if name not in _HIDDEN_COLUMNS}
        row = {id: k for k, id in enumerate(dataset.ids)}
        items = []
        for id in chosen:
            item = dataset.read(id)
            fields = {name: values[row[id]] for name, values in columns.items()}
            # Seeds exceed what a browser's numbers hold exactly.
            fields = {k: str(v) if k == "seed" else v for k, v in fields.items()}
            fields.update((scores or {}).get(id, {}))
            other = None if beside is None else beside.of(id, item.text)
            items.append(ViewerItem(id, item.text, item.joints, fields, other))
        total = len(dataset)
        title = f"{dataset.path.parent.name or dataset.path.name}"
    if truth is not None and all(item.truth is None for item in items):
        raise InputError(f"{truth}: no interaction has an id or a prompt of those shown from {source}")
    note = "" if len(items) == total else f" (the first {len(items)} of {total} in the file)"
    if ids:
        note = f" (chosen from {total} in the file)"
    write_viewer(items, page, title, note)
    return len(items)
