"""What a pair takes on disk, rounded and exact, and how far rounding moves it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.timing import in_turns, summary
from intermask_cli import load_model
from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.datasets.rounding import rounded
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.rig import rig_in

EXACT, ROUNDED = "exact", "rounded"


@dataclass(frozen=True)
class StorageSizes:
    """How many pairs of how many frames, and rounds of writing."""

    model: str = "duet-mini"
    text_encoder: str | None = None
    texts: tuple[str, ...] = (
        "two people shake hands", "one person kicks the other", "two people dance", "they hug",
        "they walk side by side", "two people talk",
    )  # fmt: skip
    frames: int = 150
    rounds: int = 5


def measure(sizes: StorageSizes) -> dict[str, Any]:
    """Bytes and seconds of writing per pair, and the largest distances in millimetres."""
    model = load_model(sizes.model, sizes.text_encoder, "cpu")
    made = model.generate(list(sizes.texts), sizes.frames, seeds=list(range(len(sizes.texts))))
    stored = [rounded(item) for item in made]
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.h5" for name in (EXACT, ROUNDED)}
        runs = {
            EXACT: lambda: write_dataset(paths[EXACT], made),
            ROUNDED: lambda: write_dataset(paths[ROUNDED], [rounded(item) for item in made]),
        }
        found = summary(in_turns("writing", runs, sizes.rounds))
        for name, row in found.items():
            row["bytes_per_pair"] = paths[name].stat().st_size / len(made)
    moved = [np.linalg.norm(a.joints - b.joints, axis=-1).max() for a, b in zip(made, stored, strict=True)]
    return {
        "pairs": len(made), "frames": sizes.frames, "runs": found,
        "times_smaller": found[EXACT]["bytes_per_pair"] / found[ROUNDED]["bytes_per_pair"],
        "joints_moved_mm": 1000 * float(max(moved)),
        "off_body_mm": 1000 * max(map(_off_body_m, stored)),
    }  # fmt: skip


def _off_body_m(item: Interaction) -> float:
    """Largest distance of a rigid person's joints from their forward kinematics."""
    apart = [
        np.linalg.norm(rig_in(item.motion, person).joints - item.joints[person], axis=-1).max()
        for person in range(item.motion.persons)
        if item.rigid[person]
    ]
    return float(max(apart, default=0.0))
