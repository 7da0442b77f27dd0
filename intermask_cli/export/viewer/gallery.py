"""Galleries: which interactions of a run or HDF5 file to show, and the viewer page with them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.console import track
from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.export.items import selected_ids
from intermask_cli.export.viewer.page import ViewerItem, WrittenPage, write_viewer
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.physics import MIN_FRAMES, physics_table
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Columns of a dataset that the page always shows, so they are not repeated as fields.
_HIDDEN_COLUMNS = ("id", "prompt")
#: Of physics, which are shares and millimetres: finer differences mean nothing.
_DECIMALS = 4
#: Interactions beyond which the progress is shown: it takes more than a few seconds.
_LONG = 500
#: Interactions read and measured at a time.
_BATCH = 64


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

    def match(self, id: str, prompt: str) -> str | None:
        """Id of the interaction to compare with the one of this id and prompt, or None."""
        return id if id in self._ids else self._by_prompt.get(_normalised(prompt))

    def joints_for(self, id: str, prompt: str) -> np.ndarray | None:
        """Its joints (2, T, J, 3), or None."""
        match = self.match(id, prompt)
        return None if match is None else self._dataset.read(match, joints_only=True).joints


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
    title: str = "",
) -> WrittenPage:
    """Write the viewer page of a run or HDF5 file, with the physics of every interaction as columns.

    scores: more columns by id, which replace physics of the same name. truth: another run or file; each
    interaction is shown next to the one with the same id there, else with the same prompt. title: heading of
    the page, instead of the name of the run.

    Raises:
        InputError: an unknown id, or a `truth` without any interaction to show.
    """
    with InteractionFile(source) as dataset, ExitStack() as stack:
        comparison = None if truth is None else ComparisonSet(stack.enter_context(InteractionFile(truth)))
        selected, total = selected_ids(dataset, ids, limit), len(dataset)
        if comparison is not None:
            prompts = dict(zip(dataset.ids, dataset.column("prompt"), strict=True))
            if not any(comparison.match(id, prompts[id]) for id in selected):
                raise InputError(
                    f"{truth}: no interaction has the id or the prompt of one shown from {source}"
                )
        note = (
            "" if len(selected) == total else f" (the first {len(selected):,} of {total:,}; view shows all)"
        )
        if ids:
            note = f" (chosen from {total:,} in the file)"
        items = _items(dataset, selected, scores or {}, comparison)
        if len(selected) > _LONG:
            items = track(items, "view", len(selected))
        return write_viewer(items, page, title or _title(dataset.local_path), note)


def _title(path: Path) -> str:
    """Name of the run, or of a file with a name of its own."""
    return path.resolve().parent.name or path.stem if path.name == FILE_NAME else path.stem


def _items(
    dataset: InteractionFile,
    ids: Sequence[str],
    scores: Mapping[str, Mapping[str, Any]],
    comparison: ComparisonSet | None,
) -> Iterator[ViewerItem]:
    """The interactions of these ids, a batch in memory at a time."""
    columns = {name: dataset.column(name) for name in dataset.columns if name not in _HIDDEN_COLUMNS}
    row = {id: k for k, id in enumerate(dataset.ids)}
    for start in range(0, len(ids), _BATCH):
        batch = [(id, dataset.read(id, joints_only=True)) for id in ids[start : start + _BATCH]]
        measured = _physics([item for _, item in batch])
        for (id, item), physics in zip(batch, measured, strict=True):
            fields = {name: values[row[id]] for name, values in columns.items()}
            # Columns of numbers have NaN where an interaction has none; JSON has no such value.
            fields = {name: value for name, value in fields.items() if value == value}
            # As text, since a browser's numbers do not hold 63 bits exactly.
            fields = {k: str(v) if k == "seed" else v for k, v in fields.items()}
            fields.update(physics)
            fields.update(scores.get(id, {}))
            compared = None if comparison is None else comparison.joints_for(id, item.text)
            yield ViewerItem(id, item.text, item.joints, fields, compared, item.given)


def _physics(items: Sequence[Interaction]) -> list[dict[str, float]]:
    """Physics of the generated persons by column; columns without a finite value are left out."""
    measured = [k for k, item in enumerate(items) if item.frames >= MIN_FRAMES]
    table = physics_table(
        [items[k].joints[:, :, :NUM_JOINTS] for k in measured], [items[k].generated for k in measured]
    )
    rows: list[dict[str, float]] = [{} for _ in items]
    for name, values in table.items():
        for k, value in zip(measured, values.tolist(), strict=True):
            if math.isfinite(value):
                rows[k][name] = round(value, _DECIMALS)
    return rows
