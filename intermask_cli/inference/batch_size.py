"""How many clips are sampled together: by formula, from model size, clip length and free memory.

Nothing is probed. The formula errs on the large side, and a batch that still runs out of memory is halved
(`generation.workers.engine`). Results do not depend on the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, PERSONS
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.tokenizer import PLANES

#: Tokens in a batch beyond which little is gained. CPU: measured, duet-mini on one core (a single clip costs
#: 25 to 40 % more; 6,000 tokens take 6 % less than 1,500). GPU: an estimate, eighty clips of ten seconds.
FAST_TOKENS = {"cpu": 4096, "cuda": 65_536}
#: Share of the memory that is free when the model has been loaded; the rest is for the process and others.
SHARE = {"cpu": 0.5, "cuda": 0.8}
# The counts below are arrays that exist at the same time, at the peak; a test measures all but the decoder's.

#: Arrays (tokens, d) in a block of the transformer.
STREAMS = 12
#: Further arrays (tokens, d) where each person has a text vector (`transformer.per_token`).
SPREAD = 12
#: Arrays (tokens, ff) in a block.
HIDDEN = 2
#: Attention scores (heads, tokens, tokens) in a block, where they are written out.
SCORES = 2
#: Arrays (tokens, K) in float32 around the draw; a Gumbel draw takes most.
LOGITS = 8
#: Feature maps of the decoder.
MAPS = 4
#: Bytes of a number in float32, and in bfloat16 or float16.
FLOAT, HALF = 4, 2


@dataclass(frozen=True)
class BatchSize:
    """Tokens per body row -> clips sampled together; longer clips count as one window of the model."""

    info: BundleInfo
    device: str  # type: cpu or cuda
    free: int  # bytes this worker may take
    half_precision: bool = False

    @classmethod
    def fitting(
        cls, info: BundleInfo, device: torch.device, dtype: torch.dtype, workers: int = 1
    ) -> BatchSize:
        """The rule for a model that is loaded already, from the memory that is free now.

        `workers` processes, this one included, share the device.
        """
        share = SHARE.get(device.type, SHARE["cuda"])
        return cls(info, device.type, int(free_memory(device) * share) // workers, dtype != torch.float32)

    def __call__(self, tokens: int) -> int:
        tokens = max(1, min(tokens, self.info.max_frames // FRAMES_PER_TOKEN))
        fast = FAST_TOKENS.get(self.device, FAST_TOKENS["cuda"]) // (PERSONS * BODY_ROWS * tokens)
        return max(1, min(fast, self.free // self.bytes_per_clip(tokens)))

    def bytes_per_clip(self, tokens: int) -> int:
        """Memory one clip adds to a batch at its peak, in sampling or in decoding."""
        net, plane = self.info.transformer, PLANES[self.info.representation.name]
        everyone = PERSONS * BODY_ROWS * tokens
        size = HALF if self.half_precision else FLOAT
        vectors = PERSONS if net.person_condition else 1
        block = (STREAMS + SPREAD * (vectors - 1)) * net.latent_dim + HIDDEN * net.ff_dim
        if self.half_precision and self.device == "cpu":  # attention written out (`layers.attention`)
            block += SCORES * net.heads * everyone
        sampled = everyone * max(block * size, LOGITS * net.codebook_size * FLOAT)
        # `transformer.Modulation` of every text, and stacked
        sampled += 2 * vectors * (20 * net.layers + 2) * net.latent_dim * size
        if self.device == "cpu":  # where persons are decoded one after the other
            return sampled
        maps = PERSONS * MAPS * self.info.tokenizer.width * plane.joints * FRAMES_PER_TOKEN * tokens
        return max(sampled, maps * FLOAT)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device; on the CPU what the system and the control group leave."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    available: int = psutil.virtual_memory().available
    unused = _unused_of_control_group()
    return available if unused is None else min(available, unused)


def _unused_of_control_group() -> int | None:
    """Bytes that the control group (container, Slurm job) may still take; None if it has no limit."""
    limit, used = _lines("/sys/fs/cgroup/memory.max"), _lines("/sys/fs/cgroup/memory.current")
    if not limit or not used or not limit[0].isdigit():
        return None
    return max(1, int(limit[0]) - int(used[0]))


def _lines(path: str) -> list[str]:
    """The lines of a file of the control group; [] where the system has none."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
