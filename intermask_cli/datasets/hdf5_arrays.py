"""HDF5 arrays: written in one way; faults of damaged or hostile files are seen before reading."""

from __future__ import annotations

import sys
import zlib
from typing import Any

import h5py
import numpy as np

#: Bytes that a filter may make of one stored byte, with room for zeros: deflate reaches 1,032.
_MOST_COMPRESSION = 1_100
#: Of deflate: higher ones take twice the time for two percent less.
_LEVEL = 4

#: Range of library versions for files written here: HDF5 1.10 (2016) and later read them. Before, the index
#: of each array alone takes 3.6 kB.
LIBVER = ("v110", "v110")

#: What h5py raises for damaged files.
HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError)


def write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write an array as one chunk that every HDF5 library reads, by its filters shuffle and deflate.

    No time of writing is stored, so that equal content gives equal bytes.
    """
    dataset = group.create_dataset(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=array.shape,
        shuffle=True,
        compression="gzip",
        compression_opts=_LEVEL,
        track_times=False,
    )
    dataset.id.write_direct_chunk((0,) * array.ndim, _filtered(array))


def _filtered(array: np.ndarray) -> bytes:
    """The bytes that shuffle and deflate may make of an array, each place of the bytes compressed in its way.

    The lower half of a number's bytes hardly repeats; a search for repetitions there costs the most time and
    makes the result larger. Unlike the filters of h5py, this lets other threads work meanwhile.
    """
    shuffled = np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T
    parts = [zlib.compress(b"", _LEVEL)[:2]]  # the header
    last = array.itemsize - 1
    for place, values in enumerate(shuffled):
        noisy = (place if sys.byteorder == "little" else last - place) < array.itemsize // 2
        strategy = zlib.Z_RLE if noisy else zlib.Z_DEFAULT_STRATEGY
        deflate = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS, strategy=strategy)
        parts += [
            deflate.compress(values.tobytes()),
            deflate.flush(zlib.Z_FINISH if place == last else zlib.Z_SYNC_FLUSH),
        ]
    return b"".join([*parts, zlib.adler32(shuffled.tobytes()).to_bytes(4, "big")])


def reason_of(error: Exception) -> str:
    """The first line of an HDF5 error, which can run over many."""
    return (str(error).strip("'\"").splitlines() or [type(error).__name__])[0][:160]


def local_item(group: h5py.Group, name: str) -> Any:
    """The object of that name, None if it does not exist or is a link to something else than a name here.

    External links open any file of the machine, so they are not followed.
    """
    parts = name.split("/")
    for part in parts[:-1]:
        group = local_item(group, part)
        if not isinstance(group, h5py.Group):
            return None
    try:
        link = group.get(parts[-1], getlink=True)
        return group.get(parts[-1]) if isinstance(link, h5py.HardLink) else None
    except (KeyError, RuntimeError, OSError, ValueError):
        return None


def unreadable(array: Any) -> str | None:
    """Why an array is not to be read, as the rest of a sentence; None if it may be.

    HDF5 hands out fill values for what was never written, of which a file of some kilobytes can claim any
    number, and external or virtual arrays lie in other files.
    """
    if not isinstance(array, h5py.Dataset):
        return "is not an array"
    if array.is_virtual or array.external:
        return "lies in other files, which are not read"
    if array.size == 0 or array.dtype.itemsize == 0:
        return None
    layout = array.id.get_create_plist().get_layout()
    stored = array.id.get_storage_size()
    if layout == h5py.h5d.CHUNKED:
        whole = 1
        for length, chunk in zip(array.shape, array.chunks, strict=True):
            whole *= -(-length // chunk)
        written = array.id.get_num_chunks()
        if written < whole:
            return f"claims shape {array.shape}, but {written:,} of its {whole:,} chunks were written"
    elif stored == 0:
        return f"claims shape {array.shape}, but was never written"
    if array.nbytes > _MOST_COMPRESSION * max(stored, 1):
        return f"claims {array.nbytes:,} bytes, stored in {stored:,}; not a real recording"
    return None
