"""Sizes of evaluators small enough for tests, a random duet evaluator, and a protocol for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from evaluators.networks.bundle import network_config, save_evaluator
from evaluators.networks.bundle_info import EvaluatorInfo
from evaluators.networks.duet import DuetEval, DuetEvalConfig
from evaluators.networks.interclip import InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig
from evaluators.protocols.protocol import CLIPS_INTERVAL, DIFFERENT_SAMPLES, Protocol

SIZES = DuetEvalConfig(
    width=16, layers=1, heads=2, ff=24, text_dim=12, text_layers=1, out_dim=6, max_frames=400
)
TINY_INTERCLIP = InterClipConfig(
    text=TowerConfig(16, 2, 8, 24),
    motion=MotionTowerConfig(24, 1, 8, 32),
    vocabulary=50,
    context=9,
    out_dim=12,
)
TINY_INTERX = InterXConfig(6, 8, 10, 12, 20, 15, 5)
#: Small pools and few pairs, so that a handful of clips makes a score.
TINY = Protocol(
    name="duets", pool_size=3, fid_scale=1.0, distance_scale=1.0, repetitions=2, diversity_pairs=4,
    mm_captions=2, mm_samples=3, mm_pairs=2,
    duplicates="every motion whose own caption says at least as much", mm_draw=DIFFERENT_SAMPLES,
    interval=CLIPS_INTERVAL,
)  # fmt: skip


def save_tiny_evaluator(folder: Path, text_encoder: dict[str, Any], **changes: Any) -> Path:
    """A bundle of random weights; `text_encoder` is {id, sha256, dim} of a 12-wide encoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = DuetEval(SIZES)
    values: dict[str, Any] = {
        "name": "tiny-eval", "architecture": "duet", "network": network_config(network), "protocol": "duets",
        "text_encoder": text_encoder,
    }  # fmt: skip
    save_evaluator(folder, EvaluatorInfo(**(values | changes)), network, "# tiny\n")
    return folder
