"""A contact sheet of a few clips as decoded and as solved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intermask_cli.export.pictures.contact_sheet import contact_sheet

#: Benchmark prompts that are drawn (from 1) and the frames: a hug, a kick, and two people who walk.
SHOWN = {24: (0, 112), 34: (40, 110), 59: (20, 80)}


def draw(before: Sequence[np.ndarray], after: Sequence[np.ndarray], path: Path) -> None:
    """Rows of joints (2, T, 22, 3) of the prompts `SHOWN`, in their order, before and after."""
    rows, captions = [], []
    for (number, (start, stop)), pair in zip(SHOWN.items(), zip(before, after, strict=True), strict=True):
        for joints, name in zip(pair, ("decoded", "solved"), strict=True):
            rows.append(joints[:, start:stop])
            captions.append(f"bench-{number:02d}, {name}")
    contact_sheet(rows, path, captions, columns=7)
