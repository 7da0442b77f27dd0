"""The service without HTTP: a loaded model, its jobs and the batches between them."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from types import TracebackType
from typing import Any

from intermask_cli.config import to_dict
from intermask_cli.console import note, warn
from intermask_cli.devices import choose_device
from intermask_cli.errors import IntermaskError
from intermask_cli.files import without_absolute_paths, write_bytes
from intermask_cli.generation.run.plan import WorkItem
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import (
    GenerationLoader,
    GivenPerson,
    ReactionLoader,
    ShapingLoader,
)
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.proportions import Proportions
from intermask_cli.serve.batcher import Batcher
from intermask_cli.serve.jobs import CANCELLED, DONE, FAILED, BatchKey, JobTable, ServedJob, new_name
from intermask_cli.serve.limits import ServeLimits
from intermask_cli.serve.requests import (
    GenerateRequest,
    ReactRequest,
    frame_limits,
    generate_request,
    react_request,
)
from intermask_cli.serve.results import write_result

#: Engines that are kept: one per combination of settings.
_ENGINES = 32
#: Seconds for which results stay available after a stop, while clients have not fetched them.
FETCH_S = 10.0


class Service:
    """A model that makes what clients ask for; a context manager, which loads it and stops it.

    `batch_size` None is the largest that fits; `max_wait_s` as in `Batcher`. Results lie in a temporary
    folder until they are too old or the service ends.
    """

    def __init__(
        self,
        source: ModelSource,
        device: str = "auto",
        limits: ServeLimits | None = None,
        batch_size: int | None = None,
        max_wait_s: float = 0.0,
    ):
        self.source, self._batch_size = source, batch_size
        self.limits = limits = limits or ServeLimits()
        self.device = choose_device(device)
        self.jobs = JobTable(limits.keep_s)
        self.batcher = Batcher(lru_cache(_ENGINES)(self._engine), self._finish, limits.queue, max_wait_s)
        self.stopping = False
        self._stack = ExitStack()
        self._reading = Lock()  # one motion file is read at a time, so that memory is bounded

    def __enter__(self) -> Service:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="intermask-serve-")))
            # The one thread that uses the model, and the one that writes results while it samples.
            self._writer = stack.enter_context(ThreadPoolExecutor(1, "results"))
            thread = stack.enter_context(ThreadPoolExecutor(1, "batches"))
            worker = Worker(0, 1, self.device)
            self.model = thread.submit(self.source.load, worker).result()
            self.batcher.start(thread)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._stack.close()

    # ---------------------------------------------------------------- what clients ask for

    def generate(self, request: GenerateRequest) -> ServedJob:
        """Queue a request with prompts; InputError or `FullQueue` if it is not accepted."""
        return self._submit(
            lambda name, folder: generate_request(request, name, self.source, self.limits, folder)
        )

    def react(self, request: ReactRequest, file_name: str, content: bytes) -> ServedJob:
        """Queue a request with a motion file; InputError or `FullQueue` if it is not accepted."""

        def make(name: str, folder: Path) -> ServedJob:
            folder.mkdir()
            file = folder / file_name
            write_bytes(file, content)
            with self._reading:
                return react_request(request, file, name, self.source, self.limits, folder)

        return self._submit(make)

    def _submit(self, make: Callable[[str, Path], ServedJob]) -> ServedJob:
        name = new_name()
        folder = self.folder / name
        try:
            job = make(name, folder)
            folder.mkdir(exist_ok=True)
            self.jobs.add(job)
            self.batcher.add(job)
        except BaseException as error:
            self.jobs.remove(name)
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, IntermaskError):
                error.args = (in_words_of_clients(str(error), folder), *error.args[1:])
            raise
        return job

    def cancel(self, job: ServedJob) -> bool:
        """Cancel a job; False if it has ended already."""
        return self.batcher.cancel(job, "cancelled by the client")

    def describe(self) -> dict[str, Any]:
        """The model, for clients."""
        source, info = self.source, self.source.info
        lengths = frame_limits(source, self.limits)
        return {
            "name": info.name,
            "sha256": source.sha256,
            "representation": info.representation.name,
            "fps": info.fps,
            "text_encoder": source.encoder.id,
            "licence": info.licence,
            "training_data": info.training_data,
            "device": self.device,
            "dtype": source.dtype,
            "body": info.body,
            "reads_prompts": source.reads_prompts,
            "sampling": to_dict(info.sampling),
            "limits": {
                "frames": lengths.longest,
                "seconds": round(lengths.longest / lengths.fps, 3),
                "interactions_per_request": self.limits.interactions,
                "queue": self.limits.queue,
                "upload_bytes": self.limits.upload_bytes,
                "result_kept_s": self.limits.keep_s,
            },
        }

    def health(self) -> dict[str, Any]:
        """Whether it works, and how much waits."""
        state = "stopping" if self.stopping else "ok" if self.batcher.alive else "broken"
        return {"status": state, "queued": self.batcher.waiting, "batches": self.batcher.batches}

    # ---------------------------------------------------------------- making

    def _engine(self, key: BatchKey) -> Engine:
        """The engine of `generate` or `react` with these settings, around the loaded model."""
        worker = Worker(0, 1, self.device)
        if key.reacts:
            reaction = ReactionLoader(self.source, key.sampling, self._batch_size, self._given, key.body)
            engine = reaction.engine(self.model, worker)
        else:
            loader = GenerationLoader(self.source, key.sampling, self._batch_size, key.body)
            engine = loader.engine(self.model, worker)
        shaped = ShapingLoader.around(lambda _: engine, Proportions(key.heights_m))(worker)
        shaped.before_first = None  # it says how long a run takes
        return shaped

    def _given(self, item: WorkItem) -> GivenPerson:
        """The given person of an interaction of the running batch."""
        given = self.batcher.running[item.position].given
        assert given is not None
        return given

    def _finish(self, job: ServedJob) -> None:
        """Write the result of a complete job, in the thread for that."""
        self._writer.submit(self._write, job)

    def _write(self, job: ServedJob) -> None:
        if not job.made:
            self._end(job, FAILED, job.failures[0].reason if job.failures else "nothing was made")
            return
        try:
            write_result(job, job.made, job.failures)
        except Exception as error:
            line = (str(error).splitlines() or ["no message"])[0]
            reason = line if isinstance(error, IntermaskError) else f"{type(error).__name__}: {line}"
            warn(f"the result of a job was not written: {reason}")
            self._end(job, FAILED, in_words_of_clients(reason, job.folder))
            return
        self._end(job, DONE, "" if not job.failures else job.failures[0].reason)

    def _end(self, job: ServedJob, state: str, error: str = "") -> None:
        if job.end(state, error):  # else it was cancelled meanwhile
            note(f"job {job.name[:8]}: {state}, {job.done:,} of {job.total:,} interactions")

    # ---------------------------------------------------------------- the end

    def stop(self) -> None:
        """Accept nothing more, finish the running batch, cancel what is left."""
        self.stopping = True
        self.batcher.stop()
        self._writer.submit(lambda: None).result()  # results that are being written
        for job in self.jobs.all():
            self.batcher.cancel(job, "the service stopped")

    def wait_for_clients(self, seconds: float = FETCH_S) -> None:
        """Wait until the results of jobs that are done have been fetched, no longer than that."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(
            job.state == DONE and not job.fetched for job in self.jobs.all()
        ):
            time.sleep(0.05)

    def counts(self) -> tuple[int, int]:
        """Jobs that are done, and that were cancelled."""
        states: Sequence[str] = [job.state for job in self.jobs.all()]
        return states.count(DONE), states.count(CANCELLED)


def in_words_of_clients(message: str, folder: Path) -> str:
    """A message of the command line for a client: without folders of this machine and dashes of options."""
    line = " ".join(message.split()).replace(f"{folder}{os.sep}", "").replace(str(folder), "the result")
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", str(without_absolute_paths(line)))
