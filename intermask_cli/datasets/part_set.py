"""A dataset whose items lie in several files, the parts of a run, next to the file with the index.

`interactions.h5` then has the root attributes and the index columns as always, and `interactions/<id>` is an
external link into one of the files `interactions-00001-of-00064.h5` in the same folder, which HDF5 follows by
itself. The group `parts` lists these files. Here links are followed only into files that it lists, since a
link of a file from elsewhere may name any file of the machine.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from intermask_cli.datasets.hdf5_arrays import local_item
from intermask_cli.errors import InputError

#: Group of the file with the index: the names of the parts, and the fingerprint of the run of each.
PARTS, FILES, FINGERPRINTS = "parts", "file", "fingerprint"
#: Root attribute of a part: the run that it belongs to.
FINGERPRINT = "fingerprint"
_NAME = re.compile(r"interactions-\d{5,}-of-\d{5,}\.h5")
#: Files that are open at a time. In a run of mixed lengths, neighbours in the order of the dataset lie in as
#: many parts as there are lengths, up to 61. An open file takes half a megabyte.
_MOST_OPEN = 64
#: Group of the items, in the file with the index and in every part.
_ITEMS = "interactions"
_PREFIX = f"/{_ITEMS}/"


def part_file_name(number: int, count: int) -> str:
    """Name of a part, numbered from 1."""
    return f"interactions-{number:05d}-of-{count:05d}.h5"


def is_part_file(name: str) -> bool:
    """Whether a file has the name of such a part."""
    return bool(_NAME.fullmatch(name))


def part_files_in(folder: Path) -> list[Path]:
    """Files in a folder that have the name of a part, sorted."""
    return sorted(path for path in folder.glob("interactions-*.h5") if is_part_file(path.name))


def write_part_set(
    file: h5py.File, items: h5py.Group, parts: Mapping[str, str], links: Iterable[tuple[str, str, str]]
) -> None:
    """Write the list of parts and a link for each item.

    parts: the fingerprint of the run of each file, by its name. links: ids, names of files and ids there, in
    the order of the dataset.
    """
    group = file.create_group(PARTS)
    for name, values in ((FILES, list(parts)), (FINGERPRINTS, list(parts.values()))):
        group.create_dataset(name, data=values, dtype=h5py.string_dtype(), track_times=False)
    for id, part, id_there in links:
        items[id] = h5py.ExternalLink(part, _PREFIX + id_there)


class PartSet:
    """The parts of a dataset, opened when an item is read.

    Raises:
        InputError: names that are not those of parts.
    """

    def __init__(self, index: h5py.File, name: str, open_part: Callable[[str], h5py.File]):
        """Args:
        index: the open file with the index, named `name` in messages.
        open_part: opens a file with a name of the list, which lies next to the index.
        """
        self._items, self._name, self._open_part = index[_ITEMS], name, open_part
        columns = [_texts(index[PARTS].get(column), name) for column in (FILES, FINGERPRINTS)]
        self._fingerprints = dict(zip(*columns, strict=True))
        if not self._fingerprints or not all(map(is_part_file, self._fingerprints)):
            raise InputError(f"{name}: damaged, '{PARTS}/{FILES}' does not list the files of this dataset")
        self._open: OrderedDict[str, h5py.File] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Names of the files."""
        return list(self._fingerprints)

    def place_of(self, id: str) -> tuple[str, str] | None:
        """The name of an item's file and its id there; None if there is none of that id.

        Raises:
            InputError: a link to something else than an item of one of the parts.
        """
        if "/" in id or id not in self._items:
            return None
        link = self._items.get(id, getlink=True)
        if not isinstance(link, h5py.ExternalLink) or link.filename not in self._fingerprints:
            raise InputError(f"{self._name}: '{id}' is in none of the files of this dataset")
        inner = str(link.path).removeprefix(_PREFIX)
        if str(link.path) != _PREFIX + inner or "/" in inner:
            raise InputError(f"{self._name}: damaged, '{id}' is a link to {link.path}")
        return link.filename, inner

    def item(self, id: str) -> h5py.Group | None:
        """The group of an item; None if there is none of that id.

        Raises:
            InputError: the item's file is missing, damaged or of another run.
        """
        place = self.place_of(id)
        if place is None:
            return None
        part, inner = place
        items = local_item(self._part(part), _ITEMS)
        return None if items is None else local_item(items, inner)

    def _part(self, name: str) -> h5py.File:
        """The open file of that name; of those not used for longest, one is closed for it."""
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        while len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        file = self._open_part(name)
        stored = file.attrs.get(FINGERPRINT)
        if stored is None or str(stored) != self._fingerprints[name]:
            file.close()
            raise InputError(f"{self._name}: {name} next to it is a part of another run")
        self._open[name] = file
        return file

    def close(self) -> None:
        """Close all files."""
        while self._open:
            self._open.popitem()[1].close()


def _texts(column: Any, name: str) -> Sequence[str]:
    if (
        not isinstance(column, h5py.Dataset)
        or column.ndim != 1
        or h5py.check_string_dtype(column.dtype) is None
    ):
        raise InputError(f"{name}: damaged, '{PARTS}' does not list the files of this dataset")
    values: np.ndarray = column.asstr()[:]
    return [str(value) for value in values]
