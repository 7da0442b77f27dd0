"""The result of `intermask plan` and `generate --dry-run`: what a run would make, and what it would cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from intermask_cli.config import MEASURED_SECONDS
from intermask_cli.console import note
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL
from intermask_cli.generation.cost import Cost, duration
from intermask_cli.generation.job import Job
from intermask_cli.generation.prompt_sets.readings import PromptReadings, read_texts
from intermask_cli.generation.prompts.text_warnings import summary_line
from intermask_cli.generation.run.disk_space import estimated_bytes, stays_in_parts
from intermask_cli.generation.run.plan import Part
from intermask_cli.generation.trial import run_trials
from intermask_cli.generation.workers.launch import worker_devices
from intermask_cli.generation.workers.loaders import without_log
from intermask_cli.generation.workers.model_source import ModelSource

#: Reasons of rejected lines, and kinds of actions, that are listed for people.
_SHOWN = 8


@dataclass(frozen=True)
class Estimate:
    """What would be made, of one shard where one was named. `cost` is None where nothing was measured.

    windows: clips longer than the model's window. parts: files of a dataset that is not one file, else 0.
    readings: of the texts, None where the model has no reader.
    """

    items: int
    prompts: int
    frames: int
    fps: float
    shortest: int
    longest: int
    windows: int
    bytes: int
    parts: int
    rejected: Sequence[Rejected]
    rejected_ok: bool
    text_warnings: str | None
    readings: PromptReadings | None
    cost: Cost | None
    not_measured: str = ""

    @property
    def exit_code(self) -> int:
        return EXIT_PARTIAL if self.rejected and not self.rejected_ok else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "dry_run": True,
            "prompts": self.prompts,
            "items": self.items,
            "frames": self.frames,
            "seconds": round(self.frames / self.fps, 3),
            "shortest_frames": self.shortest,
            "longest_frames": self.longest,
            "made_window_by_window": self.windows,
            "estimated_bytes": self.bytes,
            "estimated_disk_bytes": self.bytes if self.parts else 2 * self.bytes,
            **({"parts": self.parts} if self.parts else {}),
            "cost": self.cost.as_json() if self.cost else None,
            "not_measured": self.not_measured or None,
            "text_warnings": self.text_warnings,
            **({} if self.readings is None else self._readings_json(self.readings)),
            "rejected": [entry.as_json() for entry in self.rejected],
        }

    @staticmethod
    def _readings_json(readings: PromptReadings) -> dict[str, Any]:
        return {
            "kinds": readings.kinds(),
            "outside": len(readings.outside),
            "readings": readings.as_json(),
        }

    def lines(self) -> list[str]:
        """For people."""
        seconds = self.frames / self.fps
        length = f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 60:,.1f} minutes"
        files = f"in {self.parts:,} files and an index" if self.parts else "(while merging twice that)"
        size = f"about {self.bytes / 1e6:,.1f} MB {files}"
        lines = [
            f"would make {self.items:,} interactions from {self.prompts:,} prompts: {length} of motion, "
            f"{size}; {len(self.rejected):,} lines rejected",
            f"lengths: {self.shortest / self.fps:.3g} to {self.longest / self.fps:.3g} s"
            + (f"; {self.windows:,} are longer than one window of the model" if self.windows else ""),
        ]
        lines += self.cost.lines() if self.cost else [f"time and memory: not measured; {self.not_measured}"]
        lines += [f"rejected, {count:,}: {reason}" for reason, count in _reasons(self.rejected)]
        lines += [self.text_warnings] if self.text_warnings else []
        return lines + (self.readings.summary(_SHOWN) if self.readings else [])


def _reasons(rejected: Sequence[Rejected]) -> list[tuple[str, int]]:
    """Reasons that differ in more than numbers and quoted words, most frequent first, with an example."""
    groups: dict[str, list[Rejected]] = {}
    for entry in rejected:
        groups.setdefault(re.sub(r"'[^']*'|[\d,.]+", "#", entry.reason), []).append(entry)
    ordered = sorted(groups.values(), key=len, reverse=True)[:_SHOWN]
    return [(_place(of[0]), len(of)) for of in ordered]


def _place(entry: Rejected) -> str:
    line = f" line {entry.line}" if entry.line else ""
    return f"{entry.file}{line} {entry.reason}"


def estimate(job: Job, source: ModelSource, strict: bool, seconds: float | None = None) -> Estimate:
    """What a job would make and cost; nothing of it is kept.

    seconds: about how long clips are made to measure, None for `MEASURED_SECONDS`; 0 makes none.

    Raises:
        InputError: `strict`, and a text is outside what the model knows. MissingError: the model's files.
    """
    parts = job.execution.shard.deal(job.plan.parts)
    items = [item for part in parts for item in part.items]
    frames = [item.frames for item in items]
    texts = list(dict.fromkeys(item.text for item in items))
    readings = read_texts(texts, source, strict) if strict else None
    cost, reason = _cost(job, source, parts, MEASURED_SECONDS if seconds is None else seconds)
    if readings is None:
        readings = read_texts(texts, source, strict=False)
    size = cost.bytes if cost else estimated_bytes(sum(frames), source.num_joints, job.info.store)
    return Estimate(
        items=len(items),
        prompts=len({item.id.rpartition("-s")[0] for item in items}),
        frames=sum(frames),
        fps=source.info.fps,
        shortest=min(frames, default=0),
        longest=max(frames, default=0),
        windows=sum(count > source.info.max_frames for count in frames),
        bytes=size,
        parts=len(parts) if stays_in_parts(job.info.layout, size) else 0,
        rejected=job.rejected,
        rejected_ok=job.execution.rejected_ok,
        text_warnings=summary_line(map(source.text_warning_of(texts), texts)),
        readings=readings,
        cost=cost,
        not_measured=reason,
    )


def _cost(job: Job, source: ModelSource, parts: Sequence[Part], seconds: float) -> tuple[Cost | None, str]:
    """The cost of parts of a job, or None and why nothing was measured."""
    if not parts:
        return None, "nothing is to be made"
    if seconds <= 0:
        return None, "--measure 0"
    execution, sampling = job.execution, job.info.dataset["sampling"]
    processes = execution.processes if execution.ray is None else 1
    devices = worker_devices(execution.device, processes, len(job.plan.items))[: len(parts)]
    frames = min(item.frames for part in parts for item in part.items)
    if devices[0] == "cpu":
        from intermask_cli.inference.step_cost import step_cost
        from intermask_cli.sampling.guidance import network_passes
        from intermask_cli.sampling.schedule import guided_steps

        guides = guided_steps(sampling["guidance_interval"], sampling["steps"])
        one = step_cost(source.info, 1, frames, network_passes(sampling["guidance"], guides)).seconds
        if one > seconds:
            return None, (
                f"a clip of {frames} frames alone takes about {duration(one)} on this CPU, by the speed of "
                f"its products of matrices; intermask plan --measure {2 * one:.0f} measures"
            )
    place = "" if execution.ray is None else ", by one worker of this machine, as if it had no others"
    note(f"making clips of this plan to measure, for about {duration(seconds)} after loading{place}")
    try:
        trials = run_trials(devices, without_log(job.load_engine), parts, job.info.store, seconds)
    except BrokenProcessPool:
        return None, "a worker was killed while it measured; is there memory for that many?"
    cost = Cost.of(trials, parts, "the CPU" if devices[0] == "cpu" else devices[0])
    failures = [reason for trial in trials for reason in trial.failures]
    return cost, "" if cost else f"no clip could be made: {failures[0]}"
