"""Which worker this process is, and on which devices a run works.

One process unless a launcher (torchrun, accelerate launch) started several, or `--processes` asks for workers
of our own (`generation.workers`).

Accelerate can start ranks that form no group, and each would then make everything. So the world size that the
launcher announced is compared with the one that this process sees. Workers meet at the start only, since a
barrier at the end would wait for ever for a rank that was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from intermask_cli.devices import choose_device
from intermask_cli.errors import InputError

T = TypeVar("T")
#: How long workers wait for one another at the start; a large model takes minutes to arrive on a new node.
MEETING = timedelta(minutes=10)
#: More than any machine has GPUs; a larger number is a mistake.
MOST_PROCESSES = 256
#: Variables of torchrun, and of `accelerate launch` where it starts one process without a world size.
_LAUNCHED = ("WORLD_SIZE", "ACCELERATE_USE_CPU")


@dataclass(frozen=True)
class Worker:
    """This process among all that share the work; `device` is a torch device string.

    `workers_per_device` workers, this one included, share the device. `state` is Accelerate's, below a
    launcher.
    """

    rank: int
    world: int
    device: str
    workers_per_device: int = 1
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
        InputError: the launcher's world size and ours disagree, the workers do not find each other, or the
            device is not there.
    """
    expected = _world_size()
    if expected == 1:
        yield Worker(0, 1, choose_device(device, 0))
        return
    state = _joined(expected)
    if state.num_processes != expected:
        raise InputError(
            f"the launcher started {expected} processes and this one sees {state.num_processes}; "
            "start with torchrun, or accelerate launch --multi_gpu"
        )
    try:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        own = choose_device(device, state.local_process_index)
        sharing = sum(choose_device(device, rank) == own for rank in range(local))
        yield Worker(state.process_index, state.num_processes, own, max(1, sharing), state)
    finally:
        state.destroy_process_group()


def _world_size() -> int:
    """Processes the launcher says it started; 1 without a launcher."""
    text = os.environ.get("WORLD_SIZE", "1")
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"WORLD_SIZE is '{text}'; a launcher sets it to a number, else leave it unset")
    return int(text)


def _joined(expected: int) -> Any:
    """Accelerate's state of a process group that all workers of the launcher have joined."""
    import torch
    from accelerate import PartialState

    try:
        return PartialState(cpu=not torch.cuda.is_available(), timeout=MEETING)
    except (ValueError, RuntimeError) as error:  # torch raises RuntimeError where no group forms
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"WORLD_SIZE says that a launcher started {expected} processes, but they do not find each other "
            f"({first}); start with torchrun, or accelerate launch --multi_gpu, or unset WORLD_SIZE"
        ) from error


def parse_processes(text: str) -> int | None:
    """--processes: a number of workers, or None for auto."""
    if text == "auto":
        return None
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_PROCESSES:
        raise InputError(f"--processes {text}: accepted are auto and 1 to {MOST_PROCESSES}")
    return count


def worker_devices(device: str, processes: int | None) -> list[str]:
    """A device for each worker that a run is to have on this machine.

    With `processes` None: one per visible GPU, or one on the CPU. A device named with its number takes all
    workers.

    Raises:
        InputError: a device that this machine lacks, or a number of processes below a launcher.
    """
    import torch

    if any(name in os.environ for name in _LAUNCHED):
        if processes is not None and processes > 1:
            started = os.environ.get("WORLD_SIZE", "1")
            raise InputError(
                f"--processes {processes} below a launcher that started {started} already; "
                "leave --processes out"
            )
        return [choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))]
    if processes is None:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        processes = max(1, gpus) if device in ("auto", "cuda") else 1
    return [choose_device(device, rank) for rank in range(processes)]
