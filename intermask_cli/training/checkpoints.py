"""Training checkpoints: safetensors weights, JSON state, and the optimiser (loaded with weights_only).

A stage's folder holds `last/` (everything a resume needs) and `best/` (weights and their validation).
Folders are written under a temporary name and swapped in, so a kill leaves a complete checkpoint behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import json_object, replacing_folder, set_aside, write_json
from intermask_cli.models import weights

LAST, BEST = "last", "best"
#: What to do about files of a checkpoint that cannot be read.
REMEDY = "get the training folder again, or train this stage again"
WEIGHTS, AVERAGE, OPTIMIZER, STATE = (
    "weights.safetensors",
    "average.safetensors",
    "optimizer.pt",
    "state.json",
)


@dataclass
class TrainingState:
    """Progress of a stage, saved with every checkpoint."""

    step: int = 0  # optimiser steps done
    elapsed_s: float = 0.0  # training time, earlier sessions included
    best: dict[str, float] = field(default_factory=dict)  # validation of the best weights
    validated_s: float = 0.0  # training time at the last validation


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """State dict as independent CPU tensors in plain memory order."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}


def find_checkpoint(folder: Path, name: str) -> Path | None:
    """The named checkpoint folder, or its old content if a kill interrupted a swap; None without either."""
    for candidate in (folder / name, set_aside(folder / name)):
        if (candidate / STATE).is_file():
            return candidate
    return None


def best_weights(folder: Path) -> Path:
    """File of a training's best weights; MissingError before the first validation."""
    checkpoint = find_checkpoint(folder, BEST)
    if checkpoint is None:
        raise MissingError(
            f"{folder}: no validated weights; name a training folder that reached a validation"
        )
    return checkpoint / WEIGHTS


def save_last(
    folder: Path,
    model: nn.Module,
    average: dict[str, Tensor] | None,
    optimizer: torch.optim.Optimizer,
    state: TrainingState,
) -> None:
    """Write `last/`: everything a resume needs."""
    with replacing_folder(folder / LAST) as path:
        save_file(weights_of(model), path / WEIGHTS)
        if average is not None:
            save_file({name: value.cpu().contiguous() for name, value in average.items()}, path / AVERAGE)
        torch.save(optimizer.state_dict(), path / OPTIMIZER)
        write_json(path / STATE, vars(state))


def save_best(folder: Path, model: nn.Module, record: dict[str, Any]) -> None:
    """Write `best/`: the best weights so far and their validation record."""
    with replacing_folder(folder / BEST) as path:
        save_file(weights_of(model), path / WEIGHTS)
        write_json(path / STATE, record)


def load_last(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[TrainingState, dict[str, Tensor] | None]:
    """Restore model and optimiser in place -> state, averaged weights or None.

    Raises MissingError if there is no checkpoint.
    """
    path = find_checkpoint(folder, LAST)
    if path is None:
        raise MissingError(f"{folder}: no checkpoint to resume from; start without --resume")
    load_weights(model, path / WEIGHTS)
    try:
        optimizer.load_state_dict(torch.load(path / OPTIMIZER, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged pickle may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(f"{path / OPTIMIZER}: damaged ({reason}); {REMEDY}") from error
    average = None
    if (path / AVERAGE).is_file():
        weights.stored_shapes(path / AVERAGE, REMEDY)
        average = load_file(path / AVERAGE)
    return _state_in(path / STATE), average


def _state_in(path: Path) -> TrainingState:
    """The progress that a checkpoint records."""
    values = json_object(path, REMEDY)
    kinds = {"step": int, "elapsed_s": (int, float), "best": dict, "validated_s": (int, float)}
    for name, kind in kinds.items():
        value = values.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):  # type: ignore[arg-type]
            raise InputError(f"{path}: {name} is {str(value)[:60]}; not a checkpoint's; {REMEDY}")
    return TrainingState(**{name: values[name] for name in kinds})


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a state dict strictly.

    Raises MissingError without the file, InputError if it is damaged or does not match the model.
    """
    weights.load_weights(model, path, remedy=REMEDY)
