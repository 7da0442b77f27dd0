"""What a run costs in time, memory and disk space, from the batches of a trial."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.generation.run.plan import Part
from intermask_cli.generation.trial import Trial, TrialBatch


@dataclass(frozen=True)
class Range:
    """An estimate, and what it would be if all were like the fastest or the slowest that was measured."""

    low: float
    likely: float
    high: float

    def as_json(self) -> dict[str, float]:
        """For `--json`."""
        return {name: round(value, 3) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Cost:
    """The cost of the parts that this command would make, with the run's own workers.

    device: of the workers, the name of a GPU where it is one. clip_seconds: of measured clips, by frames.
    bytes: of all interactions in a file. memory: of all workers; gpu_memory of each GPU worker, else 0.
    """

    workers: int
    device: str
    seconds: Range
    load_seconds: float
    bytes: int
    memory: int
    gpu_memory: int
    largest_batch: int
    batches: Sequence[TrialBatch]
    failures: Sequence[str]

    @classmethod
    def of(cls, trials: Sequence[Trial], parts: Sequence[Part], device: str) -> Cost | None:
        """From the trials of all workers on the same parts; None where no measured batch was made."""
        batches = sorted((b for trial in trials for b in trial.batches), key=lambda b: b.tokens)
        failures = list(dict.fromkeys(reason for trial in trials for reason in trial.failures))
        if not batches:
            return None
        first = trials[0]
        load = max(trial.load_seconds for trial in trials)
        per_clip = by_length(batches, lambda batch: batch.seconds / batch.clips)
        size = by_length(batches, lambda batch: batch.bytes / batch.clips)
        spread = [batch.seconds / batch.clips / per_clip(batch.tokens) for batch in batches]
        work = [sum(n * per_clip(tokens) for tokens, n in of_part) for of_part in first.part_batches]
        making = makespan(work, len(trials))
        items = [item for part in parts for item in part.items]
        run = [batch for of_part in first.part_batches for batch in of_part]
        largest = max(tokens * n for tokens, n in run)
        grown = max(1.0, largest / max(b.tokens * b.clips for b in batches))
        return cls(
            workers=len(trials),
            device=first.gpu or device,
            seconds=Range(*(load + making * factor for factor in (min(spread), 1.0, max(spread)))),
            load_seconds=load,
            bytes=round(sum(size(item.tokens) for item in items)),
            memory=sum(
                round(t.loaded_memory + (t.memory - t.loaded_memory) * (1.0 if t.gpu else grown))
                for t in trials
            ),
            gpu_memory=round(max(trial.gpu_memory for trial in trials) * grown),
            largest_batch=max(n for _, n in run),
            batches=batches,
            failures=failures,
        )

    def as_json(self) -> dict[str, Any]:
        """For `--json`; one entry of `measured` per length."""
        judged = any(batch.tries for batch in self.batches)
        accepted = {
            "clips": sum(batch.clips for batch in self.batches),
            "accepted": sum(batch.accepted for batch in self.batches),
            "tries": sum(batch.tries for batch in self.batches),
        }
        return {
            "device": self.device,
            "workers": self.workers,
            "seconds": self.seconds.as_json(),
            "load_seconds": round(self.load_seconds, 3),
            "memory_bytes": self.memory,
            "gpu_memory_bytes": self.gpu_memory or None,
            "largest_batch": self.largest_batch,
            "measured": [
                {
                    "frames": tokens * FRAMES_PER_TOKEN,
                    "batches": [batch.clips for batch in of],
                    "seconds_per_clip": _range_of(of).as_json(),
                    "bytes_per_clip": round(fmean(batch.bytes / batch.clips for batch in of)),
                }
                for tokens, of in _grouped(self.batches).items()
            ],
            "acceptance": accepted if judged else None,
            "failures": list(self.failures),
        }

    def lines(self) -> list[str]:
        """For people: the estimate, then what was measured for it."""
        low, likely, high = (duration(value) for value in vars(self.seconds).values())
        spread = f" ({low} to {high})" if low != high else ""
        workers = f"{self.workers} workers" if self.workers > 1 else "one worker"
        memory = f"{self.memory / 1e9:,.1f} GB of memory"
        if self.gpu_memory:
            memory += f", {self.gpu_memory / 1e9:,.1f} GB of GPU memory each"
        groups = _grouped(self.batches)
        clips = sum(batch.clips for batch in self.batches)
        measured = ", ".join(
            f"{tokens * FRAMES_PER_TOKEN} frames {_range_of(of).likely:.3g} s per clip"
            for tokens, of in groups.items()
        )
        lines = [
            f"estimated time: about {likely}{spread} on {self.device}, {workers}, {memory}",
            f"measured for it: loading {self.load_seconds:.1f} s; {clips} clips of this plan in "
            f"{len(self.batches)} batches: {measured}. The range: all like the fastest or the slowest batch",
        ]
        if max(batch.clips for batch in self.batches) < self.largest_batch:
            lines.append(
                f"the run makes up to {self.largest_batch} clips together, more than were measured: it may "
                "take less time; the memory is scaled to that number"
            )
        if tries := sum(batch.tries for batch in self.batches):
            accepted = sum(batch.accepted for batch in self.batches)
            lines.append(
                f"--accept: {accepted} of these {clips} clips meet the condition, after {tries} tries"
            )
        lines += [f"a measured clip failed: {reason}" for reason in self.failures]
        return lines


def _grouped(batches: Sequence[TrialBatch]) -> dict[int, list[TrialBatch]]:
    """Batches by tokens, in order."""
    groups: dict[int, list[TrialBatch]] = defaultdict(list)
    for batch in batches:
        groups[batch.tokens].append(batch)
    return dict(groups)


def _range_of(batches: Sequence[TrialBatch]) -> Range:
    """Seconds per clip."""
    each = [batch.seconds / batch.clips for batch in batches]
    return Range(min(each), fmean(each), max(each))


def by_length(batches: Sequence[TrialBatch], value: Callable[[TrialBatch], float]) -> Callable[[int], float]:
    """Tokens -> a value per clip: the means of measured lengths, straight lines between them.

    Lengths outside are in proportion to the nearest that was measured.
    """
    groups = sorted(_grouped(batches).items())
    lengths = [max(tokens, 1) for tokens, _ in groups]
    means = [fmean(map(value, of)) for _, of in groups]

    def at(tokens: int) -> float:
        inside = min(max(tokens, lengths[0]), lengths[-1])
        return float(np.interp(inside, lengths, means)) * tokens / inside

    return at


def makespan(work: Sequence[float], workers: int) -> float:
    """When the last worker ends, each taking the next piece of work when it is free."""
    free = [0.0] * workers
    for seconds in work:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def duration(seconds: float) -> str:
    """A time in a unit that suits it."""
    for limit, unit, name in ((90.0, 1.0, "s"), (5400.0, 60.0, "min"), (48 * 3600.0, 3600.0, "h")):
        if seconds < limit:
            return f"{seconds / unit:.{0 if seconds / unit >= 10 else 1}f} {name}"
    return f"{seconds / 86400:.1f} days"
