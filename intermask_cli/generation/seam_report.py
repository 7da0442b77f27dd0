"""How smooth a run's long clips are where windows meet, from what was measured when they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.motion.skeleton import FPS


def seam_lines(folder: Path, longest_frames: int) -> list[str]:
    """One line about the seams of clips longer than a window; none where there are no such clips."""
    if not (folder / FILE_NAME).is_file():  # other shards are missing
        return []
    clips, rows, ratios = 0, [], {}
    with InteractionFile(folder) as dataset:
        for id, frames in zip(dataset.ids, dataset.column("frames"), strict=True):
            # Only the long ones are opened: a run can have hundreds of thousands of others.
            seams = np.array(dataset.seams(id) if frames > longest_frames else ())
            if len(seams):
                clips += 1
                rows.append(seams)
                ratios[id] = seams[:, 2] / np.maximum(seams[:, 3], 1e-9)
    if not clips:
        return []
    _, _, near, elsewhere = np.concatenate(rows).mean(axis=0)
    worst = max(ratios, key=lambda id: ratios[id].max())
    at = int(ratios[worst].argmax())
    frame = int(rows[list(ratios).index(worst)][at, 0])
    return [
        f"{clips:,} clips longer than {longest_frames / FPS:g} s were made window by window: mean jerk "
        f"{near:.1f} m/s³ at {sum(map(len, rows)):,} seams, {elsewhere:.1f} elsewhere; the worst seam, frame "
        f"{frame} of {worst}, has {ratios[worst][at]:.2f} times that of its clip"
    ]
