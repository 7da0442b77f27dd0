"""Ray as the engine of a run: workers in the cluster make parts, this process writes them.

The process that the user started holds the run directory. It asks the cluster for workers (Ray actors, each
with its own copy of the model), gives each a part when it is free, and writes the file of the part that comes
back. A worker that is lost, because it was killed or its machine is gone, is replaced, and its part is given
to another. If this process is killed, Ray ends the workers; the same command then makes the unfinished parts.
"""

from __future__ import annotations

import math
import pickle
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from intermask_cli.console import note, show, warn
from intermask_cli.errors import IntermaskError
from intermask_cli.files import disk_errors, write_bytes
from intermask_cli.generation.ray.cluster import RaySettings, Share, alive, connected
from intermask_cli.generation.ray.sent_run import SentRun
from intermask_cli.generation.ray.worker import (
    Answer,
    Entry,
    MadePart,
    NeedsFiles,
    RayWorker,
    Ready,
    WorkerError,
)
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.manifest import versions
from intermask_cli.generation.run.plan import Part
from intermask_cli.generation.run.progress import Progress, show_progress
from intermask_cli.generation.workers.engine import POLL_SECONDS, Interrupts, LoadEngine
from intermask_cli.generation.workers.launch import worker_devices
from intermask_cli.generation.workers.remote_errors import unpacked
from intermask_cli.version import __version__

#: How many workers may be lost over one part, or while they load, before the run stops: a clip that does not
#: fit into memory would take one worker after the other. Workers whose machine is gone do not count.
MOST_LOST = 3
#: Seconds between two looks at the machines of the cluster, which may come and go.
LOOK_SECONDS = 5.0
#: Seconds after which the user learns that no worker has found a place.
PATIENCE_SECONDS = 30.0


def work_on_ray(
    run: RunDirectory,
    parts: Sequence[Part],
    pending: Sequence[Part],
    device: str,
    workers: int | None,
    settings: RaySettings,
    load_engine: LoadEngine,
    interrupts: Interrupts,
) -> dict[str, float]:
    """Make the pending parts on Ray -> counts and seconds as `workers.engine.work` gives them.

    `workers` at most, which an autoscaler may add machines for; None is as many as the cluster has room for,
    on this machine alone as many as `launch.worker_devices` says. `load_engine` is pickled. If a worker fails
    or a signal comes, the other workers finish their current parts. Then InterruptedRun is raised after a
    signal, else the error of the first worker that failed.
    """
    started, done_before = time.monotonic(), run.done_items(parts)
    if workers is None and settings.where is None and settings.gpus_per_worker is None:
        workers = len(worker_devices(device, None, sum(len(part.items) for part in pending)))
    with connected(settings, workers) as ray, interrupts.watching():
        share = Share.of(device, settings, alive(ray))
        crew = _Crew(ray, run, pending, _Wanted(share, device, workers))
        with show_progress(run, parts, pending) as progress:
            crew.work(SentRun.of(run, load_engine), interrupts, progress)
    interrupts.check(run, parts)
    if crew.error is not None:
        raise crew.error
    made, ready = run.done_items(parts) - done_before, crew.first_ready or time.monotonic()
    return {"made": made, "load_seconds": ready - started, "seconds": time.monotonic() - ready}


@dataclass(frozen=True)
class _Wanted:
    """Which workers: what each needs of its machine, its --device, and how many at most (None: no limit)."""

    share: Share
    device: str
    most: int | None


@dataclass(eq=False)
class _RayMember:
    """A worker as this process sees it: the call that it works on, and the one that waits for entries.

    `made` and `failed` are what was shown of the current part.
    """

    rank: int
    actor: Any
    call: Any
    entries: Any
    part: Part | None = None
    node: str | None = None  # once the model is loaded
    placed: bool = False
    last_serial: int = 0
    made: int = 0
    failed: int = 0

    @property
    def name(self) -> str:
        return f"worker {self.rank + 1}"


