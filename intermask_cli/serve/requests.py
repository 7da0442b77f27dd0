"""Requests of clients as jobs of the engine: the same readers, plans and seeds as on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from intermask_cli.config import sampling_with
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.datasets.tables import usable_text
from intermask_cli.errors import InputError
from intermask_cli.generation.given.motions import read_inputs
from intermask_cli.generation.job import Job
from intermask_cli.generation.prompts.read import FrameLimits, Prompt, prompts_of, react_prompts
from intermask_cli.generation.prompts.seeds import MAX_SEED
from intermask_cli.generation.prompts.sources import PromptSource
from intermask_cli.generation.requests import PromptRequest, RunSettings, generate_job, react_job
from intermask_cli.generation.workers.loaders import GivenPerson, ReactionLoader, ShapingLoader
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.inference.proportions import Proportions
from intermask_cli.serve.jobs import BatchKey, ServedJob
from intermask_cli.serve.limits import MAX_STEPS, ServeLimits

#: Motion files that a client may send: text and plain arrays. Others need more of the server to be read.
UPLOADS = (".bvh", ".npy", ".npz")
#: Name of the prompts of a request; ids are `prompts-1-s0` and so on, as those of a file `prompts.json`.
PROMPTS = "prompts"


class JobSettings(BaseModel):
    """Settings that prompts and reactions share: the options of `intermask generate` with these names."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    seed: int = Field(0, ge=0, le=MAX_SEED, description="the seed of each sample is derived from it")
    samples: int = Field(1, ge=1, description="of each prompt that gives no number")
    body: Literal["rigid", "decoded"] | None = Field(None, description="the model's own choice if left out")
    height: list[float] | None = Field(
        None,
        min_length=1,
        max_length=2,
        description="height of the bodies in metres, one or one for each person",
    )
    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="decoding steps; the model's if left out")
    guidance: float | None = Field(None, description="classifier-free guidance; 1 is none")
    guidance_interval: str | None = Field(
        None, description="LOW-HIGH: the share of masked tokens in the steps that are guided"
    )
    temperature: float | None = Field(None, gt=0, description="divides the logits before sampling")
    draw: Literal["categorical", "gumbel"] | None = Field(None, description="how a token is drawn")
    filter: float | None = Field(None, ge=0, lt=1, description="share of the least likely codes to drop")

    def run_settings(self, source: ModelSource, folder: Path) -> RunSettings:
        """Settings of the run that makes it; InputError for values that the model does not take."""
        sampling = sampling_with(
            source.info.sampling,
            self.steps,
            self.guidance,
            self.guidance_interval,
            temperature=self.temperature,
            draw=self.draw,
            filter=self.filter,
        )
        if self.body is not None:
            source.info.check_body(self.body)
        proportions = Proportions(tuple(self.height or ()))
        if proportions:
            source.require_joints("height works on 22 joints")
            if (self.body or source.info.body) != "rigid":
                raise InputError('height needs rigid bodies; add "body": "rigid"')
        return RunSettings(
            source, sampling, self.seed, self.samples, body=self.body, proportions=proportions, out=folder
        )


class GenerateRequest(JobSettings):
    """Prompts of which interactions are made."""

    prompts: list[str | dict[str, Any]] = Field(
        min_length=1,
        description="texts, or objects with text and any of id, frames, seconds, seed, samples and tags; "
        "other keys become columns of the result",
        examples=[["two people bow to each other"], [{"text": "two people hug", "seconds": 3, "samples": 2}]],
    )
    frames: int | None = Field(None, description="frames of prompts that give no length")
    seconds: float | None = Field(None, description="the same in seconds; 5 if neither is given")


class ReactRequest(JobSettings):
    """A partner for the person in a motion file."""

    file: str = Field(description=f"name of the file, which ends in {', '.join(UPLOADS)}")
    prompt: str | None = Field(None, description="what happens; may be left out")
    person: int | None = Field(None, ge=1, description="which person of a file with several, counted from 1")
    role: int = Field(1, ge=1, le=2, description="which person of the prompt the given person is")
    fps: float | None = Field(None, description="frames per second instead of the file's rate")
    up: str | None = Field(None, description="up axis of the file")
    units: str | None = Field(None, description="units of the file: m, cm, mm, inch or metres per unit")
    start: str | None = Field(None, description="first frame that is read, or seconds as 1.5s")
    end: str | None = Field(None, description="first frame that is not read")


