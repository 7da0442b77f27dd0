"""How the cost of a model grows with frames, steps, batch and number of prompts, with fitted exponents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.speed.timing import exponent, in_turns, summary
from intermask_cli import load_model

#: What is varied, one series each.
VARIED = ("frames", "steps", "batch", "prompts")


@dataclass(frozen=True)
class GrowthSizes:
    """What is varied, and what stays."""

    model: str = "duet-mini"
    text_encoder: str | None = None
    frames: tuple[int, ...] = (40, 80, 160, 300)
    steps: tuple[int, ...] = (5, 10, 20, 40)
    batch: tuple[int, ...] = (1, 2, 4, 8)
    prompts: tuple[int, ...] = (2, 4, 8, 16)
    usual_frames: int = 120
    usual_steps: int = 10
    rounds: int = 2


def measure(sizes: GrowthSizes, device: str = "cpu") -> dict[str, Any]:
    """Seconds and exponent per varied quantity; text encoding is done before anything is timed."""
    model = load_model(sizes.model, sizes.text_encoder, device)

    def sampling(frames: int, steps: int, clips: int, together: int) -> None:
        settings = replace(model.info.sampling, steps=steps)
        model.generate(["two people bow"] * clips, frames, sampling=settings, batch_size=together)

    usual, few = sizes.usual_frames, sizes.usual_steps
    series: dict[str, dict[int, Callable[[], object]]] = {
        "frames": {n: _bound(sampling, n, few, 1, 1) for n in sizes.frames},
        "steps": {n: _bound(sampling, usual, n, 1, 1) for n in sizes.steps},
        "batch": {n: _bound(sampling, usual, few, n, n) for n in sizes.batch},
        "prompts": {n: _bound(sampling, usual, few, n, 4) for n in sizes.prompts},
    }
    sampling(usual, 2, 1, 1)
    settle = None if device == "cpu" else torch.cuda.synchronize
    found: dict[str, Any] = {"model": model.info.name, "usual": {"frames": usual, "steps": few, "clips": 1}}
    for name, runs in series.items():
        rows = summary(in_turns(name, {str(n): run for n, run in runs.items()}, sizes.rounds, settle))
        found[name] = {"runs": rows, "exponent": exponent(list(runs), [row["min"] for row in rows.values()])}
    return found


def _bound(function: Callable[..., None], *values: int) -> Callable[[], object]:
    return lambda: function(*values)