class _Crew:
    """The workers of a run, and the parts not yet given to any of them.

    `error` ends the run. `first_ready` is the time at which the first worker had loaded its model.
    """

    def __init__(self, ray: Any, run: RunDirectory, pending: Sequence[Part], wanted: _Wanted):
        self.ray, self.run, self.wanted = ray, run, wanted
        self.left = deque(pending)
        self.members: list[_RayMember] = []
        self.error: Exception | None = None
        self.first_ready: float | None = None
        self._losses: list[tuple[str, str | None]] = []  # what a lost worker was doing, and on which machine
        self._began = time.monotonic()
        self._looked = -math.inf
        self._room = 0
        self._said_waiting = self._said_versions = False

    def work(self, sent: SentRun, interrupts: Interrupts, progress: Progress) -> None:
        """Have all parts made, or those that are being made when an error or a signal comes."""
        self._sent, self._pickled = sent, pickle.dumps(sent)
        self._interrupts, self._progress = interrupts, progress
        while True:
            if self._stopping:
                self.left.clear()
            if not self.left:
                for idle in [one for one in self.members if one.part is None]:
                    self._dismiss(idle)
            if not self.left and not self.members:
                return
            self._start_workers()
            for call in self._answered():
                owner = next((one for one in self.members if call in (one.call, one.entries)), None)
                if owner is not None:
                    self._take(owner, call)

    @property
    def _stopping(self) -> bool:
        """Whether no more parts are handed out."""
        return self.error is not None or self._interrupts.exit_code is not None

    def _answered(self) -> list[Any]:
        """Calls that have ended; waits for one, but not long."""
        calls = [call for one in self.members for call in (one.call, one.entries) if call is not None]
        ready, _ = self.ray.wait(calls, num_returns=1, timeout=POLL_SECONDS)
        if ready:
            ready, _ = self.ray.wait(calls, num_returns=len(calls), timeout=0)
        return list(ready)

    def _take(self, member: _RayMember, call: Any) -> None:
        """The result of a call."""
        try:
            answer = self.ray.get(call)
        except self.ray.exceptions.RayTaskError as error:
            self._stop(IntermaskError(f"{member.name}: {_last_line(error)} (a bug)"))
            self._dismiss(member)
        except self.ray.exceptions.RayError as error:
            if call == member.entries:
                member.entries = None  # the other call says what happened
            else:
                self._lose(member, error)
        else:
            if call == member.entries:
                member.placed = True
                self._show(member, answer)
                member.entries = self._next_entries(member.actor, member.last_serial)
            else:
                self._show(member, answer.entries)
                self._handle(member, answer)

    # -------- workers

    def _start_workers(self) -> None:
        """Ask for as many workers as are wanted, or as there is room for."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._room = now, self.wanted.share.fitting(alive(self.ray))
        most = self.wanted.most or max(1, self._room)
        busy = sum(member.part is not None for member in self.members)
        while len(self.members) < min(most, len(self.left) + busy):
            self._start(most)
        if now - self._began > PATIENCE_SECONDS and not self._said_waiting:
            self._said_waiting = True
            if not any(member.placed for member in self.members):
                note(
                    f"no worker has started yet: each needs {self.wanted.share} of one machine; the cluster "
                    f"has room for {self._room} where nothing else runs on it"
                )

    def _start(self, world: int) -> None:
        rank = min(set(range(len(self.members) + 1)) - {member.rank for member in self.members})
        actor = self._actors.remote(rank, world, self.wanted.device, self.wanted.share.gpus)
        call = actor.load.remote(__version__, self._pickled, None)
        self.members.append(_RayMember(rank, actor, call, self._next_entries(actor, 0)))

    @cached_property
    def _actors(self) -> Any:
        """The class of the workers. Ray does not restart them: they would have no model."""
        share = self.wanted.share
        needs = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_restarts": 0}
        return self.ray.remote(concurrency_groups={"entries": 1}, **needs)(RayWorker)

    def _next_entries(self, actor: Any, after: int) -> Any:
        return actor.entries.options(concurrency_group="entries").remote(after)

    def _dismiss(self, member: _RayMember) -> None:
        self.members.remove(member)
        self.ray.kill(member.actor)

    def _lose(self, member: _RayMember, error: Exception) -> None:
        """A worker has ended, or its machine is gone: its part goes to another."""
        self._dismiss(member)
        self._progress.add(-member.made, -member.failed)
        doing, part = "loading the model", member.part
        if part is not None:
            doing = f"making {part.name}"
            self.left.appendleft(part)
        reason = _reason(error)
        self._losses.append((doing, member.node))
        machines = {node["NodeID"] for node in alive(self.ray)}
        counted = sum(what == doing and (node is None or node in machines) for what, node in self._losses)
        if counted >= MOST_LOST:
            again = "the same command makes the rest"
            self._stop(IntermaskError(f"{counted} workers were lost while {doing} ({reason}); {again}"))
        elif not self._stopping:
            note(f"{member.name} was lost while {doing} ({reason}); another takes its place")

    def _stop(self, error: Exception) -> None:
        """Record an error; the other workers finish their current parts."""
        if self.error is None:
            self.error = error
            if any(member.part is not None for member in self.members):
                note("a worker failed; the others finish their current parts")

    # -------- answers

    def _handle(self, member: _RayMember, answer: Answer) -> None:
        """The end of a call of `load` or `make`."""
        if isinstance(answer, NeedsFiles):
            member.call = member.actor.load.remote(__version__, self._pickled, self._files)
            return
        if isinstance(answer, WorkerError):
            member.part = None
            self._stop(unpacked(answer.error, answer.trace))
            self._dismiss(member)
            return
        if isinstance(answer, Ready):
            member.node = answer.node
            self._losses = [loss for loss in self._losses if loss[1] is not None]
            self._check_versions(answer.versions)
            if self.first_ready is None:
                self.first_ready = time.monotonic()
                self._progress.begin()
        else:
            assert member.part is not None
            self._keep(member.part, answer)
        member.part = self.left.popleft() if self.left and not self._stopping else None
        member.made = member.failed = 0
        if member.part is None:
            self._dismiss(member)
        else:
            member.call = member.actor.make.remote(member.part)

    def _keep(self, part: Part, answer: MadePart) -> None:
        """Write what a worker made. The part last: its file says that the rest is there."""
        for name, content in answer.appended.items():
            path = self.run.folder / name
            with disk_errors(path), path.open("ab") as file:
                file.write(content)
        write_bytes(self.run.parts_folder / part.name, answer.image)

    def _show(self, member: _RayMember, entries: Sequence[Entry]) -> None:
        """Show the entries that were not shown yet; `load` and `make` return all of theirs again."""
        for entry in entries:
            if entry.serial <= member.last_serial:
                continue
            member.last_serial = entry.serial
            if entry.kind:
                show(entry.kind, entry.text)
            else:
                member.made, member.failed = member.made + entry.made, member.failed + entry.failed
                self._progress.add(entry.made, entry.failed)

    @cached_property
    def _files(self) -> Any:
        """The files of the model, in the object store of Ray, from where machines fetch them."""
        return self.ray.put(self._sent.files())

    def _check_versions(self, theirs: Mapping[str, str]) -> None:
        """Say once if packages differ from those of this machine, which the manifest names."""
        others = [
            f"{name} {theirs.get(name)} (here {own})"
            for name, own in versions().items()
            if theirs.get(name) != own
        ]
        if others and not self._said_versions:
            self._said_versions = True
            warn(f"machines of the cluster have {', '.join(others)}; results may differ in their last digits")


def _last_line(error: Exception) -> str:
    return ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1]


def _reason(error: Exception) -> str:
    """Why a worker was lost, in a line."""
    text = str(error)
    if "No module named 'intermask_cli'" in text:
        return f"no intermask on its machine; pip install 'intermask[ray]=={__version__}' there"
    return _last_line(error)
