"""Which worker this process is. One process unless a launcher (torchrun, accelerate launch) started several.

The traps this guards against are listed in the reference `ecosystem.md` section 6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from intermask_cli.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Worker:
    """This process among all that share the work; `device` is a torch device string."""

    rank: int
    world: int
    device: str
    state: Any = field(default=None, repr=False)

    @property
    def main(self) -> bool:
        return self.rank == 0

    def deal(self, pending: Sequence[T]) -> list[T]:
        """Every world-th of the pending work."""
        return list(pending[self.rank :: self.world])

    def wait_for_start(self) -> None:
        """All workers meet once, after the first has made the run directory ready. Never at the end."""
        if self.state is not None:
            self.state.wait_for_everyone()


@contextmanager
def join_workers(device: str = "auto") -> Iterator[Worker]:
    """Join the process group of the launcher, if there is one.

    Raises:
        InputError: the launcher's world size and ours disagree, or the device is not there.
    """
    import torch

    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if expected == 1:
        yield Worker(0, 1, choose_device(device, 0))
        return
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    if state.num_processes != expected:
        raise InputError(
            f"the launcher started {expected} processes and this one sees {state.num_processes}; "
            "start with torchrun, or accelerate launch --multi_gpu"
        )
    try:
        chosen = choose_device(device, state.local_process_index)
        yield Worker(state.process_index, state.num_processes, chosen, state)
    finally:
        state.destroy_process_group()


def choose_device(wanted: str, local_rank: int) -> str:
    """'auto' is this worker's GPU, else the CPU; anything else is checked and used as given."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return f"cuda:{local_rank % count}" if count else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise InputError(f"--device {wanted}: accepted are auto, cpu, cuda, cuda:1 and so on") from None
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(f"--device {wanted}: this machine shows {count} CUDA devices; try --device cpu")
    if device.type == "cuda" and device.index is None:
        return f"cuda:{local_rank % count}"
    return str(device)
