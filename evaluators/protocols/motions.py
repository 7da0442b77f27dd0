"""Motions a model makes for a reference set: reconstructed, generated, or in reaction to one person.

Sampling is a job as in `intermask generate`: one plan over all missing motions, batches of one length,
workers, parts on disk. An interrupted evaluation resumes from these parts. Finished motions are
kept in the cache by content.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from evaluators.data.cache import Cache
from evaluators.data.sets import InteractionSet
from intermask_cli.config import FRAMES_PER_TOKEN, SamplingConfig
from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.devices import map_samples
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.job import Execution, Job, run_job
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.plan import Plan, WorkItem, cut_into_parts
from intermask_cli.generation.workers.launch import worker_devices
from intermask_cli.generation.workers.loaders import GenerationLoader, GivenPerson, ReactionLoader
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.motion import Motion
from intermask_cli.version import __version__

#: Motions between two reports of progress on the CPU, where each takes one thread.
_RECONSTRUCTED_TOGETHER = 16


def reconstructed(model: InteractionModel, reference: InteractionSet, cache: Cache) -> InteractionSet:
    """Every reference motion through the tokenizer and back."""

    def one(motion: Motion) -> Motion:
        result = model.reconstruct(motion, check_body=False)
        return Motion(result.joints, _rotations(result.rotations6d))

    def reconstruct() -> list[Motion]:
        motions: list[Motion] = []
        together = _RECONSTRUCTED_TOGETHER if model.device.type == "cpu" else 1
        with counter("reconstruct", len(reference), "motions") as progress:
            for start in range(0, len(reference), together):
                batch = reference.motions[start : start + together]
                motions += map_samples(one, batch) if together > 1 else map(one, batch)
                progress.advance(len(batch))
        return motions

    key = ["reconstruct", __version__, model.bundle.sha256, *reference.hashes]
    return reference.with_motions("reconstruction", cache.motions(key, reconstruct))


@dataclass(frozen=True, eq=False)
class GenerationRequest:
    """Motions to generate: one per interaction of a set, for its prompt, of its length, with its own seed.

    With `given`, that person (0 or 1) of every interaction keeps their motion and the partner is generated
    (docs/reference/data-and-evaluation.md#protocol).
    """

    reference: InteractionSet
    seeds: Sequence[int]
    given: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.reference)

    def frames(self, i: int) -> int:
        """Length of interaction `i`: pairs have whole tokens, partners the length of the given person."""
        frames = self.reference.motions[i].frames
        return frames if self.given is not None else frames // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN

    def given_person(self, i: int) -> GivenPerson:
        """The given person of interaction `i` of reactions."""
        assert self.given is not None
        motion, person = self.reference.motions[i], self.given[i]
        rotations = None if motion.rotations6d is None else motion.rotations6d[person]
        return GivenPerson(motion.joints[person], rotations, person)

    def key(self, model: str, sampling: SamplingConfig, reading: str) -> list[str]:
        """Everything the motions depend on; `model` is a bundle's hash, `reading` what reads its prompts."""
        settings = json.dumps(asdict(sampling), sort_keys=True)
        of_items: Sequence[object]
        if self.given is None:
            task, of_items = "generate", [self.frames(i) for i in range(len(self))]
        else:
            task, of_items = "react", [*self.given, *self.reference.hashes]
        items = [*map(str, self.seeds), *map(str, of_items), *self.reference.prompts]
        return [task, __version__, model, settings, *([reading] if reading else []), *items]


@dataclass(frozen=True)
class _GivenPersons:
    """The given person of every work item; a class and not a closure, so that workers can unpickle it."""

    by_id: dict[str, GivenPerson]

    def __call__(self, item: WorkItem) -> GivenPerson:
        return self.by_id[item.id]


@dataclass(frozen=True, eq=False)
class MotionGenerator:
    """Generates what requests ask for (all reactions or none) with one model, and keeps it in the cache.

    A single worker uses the model that is loaded already. Several `processes` (None: per GPU or core that
    `device` allows) load their own, with the text encoder as it was named.
    """

    model: InteractionModel
    sampling: SamplingConfig
    cache: Cache
    text_encoder: str | None = None
    device: str | None = None  # None: where the model is
    processes: int | None = 1

    def __call__(self, request: GenerationRequest) -> InteractionSet:
        """The motions of a request."""
        self.prepare([request])
        motions = self.cache.kept_motions(self._key(request))
        assert motions is not None
        reference, seeds = request.reference, tuple(request.seeds)
        persons = reference.generated_persons
        if request.given is not None:
            persons = tuple((1 - given,) for given in request.given)
        return reference.with_motions("generated", motions, seeds=seeds, generated_persons=persons)

    def prepare(self, requests: Sequence[GenerationRequest]) -> None:
        """Generate what the cache does not hold yet, as one job."""
        missing = [request for request in requests if self.cache.kept_motions(self._key(request)) is None]
        if not missing:
            return
        numbered = [
            (f"{k}-{i}", request, i) for k, request in enumerate(missing) for i in range(len(request))
        ]
        items = [
            WorkItem(
                position, id, request.reference.prompts[i], request.frames(i), request.seeds[i], sample=0,
                file=request.reference.ids[i], line=0,
            )
            for position, (id, request, i) in enumerate(numbered)
        ]  # fmt: skip
        given = {id: request.given_person(i) for id, request, i in numbered if request.given is not None}
        folder = self._run(Plan(items, cut_into_parts(items)), given, list(map(self._key, missing)))
        with InteractionFile(folder) as file:
            for k, request in enumerate(missing):
                interactions = [file.read(f"{k}-{i}") for i in range(len(request))]
                motions = [Motion(item.joints, _rotations(item.rotations6d)) for item in interactions]
                self.cache.motions(self._key(request), lambda: motions)  # noqa: B023, called at once
        shutil.rmtree(folder)

    def _key(self, request: GenerationRequest) -> list[str]:
        return request.key(self.model.bundle.sha256, self.sampling, self.model.reading)

    def _run(self, plan: Plan, given: dict[str, GivenPerson], keys: list[list[str]]) -> Path:
        """Run the job, unless it was finished before -> its run directory."""
        source, device = ModelSource.of(self.model, self.text_encoder), self.device or str(self.model.device)
        engine: GenerationLoader | ReactionLoader
        if given:
            engine = ReactionLoader(source, self.sampling, None, _GivenPersons(given))
        else:
            engine = GenerationLoader(source, self.sampling, None)
        workers = len(worker_devices(device, self.processes, len(plan.items)))
        load = engine if workers > 1 else partial(engine.engine, self.model)
        identity = {"orders": keys, "prompts": plan.fingerprint(), **source.identity(self.sampling)}
        count = len(plan.items)
        dataset = source.dataset_attributes(self.sampling)
        info = RunInfo("evaluate", count, count, identity, dataset, source.summary())
        folder = self.cache.folder / "jobs" / info.fingerprint[:24]
        if RunDirectory(folder, info).finished() is None:
            execution = Execution(device, workers)
            done = run_job(Job(folder, info, plan, load, execution=execution))
            assert done is not None  # there is no launcher: `evaluators.run` refuses one
            if done.failed:
                failure = done.failed[0]
                raise IntermaskError(
                    f"{len(done.failed)} of {count} interactions could not be generated, so nothing is "
                    f"scored; the first is {failure.file}, {failure.reason}; the same command retries them"
                )
        return folder


def _rotations(rotations6d: np.ndarray | None) -> np.ndarray:
    assert rotations6d is not None, "22-joint models always return rotations"
    return rotations6d
