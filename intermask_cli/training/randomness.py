"""Random numbers that need no saving: every step is seeded from its own number.

A step's draws (data, masks, drop-out, noise) depend on (run seed, stage, step, rank) and nothing else, so
a resumed run repeats an uninterrupted one without storing generator states.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch


def derived_seed(seed: int, stage: str, *numbers: int) -> int:
    """A 63-bit seed from a run seed, a stage name and further whole numbers."""
    words = np.random.SeedSequence([seed, zlib.crc32(stage.encode()), *numbers]).generate_state(2, np.uint64)
    return int(words[0] >> np.uint64(1))


def seed_step(seed: int, stage: str, step: int, rank: int) -> None:
    """Set torch's global generators for one step of one process."""
    torch.manual_seed(derived_seed(seed, stage, step, rank))


def permutation(seed: int, stage: str, epoch: int, count: int) -> torch.Tensor:
    """Order of `count` items in one epoch, the same on every rank, without touching the global state."""
    generator = torch.Generator().manual_seed(derived_seed(seed, stage, epoch))
    return torch.randperm(count, generator=generator)
