"""What `intermask evaluate` was asked for, and whether its parts go together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.data.cache import Cache
from evaluators.data.paper import DATASETS
from evaluators.protocols.evaluation import TASKS
from intermask_cli.config import SamplingConfig, sampling_with
from intermask_cli.errors import InputError

BUNDLED_SPLIT = "test"
DEFAULT_CLIPS = 128
DEFAULT_TASK = "generate"


@dataclass(frozen=True)
class Request:
    """The options of the command; None is what the user left out."""

    evaluator: str
    reference: str
    seed: int
    device: str
    cache: Cache
    default_model: str
    subject: Path | None = None
    model: str | None = None
    text_encoder: str | None = None
    evaluator_text_encoder: str | None = None
    task: str | None = None
    clips: int | None = None
    repeats: int | None = None
    processes: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    root: Path | None = None

    def of_the_model(self) -> list[str]:
        """Names of the given options that say which model makes motion, and how."""
        given = {"model": self.model, "text-encoder": self.text_encoder, "processes": self.processes}
        return [name for name, value in {**given, **self.sampling}.items() if value is not None]


def check_request(request: Request) -> None:
    """InputError for options that exclude each other or would have no effect."""
    if request.task not in (None, *TASKS):
        raise InputError(f"--task {request.task}: accepted: {', '.join(TASKS)}")
    if request.dataset is not None or request.root is not None:
        _check_dataset(request)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "several processes share the work of --dataset only; start this evaluation without a launcher"
        )
    if request.sampling:
        sampling_with(SamplingConfig(), **request.sampling)  # refused before anything is embedded
    given = request.of_the_model()
    if request.subject is not None and given:
        raise InputError(
            f"--{given[0]} is for scoring a model; the motions of {request.subject} are made already"
        )
    _check_clips(request)


def check_sensitivity(request: Request) -> None:
    """InputError for options that do nothing for `--faults`, which changes real motion and needs no model."""
    given = {"SUBJECT": request.subject, "--task": request.task, "--dataset": request.dataset}
    useless = [name for name, value in given.items() if value is not None]
    useless += [f"--{name}" for name in request.of_the_model()]
    if useless:
        raise InputError(
            f"--faults scores changed real motion, not a model or a file; leave {useless[0]} out"
        )
    _check_clips(request)


def _check_clips(request: Request) -> None:
    other = request.dataset or (request.reference if request.reference != BUNDLED_SPLIT else None)
    if request.clips is not None and other is not None:
        raise InputError(f"--clips counts those of the bundled test split; leave it out with {other}")


def _check_dataset(request: Request) -> None:
    if request.dataset is None:
        raise InputError(f"--root says where a data set lies; say which: --dataset {' or '.join(DATASETS)}")
    if request.dataset not in DATASETS:
        raise InputError(f"--dataset {request.dataset}: accepted: {', '.join(DATASETS)}")
    if request.root is None:
        raise InputError(f"--dataset {request.dataset} needs --root DIR, the folder it was unpacked to")
    if request.subject is not None:
        raise InputError(
            "--dataset scores a model on its own prompts; to score a file give the root as --reference"
        )
    if request.processes is not None:
        raise InputError(
            "--dataset is shared by the processes of a launcher; leave --processes out and start with "
            "torchrun or accelerate launch"
        )
    if request.reference != BUNDLED_SPLIT:
        raise InputError("--dataset is the reference itself; leave --reference out")
