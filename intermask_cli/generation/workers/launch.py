"""Which worker this process is, and which devices a run uses.

A run has one process, unless a launcher (torchrun, accelerate launch) started several or `--processes` asks
for a worker pool (`generation.workers.pool`).

Accelerate can start ranks that do not form a process group; each of them would then make everything.
Therefore the world size that the launcher announced is compared with the one that this process sees. Workers
synchronise at the start only: a barrier at the end would wait forever for a rank that was killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Timer
from typing import Any, TypeVar

import psutil

from intermask_cli.console import note, warn
from intermask_cli.devices import choose_device, processors
from intermask_cli.errors import InputError

T = TypeVar("T")
#: Interactions for which one more process on the CPU is worth the seconds in which it loads the model.
_ITEMS_PER_CPU_WORKER = 100
#: Bytes of free memory for each.
_MEMORY_PER_CPU_WORKER = 4 * 2**30
#: How long workers wait for each other at the start; copying a large model to a new node takes minutes.
START_TIMEOUT = timedelta(minutes=10)
#: Variables that torchrun and `accelerate launch` set in what they start.
_OWN_VARIABLES = ("TORCHELASTIC_RUN_ID", "ACCELERATE_USE_CPU", "ACCELERATE_MIXED_PRECISION")
#: Workers of a launcher find each other within seconds; after this time the user learns what is waited for.
_SILENT_SECONDS = 5.0
#: Largest accepted --processes. No machine has more GPUs, so a larger number is a mistake.
MAX_PROCESSES = 256
#: Environment variables that show a launcher: torchrun sets the first; `accelerate launch` sets only the
#: second if it starts one process.
_LAUNCHER_VARIABLES = ("WORLD_SIZE", "ACCELERATE_USE_CPU")

#: What `accelerate launch --num_processes 2` sets on CPUs, where it starts one process all the same:
#: Accelerate leaves several to mpirun there.
_ONE_OF_SEVERAL = ("ACCELERATE_USE_CPU", "MASTER_PORT")


@dataclass(frozen=True)
class Worker:
    """This process among all that share the work; `device` is a torch device string.

    `workers_per_device` workers, this one included, share the device. `state` is Accelerate's process state
    under a launcher, else None.
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
        """Wait until all workers are here: once, after the first has prepared the run directory."""
        if self.state is not None:
            self.state.wait_for_everyone()


@contextmanager
def join_workers(device: str = "auto") -> Iterator[Worker]:
    """Join the process group of the launcher, if there is one.

    Raises:
        InputError: the launcher's world size and the one of this process differ, the workers do not find each
            other, or the device does not exist.
    """
    expected = world_size()
    _say_one_process()
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if precision != "no" and first_of_launcher():
        warn(f"Accelerate asks for mixed precision {precision}, which is not used here; --dtype bf16 sets it")
    if expected == 1:
        yield Worker(0, 1, choose_device(device, 0))
        return
    state = _joined(expected, cpu=_without_gpu())
    try:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        own = choose_device(device, state.local_process_index)
        sharing = sum(choose_device(device, rank) == own for rank in range(local))
        yield Worker(state.process_index, state.num_processes, own, max(1, sharing), state)
    finally:
        state.destroy_process_group()


def join_group(cpu: bool) -> None:
    """Join the process group of the launcher, if there is one; on CPUs with `cpu`. For training.

    Raises InputError as `join_workers`.
    """
    expected = world_size()
    _say_one_process()
    if expected > 1:
        _joined(expected, cpu)


def _say_one_process() -> None:
    """Say that Accelerate started one process although several were asked for."""
    if "WORLD_SIZE" not in os.environ and all(name in os.environ for name in _ONE_OF_SEVERAL):
        note(
            "accelerate launch started one process, as it does without --multi_gpu, whatever --num_processes "
            "says; on CPUs start several with: torchrun --nproc-per-node N -m intermask_cli ..."
        )


