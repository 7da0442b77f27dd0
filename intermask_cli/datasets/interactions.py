"""The HDF5 interaction dataset: the names of its schema, the reader and the writer.

Layout (docs/reference/formats.md): root attributes describe the run; `interactions/<id>/` holds one item;
`index/<column>` repeats the small columns for fast scans, in plan order. Items may lie in several files
(`part_set`). Persons are numbered from 1 in the file and from 0 in the records: this file converts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from intermask_cli.config import LONGEST_FRAMES
from intermask_cli.datasets.hdf5_arrays import (
    HDF5_ERRORS,
    LIBVER,
    local_item,
    reason_of,
    unreadable,
    write_array,
)
from intermask_cli.datasets.measures import MEASURES
from intermask_cli.datasets.part_set import PARTS, PartSet, is_part_file
from intermask_cli.datasets.remote_path import RemotePath, is_url
from intermask_cli.datasets.source_skeletons import read_source, write_source
from intermask_cli.errors import InputError
from intermask_cli.files import NO_LOCKS, path_of, replacing
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.motion.curves import runs_of_true
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation import REPRESENTATIONS
from intermask_cli.motion.skeleton import INTERX_PARENTS

FORMAT = "intermask-interactions"
FORMAT_VERSION = 2
FILE_NAME = "interactions.h5"
ITEMS = "interactions"
INDEX = "index"
#: Group of a file of joined runs, with one group per run that has its root attributes; column of their names.
RUNS, RUN = "runs", "run"
#: Arrays an item may have; every item has `joints`.
ARRAYS = ("joints", "rotations6d", "root_rotations6d", "bone_lengths", "features", "tokens")
#: Attribute of an item that was generated window by window.
SEAMS = "seams"
#: Root attribute: equal for equal content, whatever the date (`content_sha256`).
CONTENT_SHA256 = "content_sha256"
#: Attribute of a reaction: the person (1 or 2) whose motion was given.
GIVEN = "given_person"
#: Attribute of an item of which frames were given: rows of person (1 or 2), first frame, first frame after.
KEPT = "kept_frames"
#: Attribute of an item with rigid bodies: 1 for each person whose joints are forward kinematics, else 0.
RIGID = "rigid"
#: Index columns of every file.
INDEX_COLUMNS = ("id", "prompt", "sample", "seed", "frames")
#: What kind of action the motion of an item shows, in a run whose `--accept` names `kind`.
KIND_SHOWN = "kind_shown"
#: Attributes of items and index columns that a file may have; others are carried over from the prompt file.
OPTIONAL_COLUMNS = (
    "source_id", "no_body", "read_as", "read_confidence", "outside", "text_warning", "tries", "accepted",
    KIND_SHOWN, *MEASURES,
)  # fmt: skip
NUMBER_COLUMNS = ("sample", "seed", "frames")
FLOAT_COLUMNS = ("read_confidence", "tries", "accepted", *MEASURES)
#: Those of them that hold whole numbers, "" where unknown.
_WHOLE_COLUMNS = ("tries", "accepted")
#: Upper limit for the numbers of any array, relative to persons x frames x joints: a defence against huge
#: claims, as above. Real files have at most about 6 (features).
_MOST_NUMBERS_PER_JOINT = 32
#: Root attributes that say what the numbers mean, and the values read here, the written one first.
_WORLD = {"units": ("m", "metre", "meter", "metres", "meters"), "up_axis": ("y", "+y")}
#: Root attributes stored as JSON text.
JSON_ATTRIBUTES = ("sampling", "versions", "accept")


def text(value: Any) -> str:
    """An HDF5 string, which h5py hands out as bytes or str, as str."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class InteractionFile:
    """Read access to an `interactions.h5` (or the run directory that holds one), items in plan order.

    The path may be a URL (`s3://bucket/run`), of which fsspec fetches what is read.

    with InteractionFile("runs/demo") as dataset:
        for item in dataset: ...

    The reader can be pickled: the copy opens the file again.

    Raises:
        InputError: no such file, not HDF5, truncated, another format or a newer version.
    """

    def __init__(self, path: str | Path):
        self.path: Path | RemotePath = RemotePath(str(path)) if is_url(path) else path_of(path)
        if self.path.is_dir():
            self.path = self.path / FILE_NAME
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; give an {FILE_NAME} or a finished run directory")
        self._parts: PartSet | None = None
        self._file = _opened(self.path)
        try:
            self._check()
            if PARTS in self._file:
                self._parts = PartSet(self._file, str(self.path), self._opened_part)
        except BaseException as error:
            self._file.close()
            if isinstance(error, HDF5_ERRORS):  # damage inside a file that could be opened
                raise InputError(f"{self.path}: damaged HDF5 file ({reason_of(error)})") from error
            raise

    def _check(self) -> None:
        """Raise InputError unless format, version, groups and index columns are those of the schema."""
        stored = self._file.attrs.get("format")
        if stored is None and is_part_file(self.path.name):
            raise InputError(
                f"{self.path}: one part of a dataset; give the {FILE_NAME} next to it, or its folder"
            )
        if stored is None or text(stored) != FORMAT:
            problem = "no format attribute" if stored is None else f"format '{text(stored)}'"
            raise InputError(f"{self.path}: {problem}; expected an HDF5 file with format '{FORMAT}'")
        version = self._whole_number(self._file.attrs.get("format_version", 0), "format_version")
        if version > FORMAT_VERSION:
            raise InputError(
                f"{self.path}: format version {version} is newer than {FORMAT_VERSION}; update intermask"
            )
        self._check_world()
        missing = [
            name for name in (ITEMS, *(f"{INDEX}/{c}" for c in INDEX_COLUMNS)) if name not in self._file
        ]
        if missing:
            raise InputError(
                f"{self.path}: incomplete, no '{missing[0]}'; make it again with intermask merge"
            )
        for name in INDEX_COLUMNS:
            column = self._file[INDEX][name]
            is_text = name not in NUMBER_COLUMNS
            if not (
                isinstance(column, h5py.Dataset)
                and column.ndim == 1
                and (h5py.check_string_dtype(column.dtype) is not None) == is_text
            ):
                expected = "a list of texts" if is_text else "a list of numbers"
                raise InputError(f"{self.path}: damaged, '{INDEX}/{name}' is not {expected}")

        listed, items = self._file[INDEX]["id"].shape[0], len(self._file[ITEMS])
        for name in self._file[INDEX]:
            column = self._file[INDEX][name]
            if not isinstance(column, h5py.Dataset) or column.shape != (listed,):
                raise InputError(f"{self.path}: damaged, '{INDEX}/{name}' does not have {listed:,} entries")
        # A defence against an index of huge claimed size; small differences are reported by `read`.
        if listed > 2 * items + 1000:
            raise InputError(f"{self.path}: damaged, its index lists {listed:,} interactions of {items:,}")

    def _check_world(self) -> None:
        """Raise InputError for lengths or axes that this program would take for others."""
        for name, accepted in _WORLD.items():
            value = text(self._file.attrs.get(name, accepted[0]))
            if value.lower() not in accepted:
                raise InputError(
                    f"{self.path}: {name} {value!r}; accepted: {accepted[0]}; convert the joints and say so"
                )

    def _whole_number(self, value: Any, name: str) -> int:
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.path}: {name} is {value!r}; expected a whole number") from error

    def __repr__(self) -> str:
        return f"InteractionFile({str(self.path)!r}{'' if self._file else ', closed'})"

    def __enter__(self) -> InteractionFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[InteractionFile], tuple[str | Path]]:
        return type(self), (self.path if isinstance(self.path, Path) else str(self.path),)

    def close(self) -> None:
        """Close the file; a `with` block does it by itself."""
        if self._parts is not None:
            self._parts.close()
        self._file.close()

    @property
    def local_path(self) -> Path:
        """The path of a file on this machine; InputError for one behind a URL."""
        if not isinstance(self.path, Path):
            raise InputError(f"{self.path}: this is done with files on this machine; copy it here first")
        return self.path

    @property
    def files(self) -> list[Path]:
        """The file with the index, and those with the items where they lie apart (`part_set`)."""
        parts = [] if self._parts is None else self._parts.names
        return [self.local_path, *(self.local_path.with_name(name) for name in parts)]

    def place_of(self, id: str) -> tuple[Path, str]:
        """The file that an item is in, and its id there, which may be another one.

        Raises InputError for an id that there is not.
        """
        place = (self.path.name, id) if self._parts is None else self._parts.place_of(id)
        if place is None:
            raise InputError(f"{self.path}: no complete interaction '{id}'")
        return self.local_path.with_name(place[0]), place[1]

    @property
    def parts(self) -> int:
        """Number of files with the items where they lie apart, else 0."""
        return 0 if self._parts is None else len(self._parts.names)

    def stored_bytes(self) -> int:
        """Size of all files."""
        names = [] if self._parts is None else self._parts.names
        paths = [self.path, *(self.path.with_name(name) for name in names)]
        return sum(_size(path) for path in paths if path.is_file())

    def _opened_part(self, name: str) -> h5py.File:
        path = self.path.with_name(name)
        if not path.is_file():
            raise InputError(f"{path}: no such file; {self.path} has interactions in it, copy all its parts")
        return _opened(path)

    def _existing(self, id: str) -> h5py.Group:
        if (item := self._item(id)) is None:
            raise InputError(f"{self.path}: no complete interaction '{id}'")
        return item

    def _item(self, id: str) -> Any:
        """The object that has the id, in this file or one of its parts; None if there is none."""
        return local_item(self._file[ITEMS], id) if self._parts is None else self._parts.item(id)

    @property
    def attributes(self) -> dict[str, Any]:
        """Root attributes as plain Python values (`sampling`, `versions` parsed from JSON)."""
        return self._plain(self._file)

    def _plain(self, group: h5py.Group) -> dict[str, Any]:
        """The attributes of a group as plain Python values."""
        values: dict[str, Any] = {}
        for name, value in group.attrs.items():
            if isinstance(value, np.ndarray):
                values[name] = [text(v) if isinstance(v, bytes | str) else v.item() for v in value]
            elif isinstance(value, bytes | str):
                plain = text(value)
                values[name] = self._json(name, plain) if name in JSON_ATTRIBUTES else plain
            else:
                values[name] = value.item() if hasattr(value, "item") else value
        return values

    def _json(self, name: str, plain: str) -> Any:
        try:
            return json.loads(plain)
        except ValueError as error:
            raise InputError(f"{self.path}: attribute {name} is not JSON ({error})") from error

    @property
    def fps(self) -> float:
        """Frames per second."""
        value = self._file.attrs.get("fps")
        if not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
            raise InputError(f"{self.path}: fps is {value!r}; expected a positive number")
        return float(value)

    @property
    def columns(self) -> list[str]:
        """Names of the index columns, the carried ones included."""
        return list(self._file[INDEX])

    def column(self, name: str) -> list[Any]:
        """One index column, in plan order."""
        data = self._file[INDEX][name]
        if h5py.check_string_dtype(data.dtype) is not None:
            return list(data.asstr()[:])
        values: list[Any] = data[:].tolist()
        if name in _WHOLE_COLUMNS:
            return ["" if math.isnan(value) else int(value) for value in values]
        return values

    @property
    def ids(self) -> list[str]:
        """Ids of all interactions, in plan order."""
        return self.column("id")

    def __len__(self) -> int:
        return int(self._file[INDEX]["id"].shape[0])

    def copy_item(self, id: str, target: h5py.Group, name: str) -> None:
        """Copy an item as it is stored into a group of another file, under another name."""
        target.copy(self._existing(id), target, name)

    def joined_runs(self) -> dict[str, dict[str, Any]]:
        """The root attributes of the runs that were joined (`generation.joining`), by the runs' names."""
        runs = self._file.get(RUNS)
        return {} if runs is None else {name: self._plain(run) for name, run in runs.items()}

    def read(self, id: str, joints_only: bool = False) -> Interaction:
        """The interaction with this id.

        Columns carried over from the prompt file are not part of it: see `column`. With `joints_only` no
        other array is read, which is several times as fast; no person is then marked as rigid.

        Raises:
            InputError: no such id, or an item that is damaged or claims an implausible size.
        """
        try:
            group = self._item(id)
            wanted = ("joints",) if joints_only else ARRAYS
            stored = (
                {} if group is None else {name: local_item(group, name) for name in wanted if name in group}
            )
            if (joints := stored.get("joints")) is None:
                raise InputError(f"{self.path}: no complete interaction '{id}'")
            shape = joints.shape
            if len(shape) != 4 or shape[0] != 2 or shape[3] != 3:
                raise InputError(f"{self.path}: joints of '{id}' have shape {shape}; expected (2, T, J, 3)")
            if shape[1] > LONGEST_FRAMES or shape[2] > len(INTERX_PARENTS):
                raise InputError(
                    f"{self.path}: '{id}' claims {shape[1]:,} frames of {shape[2]:,} joints; at most "
                    f"{LONGEST_FRAMES:,} of {len(INTERX_PARENTS)} are read"
                )
            for name in stored:
                if stored[name].size > _MOST_NUMBERS_PER_JOINT * math.prod(shape[:3]):
                    raise InputError(
                        f"{self.path}: {name} of shape {stored[name].shape} do not belong to "
                        f"{shape[1]:,} frames of '{id}'"
                    )
            for name, array in stored.items():
                if (problem := unreadable(array)) is not None:
                    raise InputError(f"{self.path}: {name} of '{id}' {problem}")
            arrays = {name: array[...] for name, array in stored.items()}
            confidence, tries = group.attrs.get("read_confidence"), group.attrs.get("tries")
            accepted = group.attrs.get("accepted")
            return Interaction(
                Motion(**{name: array for name, array in arrays.items() if name != "tokens"}),
                tokens=arrays.get("tokens"),
                kept=self._kept(id, group.attrs.get(KEPT), shape[:2]),
                text=text(group.attrs["prompt"]),
                seed=int(group.attrs["seed"]),
                given=self._given(id, group.attrs.get(GIVEN)),
                seams=self.seams(id),
                id=id,
                sample=int(group.attrs["sample"]),
                rigid=None
                if joints_only
                else np.atleast_1d(group.attrs.get(RIGID, (0, 0))).astype(bool).tolist(),
                no_body=text(group.attrs.get("no_body", "")),
                source_id=text(group.attrs.get("source_id", "")),
                read_as=text(group.attrs.get("read_as", "")),
                read_confidence=None if confidence is None else float(confidence),
                outside=text(group.attrs.get("outside", "")),
                source=None if joints_only else read_source(group),
                text_warning=text(group.attrs.get("text_warning", "")),
                tries=None if tries is None else int(tries),
                accepted=None if accepted is None else bool(accepted),
                measured=self._measured(group),
            )
        except KeyError as error:
            raise InputError(f"{self.path}: no complete interaction '{id}' ({reason_of(error)})") from error
        except InputError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise InputError(f"{self.path}: interaction '{id}' cannot be read ({error})") from error
        except HDF5_ERRORS as error:
            raise InputError(
                f"{self.path}: interaction '{id}' cannot be read ({reason_of(error)})"
            ) from error

    def _measured(self, group: h5py.Group) -> dict[str, float | str]:
        numbers = {name: float(group.attrs[name]) for name in MEASURES if name in group.attrs}
        texts = {KIND_SHOWN: text(group.attrs[KIND_SHOWN])} if KIND_SHOWN in group.attrs else {}
        return {**numbers, **texts}

    def _given(self, id: str, value: Any) -> int | None:
        """Person 0 or 1 of the attribute `given_person`, which numbers them from 1."""
        if value is None:
            return None
        if int(value) not in (1, 2):
            raise InputError(f"{self.path}: {id}: {GIVEN} is {int(value)}; accepted: 1 or 2")
        return int(value) - 1

    def _kept(self, id: str, value: Any, shape: tuple[int, int]) -> np.ndarray | None:
        """Flags (2, T) of the attribute `kept_frames`."""
        if value is None:
            return None
        rows, kept = np.asarray(value), np.zeros(shape, dtype=bool)
        if rows.ndim != 2 or rows.shape[1] != 3 or rows.dtype.kind not in "iu":
            raise InputError(f"{self.path}: {KEPT} of '{id}' have shape {rows.shape}; expected (n, 3)")
        for person, start, stop in rows.tolist():
            if person not in (1, 2) or not 0 <= start < stop <= shape[1]:
                raise InputError(
                    f"{self.path}: {KEPT} of '{id}' are person {person}, frames {start} to {stop}; expected "
                    f"persons 1 and 2, frames of {shape[1]}"
                )
            kept[person - 1, start:stop] = True
        return kept

    def seams(self, id: str) -> tuple[Seam, ...]:
        """`Interaction.seams` without reading the item's arrays."""
        stored = np.asarray(self._existing(id).attrs.get(SEAMS, np.empty((0, 4))))
        if stored.ndim != 2 or stored.shape[1] != 4 or stored.dtype.kind not in "fiu":
            raise InputError(f"{self.path}: seams of '{id}' have shape {stored.shape}; expected (n, 4)")
        return tuple(Seam(int(frame), int(overlap), *jerks) for frame, overlap, *jerks in stored.tolist())

    def shapes(self, id: str) -> dict[str, list[int]]:
        """Shapes of an item's arrays, without reading them."""
        group = self._item(id)
        arrays = {name: local_item(group, name) for name in ARRAYS if name in group} if group else {}
        return {name: list(array.shape) for name, array in arrays.items() if hasattr(array, "shape")}

    def __iter__(self) -> Iterator[Interaction]:
        for id in self.ids:
            yield self.read(id)

    def __getitem__(self, key: int | str) -> Interaction:
        """The interaction at a position in plan order, or with an id.

        Raises:
            IndexError: a position that the file does not have.
            InputError: as `read`.
        """
        return self.read(key if isinstance(key, str) else self.ids[operator.index(key)])


