"""Motions a model makes for a reference set: reconstructed, generated, or in reaction to one person.

Whatever is sampled goes through the job engine of `intermask generate`: one plan over all that is to be
made, batches of one length, workers, parts on disk, so that an interrupted evaluation goes on where it
stopped. What is finished is kept by content.
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
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.engines import Generating, GivenPerson, ModelSource, Reacting
from intermask_cli.generation.job import run_job
from intermask_cli.generation.launch import worker_devices
from intermask_cli.generation.plan import Plan, Shard, WorkItem, cut_into_parts
from intermask_cli.generation.run_directory import RunDirectory, RunInfo
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.motion import Motion
from intermask_cli.version import __version__


def reconstructed(model: InteractionModel, reference: InteractionSet, cache: Cache) -> InteractionSet:
    """Every reference motion through the tokenizer and back."""

    def make() -> list[Motion]:
        made = []
        with counter("reconstruct", len(reference), "motions") as progress:
            for motion in reference.motions:
                result = model.reconstruct(motion.joints, motion.rotations6d)
                made.append(Motion(result.joints, _rotations(result.rotations6d)))
                progress.advance()
        return made

    key = ["reconstruct", __version__, model.bundle.sha256, *reference.hashes]
    return reference.with_motions("reconstruction", cache.motions(key, make))


@dataclass(frozen=True, eq=False)
class GenerationRequest:
    """Motions to make: one for the prompt of every interaction of a set, as long as it, on a seed of its own.

    With `given`, that person (0 or 1) of every interaction keeps their motion and the partner is made anew
    (reference section 10).
    """

    reference: InteractionSet
    seeds: Sequence[int]
    given: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.reference)

    def frames(self, i: int) -> int:
        """Pairs are made in whole tokens, partners as long as the given person."""
        frames = self.reference.motions[i].joints.shape[1]
        return frames if self.given is not None else frames // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN

    def given_person(self, i: int) -> GivenPerson:
        """Who is given in interaction `i` of reactions."""
        assert self.given is not None
        motion, person = self.reference.motions[i], self.given[i]
        rotations = None if motion.rotations6d is None else motion.rotations6d[person]
        return GivenPerson(motion.joints[person], rotations, person)

    def key(self, model: str, sampling: SamplingConfig) -> list[str]:
        """Everything the motions depend on; `model` is a bundle's hash."""
        settings = json.dumps(asdict(sampling), sort_keys=True)
        of_items: Sequence[object]
        if self.given is None:
            task, of_items = "generate", [self.frames(i) for i in range(len(self))]
        else:
            task, of_items = "react", [*self.given, *self.reference.hashes]
        items = [*map(str, self.seeds), *map(str, of_items), *self.reference.prompts]
        return [task, __version__, model, settings, *items]


@dataclass(frozen=True)
class _GivenPersons:
    """Who is given, by item id."""

    by_id: dict[str, GivenPerson]

    def __call__(self, item: WorkItem) -> GivenPerson:
        return self.by_id[item.id]


@dataclass(frozen=True, eq=False)
class MotionGenerator:
    """Makes orders, all reactions or none, with one model and keeps them.

    A single worker uses the model that is loaded already. Several `processes` (None: one per GPU that
    `device` allows) load their own, with the text encoder as it was named.
    """

    model: InteractionModel
    sampling: SamplingConfig
    cache: Cache
    text_encoder: str | None = None
    device: str | None = None  # where the model is
    processes: int | None = 1

    def __call__(self, order: GenerationRequest) -> InteractionSet:
        """The motions of an order."""
        self.prepare([order])
        motions = self.cache.kept_motions(self._key(order))
        assert motions is not None
        persons = (
            order.reference.generated_persons
            if order.given is None
            else tuple((1 - person,) for person in order.given)
        )
        return order.reference.with_motions(
            "generated", motions, seeds=tuple(order.seeds), generated_persons=persons
        )

    def prepare(self, orders: Sequence[GenerationRequest]) -> None:
        """Make what is not kept yet, as one job."""
        wanted = [order for order in orders if self.cache.kept_motions(self._key(order)) is None]
        if not wanted:
            return
        numbered = [(f"{k}-{i}", order, i) for k, order in enumerate(wanted) for i in range(len(order))]
        items = [
            WorkItem(
                position, id, order.reference.prompts[i], order.frames(i), order.seeds[i], sample=0,
                file=order.reference.ids[i], line=0,
            )
            for position, (id, order, i) in enumerate(numbered)
        ]  # fmt: skip
        persons = {id: order.given_person(i) for id, order, i in numbered if order.given is not None}
        folder = self._run(Plan(items, cut_into_parts(items)), persons, list(map(self._key, wanted)))
        with InteractionFile(folder) as file:
            for k, order in enumerate(wanted):
                made = [file.read(f"{k}-{i}") for i in range(len(order))]
                motions = [Motion(item.joints, _rotations(item.rotations6d)) for item in made]
                self.cache.motions(self._key(order), lambda: motions)  # noqa: B023
        shutil.rmtree(folder)

    def _key(self, order: GenerationRequest) -> list[str]:
        return order.key(self.model.bundle.sha256, self.sampling)

    def _run(self, plan: Plan, persons: dict[str, GivenPerson], keys: list[list[str]]) -> Path:
        """The run directory of a finished job."""
        source, device = ModelSource.of(self.model, self.text_encoder), self.device or str(self.model.device)
        making: Generating | Reacting
        if persons:
            making = Reacting(source, self.sampling, None, _GivenPersons(persons))
        else:
            making = Generating(source, self.sampling, None)
        several = len(worker_devices(device, self.processes)) > 1
        load = making if several else partial(making.engine, self.model)
        identity = {"orders": keys, "prompts": plan.fingerprint(), **source.identity(self.sampling)}
        count = len(plan.items)
        dataset = source.dataset_attributes(self.sampling)
        info = RunInfo("evaluate", count, count, identity, dataset, source.summary())
        folder = self.cache.folder / "jobs" / info.fingerprint[:24]
        if RunDirectory(folder, info).finished() is None:
            done = run_job(
                folder, info, plan, [], Shard(), False, device, load, self.processes, gallery=False
            )
            assert done is not None  # no launcher: `request.check_request`
            if done.failed:
                first = done.failed[0]
                raise IntermaskError(
                    f"{len(done.failed)} of {count} interactions could not be made, so nothing is scored; "
                    f"the first is {first.file}, {first.reason}; the same command tries them again"
                )
        return folder


def _rotations(rotations6d: np.ndarray | None) -> np.ndarray:
    assert rotations6d is not None, "22-joint models always give rotations"
    return rotations6d
