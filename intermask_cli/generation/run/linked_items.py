"""A dataset over parts that lie next to it: nothing is copied, `interactions.h5` is their index."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.datasets.part_set import part_file_name, part_files_in, write_part_set
from intermask_cli.files import Replacements, disk_errors
from intermask_cli.generation.run.contents import Contents, new_dataset
from intermask_cli.generation.run.copied_items import Source
from intermask_cli.generation.run.disk_space import check_merge_space
from intermask_cli.generation.run.part_files import read_part


def all_in_parts(folders: Sequence[Path]) -> bool:
    """Whether the datasets of all these run directories are in parts."""
    return all(_parts(folder) for folder in folders)


def write_linked(folder: Path, sources: Sequence[Source], contents: Contents) -> None:
    """Write `interactions.h5` and `index.csv` as `write_copies` does, of sources that are in parts.

    `folder` may be one of the sources. A kill leaves its old dataset or the new one.

    Raises:
        InputError, IntermaskError: a part that is missing, damaged or of another run.
    """
    fingerprints: dict[Path, str] = {}
    places: list[tuple[Path, str]] = []
    hashes: list[str | None] = []
    for path, ids in sources:
        with InteractionFile(path) as dataset:
            of_items: dict[tuple[Path, str], str | None] = {}
            for part in map(read_part, dataset.files[1:]):
                fingerprints[part.path] = part.fingerprint
                of_items |= {(part.path, row["id"]): row.get("sha256") for row in part.rows}
            own_places = [dataset.place_of(id) for id in ids]
        places += own_places
        hashes += [of_items[place] for place in own_places]
    write_links(folder / FILE_NAME, contents, fingerprints, places, hashes)
    contents.write_table(folder)
    remove_unused_parts(folder)


def write_links(
    path: Path,
    contents: Contents,
    parts: Mapping[Path, str],
    places: Iterable[tuple[Path, str]],
    hashes: Sequence[str | None],
) -> None:
    """Put parts next to the dataset `path`, in the order given, and make it their index.

    parts: the fingerprint of the run of each. places: the part of each item, and its id there. hashes: the
    `item_sha256` of each.
    """
    names = {part: part_file_name(number, len(parts)) for number, part in enumerate(parts, 1)}
    with Replacements() as files:
        for part, name in names.items():
            _put_part(part, path.with_name(name), files)
    with new_dataset(path) as file:
        items = contents.begin(file)
        links = ((id, names[part], inner) for id, (part, inner) in zip(contents.ids, places, strict=True))
        write_part_set(file, items, {names[part]: of_run for part, of_run in parts.items()}, links)
        contents.finish(file, hashes)


def remove_unused_parts(folder: Path) -> None:
    """Remove parts next to a dataset that are not its own: of another layout, or before it grew."""
    found = part_files_in(folder)
    if not found:
        return
    own = set(_parts(folder))
    with disk_errors(folder):
        for path in found:
            if path not in own:
                path.unlink()


def _put_part(part: Path, target: Path, files: Replacements) -> None:
    """Give a part a second name, or copy it where the file system has only one name for a file."""
    if target.exists() and os.path.samefile(part, target):
        return
    with files.add(target) as (draft,):
        try:
            os.link(part, draft)
        except OSError:
            check_merge_space(target.parent, part.stat().st_size)
            shutil.copyfile(part, draft)


def _parts(path: Path) -> list[Path]:
    """The files of a dataset without its index."""
    with InteractionFile(path) as dataset:
        return dataset.files[1:]
