"""Items of our own interactions.h5, and clips of Inter-X's HDF5 files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.motion_files.arrays.interx import read_clip
from intermask_cli.datasets.motion_files.arrays.layouts import check_motion_shape
from intermask_cli.datasets.motion_files.arrays.stored import DAMAGE, one_line
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import check_finite
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import NUM_JOINTS


def read_h5(path: Path, item: str | None) -> FileMotion:
    """Motion of one item of an interactions.h5 file or one clip of Inter-X's; `item` may be None if alone.

    Raises:
        InputError: damaged file, no such item, arrays that do not fit.
    """
    try:
        if (clip := read_clip(path, item)) is not None:
            return clip
        with InteractionFile(path) as dataset:
            item = _item_id(dataset, item)
            persons, frames, joints, axes = dataset.shapes(item)["joints"]
            # Of an Inter-X body only the first 22 joints are used.
            check_motion_shape((persons, frames, min(joints, NUM_JOINTS), axes))
            stored, fps = dataset.read(item), dataset.fps
    except DAMAGE as error:
        raise InputError(f"damaged HDF5 file ({one_line(error)})") from error
    rotations = stored.rotations6d
    if rotations is not None:
        if rotations.shape != (persons, frames, NUM_JOINTS - 1, 6):
            raise InputError(f"rotations6d of shape {rotations.shape} do not fit {frames} frames")
        check_finite(rotations, "rotation")
        rotations = rotations.astype(np.float64)
    positions = stored.joints[:, :, :NUM_JOINTS].astype(np.float64)
    return FileMotion(positions, rotations, f"interaction {item}", fps)


def _item_id(dataset: InteractionFile, item: str | None) -> str:
    """The id to read: `item`, or the only one of the file."""
    ids = dataset.ids
    if item is None and len(ids) == 1:
        return ids[0]
    if item is None or item not in ids:
        problem = "no item named" if item is None else f"no item '{item}'"
        raise InputError(
            f"{problem}; it holds {len(ids)}: {', '.join(ids[:4])}{', ...' if len(ids) > 4 else ''}; "
            "choose one as FILE.h5#ID"
        )
    return item
