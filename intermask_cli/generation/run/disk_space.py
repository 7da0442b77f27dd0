"""The disk space that a run needs: for its parts, and again for the dataset if they are merged into one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from intermask_cli.console import warn
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.run.plan import Part

#: Free space that merging needs, as a multiple of the size of the parts. Measured, the metadata that HDF5
#: adds is far less than five percent.
_MERGE_SPACE = 1.05
#: Largest dataset that becomes one file by itself. Merging copies it in one process, at about 130 MB/s: for
#: this size more than a minute, in which no worker does anything (`python -m benchmarks.scale`).
SINGLE_FILE_BYTES = 10_000_000_000
#: Share that is left of float32 numbers, by `config.STORES`. Exact arrays of random models shrink by a fifth,
#: those of smooth motion by more.
_COMPRESSED = {"rounded": 0.5, "exact": 0.8}


def stays_in_parts(layout: str, size: int) -> bool:
    """Whether a run with `size` bytes of parts is not merged into one file; layout is one of `LAYOUTS`."""
    return layout == "parts" or (layout == "auto" and size > SINGLE_FILE_BYTES)


def estimated_bytes(frames: int, joints: int, store: str) -> int:
    """Size of a dataset: float32 joints and 6-D rotations of two persons, compressed."""
    return round(frames * 2 * 4 * (joints * 3 + (joints - 1) * 6) * _COMPRESSED[store])


def space_for(
    folder: Path, pending: Sequence[Part], frames: int, joints: int, store: str, layout: str = "single"
) -> str:
    """What a run of `frames` frames needs from here on, for a message; a warning where the disk has less."""
    parts = estimated_bytes(sum(item.frames for part in pending for item in part.items), joints, store)
    merged = estimated_bytes(frames, joints, store)
    if stays_in_parts(layout, merged):
        merged = 0
    free = shutil.disk_usage(folder).free
    if free < parts + merged:
        warn(
            f"{folder}: about {parts / 1e6:,.1f} MB are needed for the interactions"
            + (f" and {merged / 1e6:,.1f} MB more to merge them" if merged else "")
            + f"; {free / 1e6:,.1f} MB are free. "
            + (
                "They are then merged in place, part by part"
                if free > parts * _MERGE_SPACE
                else "What is made stays if the disk is full; the same command then continues"
            )
        )
    return f"about {(parts + merged) / 1e6:,.1f} MB of disk space"


def has_merge_space(folder: Path, needed: int) -> bool:
    """Whether a file of that many bytes fits onto the disk of a folder."""
    return shutil.disk_usage(folder).free >= needed * _MERGE_SPACE


def check_merge_space(folder: Path, needed: int) -> None:
    """IntermaskError unless a file of that many bytes fits onto the disk of a folder."""
    if not has_merge_space(folder, needed):
        free = shutil.disk_usage(folder).free
        raise IntermaskError(
            f"{folder}: merging needs {needed / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free; "
            "free some space and run the same command again, or merge on another disk: "
            f"intermask merge {folder} --out OTHER"
        )