def _size(path: Path | RemotePath) -> int:
    return path.size() if isinstance(path, RemotePath) else path.stat().st_size


def _opened(path: Path | RemotePath) -> h5py.File:
    """The file open for reading, without a lock where the file system has none.

    Raises InputError for a file that cannot be opened.
    """
    try:
        if isinstance(path, RemotePath):
            return path.open_hdf5()
        try:
            return h5py.File(path, "r")
        except OSError as error:
            if "unable to lock file" in str(error) and _errno_of(error) in NO_LOCKS:
                return h5py.File(path, "r", locking=False)
            raise
    except OSError as error:
        if _errno_of(error) in (errno.EAGAIN, errno.EACCES) and "unable to lock file" in str(error):
            raise InputError(
                f"{path}: open for writing in another program; close it there (a notebook?) and try again"
            ) from error
        raise InputError(f"{path}: not a readable HDF5 file ({reason_of(error)})") from error


def _errno_of(error: OSError) -> int | None:
    """The error number; HDF5 puts it into the text."""
    match = re.search(r"errno = (\d+)", str(error))
    return int(match[1]) if match else error.errno


# ---------------------------------------------------------------- writing


def write_item(group: h5py.Group, interaction: Interaction) -> str:
    """Write one interaction into its (empty) group, all arrays compressed.

    Returns its `item_sha256`.
    """
    if interaction.frames > LONGEST_FRAMES:
        raise InputError(
            f"'{interaction.id}' has {interaction.frames:,} frames; a dataset takes up to {LONGEST_FRAMES:,} "
            "in one interaction; cut it into parts"
        )
    for name, array in _stored_arrays(interaction):
        write_array(group, name, array)
    group.attrs["prompt"] = interaction.text
    group.attrs["seed"] = interaction.seed
    group.attrs["sample"] = interaction.sample
    group.attrs["frames"] = interaction.frames
    if interaction.given is not None:
        group.attrs[GIVEN] = interaction.given + 1
    if interaction.kept is not None:
        rows = [(p, *run) for p, flags in enumerate(interaction.kept, 1) for run in runs_of_true(flags)]
        group.attrs[KEPT] = np.array(rows, np.int64).reshape(-1, 3)
    if any(interaction.rigid):
        group.attrs[RIGID] = np.array(interaction.rigid, np.int8)
    for name, value in optional_columns(interaction).items():
        group.attrs[name] = value
    if interaction.seams:
        group.attrs[SEAMS] = np.array(interaction.seams, np.float64)
    if interaction.source is not None:
        write_source(group, interaction.source)
    return item_sha256(interaction)


