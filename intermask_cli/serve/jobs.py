"""Jobs of the service: what each is made of, how far it is, and for how long it stays."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from intermask_cli.config import SamplingConfig
from intermask_cli.generation.job import Job
from intermask_cli.generation.run.manifest import utc_now
from intermask_cli.generation.run.part_files import Failure, MadeItem
from intermask_cli.generation.workers.loaders import GivenPerson
from intermask_cli.serve.limits import KEPT_INTERACTIONS

#: States of a job, in the order in which it passes through them; the last three are ends.
STATES = QUEUED, RUNNING, DONE, FAILED, CANCELLED = ("queued", "running", "done", "failed", "cancelled")
#: Random bytes of a job's name: whoever knows it may read the result.
_NAME_BYTES = 16


@dataclass(frozen=True)
class BatchKey:
    """What interactions must have in common to be sampled together, apart from their length."""

    sampling: SamplingConfig
    body: str | None
    heights_m: tuple[float, ...]
    reacts: bool


@dataclass(eq=False)
class ServedJob:
    """One request: its plan, its state and, until they are on disk, its results.

    Attributes:
        name: its name in addresses, which cannot be guessed.
        job: the run as `generate` or `react` would make it; its folder holds the result.
        key: with which other interactions its own may be sampled.
        given: the given person of a reaction.
        error: why it failed or was cancelled, in one line.
        fetched: whether a result was asked for.
    """

    name: str
    job: Job
    key: BatchKey
    given: GivenPerson | None = None
    state: str = QUEUED
    error: str = ""
    made: list[MadeItem] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    fetched: bool = False
    created: str = field(default_factory=utc_now)
    ended_at: float | None = None
    #: Held while a file is derived from the result, so that it is made once.
    files: Lock = field(default_factory=Lock)
    _ending: Lock = field(default_factory=Lock)

    @property
    def total(self) -> int:
        """Interactions that were asked for."""
        return len(self.job.plan.items)

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.job.folder

    def end(self, state: str, error: str = "") -> bool:
        """Enter one of the last states, once; False if it has one. Results in memory are dropped."""
        with self._ending:
            if self.ended:
                return False
            self.state, self.error = state, error
            self.made, self.failures = [], []
            self.ended_at = time.monotonic()
            return True

    def as_json(self) -> dict[str, Any]:
        """Its status, for clients."""
        return {
            "job": self.name,
            "status": self.state,
            "created": self.created,
            "interactions": {"total": self.total, "done": self.done, "failed": self.failed},
            "progress": round((self.done + self.failed) / self.total, 4),
            "error": self.error or None,
        }


def new_name() -> str:
    """A name of 32 hexadecimal digits that cannot be guessed."""
    return secrets.token_hex(_NAME_BYTES)


class JobTable:
    """All jobs by name. Results are removed after `keep_s` seconds, or when newer ones need their space."""

    def __init__(self, keep_s: float, kept_interactions: int = KEPT_INTERACTIONS):
        self._keep_s, self._kept_interactions = keep_s, kept_interactions
        self._jobs: dict[str, ServedJob] = {}
        self._lock = Lock()

    def add(self, job: ServedJob) -> None:
        """A new job."""
        self.sweep()
        with self._lock:
            self._jobs[job.name] = job

    def get(self, name: str) -> ServedJob | None:
        """The job of that name, or None if there is none or its time is over."""
        self.sweep()
        with self._lock:
            return self._jobs.get(name)

    def all(self) -> list[ServedJob]:
        """All jobs, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def remove(self, name: str) -> None:
        """Forget a job that is not being made, and delete its files."""
        with self._lock:
            job = self._jobs.pop(name, None)
        if job is not None:
            shutil.rmtree(job.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what is too old, and the oldest results beyond the number that is kept."""
        for job in self._outdated(time.monotonic()):
            self.remove(job.name)

    def _outdated(self, now: float) -> Sequence[ServedJob]:
        ended = [(job.ended_at, job) for job in self.all() if job.ended_at is not None]
        ended.sort(key=lambda entry: entry[0], reverse=True)
        old, kept = [], 0
        for ended_at, job in ended:  # the latest first
            kept += job.total
            if now - ended_at > self._keep_s or kept > max(self._kept_interactions, job.total):
                old.append(job)
        return old
