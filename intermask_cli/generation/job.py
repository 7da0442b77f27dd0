"""One run from plan to dataset: the steps `generate`, `react` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from intermask_cli.console import note
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import (
    EXIT_OK,
    EXIT_PARTIAL,
    EXIT_SIGINT,
    EXIT_SIGTERM,
    IntermaskError,
    InterruptedRun,
    Terminated,
)
from intermask_cli.generation.ray.cluster import RaySettings
from intermask_cli.generation.ray.engine import work_on_ray
from intermask_cli.generation.run.acceptance import AcceptanceCounts
from intermask_cli.generation.run.directory import GALLERY, RunDirectory, open_run, write_rejected
from intermask_cli.generation.run.disk_space import space_for
from intermask_cli.generation.run.manifest import RunInfo, read_manifest
from intermask_cli.generation.run.plan import Part, Plan, Shard
from intermask_cli.generation.workers.engine import Interrupts, LoadEngine, work
from intermask_cli.generation.workers.launch import (
    Worker,
    announce_wait,
    join_workers,
    require_no_launcher,
    worker_devices,
)
from intermask_cli.generation.workers.pool import work_in_processes
from intermask_cli.motion.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Execution:
    """How a job is carried out. Nothing here changes what is made.

    `rejected_ok`: rejected lines leave the exit code at 0. `processes` workers on this machine, None
    for as many as pay (`launch.worker_devices`). With `ray` they are workers of a Ray cluster.
    """

    device: str = "auto"
    processes: int | None = 1
    shard: Shard = field(default_factory=Shard)
    overwrite: bool = False
    rejected_ok: bool = False
    ray: RaySettings | None = None


@dataclass(frozen=True)
class Job:
    """A run that is ready to start: its directory, what it is, its plan, and what loads an engine for it.

    More than one worker pickle `load_engine`. `rejected` are prompt lines or motions that were left out. With
    `url` the run is kept there too (`remote_job`).
    """

    folder: Path
    info: RunInfo
    plan: Plan
    load_engine: LoadEngine
    rejected: Sequence[Rejected] = ()
    execution: Execution = field(default_factory=Execution)
    url: RemotePath | None = None

    def ids_to_make(self) -> list[str]:
        """Ids of the items that this command has to make, as far as its run directory says now."""
        run, parts = RunDirectory(self.folder, self.info), self.execution.shard.deal(self.plan.parts)
        manifest = read_manifest(self.folder)
        same = manifest is not None and manifest["fingerprint"] == self.info.fingerprint
        if same and not self.execution.overwrite:
            parts = [] if run.finished() is not None else run.pending(parts)
        return [item.id for part in parts for item in part.items]


class Outcome(Protocol):
    """What else a command has made of a run."""

    @property
    def exit_code(self) -> int: ...
    def lines(self) -> list[str]: ...
    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Summary:
    """How a run ended, as text and as JSON.

    `merged` is False while other shards' parts are missing; `finished_before` is True where the run was
    complete when this command began. `url` is where a run that was made in `folder` is kept, apart from
    `unsent` files.
    """

    folder: Path
    merged: bool
    total: int
    done: int
    made: int  # by this command, all its workers together
    seconds: float  # making them, without loading the model
    load_seconds: float
    failed: Sequence[Rejected]
    rejected: Sequence[Rejected]
    finished_before: bool = False
    no_body: int = 0  # of the dataset, marked in its column `no_body`
    text_warnings: str | None = None  # one line about the column `text_warning`
    rejected_ok: bool = False
    acceptance: AcceptanceCounts | None = None
    exports: Sequence[Outcome] = ()
    url: RemotePath | None = None
    unsent: int = 0

    @property
    def place(self) -> Path | RemotePath:
        """Where the run is complete."""
        return self.folder if self.url is None or self.unsent else self.url

    @property
    def exit_code(self) -> int:
        dropped = self.acceptance is not None and self.acceptance.dropped
        left_out = (self.rejected or dropped) and not self.rejected_ok
        unwritten = any(export.exit_code for export in self.exports)
        return EXIT_PARTIAL if self.failed or left_out or unwritten or self.unsent else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        return {
            "out": str(self.url or self.folder),
            "dataset": str(self.place / FILE_NAME) if self.merged else None,
            "gallery": str(self.place / GALLERY) if self.merged else None,
            **({"work_folder": str(self.folder), "unsent": self.unsent} if self.url else {}),
            "items": self.total,
            "done": self.done,
            "made_now": self.made,
            "failed": len(self.failed),
            "rejected": len(self.rejected),
            "no_body": self.no_body,
            "text_warnings": self.text_warnings,
            **(self.acceptance.as_counts() if self.acceptance else {}),
            **({"exports": [export.as_json() for export in self.exports]} if self.exports else {}),
            "seconds": round(self.seconds, 3),
            "load_seconds": round(self.load_seconds, 3),
            "interactions_per_second": round(self.made / self.seconds, 3) if self.made else None,
        }

    def lines(self) -> list[str]:
        """Text for the end of the command: counts, speed, what was left out, which files to open."""
        place = self.place
        line = f"{self.done:,} of {self.total:,} interactions in {place}"
        if self.made:
            line += f" ({self.made:,} made now, {self.made / self.seconds:.2f} interactions/s)"
        lines = [line]
        if self.rejected:
            noun = "prompt lines" if all(entry.line for entry in self.rejected) else "inputs"
            lines.append(f"{len(self.rejected):,} {noun} rejected, listed in {place / 'rejected.jsonl'}")
        if self.failed:
            lines.append(
                f"{len(self.failed):,} interactions failed, listed in {place / 'rejected.jsonl'}; "
                "the same command tries them again"
            )
        if self.acceptance:
            lines.append(self.acceptance.line(place))
        if self.no_body:
            count = (
                f"{self.no_body:,} interaction{'s are not bodies' if self.no_body > 1 else ' is not a body'}"
            )
            lines.append(f"{count}; the column no_body of {place / 'index.csv'} says why")
        if self.text_warnings:
            lines.append(f"{self.text_warnings}; the column text_warning says which")
        if self.unsent:
            lines.append(
                f"{self.unsent:,} files could not be sent to {self.url}; the same command sends the rest"
            )
        if not self.merged:
            lines.append(
                f"other shards are missing; the last one, or intermask merge {place}, finishes the run"
            )
            return lines
        lines += [line for export in self.exports for line in export.lines()[:1]]
        return [*lines, f"dataset: {place / FILE_NAME}", f"open in a browser: {place / GALLERY}"]


@contextmanager
def resumable() -> Iterator[None]:
    """Turn a signal outside `engine.Interrupts`, for example while merging, into `InterruptedRun`."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        code = EXIT_SIGTERM if isinstance(error, Terminated) else EXIT_SIGINT
        raise InterruptedRun("interrupted; the same command resumes", code) from error


