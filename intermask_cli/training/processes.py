"""Several processes that train one model: what each does of a batch, and means over all of them.

`batch_size` is that of a step. Every process draws the random numbers of the complete batch and keeps its
own rows, so that a training in several processes is the training in one, up to rounding. Only what the model
draws itself (drop-out, codes at a temperature) differs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor

from intermask_cli.console import note, silent
from intermask_cli.errors import InputError
from intermask_cli.generation.workers.launch import first_of_launcher, join_group

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")  # a recipe
#: Trackers that `--log-with` accepts, with the package that each needs.
TRACKERS = {"tensorboard": "tensorboard", "wandb": "wandb"}
#: Folder of a training for files of trackers.
TRACKER_FOLDER = "logs"


@contextmanager
def training_processes(
    device: str, out: Path, log_with: str | None = None, settings: dict[str, Any] | None = None
) -> Iterator[Accelerator]:
    """Accelerate's view of the processes that a launcher started, or of this one alone.

    In the block only the first of them prints.

    device: "auto", which is the GPU of this process if there is one, or "cpu". settings: what trackers show
    as the settings of the training.

    Raises:
        InputError: another device; processes that do not find each other; a tracker without its package.
    """
    if device not in ("auto", "cpu"):
        raise InputError(f"--device {device}: accepted: auto, cpu (choose a GPU with CUDA_VISIBLE_DEVICES)")
    check_tracker(log_with)
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    join_group(on_cpu)
    # The precision is that of the recipe (`with_launcher_precision`); Accelerate must not add its own.
    accelerator = Accelerator(cpu=on_cpu, mixed_precision="no", log_with=log_with, project_dir=str(out))
    if log_with is not None:
        _start_tracker(accelerator, log_with, out, settings or {})
    try:
        with silent(not accelerator.is_main_process):
            yield accelerator
        # A process that leaves while another still uses their connection can abort it.
        accelerator.wait_for_everyone()
    finally:
        accelerator.end_training()


def check_tracker(log_with: str | None) -> None:
    """InputError unless the tracker is known and its package installed."""
    if log_with is None:
        return
    if log_with not in TRACKERS:
        raise InputError(f"--log-with {log_with}: accepted: {', '.join(TRACKERS)}")
    from accelerate.tracking import get_available_trackers

    if log_with not in {str(name.value) for name in get_available_trackers()}:
        raise InputError(
            f"--log-with {log_with}: the package {TRACKERS[log_with]} is not installed; "
            f"pip install {TRACKERS[log_with]}, or leave --log-with out"
        )


def _start_tracker(accelerator: Accelerator, log_with: str, out: Path, settings: dict[str, Any]) -> None:
    try:
        accelerator.init_trackers(TRACKER_FOLDER, config=_flat(settings))
    except Exception as error:  # whatever the tracker's own package raises, as for a missing login
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"--log-with {log_with}: {reason}; leave --log-with out to train without") from error


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """`section.key` -> value, as trackers accept them: numbers and texts."""
    flat = {f"{section}.{key}": value for section, keys in settings.items() for key, value in keys.items()}
    return {key: v if isinstance(v, bool | int | float | str) else str(v) for key, v in flat.items()}


def with_launcher_precision(recipe: R, section: str) -> R:
    """The recipe with the precision that `accelerate launch --mixed_precision` asks for.

    Raises InputError for a precision that training does not have.
    """
    asked = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    own = getattr(recipe, section)
    if asked == "no" or asked == own.precision:
        return recipe
    if asked != "bf16":
        raise InputError(
            f"Accelerate asks for mixed precision {asked}; accepted: no, which leaves the recipe's "
            f"({own.precision}), and bf16"
        )
    if first_of_launcher():
        note(f"{section}.precision is bf16, as Accelerate asks, not {own.precision}")
    changed: Any = {section: dataclasses.replace(own, precision="bf16")}
    return dataclasses.replace(recipe, **changed)


class OwnRows:
    """The rows of a batch that this process trains on: equal parts, in order of the ranks."""

    def __init__(self, accelerator: Accelerator):
        self._rank, self._world = accelerator.process_index, accelerator.num_processes

    def check(self, batch_size: int, section: str) -> None:
        """InputError unless a batch has equal parts; `section` of the recipe has the key."""
        if batch_size % self._world:
            lower = batch_size // self._world * self._world
            fits = f"{lower} or {lower + self._world}" if lower else str(self._world)
            raise InputError(
                f"{section}.batch_size is {batch_size}, which {self._world} processes cannot share in equal "
                f"parts; accepted: {fits}, as --set {section}.batch_size={lower or self._world}"
            )

    def slice(self, size: int) -> slice:
        """The own rows of a batch of `size`; an incomplete one may leave some over, which are not used."""
        each = size // self._world
        return slice(self._rank * each, (self._rank + 1) * each) if self._world > 1 else slice(None)

    def of(self, rows: Tensor) -> Tensor:
        """The own rows of a tensor with all rows (B, ...)."""
        return rows[self.slice(len(rows))]


def several_processes() -> bool:
    """Whether this process trains with others."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def mean_of_all(mean: Tensor, count: Tensor) -> Tensor:
    """A mean over `count` entries of this process, weighted so that the processes' mean is that over all.

    Gradients and logged terms are averaged over the processes, whose counts may differ.
    """
    if not several_processes():
        return mean
    total = count.detach().float().clone()
    dist.all_reduce(total)
    return mean * (count * dist.get_world_size() / total.clamp(min=1))
