"""A worker in a Ray cluster: it gets parts, and answers with the bytes of their files.

Workers write into folders of their own. Only the process that started the run writes into the run directory,
so a cluster needs no shared disk. What the engine appends to files of the run directory, such as the log of
`--clean`, travels with the part.
"""

from __future__ import annotations

import pickle
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from threading import Condition
from typing import Any

from intermask_cli.console import forward_messages
from intermask_cli.devices import choose_device, processors
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.ray.sent_run import Files, SentRun
from intermask_cli.generation.run.directory import PARTS, RunDirectory
from intermask_cli.generation.run.manifest import versions
from intermask_cli.generation.run.plan import Part
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.remote_errors import packed
from intermask_cli.version import __version__

#: Seconds after which a worker that has nothing to say answers all the same.
SILENT_SECONDS = 20.0


@dataclass(frozen=True)
class Entry:
    """Something to show: items made and failed since the last entry, or a message if it has a `kind`."""

    serial: int
    made: int = 0
    failed: int = 0
    kind: str = ""
    text: str = ""


@dataclass(frozen=True)
class Ready:
    """The model is loaded, on that machine of the cluster, with packages of these versions."""

    node: str
    versions: Mapping[str, str]
    entries: Sequence[Entry]


@dataclass(frozen=True)
class NeedsFiles:
    """The files of the model or of the text encoder are not on this machine."""

    entries: Sequence[Entry] = ()


@dataclass(frozen=True)
class MadePart:
    """The file of a part, and what was appended to other files of the run directory."""

    image: bytes
    appended: Mapping[str, bytes]
    entries: Sequence[Entry]


@dataclass(frozen=True)
class WorkerError:
    """An error, as `remote_errors.packed` gives it."""

    error: bytes
    trace: str
    entries: Sequence[Entry]


#: What the calls of a worker return; each has the entries since the call began.
Answer = Ready | NeedsFiles | MadePart | WorkerError


class RayWorker:
    """The body of a Ray actor. `load` and `make` are called in turn, `entries` at the same time.

    Worker `rank` (from 0) of a run that has `world` at most. It has `gpus` GPUs, a fraction if others share
    one with it.
    """

    def __init__(self, rank: int, world: int, device: str, gpus: float):
        self._rank, self._world, self._device, self._gpus = rank, world, device, gpus
        # Removed at the end of each call, since workers are killed when they have no more to do.
        self._folder = Path(gettempdir()) / f"intermask-{secrets.token_hex(8)}"
        self._entries: list[Entry] = []
        self._serial = 0
        self._news = Condition()
        forward_messages(lambda kind, text: self._add(kind=kind, text=text))

    def load(self, version: str, sent: bytes, files: Files | None) -> Answer:
        """Load the engine of a run: a pickled `SentRun` of that version, and its files if they are needed."""
        self._forget_entries()
        try:
            if version != __version__:
                raise IntermaskError(
                    f"a machine of the cluster has intermask {__version__}, the one that starts the run "
                    f"{version}; install the same on all"
                )
            run: SentRun = pickle.loads(sent)
            self._run = RunDirectory(self._folder / "run", run.info)
            load_engine = run.loader_here(self._run.folder, self._folder, files)
            if load_engine is None:
                return NeedsFiles()
            device = self._device if self._device == "cpu" else choose_device(self._device)
            sharing = processors() if device == "cpu" else round(1 / min(self._gpus or 1.0, 1.0))
            worker = Worker(self._rank, self._world, device, max(1, min(sharing, self._world)))
            self._engine: Engine = load_engine(worker)
            return Ready(_node(), versions(), self._entries)
        except Exception as error:
            return self._error(error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def make(self, part: Part) -> Answer:
        """Make a part."""
        self._forget_entries()
        run = self._run
        try:
            run.parts_folder.mkdir(parents=True)
            self._engine.make_parts(
                [part], run.write_part, lambda made, failed: self._add(made=made, failed=failed)
            )
            files = [path for path in run.folder.rglob("*") if path.is_file()]
            content = {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in files}
            return MadePart(content.pop(f"{PARTS}/{part.name}"), content, self._entries)
        except Exception as error:
            return self._error(error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def entries(self, after: int) -> list[Entry]:
        """Entries of the current call whose serial is above `after`; waits until there is one."""
        end = time.monotonic() + SILENT_SECONDS
        with self._news:
            while True:
                new = [entry for entry in self._entries if entry.serial > after]
                if new or not self._news.wait(max(0.0, end - time.monotonic())):
                    return new

    def _add(self, **values: Any) -> None:
        with self._news:
            self._serial += 1
            self._entries.append(Entry(self._serial, **values))
            self._news.notify_all()

    def _forget_entries(self) -> None:
        """Those of earlier calls, whose answers had them."""
        with self._news:
            self._entries = []

    def _error(self, error: Exception) -> WorkerError:
        return WorkerError(*packed(error, f"worker {self._rank + 1} on Ray"), self._entries)


def _node() -> str:
    """The name that Ray gave this machine."""
    import ray

    return str(ray.get_runtime_context().get_node_id())