@resumable()
def run_job(job: Job) -> Summary | None:
    """Make the pending parts of a job; merge once all parts exist. None on workers other than the first."""
    announce_wait()  # before torch is imported, which takes seconds
    folder, plan, execution = job.folder, job.plan, job.execution
    parts = execution.shard.deal(plan.parts)
    if execution.ray is None:
        devices = worker_devices(execution.device, execution.processes, len(plan.items))
    else:
        require_no_launcher("--engine ray")
        devices = []
    with _joined(execution) as worker, ExitStack() as stack:
        if worker.main:
            run = stack.enter_context(open_run(folder, job.info, execution.shard, execution.overwrite))
            if run.finished() is None:
                run.drop_failed(parts)
                write_rejected(folder, job.rejected)
        else:
            run = RunDirectory(folder, job.info)
        worker.wait_for_start()
        # In this order, because another shard that merges writes "finished" before it removes the parts.
        pending = run.pending(parts)
        finished = run.finished()
        if finished is not None:
            return _already_finished(run, finished, job) if worker.main else None
        space = ""
        if worker.main:
            joints = len(job.info.dataset.get("joint_names", ())) or NUM_JOINTS
            pending_of_all, store, layout = run.pending(plan.parts), job.info.store, job.info.layout
            space = space_for(folder, pending_of_all, plan.frames, joints, store, layout)
        timing = _work(run, parts, pending, worker, devices, job, space)
        if not worker.main:
            return None
        merged = run.merge(plan.parts, job.rejected)
    dropped = merged.acceptance.dropped if merged.acceptance else 0
    return Summary(
        folder=folder,
        merged=merged.merged,
        total=len(plan.items),
        done=merged.done,
        made=int(timing["made"]) - len(merged.failed) - dropped,
        seconds=timing["seconds"],
        load_seconds=timing["load_seconds"],
        failed=merged.failed,
        rejected=job.rejected,
        no_body=merged.no_body,
        text_warnings=merged.text_warnings,
        rejected_ok=execution.rejected_ok,
        acceptance=merged.acceptance,
    )