def generate_request(
    request: GenerateRequest, name: str, source: ModelSource, limits: ServeLimits, folder: Path
) -> ServedJob:
    """The job of a request with prompts.

    Raises:
        InputError: a prompt that `intermask generate` would reject, or more than the limits allow.
    """
    settings, lengths = request.run_settings(source, folder), frame_limits(source, limits)
    if len(request.prompts) > limits.interactions:
        raise InputError(f"{len(request.prompts):,} prompts; accepted: up to {limits.interactions:,}")
    data = json.dumps(request.prompts).encode()
    prompts = prompts_of(PromptSource(PROMPTS, "json", data), lengths)
    if prompts.rejected:
        first = prompts.rejected[0]
        more = f" ({len(prompts.rejected):,} prompts cannot be used)" if len(prompts.rejected) > 1 else ""
        raise InputError(f"prompt {first.line} {first.reason}{more}")
    _check_number(prompts.prompts, request.samples, limits)
    default_frames = lengths.default_length(request.frames, request.seconds)
    job = generate_job(settings, PromptRequest([Path(PROMPTS)], prompts, default_frames))
    return ServedJob(name, job, _key(settings, reacts=False))


def react_request(
    request: ReactRequest, file: Path, name: str, source: ModelSource, limits: ServeLimits, folder: Path
) -> ServedJob:
    """The job of a request with a motion file.

    Raises:
        InputError: a file that cannot be read, or more than the limits allow.
    """
    source.require_joints("react needs a model of interhuman motion")
    settings = request.run_settings(source, folder)
    text = None if request.prompt is None else usable_text(request.prompt, "prompt")
    prompts = react_prompts(text, None)
    _check_number(prompts.prompts, request.samples, limits)
    options = ReadOptions(
        None if request.person is None else request.person - 1,
        request.fps, request.up, request.units, None, request.start, request.end,
    )  # fmt: skip
    read = partial(read_motion, options=options)
    inputs, unusable = read_inputs([str(file)], read)
    (given,) = inputs
    fps = source.info.fps
    if given.frames > limits.seconds * fps:
        raise InputError(
            f"{file.name}: {given.frames:,} frames ({given.frames / fps:.4g} s); the limit of this "
            f"service is {limits.seconds:g} s; choose a part with start and end"
        )
    job = react_job(settings, [file.name], inputs, unusable, prompts, read, request.role - 1)
    return ServedJob(name, job, _key(settings, reacts=True), _given_person(job))


def frame_limits(source: ModelSource, limits: ServeLimits) -> FrameLimits:
    """Lengths that the service makes: those of the model, up to its own limit."""
    own = source.frame_limits()
    longest = int(limits.seconds * own.fps)
    if longest >= own.longest:
        return own
    return replace(own, longest=longest, limit_name="the limit of this service")


def _check_number(prompts: Sequence[Prompt], samples: int, limits: ServeLimits) -> None:
    """InputError for more interactions than one request may ask for."""
    number = sum(1 if prompt.sample is not None else prompt.samples or samples for prompt in prompts)
    if number > limits.interactions:
        raise InputError(
            f"{number:,} interactions (prompts times samples); one request takes up to "
            f"{limits.interactions:,}; send several"
        )


def _key(settings: RunSettings, reacts: bool) -> BatchKey:
    return BatchKey(settings.sampling, settings.body, settings.proportions.heights_m, reacts)


def _given_person(job: Job) -> GivenPerson:
    """The given person of a reaction to one motion."""
    loader = job.load_engine.load if isinstance(job.load_engine, ShapingLoader) else job.load_engine
    assert isinstance(loader, ReactionLoader)
    return loader.given(job.plan.items[0])
