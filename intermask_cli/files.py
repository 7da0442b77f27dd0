"""Atomic writes of files and folders, locks, and disk errors in one line.

A file is written under a temporary name in its own folder, flushed to the disk and renamed. A crash at any
moment leaves the old file or the new one, never half of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from intermask_cli.console import warn
from intermask_cli.errors import InputError, IntermaskError

if TYPE_CHECKING:
    from filelock import BaseFileLock

#: What the user can do about an error, by its number. EDQUOT does not exist on Windows.
_REMEDY = {
    errno.ENOSPC: "free some space and run the same command again",
    getattr(errno, "EDQUOT", -1): "the quota is used up; free some space and run the same command again",
    errno.EFBIG: "the file size limit is reached; raise it and run the same command again",
    errno.EROFS: "choose another --out",
    errno.EACCES: "check the permissions or choose another --out",
    errno.EPERM: "check the permissions or choose another --out",
    errno.ENOTDIR: "choose another --out",
}
#: Error numbers from file systems without locks, such as some network file systems.
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, getattr(errno, "ENOTSUP", -1), getattr(errno, "EOPNOTSUPP", -1)}
#: Error numbers from file systems where a folder cannot be flushed: SMB, FUSE, folders of virtual machines.
_NO_FOLDER_SYNC = NO_LOCKS | {errno.EINVAL, errno.EBADF, errno.EACCES, errno.EISDIR}
#: Bytes of a file that show what it is.
_HEAD = 512
#: Permissions of a new file before the umask.
_NEW_FILE = 0o666
#: Prefix of temporary names; the real name follows, since some writers choose the format by the suffix.
TEMPORARY = ".tmp-"
#: A URL, also as `Path` shortens it: s3:/bucket/run. The drive of a path on Windows has one letter.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
#: Suffix of a marker file, after the name of its lock.
_MARKER = ".held"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn OSError, from Python or from inside HDF5, into one line that names path, cause and remedy."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        if number is None:  # HDF5 puts it into the text, and raises RuntimeError on closing
            match = re.search(r"errno = (\d+)", str(error))
            if match is None and isinstance(error, RuntimeError):
                raise
            number = int(match.group(1)) if match else None
        cause = os.strerror(number) if number else (str(error).splitlines() or [type(error).__name__])[0]
        remedy = _REMEDY.get(number or 0, "fix the cause and run the same command again")
        raise IntermaskError(f"{path}: cannot be written ({cause}); {remedy}") from error


# ---------------------------------------------------------------- files


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden temporary path to write, with the suffix of `path`, which it replaces if the block succeeds.

    For libraries that write files themselves (h5py, safetensors, NumPy, torch). Missing folders are created.
    The file gets the permissions of the one it replaces, or those that the umask gives: safetensors would
    leave it to its owner alone.
    """
    temporary = _temporary(path)
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = _file_mode(path)
            yield temporary
            _sync_file(temporary, mode)
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        with disk_errors(path):
            temporary.unlink(missing_ok=True)


class Replacements:
    """Context manager: files that are written one by one and take their places together, at its end.

    One flush per file costs many small files most of their time; of several in a row the first does most of
    the work. What is complete takes its place even if an exception ends the block.
    """

    def __init__(self) -> None:
        self._complete: list[tuple[Path, Path]] = []

    def __enter__(self) -> Replacements:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            for temporary, path in self._complete:
                with disk_errors(path):
                    _sync_file(temporary, _file_mode(path))
            for temporary, path in self._complete:
                with disk_errors(path):
                    os.replace(temporary, path)
            for folder in {path.parent for _, path in self._complete}:
                with disk_errors(folder):
                    _sync_folder(folder)
        finally:
            for draft, _ in self._complete:
                draft.unlink(missing_ok=True)

    @contextmanager
    def add(self, *paths: Path) -> Iterator[list[Path]]:
        """Hidden temporary paths to write, one per path; they count as complete if the block succeeds."""
        temporaries = [_temporary(path) for path in paths]
        try:
            with disk_errors(paths[0]):
                for path in paths:
                    path.parent.mkdir(parents=True, exist_ok=True)
                yield temporaries
        except BaseException:
            for draft in temporaries:
                draft.unlink(missing_ok=True)
            raise
        self._complete += zip(temporaries, paths, strict=True)


