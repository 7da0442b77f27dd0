"""Files behind URLs such as `s3://bucket/run`, read and written through fsspec.

fsspec knows the protocols, and other packages add their own: s3fs for `s3://`, gcsfs for `gs://`, adlfs for `az://`.
"""

from __future__ import annotations

import atexit
import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from weakref import WeakSet

import h5py

from intermask_cli.errors import InputError, IntermaskError

R = TypeVar("R")
#: Bytes that are fetched at a time, and how many of these pieces an open file keeps. An item of five seconds
#: takes 90 kB; a file that is open keeps 2 MB.
_BLOCK, _BLOCKS = 256 * 1024, 8

#: Files that are open. HDF5 closes them after Python has ended, calls Python for that, and crashes.
_OPEN: WeakSet[h5py.File] = WeakSet()


@atexit.register
def _close_all() -> None:
    for file in list(_OPEN):
        file.close()


def is_url(path: Any) -> bool:
    """Whether a path that a caller passed is a URL."""
    return isinstance(path, str) and "://" in path


class RemotePath:
    """A file or folder behind a URL, with what readers use of `pathlib.Path`.

    A connection is made where it is used, so that it can be pickled and used after a fork.

    Raises:
        InputError: a protocol that fsspec does not know or for which a package is missing; from methods that
            read, whatever the storage answers instead of content.
        IntermaskError: from methods that write, whatever the storage refuses.
    """

    def __init__(self, url: str):
        self._url = url.rstrip("/")

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"RemotePath({self._url!r})"

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self._url}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self._url).name

    @property
    def parent(self) -> RemotePath:
        """The folder that it is in."""
        return RemotePath(self._url.rpartition("/")[0])

    def with_name(self, name: str) -> RemotePath:
        """Another name in the same folder."""
        return self.parent / name

    def is_dir(self) -> bool:
        """Whether it is a folder, or anything has a name that begins with it and a slash."""
        return self._asked(lambda system, path: bool(system.isdir(path)))

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._asked(lambda system, path: bool(system.isfile(path)))

    def size(self) -> int:
        """Bytes of the file."""
        return self._asked(lambda system, path: int(system.size(path)))

    def files(self) -> dict[str, int]:
        """Bytes of every file below this folder, by name relative to it; nothing if there is no folder."""

        def listed(system: Any, path: str) -> dict[str, int]:
            system.invalidate_cache()
            try:
                found = system.find(path, detail=True)
            except FileNotFoundError:
                return {}
            names = {name.removeprefix(path).lstrip("/"): entry for name, entry in found.items()}
            if "" in names:
                raise NotADirectoryError("is a file")
            return {name: int(entry["size"]) for name, entry in names.items()}

        return self._asked(listed)

    def open(self, encoding: str, newline: str = "") -> io.StringIO:
        """The whole file as text."""
        return io.StringIO(self.read_text(encoding), newline=newline)

    def read_text(self, encoding: str) -> str:
        """The whole file as text, with line ends as they are."""
        data = self._asked(lambda system, path: system.cat_file(path))
        return str(data, encoding)

    def get(self, target: Path) -> None:
        """Copy the file to a path on this machine."""
        self._asked(lambda system, path: system.get_file(path, str(target)))

    def require_writable(self) -> None:
        """Raise InputError for a protocol that cannot be written at all; the storage is not asked."""
        if self._url.startswith(("http://", "https://")):
            raise InputError(f"{self._url}: web servers are only read; give s3://, gs:// or the like")
        self._asked(lambda system, path: None)

    def put(self, source: Path) -> None:
        """Copy a file of this machine to here."""
        self._write(lambda system, path: system.put_file(str(source), path))

    def write_bytes(self, data: bytes) -> None:
        """Write the whole file."""
        self._write(lambda system, path: system.pipe_file(path, data))

    def copy_to(self, target: RemotePath) -> None:
        """Copy the file within the storage."""
        target_path = target._asked(lambda system, path: path)
        self._asked(lambda system, path: system.cp_file(path, target_path), reads=False)

    def remove(self) -> None:
        """Remove the file, or the folder with all that is in it."""
        self._asked(lambda system, path: system.rm(path, recursive=True), reads=False)

    def _write(self, write: Callable[[Any, str], Any]) -> None:
        """Write a file, in a folder that is made if the storage has folders."""

        def written(system: Any, path: str) -> None:
            try:
                write(system, path)
            except FileNotFoundError:
                names = path.split("/")
                for count in range(2, len(names)):  # never the first, which may be a bucket
                    folder = "/".join(names[:count])
                    if not system.isdir(folder):
                        system.mkdir(folder, create_parents=False)
                write(system, path)

        self._asked(written, reads=False)

    def open_hdf5(self) -> h5py.File:
        """The HDF5 file, of which the parts that are asked for are fetched.

        Raises OSError for a file that is not one.
        """

        def stream(system: Any, path: str) -> Any:
            options = {
                "block_size": _BLOCK,
                "cache_type": "blockcache",
                "cache_options": {"maxblocks": _BLOCKS},
            }
            return system.open(path, "rb", **options)

        file = h5py.File(_Stream(self._asked(stream)), "r")
        _OPEN.add(file)
        return file

    def _asked(self, ask: Callable[[Any, str], R], reads: bool = True) -> R:
        """What the storage answers; without `reads` it is asked to change something."""
        from fsspec.core import url_to_fs

        try:
            system, path = url_to_fs(self._url)
        except (ImportError, ValueError) as error:  # fsspec names the package, or the protocol
            known = "" if isinstance(error, ImportError) else "; known are s3, gs, az, sftp, file and others"
            raise InputError(f"{self._url}: {_first_line(error)}{known}") from error
        except Exception as error:
            raise InputError(f"{self._url}: {_first_line(error)}") from error
        try:
            return ask(system, path)
        except Exception as error:  # every storage has exceptions of its own
            reason = _first_line(error).removesuffix(f": {self._url}")
            if not reads:
                raise IntermaskError(f"{self._url}: cannot be written ({reason})") from error
            raise InputError(f"{self._url}: cannot be read ({reason})") from error


class _Stream(io.RawIOBase):
    """A file of fsspec for HDF5; what a storage raises instead of content becomes an OSError."""

    def __init__(self, file: Any):
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._asked(lambda: int(self._file.seek(offset, whence)))

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._asked(lambda: int(self._file.readinto(buffer)))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _asked(self, ask: Callable[[], R]) -> R:
        try:
            return ask()
        except OSError:
            raise
        except Exception as error:
            raise OSError(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
