"""Export of whole datasets: in parallel, skipping what is done, with the errors summed up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from intermask_cli.cleaning import Effect, clean_item
from intermask_cli.cleaning_modes import Clean
from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile, StoredInteraction
from intermask_cli.errors import InputError
from intermask_cli.export.formats import FORMATS, Written, export_item, paths_of
from intermask_cli.export.gallery import chosen_ids
from intermask_cli.export.interx_tree import write_interx
from intermask_cli.export.layouts import write_interhuman

CLEANING = ".cleaning.json"  # which clean-up the files of a folder went through
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

    Returns counts, errors (`errors_mm`: skeleton fit, round trip) and with `clean` the `physics` before and
    after. Files of another clean-up in the folder are an InputError.
    """
    effect = Effect()
    with InteractionFile(source) as dataset:
        chosen = chosen_ids(dataset, ids, limit)
        if target == "interhuman":
            count = write_interhuman(_reading(dataset, chosen, clean, effect), folder)
            summary = _tree_summary(target, folder, count, {})
            return summary | ({"physics": effect.as_json()} if clean else {})
        if target == "interx":
            tree = write_interx(_reading(dataset, chosen, clean, effect), folder)
            summary = _tree_summary(target, folder, tree.count, {"joints on our own body, mean": tree.fit_mm})
            return summary | ({"physics": effect.as_json()} if clean else {})
    folder.mkdir(parents=True, exist_ok=True)
    format = FORMATS[target]
    todo = [
        id for id in chosen if overwrite or not all(path.exists() for path in paths_of(id, format, folder))
    ]
    _same_cleaning(folder, clean, keeping=len(todo) < len(chosen))
    written: list[Written] = []
    batches = [todo[k : k + _BATCH] for k in range(0, len(todo), _BATCH)]
    work = partial(_export_batch, source, target, folder, clean)
    with counter(f"export {target}", len(todo), "interactions") as progress:
        for results, rows in _mapped(work, batches, processes):
            written += results
            effect.rows += rows
            progress.advance(len(results))
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
        "errors_mm": errors,
    } | ({"physics": effect.as_json()} if clean else {})


def _tree_summary(target: str, folder: Path, count: int, errors: dict[str, float]) -> dict[str, Any]:
    return {"target": target, "folder": str(folder), "written": count, "skipped": 0, "errors_mm": errors}


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


def _reading(
    dataset: InteractionFile, ids: Sequence[str], clean: Sequence[Clean], effect: Effect
) -> Iterator[StoredInteraction]:
    with counter("export", len(ids), "interactions") as progress:
        for id in ids:
            yield _read(dataset, id, clean, effect)
            progress.advance()


def _read(dataset: InteractionFile, id: str, clean: Sequence[Clean], effect: Effect) -> StoredInteraction:
    item = dataset.read(id)
    if not clean:
        return item
    cleaned = clean_item(item, clean)
    effect.add(item, cleaned)
    return cleaned


def _export_batch(
    source: Path, target: str, folder: Path, clean: Sequence[Clean], ids: Sequence[str]
) -> tuple[list[Written], list[Any]]:
    effect = Effect()
    with InteractionFile(source) as dataset:
        written = [export_item(_read(dataset, id, clean, effect), target, folder) for id in ids]
    return written, effect.rows


def _mapped(work: Any, batches: list[list[str]], processes: int) -> Iterator[tuple[list[Written], list[Any]]]:
    if processes == 1 or len(batches) < 2:
        yield from map(work, batches)
        return
    # spawn: the parent may hold threads of numerical libraries
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, batches)
