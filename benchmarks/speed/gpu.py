"""Figures of a CUDA device; this section is left out where there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.machine import matrix_peak
from benchmarks.speed.published_loop import flops_per_pass
from benchmarks.speed.sampling import PLAIN, PRECISION, Contest
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import TransformerConfig

DEVICE = "cuda:0"


@dataclass(frozen=True)
class GpuSizes:
    """Full-size network, 300 frames, 20 steps."""

    config: TransformerConfig = field(default_factory=TransformerConfig)
    tokens: int = 75
    steps: int = 20
    rounds: int = 5
    batches: tuple[int, ...] = (1, 4, 16, 64, 128)


def measure(sizes: GpuSizes) -> dict[str, Any] | None:
    """Latency of one clip, throughput against batch size; None without a CUDA device."""
    if not torch.cuda.is_available():
        return None
    peaks = {
        "float32": matrix_peak(DEVICE, torch.float32, 8192),
        "bf16": matrix_peak(DEVICE, torch.bfloat16, 8192),
    }
    one = Contest(sizes.config, [sizes.tokens], sizes.steps, DEVICE)
    latency = one.row("one clip on the GPU", sizes.rounds, peaks)
    throughput = {str(batch): _throughput(sizes, batch, peaks) for batch in sizes.batches}
    best = max(row["clips_per_second"] for rows in throughput.values() for row in rows.values())
    plain = 1 / latency["runs"][PLAIN]["min"]
    return {
        "device": torch.cuda.get_device_name(0), "matrix_peak_gflops": peaks, "latency": latency,
        "throughput": throughput, "best_against_plain_batch_1": best / plain,
    }  # fmt: skip


def _throughput(sizes: GpuSizes, batch: int, peaks: dict[str, float]) -> dict[str, Any]:
    contest = Contest(sizes.config, [sizes.tokens] * batch, sizes.steps, DEVICE)
    runs = {name: run for name, run in contest.runs().items() if name != PLAIN}
    for run in runs.values():
        run()
    found = summary(in_turns(f"batch {batch}", runs, max(2, sizes.rounds // 2), torch.cuda.synchronize))
    work = batch * 2 * sizes.steps * flops_per_pass(sizes.config, sizes.tokens)
    for name, row in found.items():
        row["clips_per_second"] = batch / row["min"]
        row["frames_per_second"] = 4 * sizes.tokens * batch / row["min"]
        row["tokens_per_second"] = 10 * sizes.tokens * batch / row["min"]
        row["share_of_matrix_peak"] = work / row["min"] / 1e9 / peaks[PRECISION[name]]
    return found