def check_writable(folder: Path) -> None:
    """Raise IntermaskError unless a file can be made and renamed in a folder, which is created if missing.

    Permissions are tried and not read: network and foreign mounts may refuse what they promise.
    """
    probe = folder / f"probe-{secrets.token_hex(4)}"
    write_bytes(probe, b"")
    with disk_errors(folder):
        probe.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: a reader, or a run after a crash, sees the old content or the new."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of a text as UTF-8, with line ends as given on every platform.

    Bytes of a path that is not UTF-8, which Python keeps as lone surrogates, become escapes such as
    `\\udce9`; in JSON these mean the same path.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """`write_text` of a value as indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


# ---------------------------------------------------------------- folders


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A hidden empty folder to fill, which takes the place of `path` if the block succeeds.

    Two renames are needed where `path` exists. A kill between them leaves its content at `set_aside(path)`.
    """
    draft, old = _temporary(path), set_aside(path)
    try:
        with disk_errors(path):
            draft.mkdir(parents=True)
        yield draft
        with disk_errors(path):
            mode = _file_mode(None)
            for file in draft.rglob("*"):
                if file.is_file():
                    _sync_file(file, mode)
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
                os.replace(path, old)
            try:
                os.replace(draft, path)
            except OSError:
                if old.exists() and not path.exists():
                    os.replace(old, path)
                raise
            _sync_folder(path.parent)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Path of the old content of a folder while `replacing_folder` puts the new one in its place."""
    return path.with_name(f".old-{path.name}")


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files and folders of killed runs. Only while holding the lock of the folder."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """A name that no other process has: in containers on one shared folder, process numbers are equal."""
    return path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}")


def _file_mode(replaced: Path | None) -> int:
    """Permissions of the file that is replaced, else those of a new file."""
    try:
        if replaced is not None:
            return stat.S_IMODE(replaced.stat().st_mode)
    except OSError:
        pass
    return _NEW_FILE & ~_umask()


def _umask() -> int:
    """The umask; Linux shows it, elsewhere it can only be read by setting it."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("Umask:")), 8)
    except (OSError, StopIteration, ValueError):
        current = os.umask(0o022)
        os.umask(current)
        return current


def _sync_file(path: Path, mode: int) -> None:
    with path.open("r+b") as file:  # Windows flushes only what is open for writing
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != mode:
            with suppress(OSError):  # file systems without permissions
                path.chmod(mode)
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Flush the entries of a folder, so that a rename in it survives a power cut; where that can be done."""
    if os.name == "nt":  # folders cannot be opened there, and need no flush
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:  # the rename has been made; a flush cannot be had here
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- locks


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[None]:
    """Context manager: hold the lock of that name, which one process at a time can hold.

    The lock ends with the process, even if it is killed.

    Raises:
        InputError: another process holds the lock and `wait` is False.
    """
    with disk_errors(path):
        lock = _acquired(path, wait)
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether a process, this one included, holds the lock of that name."""
    try:
        with locked(path):
            return False
    except InputError:
        return True


def held_locks(folder: Path, pattern: str) -> list[Path]:
    """Locks in a folder whose names match a pattern such as `.lock-*` and which a process holds now."""
    names = {path.name.removesuffix(_MARKER) for path in folder.glob(pattern)}
    return [folder / name for name in sorted(names) if is_locked(folder / name)]


