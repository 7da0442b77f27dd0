"""The kernels of attention by shape, in bfloat16 on a CPU, where the faster one is chosen by shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import torch

from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import BODY_ROWS, PERSONS, TransformerConfig
from intermask_cli.models import layers

FUSED, WRITTEN = "fused", "written out"


def measure(config: TransformerConfig, tokens: int, rounds: int) -> list[dict[str, Any]]:
    """One row for each attention of a block over one clip: sequences, keys, kernels, and the chosen one."""
    person = BODY_ROWS * tokens
    shapes = {
        "both persons": (1, PERSONS * person + 1), "partner": (PERSONS, person),
        "time": (PERSONS * BODY_ROWS, tokens), "rows": (PERSONS * tokens, BODY_ROWS),
    }  # fmt: skip
    return [
        {"name": name, "sequences": sequences, "keys": keys, **_row(config, name, sequences, keys, rounds)}
        for name, (sequences, keys) in shapes.items()
    ]


def _row(config: TransformerConfig, name: str, sequences: int, keys: int, rounds: int) -> dict[str, Any]:
    shape = (sequences, keys, config.heads, config.latent_dim // config.heads)
    q, k, v = (torch.randn(shape, dtype=torch.bfloat16).transpose(1, 2) for _ in range(3))

    def run(fused: bool) -> None:
        with torch.inference_mode(), mock.patch.object(layers, "runs_fused", lambda *_: fused):
            layers.attention(q, k, v)

    runs: dict[str, Callable[[], object]] = {FUSED: lambda: run(True), WRITTEN: lambda: run(False)}
    for once in runs.values():
        once()
    chosen = FUSED if layers.runs_fused(q.device, q.dtype, keys, False) else WRITTEN
    return {"runs": summary(in_turns(f"attention, {name}", runs, rounds), WRITTEN), "chosen": chosen}
