"""Export of whole datasets: in parallel, skipping what is done, with the errors summed up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile, StoredInteraction
from intermask_cli.export.formats import FORMATS, Written, export_item, paths_of
from intermask_cli.export.gallery import chosen_ids
from intermask_cli.export.layouts import write_interhuman

_BATCH = 16  # interactions per task of a worker process


def export_dataset(
    source: Path,
    target: str,
    folder: Path,
    ids: Sequence[str] = (),
    limit: int | None = None,
    processes: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Export a run or HDF5 file; returns counts and errors (`errors_mm`: skeleton fit, round trip)."""
    with InteractionFile(source) as dataset:
        chosen = chosen_ids(dataset, ids, limit)
        if target == "interhuman":
            count = write_interhuman(_reading(dataset, chosen), folder)
            return {"target": target, "folder": str(folder), "written": count, "skipped": 0, "errors_mm": {}}
    folder.mkdir(parents=True, exist_ok=True)
    format = FORMATS[target]
    todo = [
        id for id in chosen if overwrite or not all(path.exists() for path in paths_of(id, format, folder))
    ]
    written: list[Written] = []
    batches = [todo[k : k + _BATCH] for k in range(0, len(todo), _BATCH)]
    work = partial(_export_batch, source, target, folder)
    with counter(f"export {target}", len(todo), "interactions") as progress:
        for results in _mapped(work, batches, processes):
            written += results
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
    }


def _reading(dataset: InteractionFile, ids: Sequence[str]) -> Iterator[StoredInteraction]:
    with counter("export", len(ids), "interactions") as progress:
        for id in ids:
            yield dataset.read(id)
            progress.advance()


def _export_batch(source: Path, target: str, folder: Path, ids: Sequence[str]) -> list[Written]:
    with InteractionFile(source) as dataset:
        return [export_item(dataset.read(id), target, folder) for id in ids]


def _mapped(work: Any, batches: list[list[str]], processes: int) -> Iterator[list[Written]]:
    if processes == 1 or len(batches) < 2:
        yield from map(work, batches)
        return
    # spawn: the parent may hold threads of numerical libraries
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, batches)
