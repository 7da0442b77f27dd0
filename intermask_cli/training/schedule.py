"""Budget, learning rate and random seeds as functions of the step number and the time.

Budget and learning rate follow one number, the progress of the stage from 0 to 1. Random states are not
saved: the draws of a step (data, masks, drop-out, noise) depend on (run seed, stage, step, rank) alone, so a
resumed run equals an uninterrupted one.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from intermask_cli.training.config import StageConfig


@dataclass
class TrainingBudget:
    """A limit in wall-clock minutes, steps or both; progress is the larger of the two shares used.

    With steps only, progress depends on the step number alone, so a resumed run repeats an
    uninterrupted one exactly. `spent_s` is the training time of earlier sessions.
    """

    steps: int  # 0: no limit
    minutes: float  # 0: no limit
    spent_s: float = 0.0
    clock: Callable[[], float] = time.monotonic  # seconds since any fixed moment

    def __post_init__(self) -> None:
        self._start = self.clock()

    def elapsed_s(self) -> float:
        """Seconds of training so far, earlier sessions included."""
        return self.spent_s + self.clock() - self._start

    def progress(self, step: int) -> float:
        """Share of the budget used before step number `step` (counted from 0), at most 1."""
        shares = [0.0]
        if self.steps > 0:
            shares.append(step / self.steps)
        if self.minutes > 0:
            shares.append(self.elapsed_s() / (60 * self.minutes))
        return min(1.0, max(shares))


def learning_rate_factor(config: StageConfig, step: int, progress: float, warmup: int, total: int) -> float:
    """Share of the full learning rate for step number `step` (from 0).

    warmup: steps of linear warm-up. total: planned steps, which published milestones need; 0 if only time
    limits the stage.
    """
    if config.published:
        return _published_factor(config, step, warmup, total)
    factor = min(1.0, (step + 1) / max(1, warmup))
    if config.schedule == "multistep":
        return factor * config.gamma ** sum(progress >= share for share in config.milestones)
    decay = max(0.0, (progress - config.decay_from) / max(1e-9, 1 - config.decay_from))
    return factor * (config.lr_end + (1 - config.lr_end) * 0.5 * (1 + math.cos(math.pi * decay)))


def _published_factor(config: StageConfig, step: int, warmup: int, total: int) -> float:
    """Warm-up that ends at warmup / (warmup + 1) of the rate; milestones in whole iterations (quirk
    M18: docs/reference/model.md#m18).
    """
    iteration = step + 1
    rate = min(iteration + 1, warmup) / (warmup + 1) if warmup > 1 else 1.0
    position = iteration - warmup if config.milestones_after_warmup else step
    return rate * config.gamma ** sum(position >= int(total * share) for share in config.milestones)


def derived_seed(seed: int, stage: str, *numbers: int) -> int:
    """A 63-bit seed from a run seed, a stage name and further whole numbers."""
    state = np.random.SeedSequence([seed, zlib.crc32(stage.encode()), *numbers]).generate_state(2, np.uint64)
    return int(state[0] >> np.uint64(1))


def seed_step(seed: int, stage: str, step: int, rank: int) -> None:
    """Set torch's global generators for one step of one process."""
    torch.manual_seed(derived_seed(seed, stage, step, rank))


def permutation(seed: int, stage: str, epoch: int, count: int) -> torch.Tensor:
    """Order of `count` items in one epoch, the same on every rank, without touching the global state."""
    generator = torch.Generator().manual_seed(derived_seed(seed, stage, epoch))
    return torch.randperm(count, generator=generator)