def _work(
    run: RunDirectory,
    parts: Sequence[Part],
    pending: Sequence[Part],
    worker: Worker,
    devices: Sequence[str],
    job: Job,
    space: str,
) -> dict[str, float]:
    """Make the pending parts here, in a pool or on Ray; an early end is recorded in the manifest."""
    execution, load_engine = job.execution, job.load_engine
    devices = devices[: max(1, len(pending))]  # no worker without a part
    remaining = sum(len(part.items) for part in pending)
    total = sum(len(part.items) for part in parts)
    if worker.main:
        resumed = f"{total - remaining:,} of {total:,} done before, " if remaining < total else ""
        place = _place(worker, devices, execution.ray)
        note(f"{resumed}{remaining:,} interactions to make on {place}; {space}")
    interrupts = Interrupts(under_launcher=worker.world > 1)
    try:
        if execution.ray is not None:
            return work_on_ray(
                run,
                parts,
                pending,
                execution.device,
                execution.processes,
                execution.ray,
                load_engine,
                interrupts,
            )
        if len(devices) > 1:
            return work_in_processes(run, parts, pending, devices, load_engine, interrupts)
        return work(run, parts, worker.deal(pending), worker, load_engine, interrupts)
    except BaseException as error:
        if worker.main:
            interrupted = isinstance(error, InterruptedRun | KeyboardInterrupt | Terminated)
            with suppress(IntermaskError):
                run.stop("interrupted" if interrupted else "stopped by an error", parts)
        raise


def _joined(execution: Execution) -> AbstractContextManager[Worker]:
    """The workers of a launcher that share the run; with Ray this process alone, which samples nothing."""
    if execution.ray is None:
        return join_workers(execution.device)
    return nullcontext(Worker(0, 1, execution.device))


def _place(worker: Worker, devices: Sequence[str], ray: RaySettings | None) -> str:
    """The devices and the number of workers, for a message."""
    if ray is not None:
        return f"Ray, {ray.where or 'on this machine alone'}"
    if len(devices) == 1:
        return worker.device + (f", {worker.world} workers" if worker.world > 1 else "")
    return f"{', '.join(dict.fromkeys(devices))}, {len(devices)} workers"


def _already_finished(run: RunDirectory, manifest: dict[str, Any], job: Job) -> Summary:
    note(f"{run.folder}: this run is already complete; --overwrite makes it again")
    return finished_summary(run.folder, manifest, job.rejected, job.execution.rejected_ok)


def finished_summary(
    folder: Path, manifest: Mapping[str, Any], rejected: Sequence[Rejected], rejected_ok: bool = False
) -> Summary:
    """Summary of a run that was complete before."""
    counts = manifest["counts"]
    return Summary(
        folder, True, int(counts["items"]), int(counts["done"]), 0, 0.0, 0.0, [], rejected,
        finished_before=True, no_body=int(counts.get("no_body", 0)),
        text_warnings=manifest.get("text_warnings"), rejected_ok=rejected_ok,
        acceptance=AcceptanceCounts.from_counts(counts),
    )  # fmt: skip
