"""Export of whole datasets: in parallel, skipping what is done, with the errors summed up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from intermask_cli.cleanup.clean import Effect, clean_item
from intermask_cli.cleanup.modes import Clean
from intermask_cli.console import counter
from intermask_cli.datasets.dataset_folder import FolderWritten
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.interhuman.writer import write_interhuman
from intermask_cli.datasets.interx.writer import write_interx
from intermask_cli.errors import InputError, IntermaskError, MissingError
from intermask_cli.export.formats import FORMATS, Written, export_item, paths_of
from intermask_cli.export.viewer.gallery import chosen_ids
from intermask_cli.inference.interaction import Interaction

CLEANING = ".cleaning.json"  # which clean-up the files of a folder went through
#: Written, failed (id and reason), physics before and after clean-up.
Exported = tuple[list[Written], list[tuple[str, str]], list[Any]]
_TREES = {"interhuman": write_interhuman, "interx": write_interx}
_BATCH = 16  # interactions per task of a worker process


def export_dataset(
    source: Path,
    target: str,
    folder: Path,
    ids: Sequence[str] = (),
    limit: int | None = None,
    processes: int = 1,
    overwrite: bool = False,
    clean: Sequence[Clean] = (),
) -> dict[str, Any]:
    """Export a run or HDF5 file, cleaned on the way if asked for.

    Returns counts, what `failed` (reasons by id), errors (`errors_mm`: skeleton fit, round trip) and with
    `clean` the `physics` before and after. Files of another clean-up in the folder are an InputError.
    """
    effect = Effect()
    with InteractionFile(source) as dataset:
        chosen = chosen_ids(dataset, ids, limit)
        if target in _TREES:
            reading = Reading(dataset, chosen, clean, effect)
            summary = _tree_summary(target, folder, reading, _TREES[target](reading, folder))
            return summary | ({"physics": effect.as_json()} if clean else {})
    folder.mkdir(parents=True, exist_ok=True)
    format = FORMATS[target]
    todo = [
        id for id in chosen if overwrite or not all(path.exists() for path in paths_of(id, format, folder))
    ]
    _same_cleaning(folder, clean, keeping=len(todo) < len(chosen))
    written: list[Written] = []
    failed: list[tuple[str, str]] = []
    batches = [todo[k : k + _BATCH] for k in range(0, len(todo), _BATCH)]
    work = partial(_export_batch, source, target, folder, clean)
    with counter(f"export {target}", len(todo), "interactions") as progress:
        for results, bad, rows in _mapped(work, batches, processes):
            written += results
            failed += bad
            effect.rows += rows
            progress.advance(len(results) + len(bad))
    errors: dict[str, float] = {}
    if written:
        fits = [one.fit_mm for one in written]
        errors["skeleton fit, mean"] = sum(fits) / len(fits)
        errors["skeleton fit, worst interaction"] = max(fits)
        errors["file round trip, largest"] = max(one.round_trip_mm for one in written)
    return {
        "target": target,
        "folder": str(folder),
        "written": len(written),
        "skipped": len(chosen) - len(todo),
        "failed": dict(failed),
        "errors_mm": errors,
    } | ({"physics": effect.as_json()} if clean else {})


def _tree_summary(target: str, folder: Path, reading: Reading, tree: FolderWritten) -> dict[str, Any]:
    errors = {"joints on our own body, mean": tree.fit_mm} if tree.fits_mm else {}
    return {
        "target": target,
        "folder": str(folder),
        "written": tree.count,
        "skipped": 0,
        "failed": dict(reading.failed + tree.failed),
        "errors_mm": errors | {"file round trip, largest": tree.round_trip_mm},
    }


def _same_cleaning(folder: Path, clean: Sequence[Clean], keeping: bool) -> None:
    """Note how the folder's files are cleaned; files that are kept must have been cleaned the same way."""
    note, wanted = folder / CLEANING, [mode.value for mode in clean]
    seen = json.loads(note.read_text()) if note.exists() else []
    if keeping and seen != wanted:
        raise InputError(
            f"{folder}: holds files with clean-up {', '.join(seen) or 'none'}, asked for "
            f"{', '.join(wanted) or 'none'}; give another --out, or --overwrite"
        )
    if wanted:
        note.write_text(json.dumps(wanted) + "\n")
    else:
        note.unlink(missing_ok=True)


class Reading:
    """The chosen interactions one by one, cleaned if asked for; `failed`: those that cannot be read."""

    def __init__(
        self, dataset: InteractionFile, ids: Sequence[str], clean: Sequence[Clean], effect: Effect
    ) -> None:
        self._dataset, self._ids, self._clean, self._effect = dataset, ids, clean, effect
        self.failed: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Interaction]:
        with counter("export", len(self._ids), "interactions") as progress:
            for id in self._ids:
                try:
                    item = _read(self._dataset, id, self._clean, self._effect)
                except InputError as error:
                    self.failed.append((id, str(error)))
                else:
                    yield item
                progress.advance()


def _read(dataset: InteractionFile, id: str, clean: Sequence[Clean], effect: Effect) -> Interaction:
    item = dataset.read(id)
    if not clean:
        return item
    cleaned = clean_item(item, clean)
    effect.add(item, cleaned)
    return cleaned


def _export_batch(
    source: Path, target: str, folder: Path, clean: Sequence[Clean], ids: Sequence[str]
) -> Exported:
    """One interaction that cannot be told in a format does not stop the others."""
    effect, written, failed = Effect(), [], []
    with InteractionFile(source) as dataset:
        for id in ids:
            try:
                written.append(export_item(_read(dataset, id, clean, effect), target, folder))
            except MissingError:  # a package is missing: so it will be for every other one
                raise
            except IntermaskError as error:
                failed.append((id, str(error)))
    return written, failed, effect.rows


def _mapped(work: Any, batches: list[list[str]], processes: int) -> Iterator[Exported]:
    if processes == 1 or len(batches) < 2:
        yield from map(work, batches)
        return
    # spawn: the parent may hold threads of numerical libraries
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, batches)
