"""A few batches of a run, made and encoded but not kept: what the run will cost on this machine.

Every worker of the run measures, all at the same time, so that what they take from each other is in the
figures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import psutil

from intermask_cli.devices import processors
from intermask_cli.generation.run.part_files import Failure, encoded_part
from intermask_cli.generation.run.plan import Part, WorkItem
from intermask_cli.generation.workers.engine import Engine, LoadEngine
from intermask_cli.generation.workers.launch import Worker

#: Lengths that are measured: the shortest, the longest, and one between them.
_LENGTHS = 3
#: Batches of each length: with fewer than two there is no spread, more change little.
_ROUNDS = 3

#: Items that the engine makes together.
Batch = Sequence[WorkItem]


@dataclass(frozen=True)
class TrialBatch:
    """One measured batch of clips of equal length; `bytes` is what they take in a file.

    accepted, tries: with --accept, clips that met the condition, and samples that were made for all.
    """

    tokens: int
    clips: int
    seconds: float  # making, encoding and compressing them
    bytes: int
    accepted: int = 0
    tries: int = 0


@dataclass(frozen=True)
class Trial:
    """What one worker measured.

    batches: those of which every item was made. failures: why items were not. part_batches: (tokens, clips)
    of every batch of each part of the run. memory, loaded_memory: peak of the process in bytes, at the end
    and before the first batch. gpu: its name, and gpu_memory the most bytes that torch held of it.
    """

    batches: tuple[TrialBatch, ...]
    failures: tuple[str, ...]
    part_batches: tuple[tuple[tuple[int, int], ...], ...]
    load_seconds: float
    loaded_memory: int
    memory: int
    gpu: str = ""
    gpu_memory: int = 0


def run_trials(
    devices: Sequence[str], load_engine: LoadEngine, parts: Sequence[Part], store: str, seconds: float
) -> list[Trial]:
    """The trial of every worker, one per device, within about `seconds` after loading.

    Raises what loading the engine raises.
    """
    world = len(devices)
    workers = [Worker(rank, world, of, devices.count(of)) for rank, of in enumerate(devices)]
    if world == 1:
        return [run_trial(workers[0], load_engine, parts, store, seconds)]
    threads = max(1, processors() // world)
    context = get_context("spawn")  # as the workers of a run are started
    with ProcessPoolExecutor(world, context, _set_threads, (threads,)) as pool:
        futures = [pool.submit(run_trial, w, load_engine, parts, store, seconds) for w in workers]
        return [future.result() for future in futures]


def _set_threads(count: int) -> None:
    """Threads of a worker on the CPU, as `pool.run_worker` sets them."""
    if "OMP_NUM_THREADS" not in os.environ:
        import torch

        torch.set_num_threads(count)


def run_trial(
    worker: Worker, load_engine: LoadEngine, parts: Sequence[Part], store: str, seconds: float
) -> Trial:
    """Load the engine and measure batches of `parts`, in this process."""
    started = time.monotonic()
    engine = load_engine(worker)
    load_seconds, loaded_memory = time.monotonic() - started, peak_memory()
    batches = [list(_batches(engine, part)) for part in parts]
    measured: list[TrialBatch] = []
    failures: list[Failure] = []
    flat = [batch for of_part in batches for batch in of_part]
    shortest = min(flat, key=lambda batch: batch[0].tokens)
    # The first batch of a process is slower. It also says how many clips of the next fit into the time.
    begun = time.monotonic()
    engine.make_part(Part(0, shortest[:1]), _nothing)
    per_token = (time.monotonic() - begun) / max(1, shortest[0].tokens)
    begun = time.monotonic()
    for batch, waiting in _picked(flat):
        left = seconds - (time.monotonic() - begun)
        if measured and left <= 0:
            break
        each = per_token * max(1, batch[0].tokens)
        items = batch[: max(1, int(left / waiting / each))]
        one, failed = _measure(engine, items, store)
        per_token = one.seconds / one.clips / max(1, one.tokens)
        failures += failed
        if not failed:
            measured.append(one)
    gpu, gpu_memory = _gpu(worker.device)
    return Trial(
        tuple(measured),
        tuple(dict.fromkeys(failure.reason for failure in failures)),
        tuple(tuple((batch[0].tokens, len(batch)) for batch in of_part) for of_part in batches),
        load_seconds,
        loaded_memory,
        peak_memory(),
        gpu,
        gpu_memory,
    )


def _nothing(made: int, failed: int) -> None:
    """After a batch."""


def _batches(engine: Engine, part: Part) -> Iterator[Batch]:
    """The batches in which the engine makes a part."""
    for items in part.by_length():
        size = engine.items_together(items[0].tokens)
        yield from (items[start : start + size] for start in range(0, len(items), size))


def _picked(batches: Sequence[Batch]) -> Iterator[tuple[Batch, int]]:
    """Batches to measure: of the shortest, longest and middle length in turn, a different one each time.

    With each comes how many are still to be measured in this round, itself included.
    """
    ordered = sorted(batches, key=lambda batch: batch[0].tokens)
    lengths = {tokens: list(of) for tokens, of in groupby(ordered, key=lambda batch: batch[0].tokens)}
    middle = ordered[len(ordered) // 2][0].tokens
    chosen = list(dict.fromkeys([min(lengths), max(lengths), middle]))[:_LENGTHS]
    for number in range(_ROUNDS):
        for place, tokens in enumerate(chosen):
            of_length = sorted(lengths[tokens], key=len, reverse=True)  # full batches first
            yield of_length[number % len(of_length)], len(chosen) - place


def _measure(engine: Engine, items: Batch, store: str) -> tuple[TrialBatch, list[Failure]]:
    """Make and encode a batch; the items that failed."""
    begun = time.monotonic()
    made, failures = engine.make_part(Part(0, items), _nothing)
    size = len(encoded_part("trial", "", made, failures, store)) - len(
        encoded_part("trial", "", [], [], store)
    )
    seconds = time.monotonic() - begun
    judged = [result for _, result in made if result.accepted is not None]
    dropped = [failure.item for failure in failures if failure.final]
    batch = TrialBatch(
        items[0].tokens,
        len(items),
        seconds,
        size,
        sum(bool(result.accepted) for result in judged),
        sum(result.tries or 0 for result in judged) + sum(item.attempt + 1 for item in dropped),
    )
    return batch, [failure for failure in failures if not failure.final]


def peak_memory() -> int:
    """The most bytes that this process ever held in memory."""
    status = Path("/proc/self/status")
    if status.exists():  # the peak of getrusage is that of the parent too, on Linux
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    peak: int = getattr(psutil.Process().memory_info(), "peak_wset", 0)
    if peak:  # Windows
        return peak
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _gpu(device: str) -> tuple[str, int]:
    """Name of a worker's GPU and the most bytes torch held of it; ("", 0) on the CPU."""
    if not device.startswith("cuda"):
        return "", 0
    import torch

    return torch.cuda.get_device_name(device), int(torch.cuda.max_memory_reserved(device))
