"""A sampling row: the bundled model with one setting of its sampler; nothing is trained."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ablations.generating import generated, timed
from benchmarks.ablations.settings import Row
from benchmarks.ablations.workplace import Workplace
from intermask_cli.config import SamplingConfig, from_dict


def run(place: Workplace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Quality of the generated clips, and what they cost."""
    sampling, clips = from_dict(SamplingConfig, dict(row.sampling), row.name), place.judge.clips
    made, cpu, clock = timed(lambda: generated(place.model, clips, seed, sampling))
    return {
        **place.judge.motions(made),
        "passes": passes(sampling),
        "cpu_seconds_per_clip": cpu,
        "seconds_per_clip": clock,
    }


def passes(sampling: SamplingConfig) -> int:
    """Times the network runs for one clip; the first unconditional pass is kept from call to call."""
    if sampling.guidance in (0.0, 1.0):
        return sampling.steps
    return 2 * sampling.steps - 1
