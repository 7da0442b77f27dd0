"""Loaders of engines: each worker of a run calls one, in its own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from intermask_cli.cleanup.clean import clean_item
from intermask_cli.cleanup.effect import EFFECT_LOG, log_effects
from intermask_cli.cleanup.modes import Clean
from intermask_cli.config import SamplingConfig
from intermask_cli.console import note
from intermask_cli.generation.prompts.text_warnings import text_warning
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.part_files import MadeItem
from intermask_cli.generation.run.plan import WorkItem
from intermask_cli.generation.workers.engine import Engine, LoadEngine, MakeBatch
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.proportions import Proportions, with_proportions
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics

if TYPE_CHECKING:
    from intermask_cli.inference.model import InteractionModel


@dataclass(frozen=True)
class GenerationLoader:
    """Loads an engine that makes pairs from text; it is pickled for workers.

    `batch_size` None is the largest that fits (`inference.batch_size`); `body` None is the model's own.
    """

    source: ModelSource
    sampling: SamplingConfig
    batch_size: int | None
    body: str | None = None

    def __call__(self, worker: Worker) -> Engine:
        return self.engine(self.source.load(worker), worker)

    def engine(self, model: InteractionModel, worker: Worker) -> Engine:
        """An engine with a loaded model."""

        def make(items: Sequence[WorkItem]) -> list[Interaction]:
            made = model.generate(
                [item.text for item in items],
                frames=[item.frames for item in items],
                seeds=[item.seed for item in items],
                sampling=self.sampling,
                batch_size=len(items),
                body=self.body,
            )
            return labelled(items, made, model)

        return engine_of(model, make, self.batch_size, worker, self.sampling, self.sampling.steps)


class GivenPerson(NamedTuple):
    """The person who gets a partner: joints (T, 22, 3), rotations6d (T, 21, 6) or None.

    `person` (0 or 1) is the role of this person in the text. `source` is the skeleton of its file, if any,
    and `of_skeleton` its rotations (T, 21, 6), which the result keeps; the model sees `rotations6d`.
    `rigid` is the motion (P = 1) with the arrays of a rigid body, where the file's rotations give its joints
    exactly.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    person: int
    source: AnimatedSkeleton | None = None
    of_skeleton: np.ndarray | None = None
    rigid: Motion | None = None

    def kept_in(self, made: Interaction) -> Interaction:
        """The interaction with this person's skeleton, and its rotations instead of recovered ones."""
        motion = made.motion
        if self.of_skeleton is not None and motion.rotations6d is not None:
            rotations = motion.rotations6d.copy()
            rotations[self.person] = self.of_skeleton
            motion = replace(motion, rotations6d=rotations)
        return replace(made, motion=motion, source=self.source)


