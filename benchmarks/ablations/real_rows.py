"""Rows nobody trains: the held-out clips, other real clips, and the held-out clips through the tokenizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.ablations.judge import Judge, hand_gap_mm
from benchmarks.ablations.settings import Row
from benchmarks.ablations.workplace import Workplace
from intermask_cli.console import counter
from intermask_cli.inference.model import InteractionModel


def run(place: Workplace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Figures of a row of real motion; nothing in it is random but the pools of R-Precision."""
    judge = place.judge
    if row.variant == "truth":
        return judge.motions([clip.joints for clip in judge.clips])
    if row.variant == "other":
        return judge.embedded(judge.other_real())
    assert row.variant == "reconstruction", row.variant
    return reconstructed(place.apart, judge)


def reconstructed(model: InteractionModel, judge: Judge) -> dict[str, float]:
    """The held-out clips through the tokenizer and back."""
    made = []
    with counter("reconstruct", len(judge.clips), "clips") as progress:
        for clip in judge.clips:
            made.append(model.reconstruct(clip.joints, clip.rotations6d, check_body=False).joints)
            progress.advance()
    return {**errors(made, judge), **judge.motions(made)}


def errors(made: list[np.ndarray], judge: Judge) -> dict[str, float]:
    """Joint error without alignment, and that of the distance of joined hands, in mm."""
    pairs = list(zip(made, judge.clips, strict=True))
    distances = [np.linalg.norm(joints - clip.joints, axis=-1).ravel() for joints, clip in pairs]
    gaps = np.concatenate([hand_gap_mm(joints, clip) for joints, clip in pairs])
    return {
        "mpjpe_mm": 1000 * float(np.concatenate(distances).mean()),
        "hand_gap_mm": float(gaps.mean()) if len(gaps) else float("nan"),
    }