def first_of_launcher() -> bool:
    """Whether this is the first process of a launcher, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _without_gpu() -> bool:
    import torch

    return not torch.cuda.is_available()


def world_size() -> int:
    """Number of processes that the launcher announced; 1 without a launcher."""
    text = os.environ.get("WORLD_SIZE", "1")
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"WORLD_SIZE is '{text}'; a launcher sets it to a number, else leave it unset")
    return int(text)


def on_several_machines() -> bool:
    """Whether a launcher started processes on other machines than this one too."""
    world = world_size()
    return world > int(os.environ.get("LOCAL_WORLD_SIZE", world))


def _joined(expected: int, cpu: bool) -> Any:
    """Accelerate's state of a process group that all workers of the launcher have joined.

    Raises InputError if they do not find each other.
    """
    waiting = Timer(_SILENT_SECONDS, _say_waiting, [expected])
    waiting.daemon = True
    if _launched():
        waiting.start()
    # Otherwise torch prints its C++ stack while it looks for the first process.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from accelerate import PartialState

    # Signals end the process at once: handlers of Python would run after the wait, in C++.
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        state = PartialState(cpu=cpu, timeout=START_TIMEOUT)
    except (ValueError, RuntimeError) as error:  # torch raises RuntimeError where no group forms
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"WORLD_SIZE says that a launcher started {expected} processes, but they do not find each other "
            f"({first}); start with torchrun, or accelerate launch --multi_gpu, or unset WORLD_SIZE"
        ) from error
    finally:
        waiting.cancel()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if state.num_processes != expected:
        raise InputError(
            f"the launcher started {expected} processes and this one sees {state.num_processes}; "
            "start with torchrun, or accelerate launch --multi_gpu"
        )
    return state


def announce_wait() -> None:
    """Say at once that other processes are awaited, where WORLD_SIZE may be left over from a shell."""
    expected = world_size()
    if expected > 1 and not _launched():
        _say_waiting(expected)


def _launched() -> bool:
    """Whether torchrun or `accelerate launch` started this process."""
    return any(name in os.environ for name in _OWN_VARIABLES)


def _say_waiting(expected: int) -> None:
    note(
        f"waiting for {expected - 1} other processes (WORLD_SIZE={expected} is set; unset it to run alone), "
        f"at most {START_TIMEOUT.total_seconds() / 60:.0f} minutes"
    )


def require_no_launcher(option: str) -> None:
    """InputError if a launcher started this process, which the option does not go with."""
    if any(name in os.environ for name in _LAUNCHER_VARIABLES):
        raise InputError(
            f"{option}: a launcher (torchrun, accelerate launch) started this process, or WORLD_SIZE is set; "
            "start the command alone"
        )


def parse_processes(text: str) -> int | None:
    """The value of --processes: a number of workers, or None for auto."""
    if text == "auto":
        return None
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MAX_PROCESSES:
        raise InputError(f"--processes {text}: accepted are auto and 1 to {MAX_PROCESSES}")
    return count


def worker_devices(device: str, processes: int | None, items: int = 0) -> list[str]:
    """The device of each worker of a run of `items` interactions on this machine.

    With `processes` None there is one worker per visible GPU; on the CPU one, or one per physical core where
    there is enough to do. All workers share a device that is given with its number.

    Raises:
        InputError: a device that this machine lacks, or a number of processes under a launcher.
    """
    import torch

    if any(name in os.environ for name in _LAUNCHER_VARIABLES):
        if processes is not None and processes > 1:
            started = os.environ.get("WORLD_SIZE", "1")
            raise InputError(
                f"--processes {processes}: a launcher already started {started} processes; "
                "leave --processes out"
            )
        return [choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))]
    if processes is None:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device in ("auto", "cuda"):
            processes = gpus or _cpu_workers(items)
        else:
            processes = _cpu_workers(items) if device == "cpu" else 1
    return [choose_device(device, rank) for rank in range(processes)]


def _cpu_workers(items: int) -> int:
    """Workers for `items` interactions on the CPU.

    Hardware threads of one core share its arithmetic: two workers on them take longer than one.
    """
    cores = min(psutil.cpu_count(logical=False) or 1, processors())
    memory: int = psutil.virtual_memory().available // _MEMORY_PER_CPU_WORKER
    return max(1, min(cores, items // _ITEMS_PER_CPU_WORKER, memory))
