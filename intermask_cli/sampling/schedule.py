"""How many tokens are masked at each step, and how many codes survive the filter.

Source: paper section 3.3; docs/reference/model.md#mask-schedule, #code-filter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def masked_ratio(tau: Tensor) -> Tensor:
    """Cosine schedule: progress tau (...) in [0, 1] -> share of tokens that are masked, float32."""
    return torch.cos(tau.float() * math.pi * 0.5)


def masked_counts(free: Tensor, steps: int) -> Tensor:
    """Tokens masked at the start of each step: free (B,) tokens to fill -> (steps, B) int64 on the CPU.

    `max(1, round(ratio * free))` with float32 cosine and half-to-even rounding, as published; a sample
    with nothing to fill masks nothing.
    """
    free = free.cpu()
    ratios = masked_ratio(torch.linspace(0.0, 1.0, steps))
    counts = torch.round(ratios[:, None] * free[None, :]).long().clamp(min=1)
    return torch.minimum(counts, free)


def guided_steps(interval: Sequence[float], steps: int) -> list[bool]:
    """For each step whether the share of tokens that are masked lies in [low, high].

    Guidance in a limited interval: Kynkäänniemi et al. 2024, who bound the noise level. The share of masked
    tokens takes its place, so that an interval means the same for any number of steps.
    """
    low, high = interval
    ratios = masked_ratio(torch.linspace(0.0, 1.0, steps)).clamp(0.0, 1.0)
    # Rounded, since float32 puts a share such as one half on either side of 0.5.
    return [low <= round(ratio, 6) <= high for ratio in ratios.tolist()]


def kept_codes(filter_share: float, codebook_size: int) -> int:
    """Codes per position that survive the filter: 0.9 of 1024 keeps 103 (102.4 rounded up)."""
    return math.ceil((1.0 - filter_share) * codebook_size)
