"""A run that is kept behind a URL: it is made in a folder of this machine and sent from it.

These are sent, in this order: the manifest of the unfinished run, which says whose parts these are; each
part, seconds after it is finished; at the end the dataset with all that belongs to it, and the manifest of
the finished run last. Then the parts behind the URL are removed. The same command on another machine brings
what was sent and continues with it.

Two commands on one URL are not kept from each other: storages have no locks.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

from intermask_cli.cleanup.effect import EFFECT_LOG
from intermask_cli.console import counter, warn
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.part_set import is_part_file, part_files_in
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import disk_errors, locked, replacing
from intermask_cli.generation.run.contents import INDEX_TABLE
from intermask_cli.generation.run.directory import EXPORTS, GALLERY, OUR_FILES, PARTS, REJECTED
from intermask_cli.generation.run.disk_space import has_merge_space
from intermask_cli.generation.run.manifest import MANIFEST, RunInfo, how_it_differs, read_manifest
from intermask_cli.generation.run.part_files import has_moved, is_part, part_files, read_part

#: Seconds between two looks for finished parts.
SEND_SECONDS = 3.0
#: Seconds before each attempt to send what is left at the end. A storage that answers no longer than this
#: leaves the rest to the next command.
PAUSES = (0.0, 1.0, 5.0, 20.0)
#: Files in a row that cannot be sent before the others wait for the next attempt: each may time out.
_MOST_ERRORS = 5
#: What belongs to a dataset: files, and folders. `parts/` is left where interactions failed.
_RESULTS = (INDEX_TABLE, GALLERY, REJECTED, EFFECT_LOG)
_FOLDERS = (f"{Path(GALLERY).stem}_data", EXPORTS, PARTS)


class RemoteRun:
    """The run `info` behind `url`, which is made in `folder`.

    Raises:
        InputError: from `fetch`, if the storage cannot be read, or has something else behind the URL.
    """

    def __init__(self, url: RemotePath, folder: Path, info: RunInfo):
        self.url, self.folder, self.info = url, folder, info
        # What has been sent or fetched: size and time of each file here, by its name.
        self._kept: dict[str, tuple[int, int]] = {}
        self._warned = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, so that no other command on this machine works on the same URL."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock-url"):
            yield

    # -------- before the run

    def fetch(self, overwrite: bool, whole: bool) -> dict[str, Any] | None:
        """Bring what this run needs of what it has behind the URL.

        The manifest if the run is complete there and not here; then nothing is brought, unless `whole` asks
        for a complete run. `overwrite` removes what the URL has.

        Raises:
            InputError: another run is behind the URL, or files that no run of intermask wrote.
        """
        remote = {name: size for name, size in self.url.files().items() if _is_of_run(name)}
        manifest = read_manifest(self.url)
        if manifest is None:
            if remote:
                raise InputError(
                    f"{self.url}: holds {min(remote)} and no {MANIFEST} of a run, which this program does "
                    "not overwrite; move that away or use another --out"
                )
            return None
        another = manifest["fingerprint"] != self.info.fingerprint
        if another and not overwrite and any(name.endswith(".h5") for name in remote):
            raise InputError(
                f"{self.url}: holds another run ({how_it_differs(manifest, self.info)}); use --overwrite to "
                "replace it, or another --out"
            )
        if another or overwrite:
            self._remove(remote)
            return None
        here = read_manifest(self.folder)
        if here is not None and here["fingerprint"] != manifest["fingerprint"]:
            return None  # which the run refuses when it starts
        if here is not None and here["status"] == "finished" and (self.folder / FILE_NAME).is_file():
            return None
        complete = manifest["status"] == "finished" and FILE_NAME in remote
        if complete and not whole:
            return manifest
        in_parts = {name for name in remote if name.startswith(f"{PARTS}/")}
        names = remote.keys() - in_parts if complete else {MANIFEST, EFFECT_LOG, *in_parts} & remote.keys()
        self._fetch({name: remote[name] for name in names})
        return None

    def _fetch(self, wanted: Mapping[str, int]) -> None:
        """Bring the manifest, which vouches for the others, then files that are missing here.

        The dataset comes last: with it the run here is complete.
        """
        missing = dict(wanted)
        for name, size in wanted.items():
            path = self.folder / name
            if path.is_file() and name != MANIFEST:
                del missing[name]
                if path.stat().st_size == size:
                    self._kept[name] = _version(path)
        if not has_merge_space(self.folder, sum(missing.values())):
            raise IntermaskError(
                f"{self.folder}: no space for {sum(missing.values()) / 1e6:,.1f} MB that are behind "
                f"{self.url}; free some, or give a --work-folder on another disk"
            )
        with counter("fetch", len(missing), "files") as shown:
            for name in sorted(missing, key=lambda name: (name != MANIFEST, name == FILE_NAME, name)):
                path = self.folder / name
                with replacing(path) as draft:
                    (self.url / name).get(draft)
                self._kept[name] = _version(path)
                shown.advance()
                if name.startswith(f"{PARTS}/"):
                    self._drop_damaged(path)

    def _drop_damaged(self, path: Path) -> None:
        """Remove a part that a command which was killed has sent in part, or that is of another run."""
        with suppress(IntermaskError):
            if read_part(path).fingerprint == self.info.fingerprint:
                return
        warn(f"{self.url}: {path.name} there is damaged; it is made again")
        path.unlink()

    # -------- during the run

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send parts soon after they appear, in a thread; if an error ends the block, then those left."""
        ended = Event()

        def watch() -> None:
            while not ended.wait(SEND_SECONDS):
                self._tried(self._send_parts)

        # A daemon, so that a storage that hangs does not keep a stopped process alive.
        thread = Thread(target=watch, name="part-sender", daemon=True)
        thread.start()
        complete = False
        try:
            yield
            complete = True
        finally:
            ended.set()
            thread.join()
            if not complete:
                self._tried(self._send_parts)

    def _send_parts(self) -> None:
        """Send finished parts, with the manifest of the unfinished run that they are of."""
        manifest = read_manifest(self.folder)
        if manifest is None or manifest["fingerprint"] != self.info.fingerprint:
            return  # not begun yet
        if manifest["status"] == "finished":
            return
        for path in (self.folder / MANIFEST, *part_files(self.folder / PARTS), self.folder / EFFECT_LOG):
            name = path.relative_to(self.folder).as_posix()
            try:
                version = _version(path)
                if self._kept.get(name) == version:
                    continue
                data = path.read_bytes()
            except FileNotFoundError:  # no log, or a part that is merged by now
                continue
            if not (is_part(path) and has_moved(data)):
                (self.url / name).write_bytes(data)
                self._kept[name] = version

    def _tried(self, send: Callable[[], None]) -> bool:
        """Whether this could be sent; the first error is a warning."""
        try:
            send()
        except (IntermaskError, OSError) as error:
            if not self._warned:
                warn(f"{error}; what is made stays in {self.folder} and is sent later")
            self._warned = True
            return False
        return True

    # -------- after the run

    def finish(self) -> int:
        """Send a run that has ended, and remove what it does not need there -> number of files left."""
        names = self._results()
        left = list(names)

        def send() -> None:
            nonlocal left
            remote = self.url.files()
            left = [name for name in names if not self._is_there(name, remote)]
            self._send_all(left, remote)
            remote = self.url.files()
            left = [name for name in names if not self._is_there(name, remote)]
            if not left:
                kept = set(map(_top, names))
                self._remove(name for name in remote if _is_of_run(name) and _top(name) not in kept)

        for pause in PAUSES:
            time.sleep(pause)
            if self._tried(send) and not left:
                break
        return len(left)

    def _results(self) -> list[str]:
        """Names of the files here that a run which has ended has behind the URL, the manifest last."""
        files = [*part_files_in(self.folder), self.folder / FILE_NAME]
        files += [path for name in _RESULTS if (path := self.folder / name).is_file()]
        for name in _FOLDERS:
            files += sorted(path for path in (self.folder / name).rglob("*") if path.is_file())
        return [path.relative_to(self.folder).as_posix() for path in (*files, self.folder / MANIFEST)]

    def _is_there(self, name: str, remote: Mapping[str, int]) -> bool:
        """Whether a file is behind the URL as it is here.

        By its size, unless it is one of the small files of every run, whose size says little.
        """
        size, _ = version = _version(self.folder / name)
        by_size = "/" in name or name.endswith(".h5")
        return remote.get(name) == size and (by_size or self._kept.get(name) == version)

    def _send_all(self, names: Sequence[str], remote: Mapping[str, int]) -> None:
        """Send files in order; the manifest, which comes last, only with all others."""
        failed, in_a_row = 0, 0
        with counter("send", len(names), "files") as shown:
            for name in names:
                if in_a_row == _MOST_ERRORS or (failed and name == MANIFEST):
                    break
                sent = self._tried(partial(self._send, name, remote))
                failed, in_a_row = (failed, 0) if sent else (failed + 1, in_a_row + 1)
                shown.advance(int(sent))

    def _send(self, name: str, remote: Mapping[str, int]) -> None:
        path = self.folder / name
        version = _version(path)
        part = self._part_of(name, remote) if is_part_file(name) else None
        if part is not None and remote[part] == version[0]:
            (self.url / part).copy_to(self.url / name)
        else:
            (self.url / name).put(path)
        self._kept[name] = version

    def _part_of(self, name: str, remote: Mapping[str, int]) -> str | None:
        """The part behind the URL that a file of a run in parts is: both are in the same order."""
        parts = sorted(part for part in self._kept if part.startswith(f"{PARTS}/") and part in remote)
        number, count = map(int, re.findall(r"\d+", name.removesuffix(".h5")))
        return parts[number - 1] if count == len(parts) else None

    def _remove(self, names: Iterable[str]) -> None:
        """Remove files of a run behind the URL, and its folders as a whole; the manifest last."""
        for name in sorted(set(map(_top, names)), key=lambda name: name == MANIFEST):
            (self.url / name).remove()

    def remove_folder(self) -> None:
        """Remove the folder here."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _version(path: Path) -> tuple[int, int]:
    """Size and time of a file, which change with its content."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _top(name: str) -> str:
    """The file or folder of a run that a name is, or is in."""
    return name.partition("/")[0]


def _is_of_run(name: str) -> bool:
    """Whether a file has a name of a run, files per interaction apart."""
    return _top(name) in OUR_FILES or is_part_file(name)
