"""Loads an engine that continues, joins and edits given pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intermask_cli.config import SamplingConfig
from intermask_cli.errors import InputError
from intermask_cli.generation.given.pairs import GivenPair, PairFile, PairReader
from intermask_cli.generation.given.part_jobs import PartJob, PartTask
from intermask_cli.generation.run.plan import WorkItem
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import engine_of, labelled
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.part_tasks import Edit, Extension, InBetween


@dataclass(frozen=True)
class PartLoader:
    """Loads an engine that makes the job of every item; it is pickled for workers.

    `batch_size` None is the largest that fits; `body` None is the model's own; `overlap` is how many frames
    at the end of a pair the model sees when it continues it.
    """

    source: ModelSource
    sampling: SamplingConfig
    batch_size: int | None
    jobs: Mapping[str, PartJob]  # by the id of the item
    read: PairReader
    overlap: int
    body: str | None = None

    def __call__(self, worker: Worker) -> Engine:
        model = self.source.load(worker)
        body = self.body or model.info.body

        def make(items: Sequence[WorkItem]) -> list[Interaction]:
            jobs = [self.jobs[item.id] for item in items]
            count = len(items)
            if jobs[0].task is PartTask.extend:
                longer = [self._extension(*one) for one in zip(items, jobs, strict=True)]
                made = model.parts.extended(longer, self.sampling, body, self.overlap, count)
            else:
                known = [self._completion(*one) for one in zip(items, jobs, strict=True)]
                made = model.parts.completed(known, self.sampling, body, count)
            return labelled(items, made, model)

        return engine_of(model, make, self.batch_size, worker, self.sampling, self.sampling.steps)

    def _extension(self, item: WorkItem, job: PartJob) -> Extension:
        pair = self._pair(job, 0)
        tokens = pair.tokens if pair.model == self.source.sha256 else None  # else of another codebook
        return Extension(pair.motion, item.text, job.frames, item.seed, tokens, pair.seams)

    def _completion(self, item: WorkItem, job: PartJob) -> InBetween | Edit:
        pair = self._pair(job, 0)
        if job.task is PartTask.inbetween:
            return InBetween(pair.motion, self._pair(job, 1).motion, item.text, job.frames, item.seed)
        chosen = (job.persons, job.rows, job.start, job.stop)
        return Edit(pair.motion, item.text, *chosen, item.seed, pair.seams)

    def _pair(self, job: PartJob, which: int) -> GivenPair:
        """A pair of a job; InputError if its file has changed since the run began."""
        file: PairFile = job.files[which]
        pair = self.read(file)
        if pair.sha256 != job.sha256[which]:
            raise InputError(f"{file}: changed during the run; restore the file or start a new run")
        return pair
