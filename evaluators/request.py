"""What `intermask evaluate` was asked for, and whether its parts go together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.embedding_cache import Cache
from evaluators.evaluation import TASKS
from evaluators.paper_data import DATASETS
from intermask_cli.errors import InputError

BUNDLED_SPLIT = "test"


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    subject: Path | None
    model: str
    evaluator: str
    reference: str
    repeats: int | None
    task: str
    clips: int
    seed: int
    text_encoder: str | None
    evaluator_text_encoder: str | None
    device: str
    cache: Cache
    sampling: dict[str, Any]
    dataset: str | None = None
    root: Path | None = None


def check_request(request: Request) -> None:
    """InputError for options that exclude each other or would have no effect."""
    if request.task not in TASKS:
        raise InputError(f"--task {request.task}: accepted: {', '.join(TASKS)}")
    if request.dataset is not None or request.root is not None:
        _check_dataset(request)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "several processes share the work of --dataset only; start this evaluation without a launcher"
        )
    given = [name for name, value in request.sampling.items() if value is not None]
    if request.subject is not None and given:
        raise InputError(
            f"--{given[0]} is for scoring a model; the motions of {request.subject} are made already"
        )


def _check_dataset(request: Request) -> None:
    if request.dataset not in DATASETS or request.root is None:
        raise InputError(
            f"--dataset {request.dataset}: accepted: {', '.join(DATASETS)}, together with --root DIR"
        )
    if request.subject is not None:
        raise InputError(
            "--dataset scores a model on its own prompts; to score a file give the root as --reference"
        )
    if request.reference != BUNDLED_SPLIT:
        raise InputError("--dataset is the reference itself; leave --reference out")