def item_sha256(interaction: Interaction) -> str:
    """SHA-256 of prompt, seed, sample number, given person and the arrays as stored."""
    about = [interaction.text, interaction.seed, interaction.sample, interaction.given]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, array in _stored_arrays(interaction):
        digest.update(f"{name}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _stored_arrays(interaction: Interaction) -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays of `ARRAYS` that an item has, in the types of the file."""
    for name in ARRAYS:
        value = getattr(interaction, name)
        if value is not None:
            yield name, np.ascontiguousarray(value, np.int32 if name == "tokens" else np.float32)


def content_sha256(items: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of a dataset from its items' ids and hashes (`write_item`), in order; no date is part of it."""
    digest = hashlib.sha256()
    for id, sha256 in items:
        digest.update(f"{id}\t{sha256}\n".encode())
    return digest.hexdigest()


def optional_columns(interaction: Interaction) -> dict[str, Any]:
    """What an item has of `OPTIONAL_COLUMNS`; `no_body` of every rigid one, "" where it is a body."""
    own = (name for name in OPTIONAL_COLUMNS if name not in (*MEASURES, KIND_SHOWN))
    values = {name: getattr(interaction, name) for name in own}
    if interaction.accepted is not None:
        values["accepted"] = int(interaction.accepted)
    values |= interaction.measured
    examined = {"no_body"} if any(interaction.rigid) else set()
    return {name: value for name, value in values.items() if value not in ("", None) or name in examined}


def write_attributes(file: h5py.File, attributes: Mapping[str, Any]) -> None:
    """Write format, version and the attributes of a run as root attributes (docs/reference/formats.md)."""
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = FORMAT_VERSION
    for name, value in attributes.items():
        file.attrs[name] = json.dumps(value, sort_keys=True) if name in JSON_ATTRIBUTES else value


def write_index(group: h5py.Group, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write the index columns, one entry per interaction, in the order of the items."""
    for name, values in columns.items():
        if name in NUMBER_COLUMNS:
            group.create_dataset(name, data=np.asarray(values, np.int64), track_times=False)
        elif name in FLOAT_COLUMNS:
            numbers = [np.nan if value in ("", None) else value for value in values]
            group.create_dataset(name, data=np.asarray(numbers, np.float64), track_times=False)
        else:
            group.create_dataset(
                name, data=list(values), shape=(len(values),), dtype=h5py.string_dtype(), track_times=False
            )


def write_dataset(
    path: str | Path,
    interactions: Interaction | Iterable[Interaction],
    attributes: Mapping[str, Any] | None = None,
) -> Path:
    """Write interactions as an `interactions.h5`, which every command reads; returns its path.

    The file appears when it is complete, and replaces an existing one. Interactions without an id are named
    `interaction-1`, `interaction-2` and so on; a seed that is not known is written as -1.

    Args:
        path: the file, or a folder to write `interactions.h5` in.
        attributes: root attributes (docs/reference/formats.md) to add or change, such as `model_id`.

    Raises:
        InputError: no interactions, a duplicated id or one with a slash, bodies of different skeletons.
    """
    path = path_of(path)
    if isinstance(interactions, Interaction):
        interactions = [interactions]
    elif not isinstance(interactions, Iterable):
        raise InputError(f"interactions is {interactions!r}; accepted: Interaction records")
    items = list(interactions)
    for item in items:
        if not isinstance(item, Interaction):
            raise InputError(f"interactions holds a {type(item).__name__}; accepted: Interaction records")
    if path.is_dir() or not path.suffix:
        path = path / FILE_NAME
    named = [
        item if item.id else replace(item, id=f"interaction-{number}") for number, item in enumerate(items, 1)
    ]
    if not named:
        raise InputError(f"{path}: no interactions to write")
    skeletons = {item.joints.shape[2] for item in named}
    representation = next((r for r in REPRESENTATIONS.values() if {r.num_joints} == skeletons), None)
    if representation is None:
        accepted = " or ".join(str(r.num_joints) for r in REPRESENTATIONS.values())
        raise InputError(f"bodies of {sorted(skeletons)} joints; accepted: {accepted}, the same in all")
    ids = [item.id for item in named]
    for id in ids:
        if "/" in id or id in (".", ".."):
            raise InputError(f"id '{id}' cannot name an interaction; leave out slashes")
    if len(set(ids)) < len(ids):
        raise InputError(f"id '{next(id for id in ids if ids.count(id) > 1)}' is used twice")
    seeds = [-1 if item.seed is None else item.seed for item in named]
    if not all(-(2**63) <= seed < 2**63 for seed in seeds):
        raise InputError(f"seed {max(seeds)} does not fit the file; accepted: up to {2**63 - 1}")
    with replacing(path) as draft, h5py.File(draft, "w", libver=LIBVER) as file:
        own = {
            "fps": float(representation.fps),
            "units": "m",
            "up_axis": "y",
            "joint_names": list(representation.joint_names),
            "parents": list(representation.parents),
            "rotation_convention": "sixd_columns",
        }
        write_attributes(file, {**own, **(attributes or {})})
        group = file.create_group(ITEMS, track_order=True)
        for item, seed in zip(named, seeds, strict=True):
            write_item(group.create_group(item.id), replace(item, seed=seed))
        columns: dict[str, list[Any]] = {
            "id": ids,
            "prompt": [item.text for item in named],
            "sample": [item.sample for item in named],
            "seed": seeds,
            "frames": [item.frames for item in named],
        }
        extra = [optional_columns(item) for item in named]
        for name in OPTIONAL_COLUMNS:
            if any(name in values for values in extra):
                columns[name] = [values.get(name, "") for values in extra]
        write_index(file.create_group(INDEX, track_order=True), columns)
    return path


def open_dataset(path: str | Path) -> InteractionFile:
    """Open an `interactions.h5`, or the run directory that holds one, for reading (`InteractionFile`).

    The path may be a URL that fsspec knows, such as `s3://bucket/run`.
    """
    return InteractionFile(path)
