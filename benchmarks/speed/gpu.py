"""Figures of a CUDA device; this section is left out where there is none. It was never run on one yet.

`python -m benchmarks.speed.gpu --device cpu --tiny` tries it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.machine import matrix_peak
from benchmarks.speed.published_loop import flops_per_pass
from benchmarks.speed.sampling import PLAIN, PRECISION, Contest
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import TransformerConfig

DEVICE = "cuda:0"
#: For trying the section where there is no GPU.
TINY_NETWORK = TransformerConfig(
    codebook_size=16, code_dim=8, latent_dim=16, heads=2, layers=1, ff_dim=16, text_dim=8, text_width=8,
    text_heads=2, text_ff=8,
)  # fmt: skip


@dataclass(frozen=True)
class GpuSizes:
    """Full-size network, 300 frames, 20 steps."""

    config: TransformerConfig = field(default_factory=TransformerConfig)
    tokens: int = 75
    steps: int = 20
    rounds: int = 5
    batches: tuple[int, ...] = (1, 4, 16, 64, 128)
    peak: int = 8192  # side of the matrices whose product is the peak


TINY = GpuSizes(TINY_NETWORK, 3, 2, 1, (1, 2), 64)


def measure(sizes: GpuSizes, device: str | None = None) -> dict[str, Any] | None:
    """Latency of one clip, throughput against batch size; None without a CUDA device.

    `device` is the first CUDA device, or "cpu" to try the section.
    """
    if device is None and not torch.cuda.is_available():
        return None
    device = device or DEVICE
    peaks = {
        name: matrix_peak(device, kind, sizes.peak)
        for name, kind in (("float32", torch.float32), ("bf16", torch.bfloat16))
    }
    one = Contest(sizes.config, [sizes.tokens], sizes.steps, device)
    latency = one.row("one clip", sizes.rounds, peaks)
    throughput = {str(batch): _throughput(sizes, batch, peaks, device) for batch in sizes.batches}
    best = max(row["clips_per_second"] for rows in throughput.values() for row in rows.values())
    plain = 1 / latency["runs"][PLAIN]["min"]
    return {
        "device": "cpu" if device == "cpu" else torch.cuda.get_device_name(device),
        "matrix_peak_gflops": peaks, "latency": latency,
        "throughput": throughput, "best_against_plain_batch_1": best / plain,
    }  # fmt: skip


def _throughput(sizes: GpuSizes, batch: int, peaks: dict[str, float], device: str) -> dict[str, Any]:
    contest = Contest(sizes.config, [sizes.tokens] * batch, sizes.steps, device)
    runs = {name: run for name, run in contest.runs().items() if name != PLAIN}
    settle = None if device == "cpu" else torch.cuda.synchronize
    memory: dict[str, float] = {}
    for name, run in runs.items():
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats(device)
        run()
        memory[name] = 0.0 if device == "cpu" else torch.cuda.max_memory_allocated(device) / 2**20
    found = summary(in_turns(f"batch {batch}", runs, max(2, sizes.rounds // 2), settle))
    work = batch * 2 * sizes.steps * flops_per_pass(sizes.config, sizes.tokens)
    for name, row in found.items():
        row["clips_per_second"] = batch / row["min"]
        row["frames_per_second"] = 4 * sizes.tokens * batch / row["min"]
        row["tokens_per_second"] = 10 * sizes.tokens * batch / row["min"]
        row["share_of_matrix_peak"] = work / row["min"] / 1e9 / peaks[PRECISION[name]]
        row["peak_mib"] = memory[name]
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.speed.gpu", description=__doc__)
    parser.add_argument("--device", default=DEVICE)
    parser.add_argument("--tiny", action="store_true", help="sizes of a few seconds")
    options = parser.parse_args(arguments)
    print(json.dumps(measure(TINY if options.tiny else GpuSizes(), options.device)))


if __name__ == "__main__":
    main()
