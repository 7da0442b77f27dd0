"""Our HDF5 interaction dataset: the schema's names, stated once, and the reader.

Layout (docs/formats.md): root attributes describe the run; `interactions/<id>/` holds one item;
`index/<column>` repeats the small columns for fast scans, in plan order. The writer is
`intermask_cli.generation.part_files`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import INTERX_PARENTS

FORMAT = "intermask-interactions"
FORMAT_VERSION = 1
FILE_NAME = "interactions.h5"
ITEMS = "interactions"
INDEX = "index"
#: Arrays an item may have; `joints` is always there.
ARRAYS = ("joints", "rotations6d", "features", "tokens")
#: Attribute of an item made window by window.
SEAMS = "seams"
#: Index columns every file has; others are carried over from the prompt file.
INDEX_COLUMNS = ("id", "prompt", "sample", "seed", "frames")
#: Nine hours; what a file says beyond that is not believed, and no memory asked for.
MAX_ITEM_FRAMES = 1_000_000
_MOST_NUMBERS_PER_JOINT = 32  # of any array, relative to frames x joints x persons
#: Root attributes stored as JSON text.
JSON_ATTRIBUTES = ("sampling", "versions")


@dataclass(frozen=True)
class StoredInteraction:
    """One item: joints (2, T, J, 3) float32 metres, Y up, person 1 first, and where it came from.

    `rotations6d` (2, T, 21, 6) and `tokens` (2, 5, T // 4) when the model gives them, `features`
    (2, T, 56, 6) for Inter-X models. `given_person` (1 or 2) marks the person a reaction was made for.
    `seams` (n, 4) of a clip made window by window: first frame and length of each overlap, mean jerk of what
    was made there and elsewhere (m/s^3).
    """

    id: str
    prompt: str
    seed: int
    sample: int
    joints: np.ndarray
    rotations6d: np.ndarray | None = None
    tokens: np.ndarray | None = None
    features: np.ndarray | None = None
    given_person: int | None = None
    seams: np.ndarray | None = None

    @property
    def frames(self) -> int:
        return int(self.joints.shape[1])


def text(value: Any) -> str:
    """An HDF5 string, which h5py hands out as bytes or str, as str."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class InteractionFile:
    """Read access to an `interactions.h5` (or the run directory that holds one), items in plan order.

    with InteractionFile("runs/demo") as dataset:
        for item in dataset: ...

    Raises:
        InputError: not there, not HDF5, truncated, another format or a newer version.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if self.path.is_dir():
            self.path = self.path / FILE_NAME
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; give an {FILE_NAME} or a finished run directory")
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise InputError(f"{self.path}: not a readable HDF5 file ({_reason(error)})") from error
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        found = self._file.attrs.get("format")
        if found is None or text(found) != FORMAT:
            seen = "no format attribute" if found is None else f"format '{text(found)}'"
            raise InputError(f"{self.path}: {seen}; expected an HDF5 file with format '{FORMAT}'")
        version = self._whole_number(self._file.attrs.get("format_version", 0), "format_version")
        if version > FORMAT_VERSION:
            raise InputError(
                f"{self.path}: format version {version} is newer than {FORMAT_VERSION}; update intermask"
            )
        missing = [
            name for name in (ITEMS, *(f"{INDEX}/{c}" for c in INDEX_COLUMNS)) if name not in self._file
        ]
        if missing:
            raise InputError(
                f"{self.path}: incomplete, no '{missing[0]}'; make it again with intermask merge"
            )
        for name in INDEX_COLUMNS:
            column = self._file[INDEX][name]
            is_text = name in ("id", "prompt")
            if not (
                isinstance(column, h5py.Dataset)
                and column.ndim == 1
                and (h5py.check_string_dtype(column.dtype) is not None) == is_text
            ):
                expected = "a list of texts" if is_text else "a list of numbers"
                raise InputError(f"{self.path}: damaged, '{INDEX}/{name}' is not {expected}")

        listed, there = self._file[INDEX]["id"].shape[0], len(self._file[ITEMS])
        for name in self._file[INDEX]:
            column = self._file[INDEX][name]
            if not isinstance(column, h5py.Dataset) or column.shape != (listed,):
                raise InputError(f"{self.path}: damaged, '{INDEX}/{name}' is no list of {listed:,} entries")
        if listed > 2 * there + 1000:
            raise InputError(f"{self.path}: damaged, its index lists {listed:,} interactions of {there:,}")

    def _whole_number(self, value: Any, name: str) -> int:
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.path}: {name} is {value!r}; expected a whole number") from error

    def __enter__(self) -> InteractionFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def attributes(self) -> dict[str, Any]:
        """Root attributes as plain Python values (`sampling`, `versions` parsed from JSON)."""
        values: dict[str, Any] = {}
        for name, value in self._file.attrs.items():
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
        return data[:].tolist()

    @property
    def ids(self) -> list[str]:
        return self.column("id")

    def __len__(self) -> int:
        return int(self._file[INDEX]["id"].shape[0])

    def read(self, id: str) -> StoredInteraction:
        """The item with this id; InputError if there is none. Carried columns: see `column`."""
        try:
            group = self._file[ITEMS][id]
            shape = group["joints"].shape
            if len(shape) != 4 or shape[0] != 2 or shape[3] != 3:
                raise InputError(f"{self.path}: joints of '{id}' have shape {shape}; expected (2, T, J, 3)")
            if shape[1] > MAX_ITEM_FRAMES or shape[2] > len(INTERX_PARENTS):
                raise InputError(
                    f"{self.path}: '{id}' claims {shape[1]:,} frames of {shape[2]:,} joints; at most "
                    f"{MAX_ITEM_FRAMES:,} of {len(INTERX_PARENTS)} are read"
                )
            for name in ARRAYS:
                if name in group and group[name].size > _MOST_NUMBERS_PER_JOINT * math.prod(shape[:3]):
                    raise InputError(
                        f"{self.path}: {name} of shape {group[name].shape} do not belong to "
                        f"{shape[1]:,} frames of '{id}'"
                    )
            arrays = {name: group[name][...] for name in ARRAYS if name in group or name == "joints"}
            given = group.attrs.get("given_person")
            return StoredInteraction(
                id=id,
                prompt=text(group.attrs["prompt"]),
                seed=int(group.attrs["seed"]),
                sample=int(group.attrs["sample"]),
                given_person=None if given is None else int(given),
                seams=self.seams(id) if SEAMS in group.attrs else None,
                **arrays,
            )
        except KeyError as error:
            raise InputError(f"{self.path}: no complete interaction '{id}' ({_reason(error)})") from error
        except (OSError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{self.path}: interaction '{id}' cannot be read ({_reason(error)})") from error

    def seams(self, id: str) -> np.ndarray:
        """`StoredInteraction.seams` without reading the item; (0, 4) where there are none."""
        found = np.asarray(self._file[ITEMS][id].attrs.get(SEAMS, np.empty((0, 4))))
        if found.ndim != 2 or found.shape[1] != 4 or found.dtype.kind not in "fiu":
            raise InputError(f"{self.path}: seams of '{id}' have shape {found.shape}; expected (n, 4)")
        return found.astype(np.float64)

    def shapes(self, id: str) -> dict[str, list[int]]:
        """Shapes of an item's arrays, without reading them."""
        group = self._file[ITEMS][id]
        return {name: list(group[name].shape) for name in ARRAYS if name in group}

    def __iter__(self) -> Iterator[StoredInteraction]:
        for id in self.ids:
            yield self.read(id)


def _reason(error: Exception) -> str:
    """The first line of an HDF5 error, which can run over many."""
    return (str(error).strip("'\"").splitlines() or [type(error).__name__])[0]
