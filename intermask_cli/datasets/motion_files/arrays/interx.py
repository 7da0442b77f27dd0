"""Inter-X: its features, and clips of its HDF5 files, on the stand-in body, since SMPL-X is licensed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from intermask_cli.datasets.hdf5_arrays import local_item, unreadable
from intermask_cli.datasets.motion_files.arrays.layouts import check_length
from intermask_cli.datasets.motion_files.arrays.stored import one_line
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import check_finite
from intermask_cli.errors import InputError
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.representation import interx
from intermask_cli.motion.rotation import matrix_from_sixd_rows, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Shape of a clip in the HDF5 files, without the frames.
CLIP_SHAPE = (interx.FEATURE_ROWS, 6)
#: Largest difference from 1 in the row lengths of Inter-X features; axis-angles on disk differ by more.
_UNIT_ROWS = 0.2
#: Names of clips listed in a message.
_LISTED = 4


def interx_motion(array: np.ndarray) -> FileMotion:
    """Features of one person (T, 56, 6) or two (T, 56, 12), or a clip as on disk (T, 56, 6).

    Unit rows distinguish features from the axis-angles of a clip on disk.
    """
    rows = np.linalg.norm(array[:, :-1, :3], axis=-1)
    persons: tuple[np.ndarray, ...]
    if array.shape[2] == 12:
        persons = interx.split_persons(array)
        kind = f"Inter-X features (T, {interx.FEATURE_ROWS}, 12)"
    elif np.abs(rows - 1).max() < _UNIT_ROWS:
        persons, kind = (array,), f"Inter-X features (T, {interx.FEATURE_ROWS}, 6)"
    else:
        both = interx.persons_from_processed(array)
        persons = tuple(interx.person_features(person) for person in both)
        kind = f"Inter-X clip (T, {interx.FEATURE_ROWS}, 6)"
    features = np.stack(persons)
    joints = interx.joints_from_features(features, stand_in_body())[:, :, :NUM_JOINTS]
    body = matrix_from_sixd_rows(features[:, :, 1:NUM_JOINTS].astype(np.float64))
    return FileMotion(joints.astype(np.float64), sixd_columns_from_matrix(body), kind)


def clip_names(file: h5py.File) -> list[str]:
    """Names of the clips in an HDF5 file of Inter-X; empty for any other file."""
    return [
        name
        for name in file
        if isinstance(held := local_item(file, name), h5py.Dataset)
        and len(held.shape) == 3
        and held.shape[1:] == CLIP_SHAPE
    ]


def read_clip(path: Path, name: str | None) -> FileMotion | None:
    """One clip of an HDF5 file of Inter-X; None if it is another file.

    Raises:
        InputError: no such clip, or none chosen of several.
    """
    try:
        opened = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"not a readable HDF5 file ({one_line(error)})") from error
    with opened as file:
        names = clip_names(file)
        if not names or "format" in file.attrs:
            return None
        if name is None and len(names) == 1:
            name = names[0]
        if name not in names:
            problem = "no clip named" if name is None else f"no clip '{name}'"
            listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
            raise InputError(f"{problem}; it holds {len(names)}: {listed}; choose one as FILE.h5#NAME")
        check_length(file[name].shape[0])
        if (refused := unreadable(file[name])) is not None:
            raise InputError(f"clip '{name}' {refused}")
        clip = file[name][...].astype(np.float64)
    check_finite(clip.reshape(1, len(clip), -1), "column")
    return interx_motion(clip)
