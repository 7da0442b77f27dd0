"""Arrays as they lie in .npy and .npz files that may be damaged or hostile."""

from __future__ import annotations

import io
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from intermask_cli.errors import InputError

#: Raises InputError unless an array of this shape is accepted.
ShapeCheck = Callable[[tuple[int, ...]], None]
#: Bytes read of an .npy header: NumPy writes about 120 and accepts at most 10,000 characters.
_LONGEST_HEADER = 10_100
#: Compression methods of NumPy's .npz; zipfile limits how much it decompresses at once for these only.
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Bytes to which an array may decompress whatever its stored size: less than this fits any memory.
_ALWAYS_DECOMPRESSED = 1 << 26
#: Multiple of its stored size to which a larger array may decompress; more is likely a decompression bomb.
_MOST_COMPRESSION = 100
#: Characters of a text such as a rate or the name of a body model.
_LONGEST_TEXT = 200
#: What the libraries raise for damaged files, apart from OSError.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    KeyError, ValueError, TypeError, AttributeError, OverflowError, SyntaxError,
    MemoryError, tokenize.TokenError,
)  # fmt: skip


class PickledError(InputError):
    """The array holds pickled objects, which are never loaded."""


class StoredArrays:
    """The arrays of an .npz file, by name; each is read when it is asked for.

    Attributes:
        path: of the file.
        names: of the arrays, in the order of the archive.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path):
        self.path, self._archive = path, archive
        self._members = {name.removesuffix(".npy"): name for name in archive.namelist()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names without `.npy`."""
        return tuple(self._members)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of an array of numbers by its header; None for anything else."""
        with self._archive.open(self._info(name)) as stream:
            try:
                shape, _, dtype = _read_header(stream)
            except InputError:
                return None
        return shape if dtype.kind in "fiub" and not dtype.hasobject else None

    def read(self, name: str, check_shape: ShapeCheck) -> np.ndarray:
        """The array as float64.

        Raises:
            InputError: not numbers, a shape that check_shape refuses, a decompression bomb; names the array.
        """
        info = self._info(name)
        with self._archive.open(info) as stream:
            try:
                return read_array(stream, info.file_size, check_shape, alone=True)
            except PickledError as error:
                raise PickledError(f"`{name}` {error}") from error
            except InputError as error:
                raise InputError(f"`{name}`: {error}") from error

    def text(self, name: str) -> str | None:
        """The text of an array that holds one short text, else None."""
        info = self._info(name)
        with self._archive.open(info) as stream:
            shape, _, dtype = _read_header(stream)
            if dtype.kind not in "US" or math.prod(shape) != 1 or dtype.itemsize > 4 * _LONGEST_TEXT:
                return None
            raw = np.frombuffer(stream.read(dtype.itemsize), dtype=dtype)
        value = raw[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._archive.getinfo(self._members[name])
        _check_compression(info, self.path.stat().st_size)
        return info


@contextmanager
def open_npz(path: Path) -> Iterator[StoredArrays]:
    """The arrays of an .npz file; InputError if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield StoredArrays(archive, path)
    except DAMAGE as error:
        raise InputError(f"truncated or damaged .npz file ({one_line(error)})") from error


def read_array(stream: IO[bytes], size: int, check_shape: ShapeCheck, alone: bool = False) -> np.ndarray:
    """An .npy stream of `size` bytes -> float64 array; memory is allocated only if the file has the bytes.

    alone: nothing may follow the array, as in an .npz.
    """
    shape, fortran, dtype = _read_header(stream)
    if dtype.hasobject:
        raise PickledError("holds pickled Python objects, which are never loaded; save plain numbers")
    if dtype.kind not in "fiub":
        raise InputError(f"holds {dtype} values; accepted: numbers")
    needed, left = math.prod(shape) * dtype.itemsize, size - stream.tell()  # language: ok, a method
    if needed > left:
        raise InputError(f"truncated: shape {shape} of {dtype} needs {needed} bytes, the file has {left}")
    if alone and needed < left:
        raise InputError(f"damaged: shape {shape} of {dtype} needs {needed} bytes, the file has {left}")
    check_shape(shape)
    flat = np.frombuffer(stream.read(needed), dtype=dtype).astype(np.float64)
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type of an .npy stream, which is then positioned at the first number."""
    try:
        # The header's length is also only claimed, so no more is read than a valid header can have.
        head = io.BytesIO(stream.read(_LONGEST_HEADER))
        old = np.lib.format.read_magic(head) == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(head)
        stream.seek(head.tell())  # language: ok, a method
    except DAMAGE as error:
        raise InputError(f"not an .npy array ({one_line(error)})") from error
    return tuple(int(length) for length in shape), fortran, dtype


def _check_compression(info: zipfile.ZipInfo, archive_bytes: int) -> None:
    """Refuse decompression bombs by the directory of the archive, before anything is decompressed."""
    if info.compress_type not in _COMPRESSION:
        raise InputError(
            f"`{info.filename}` is compressed by a method that NumPy never uses; save it with np.savez"
        )
    stored = min(info.compress_size, archive_bytes)
    if info.file_size > max(_ALWAYS_DECOMPRESSED, _MOST_COMPRESSION * stored):
        raise InputError(
            f"`{info.filename}` would decompress from {stored} to {info.file_size} bytes, more than "
            f"{_MOST_COMPRESSION} times: likely a decompression bomb; save it with np.savez, which does not "
            "compress"
        )


def one_line(error: BaseException) -> str:
    """The first line of an error, shortened."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