def _acquired(path: Path, wait: bool) -> BaseFileLock:
    """Acquire a lock of the operating system, or a marker file where the file system has no locks.

    A marker names its process; the next process on that machine removes the marker of one that has ended.
    """
    with warnings.catch_warnings():  # `_warn_of_markers` explains what filelock warns about
        warnings.simplefilter("ignore")
        from filelock import FileLock, SoftFileLock, Timeout

    timeout = -1 if wait else 0
    wait_or_move = f"{path.parent}: another run is writing here; wait for it or use another --out"
    if not issubclass(FileLock, SoftFileLock):  # FileLock is a SoftFileLock where Python has no locks
        lock: BaseFileLock = FileLock(path)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                lock.acquire(timeout)
            if caught:  # filelock has made a marker file by itself
                _warn_of_markers()
            return lock
        except Timeout:
            raise InputError(wait_or_move) from None
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
    _warn_of_markers()
    lock = SoftFileLock(path.with_name(path.name + _MARKER))
    try:
        lock.acquire(timeout)
    except Timeout:
        raise InputError(f"{wait_or_move} (if none is running, delete {lock.lock_file})") from None
    return lock


@lru_cache(1)
def _warn_of_markers() -> None:
    warn("the file system of the output has no locks; marker files are used instead")


# ---------------------------------------------------------------- content


def path_of(path: Any) -> Path:
    """A path that a caller passed.

    Raises:
        InputError: neither a string nor a path.
    """
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InputError(f"path is {path!r}; accepted: a string or a Path")
    require_local(path)
    return Path(path)


def url_of(path: str | os.PathLike[str]) -> str | None:
    """The URL that a path is or has been; None for a path on this machine."""
    found = _URL.match(str(path))
    if found is None:
        return None
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{str(path)[found.end() :]}"


def require_local(path: str | os.PathLike[str]) -> None:
    """InputError for a URL, of which `Path` would make a folder named `s3:`."""
    if url := url_of(path):
        raise InputError(
            f"{url}: is a URL, and a path on this machine is needed here; copy files from or to the URL, or "
            "mount it"
        )


def cache_folder() -> Path:
    """`INTERMASK_CACHE`, else `intermask` in the user's cache folder."""
    folder = os.environ.get("INTERMASK_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) if folder else Path(base) / "intermask"


class HasText(Protocol):
    """A text file, on this machine or not."""

    def read_text(self, encoding: str) -> str: ...


def json_object(path: HasText, remedy: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        InputError: not readable, no JSON in UTF-8, or JSON of another kind; ends with `remedy`.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); {remedy}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(values).__name__}; {remedy}")
    return values


def what_came_instead(path: Path) -> str | None:
    """What a file is, in words, if it is not the data that was asked for but what a failed download left."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:100].lower()
    if not head:
        return "an empty file: the download failed; get it again"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "an HTML page, not the data: the download failed; get it again"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the data: run `git lfs pull` in its repository, or download the file"
    if head[257:262] == b"ustar":
        return "an archive: unpack it first"
    return None


def without_absolute_paths(value: Any) -> Any:
    """A JSON value whose absolute paths are relative to the working directory, or names alone outside it.

    Datasets are given away, and such paths name users and machines.
    """
    if isinstance(value, Mapping):
        return {key: without_absolute_paths(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_absolute_paths(inner) for inner in value]
    if not isinstance(value, str):
        return value
    option, equals, argument = value.partition("=")
    if option.startswith("--") and equals:
        return option + equals + without_absolute_paths(argument)
    return _relative(value) if os.path.isabs(value) else value


def _relative(path: str) -> str:
    """An absolute path, or a text that begins with one (`PATH: how it was read`), without its folders."""
    name, colon, rest = path.partition(": ")
    inside = os.path.relpath(name)
    return (inside if not inside.startswith("..") else os.path.basename(name)) + colon + rest


def package_yaml(path: Path) -> Any:
    """Content of a YAML file of this package, read by libyaml where PyYAML has it: a tenth of the time."""
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
