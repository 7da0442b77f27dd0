"""How long a sampling step takes on this machine's CPU, before the first one is run.

Models of full size take minutes for a step on a CPU, in which no progress can be shown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, PERSONS, TransformerConfig
from intermask_cli.inference.batch_size import BatchSize
from intermask_cli.models.bundle_info import BundleInfo

#: Rows of the product that is timed: a few hundred reach the speed of thousands.
_ROWS = 512
#: What is not a product of matrices also takes time. Measured on one core with transformers 384 and 768 wide:
#: steps take 0.9 to 1.4 times what their products alone would.
_OVER_PRODUCTS = 1.3
#: Seconds of a first batch that are worth a line before it.
WORTH_A_LINE = 60.0


@dataclass(frozen=True)
class StepCost:
    """What one sampling step of a batch takes: seconds, and the memory of the batch in bytes."""

    seconds: float
    memory: int

    def line(self, items: int, frames: int, steps: int) -> str | None:
        """What to say before the first batch; None where it is done within a minute."""
        total = self.seconds * steps
        if total < WORTH_A_LINE:
            return None
        return (
            f"the first batch, {items} clips of {frames} frames, takes about {total / 60:.0f} minutes: "
            f"{steps} steps at {60 / self.seconds:.1f} per minute, {self.memory / 1e9:.1f} GB of memory; "
            "progress is shown after it (--batch-size 1 shows it sooner)"
        )


def operations_per_step(net: TransformerConfig, items: int, tokens: int, passes: float) -> float:
    """Multiplications and additions of a step with a number of passes of the network, for clips of `tokens`
    tokens per body row."""
    everyone = PERSONS * BODY_ROWS * tokens
    # Four attentions and two feed-forward layers in a block, and the scores of all tokens with all.
    block = 16 * net.latent_dim**2 + 4 * net.latent_dim * net.ff_dim + 2 * everyone * net.latent_dim
    weights = net.layers * block + net.codebook_size * net.latent_dim
    return 2.0 * weights * everyone * items * passes


def operations_per_second(net: TransformerConfig) -> float:
    """Speed of this process's threads, from a product of the model's own widths."""
    a, b = torch.rand(_ROWS, net.latent_dim), torch.rand(net.latent_dim, net.ff_dim)
    a @ b  # the first call starts threads
    started = time.perf_counter()
    a @ b
    return 2.0 * a.numel() * net.ff_dim / max(time.perf_counter() - started, 1e-9)


def step_cost(info: BundleInfo, items: int, frames: int, passes: float) -> StepCost:
    """The cost of a step on the CPU; of clips longer than the model's window, of all their windows.

    `passes` of the network in a step: 2 with guidance, a mean where only some steps are guided.
    """
    longest = info.max_frames // FRAMES_PER_TOKEN
    tokens = max(1, frames // FRAMES_PER_TOKEN)
    windows = -(-tokens // longest)
    window = min(tokens, longest)
    work = windows * operations_per_step(info.transformer, items, window, passes)
    memory = items * BatchSize(info, "cpu", 0).bytes_per_clip(window)
    return StepCost(_OVER_PRODUCTS * work / operations_per_second(info.transformer), memory)
