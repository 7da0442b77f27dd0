"""A dataset of items of other datasets, copied as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intermask_cli.console import counter
from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile, item_sha256
from intermask_cli.generation.run.contents import Contents, new_dataset

#: A dataset, or its run directory, and the ids of the items to take from it.
Source = tuple[Path, Sequence[str]]


def write_copies(folder: Path, sources: Sequence[Source], contents: Contents, label: str) -> None:
    """Write `interactions.h5` and `index.csv`; each appears, or replaces an earlier one, when it is complete.

    The contents are in the order of the sources; label: of the progress that is shown.

    Raises InputError for a damaged item.
    """
    ids = iter(contents.ids)
    hashes: list[str | None] = []
    with (
        new_dataset(folder / FILE_NAME) as file,
        counter(label, len(contents.ids), "interactions") as progress,
    ):
        items = contents.begin(file)
        for path, own_ids in sources:
            # One dataset is open at a time: HDF5 holds megabytes for each.
            with InteractionFile(path) as dataset:
                for id in own_ids:
                    hashes.append(item_sha256(dataset.read(id)))  # which also finds damaged items
                    dataset.copy_item(id, items, next(ids))
                    progress.advance()
        contents.finish(file, hashes)
    contents.write_table(folder)
