"""Where computation runs: device names, copies to a GPU, processor cores, threads of torch. Torch stays lazy.

On the CPU a result must not depend on the batch or on the number of threads. Measured (torch 2.13, MKL and
oneDNN, 1 to 8 threads): attention, norms and matrix products give every row the same bits in any batch from
about a dozen rows on. With fewer rows, several threads split the sums differently, and a single row takes
another kernel. Convolutions depend on the batch and on the number of threads; so do, on an Intel Xeon with
AMX, the seven rows of a short text. Therefore products of few rows run on one thread (`on_one_thread`), and
texts and convolutions run one sample and one thread at a time, several samples in parallel (`map_samples`).

The number of threads belongs to the program that uses this library. `torch.set_num_threads` changes the
calling thread and the default of threads that use torch for the first time later. So the two functions call
it in threads of their own only, and restore the default before they compute anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TYPE_CHECKING, TypeVar

from intermask_cli.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: With this many rows, the number of threads does not change the bits of a product. Measured: a dozen rows
#: suffice; the rest is margin.
ENOUGH_ROWS = 64
S = TypeVar("S")
T = TypeVar("T")
#: Held while torch's default number of threads is 1.
_STARTING = Lock()


def choose_device(name: str, local_rank: int = 0) -> str:
    """The torch device of a name; "auto" is this worker's GPU, or the CPU on a machine without GPUs.

    `local_rank` numbers the workers of a machine, which share its GPUs in turn.

    Raises:
        InputError: an unknown device, or a GPU that this machine does not have.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return f"cuda:{local_rank % count}" if count else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise InputError(f"device {name}: accepted are auto, cpu, cuda, cuda:1 and so on") from None
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(f"device {name}: this machine has {count} CUDA devices; try cpu")
    if device.type == "cuda" and device.index is None:
        return f"cuda:{local_rank % count}"
    return str(device)


def processors() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on a device; to a GPU from page-locked memory, without waiting for the copy."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def on_one_thread(function: Callable[[], T], rows: int, device: torch.device) -> T:
    """The result of `function`, computed on one torch thread if its products have few rows on the CPU."""
    import torch

    if device.type != "cpu" or rows >= ENOUGH_ROWS or torch.get_num_threads() == 1:
        return function()
    return map_samples(lambda _: function(), [None])[0]


def map_samples(function: Callable[[S], T], samples: Sequence[S]) -> list[T]:
    """Results of a CPU function per sample, without gradients.

    Each call has one torch thread; as many calls run in parallel as the caller has torch threads.
    """
    import torch

    with _STARTING:  # a thread that uses torch for the first time takes the default, which must not be 1 now
        threads = torch.get_num_threads()
    if threads == 1 or len(samples) == 0:
        return [function(sample) for sample in samples]

    def call(sample: S) -> T:
        with torch.inference_mode():
            return function(sample)

    with ThreadPoolExecutor(min(threads, len(samples))) as pool:
        _give_one_torch_thread_each(pool, min(threads, len(samples)))
        return list(pool.map(call, samples))


def _give_one_torch_thread_each(pool: Executor, count: int) -> None:
    """Set the torch threads of all `count` threads of a pool to 1, and restore torch's default."""
    import torch

    started = Barrier(count + 1)

    def start() -> None:
        torch.get_num_threads()  # the first use takes over the default, and would undo an earlier setting
        torch.set_num_threads(1)
        started.wait()  # for all others, so that each task has a thread of its own

    with _STARTING:
        default = _in_new_thread(torch.get_num_threads)
        try:
            for _ in range(count):
                pool.submit(start)
            started.wait()
        except BaseException:
            started.abort()
            raise
        finally:
            _in_new_thread(lambda: torch.set_num_threads(default))


def _in_new_thread(function: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()
