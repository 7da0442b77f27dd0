"""Files that are whole or not there, one run per directory, and disk errors said in one line."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intermask_cli.errors import InputError, IntermaskError

_REMEDY = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "the quota is used up; free some space and run the same command again",
    errno.EFBIG: "the file size limit is reached; raise it and run the same command again",
    errno.EROFS: "choose another --out",
    errno.EACCES: "check the permissions or choose another --out",
    errno.EPERM: "check the permissions or choose another --out",
    errno.ENOTDIR: "choose another --out",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn OSError, from Python or from inside HDF5, into one line that names path, cause and remedy."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        if number is None:  # HDF5 puts it into the text, and raises RuntimeError on closing
            found = re.search(r"errno = (\d+)", str(error))
            if found is None and isinstance(error, RuntimeError):
                raise
            number = int(found.group(1)) if found else None
        cause = os.strerror(number) if number else str(error).splitlines()[0]
        remedy = _REMEDY.get(number or 0, "fix the cause and run the same command again")
        raise IntermaskError(f"{path}: cannot be written ({cause}); {remedy}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden temporary path to write; it takes the place of `path` only when the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with disk_errors(path):
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        with disk_errors(path):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a later run after a crash, sees all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files of killed runs. Only while holding the lock of the directory."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold an advisory lock (flock) on `path`; it ends with the process, also when that is killed.

    Raises:
        InputError: another process holds it, and we are not to wait.
    """
    with disk_errors(path):
        file = open(path, "a+b")  # noqa: SIM115 - the lock lives as long as the file is open
    with file:
        try:
            mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{path.parent}: another run is writing here; wait for it or use another --out"
            ) from None
        yield