@dataclass(frozen=True)
class ReactionLoader:
    """Loads an engine that makes a partner for the given person of every item."""

    source: ModelSource
    sampling: SamplingConfig
    batch_size: int | None
    given: Callable[[WorkItem], GivenPerson]
    body: str | None = None

    def __call__(self, worker: Worker) -> Engine:
        return self.engine(self.source.load(worker), worker)

    def engine(self, model: InteractionModel, worker: Worker) -> Engine:
        """An engine with a loaded model."""

        def make(items: Sequence[WorkItem]) -> list[Interaction]:
            persons = [self.given(item) for item in items]
            made = model.react_each(
                [person.rigid or (person.joints, person.rotations6d) for person in persons],
                [item.text for item in items],
                [person.person for person in persons],
                seeds=[item.seed for item in items],
                sampling=self.sampling,
                batch_size=len(items),
                check_body=False,  # the reader did it, unless the user stated up axis or units
                body=self.body,
            )
            made = [person.kept_in(one) for one, person in zip(made, persons, strict=True)]
            return labelled(items, made, model)

        half = max(self.sampling.steps // 2, 1)  # as published
        return engine_of(model, make, self.batch_size, worker, self.sampling, half)


@dataclass(frozen=True)
class ShapingLoader:
    """Loads an engine whose results are put on bodies of given proportions."""

    load: Callable[[Worker], Engine]
    proportions: Proportions

    @classmethod
    def around(cls, load: Callable[[Worker], Engine], proportions: Proportions) -> Callable[[Worker], Engine]:
        """The loader with proportions; `load` itself if none are given."""
        return cls(load, proportions) if proportions else load

    def __call__(self, worker: Worker) -> Engine:
        engine = self.load(worker)
        make = engine.make_batch

        def make_shaped(items: Sequence[WorkItem]) -> list[Interaction]:
            return [with_proportions(item, self.proportions) for item in make(items)]

        return Engine(make_shaped, engine.batch_size, engine.before_first)


@dataclass(frozen=True)
class CleaningLoader:
    """Loads an engine whose results are cleaned (`--clean`); physics before and after go into a log.

    log: None for no log.
    """

    load: Callable[[Worker], Engine]
    modes: tuple[Clean, ...]
    log: Path | None

    @classmethod
    def around(
        cls, load: Callable[[Worker], Engine], modes: tuple[Clean, ...], folder: Path
    ) -> Callable[[Worker], Engine]:
        """The loader with clean-up; `load` itself if there are no modes."""
        return cls(load, modes, folder / EFFECT_LOG) if modes else load

    def __call__(self, worker: Worker) -> Engine:
        engine = self.load(worker)
        make = engine.make_batch

        def make_cleaned(items: Sequence[WorkItem]) -> list[Interaction]:
            made = make(items)
            cleaned = [clean_item(item, self.modes) for item in made]
            if self.log is not None:
                log_effects(self.log, made, cleaned, physics)
            return cleaned

        return Engine(make_cleaned, engine.batch_size, engine.before_first)


@dataclass(frozen=True)
class AcceptingLoader:
    """Loads an engine that keeps what is accepted."""

    load: LoadEngine
    acceptance: Acceptance

    @classmethod
    def around(cls, load: LoadEngine, acceptance: Acceptance | None) -> LoadEngine:
        """The loader with a condition; `load` itself without one."""
        return load if acceptance is None else cls(load, acceptance)

    def __call__(self, worker: Worker) -> Engine:
        engine = self.load(worker)
        engine.acceptance = self.acceptance
        return engine


@dataclass(frozen=True)
class ExportingLoader:
    """Loads an engine that hands the items of each part to `export` before the part is written."""

    load: LoadEngine
    export: Callable[[Sequence[MadeItem]], None]

    def __call__(self, worker: Worker) -> Engine:
        engine = self.load(worker)
        engine.export = self.export
        return engine


def without_log(load: LoadEngine) -> LoadEngine:
    """The loader for a trial, which writes nothing into the run directory."""
    if isinstance(load, AcceptingLoader):
        return replace(load, load=without_log(load.load))
    return replace(load, log=None) if isinstance(load, CleaningLoader) else load


def engine_of(
    model: InteractionModel,
    make: MakeBatch,
    batch_size: int | None,
    worker: Worker,
    sampling: SamplingConfig,
    steps: int,
) -> Engine:
    """An engine with batches of a given size, or with the largest that fits; `steps` are really run."""
    from intermask_cli.inference.batch_size import BatchSize
    from intermask_cli.inference.step_cost import step_cost
    from intermask_cli.sampling.guidance import network_passes
    from intermask_cli.sampling.schedule import guided_steps

    def say_how_long(items: Sequence[WorkItem]) -> None:
        passes = network_passes(sampling.guidance, guided_steps(sampling.guidance_interval, steps))
        cost = step_cost(model.info, len(items), items[0].frames, passes / steps)
        line = cost.line(len(items), items[0].frames, steps)
        if line is not None:
            note(line)

    before_first = say_how_long if worker.main and model.device.type == "cpu" else None
    if batch_size is not None:
        return Engine(make, batch_size, before_first)
    fitting = BatchSize.fitting(model.info, model.device, model.dtype, worker.workers_per_device)
    return Engine(make, fitting, before_first)


def labelled(
    items: Sequence[WorkItem], made: Sequence[Interaction], model: InteractionModel
) -> list[Interaction]:
    """Results with the id and sample number of their items, and what the encoder did not read of the text."""
    encoder = model.filler.text_encoder
    cut = getattr(encoder, "cut_tokens", None)  # encoders of plug-ins need not say
    return [
        replace(
            result,
            id=item.id,
            sample=item.sample,
            source_id=item.source_id,
            text_warning=text_warning(item.text, encoder.id, cut),
        )
        for item, result in zip(items, made, strict=True)
    ]
