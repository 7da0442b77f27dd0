"""An array whose layout is known -> the joints and rotations that it holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intermask_cli.datasets.motion_files.arrays.interx import interx_motion
from intermask_cli.datasets.motion_files.arrays.layouts import JOINT_COUNTS, Layout, layout_of
from intermask_cli.datasets.motion_files.arrays.refused_shapes import likely_content
from intermask_cli.datasets.motion_files.arrays.smpl import motion_x_motion
from intermask_cli.datasets.motion_files.body_likeness import bones_vary, check_denormalised
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import check_finite
from intermask_cli.errors import InputError
from intermask_cli.motion.representation import humanml3d
from intermask_cli.motion.representation.interhuman import (
    NUM_FEATURES,
    RAW_COLUMNS,
    joints_from_features,
    loaded_from_raw492,
    rotations6d_from_features,
)
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Length below which a column of a rotation matrix, which should have length 1, has no usable direction.
_SHORTEST_COLUMN = 0.1


def motion_of_array(array: np.ndarray, fps: float | None = None) -> FileMotion:
    """Motion of an array of any layout in `layouts`; fps: what the file says, None if it says nothing.

    Raises:
        InputError: another shape, NaN or infinity in features, normalised features.
    """
    layout = layout_of(array.shape)
    arranged = layout.arranged(array)  # (P, T, ...)
    if layout.content not in ("joints", "demo"):  # joints are checked with their names, when all is read
        check_finite(arranged.reshape(*arranged.shape[:2], -1), "column")
    motion = _motion(arranged, layout)
    if layout.content == "joints" and array.ndim == len(layout.axes):
        motion = replace(motion, joint_axis=layout.axes.index("J"))
    return motion if fps is None else replace(motion, fps=fps, fps_known=True)


def _motion(array: np.ndarray, layout: Layout) -> FileMotion:
    if layout.content == "joints":
        return _from_joints(array)
    if layout.content == "demo":
        return _from_demo(array)
    if layout.content == "interx":
        return interx_motion(array[0])
    if layout.content == "interhuman":
        return _from_interhuman(array)
    if layout.content == "raw":
        return _from_raw(array)
    if layout.content == "humanml3d":
        joints = check_denormalised(humanml3d.joints_from_features(array), humanml3d.rotation_columns(array))
        kind = f"HumanML3D features (T, {humanml3d.NUM_FEATURES})"
        return FileMotion(joints, None, kind, fps=humanml3d.FPS, fps_known=True)
    if layout.content == "motion-x":
        return motion_x_motion(array)
    return _from_columns(array)


def _from_joints(array: np.ndarray) -> FileMotion:
    """(P, T, J, 3) of a skeleton whose first 22 joints are ours."""
    count = array.shape[2]
    kind = f"joints (T, {count}, 3)" if count == NUM_JOINTS else f"{count} joints of {JOINT_COUNTS[count]}"
    return FileMotion(array[:, :, :NUM_JOINTS], None, kind, fps_known=False)


def _from_columns(array: np.ndarray) -> FileMotion:
    """(P, T, 3 J): joints in one row, which are rigid, or rotations, which are not."""
    joints = array.reshape(*array.shape[:2], -1, 3)
    if bones_vary(joints[:, :, :NUM_JOINTS]):
        columns = array.shape[-1]
        likely = likely_content((array.shape[1], columns)) or ", most likely axis-angle rotations"
        raise InputError(f"shape (T, {columns}) without rigid bones{likely}")
    return replace(_from_joints(joints), kind=f"joints in one row (T, {array.shape[-1]})")


def _from_demo(array: np.ndarray) -> FileMotion:
    """Positions and 6-D rotations (P, T, 22, 9) as the published demo writes them; the root's are zeros."""
    check_finite(array, "joint")
    joints, rotations = array[..., :3], array[..., 1:, 3:]
    kind = f"the published demo's (T, {NUM_JOINTS}, 9)"
    lengths = np.linalg.norm(rotations.reshape(*rotations.shape[:-1], 3, 2), axis=-2)  # (P, T, 21, 2)
    if lengths.min() < _SHORTEST_COLUMN:
        return FileMotion(joints, None, f"{kind}, without usable rotations")
    return FileMotion(joints, rotations, kind)


def _from_interhuman(array: np.ndarray) -> FileMotion:
    """Features (P, T, 262), or of two people in one row (1, T, 524)."""
    if array.shape[-1] != NUM_FEATURES:
        array = array.reshape(*array.shape[:2], 2, NUM_FEATURES)[0].swapaxes(0, 1)  # (2, T, 262)
    rotations = rotations6d_from_features(array)
    columns = np.swapaxes(rotations.reshape(*rotations.shape[:-1], 3, 2), -1, -2)
    joints = check_denormalised(joints_from_features(array), columns)
    return FileMotion(joints, rotations, f"features (T, {NUM_FEATURES})")


def _from_raw(array: np.ndarray) -> FileMotion:
    """Files of InterHuman (P, T, 492), Z up."""
    loaded = np.stack([loaded_from_raw492(raw) for raw in array]).astype(np.float64)  # (P, T, 192)
    joints = loaded[..., : 3 * NUM_JOINTS].reshape(*loaded.shape[:2], NUM_JOINTS, 3)
    rotations = loaded[..., 3 * NUM_JOINTS :].reshape(*loaded.shape[:2], NUM_JOINTS - 1, 6)
    return FileMotion(joints, rotations, f"raw InterHuman (T, {RAW_COLUMNS})", up="z")
