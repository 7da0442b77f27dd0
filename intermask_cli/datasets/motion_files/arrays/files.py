"""Motion files of arrays: .npy, .npz and .pt, by the names and shapes of what they hold."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.arrays.contents import motion_of_array
from intermask_cli.datasets.motion_files.arrays.layouts import check_motion_shape, is_joints
from intermask_cli.datasets.motion_files.arrays.pickles import pickle_refused
from intermask_cli.datasets.motion_files.arrays.rates import rate_of, rate_of_times
from intermask_cli.datasets.motion_files.arrays.smpl import NamedArrays, smpl_motion
from intermask_cli.datasets.motion_files.arrays.stored import (
    PickledError,
    StoredArrays,
    open_npz,
    read_array,
)
from intermask_cli.datasets.motion_files.arrays.torch_file import TensorFile, read_tensors
from intermask_cli.datasets.motion_files.arrays.video import is_slahmr, slahmr_scene
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import MAX_FRAMES
from intermask_cli.datasets.motion_files.read_options import UP_AXES
from intermask_cli.errors import InputError

#: Names of joints or features, first choice first, in lower case without separators.
_JOINTS = (
    "positions", "joints", "posedjoints", "globalpositions", "jointpositions", "globaljoints", "joints3d",
    "keypoints3d", "keypoints", "kpts3d", "smpljoints", "smplxjoints", "j3d", "pose3d", "xyz", "motion",
    "motions", "features", "data", "arr0",
)  # fmt: skip
#: Parts of names of arrays that have the shape of joints and are something else.
_NOT_JOINTS = (
    "vel",
    "acc",
    "rot",
    "quat",
    "angle",
    "theta",
    "orient",
    "offset",
    "mean",
    "std",
    "conf",
    "local",
    "pose",
)
#: The array in which our own files say where their rotations come from.
_OWN_ROTATIONS = "rotations"
#: Inter-X names its two files of a clip so; they hold no rate and are recorded at this one, Y up.
_INTERX_FILE, _INTERX_FPS = re.compile(r"P[12]\.npz"), 120.0


def read_npy(path: Path) -> FileMotion:
    """Motion of an .npy file: an array of any layout in `layouts`.

    Raises:
        InputError: not such an array, pickled objects, a shape that is not accepted. OSError: not readable.
    """
    with path.open("rb") as stream:
        try:
            array = read_array(stream, path.stat().st_size, check_motion_shape)
        except PickledError as error:
            raise pickle_refused(path) from error
    return motion_of_array(array)


def read_npz(path: Path) -> FileMotion:
    """Motion of an .npz file: joints or features as in an .npy file, or SMPL parameters; and their rate.

    Raises:
        InputError: as `read_npy`; a damaged archive, other arrays, a decompression bomb.
    """
    with open_npz(path) as arrays:
        try:
            motion = _with_own_rotations(_of_joints(arrays), arrays) or smpl_motion(arrays)
            fps = rate_of(arrays.names, lambda name: _number_or_text(arrays, name))
            if fps is None:
                fps = rate_of_times(arrays.names, lambda name: _numbers(arrays, name))
        except PickledError as error:
            raise pickle_refused(path) from error
        if motion is None:
            raise InputError(_nothing_found(arrays))
        if motion.rotations6d is not None and is_slahmr(arrays.names):
            motion = slahmr_scene(motion, arrays)
        motion = replace(motion, up=_up_axis(arrays) or motion.up)
    if fps is None and _INTERX_FILE.fullmatch(path.name):
        kind = f"{motion.kind}, {_INTERX_FPS:g} fps and Y up as in Inter-X's {path.name}"
        return replace(motion, fps=_INTERX_FPS, fps_known=True, up="y", kind=kind)
    return motion if fps is None else replace(motion, fps=fps, fps_known=True)


def read_pt(path: Path) -> FileMotion:
    """Motion of a .pt file: SMPL parameters, such as GVHMR's, whose world is Y up; else joints or features.

    Raises:
        InputError: as `read_npz`.
    """
    tensors: TensorFile = read_tensors(path)
    motion = smpl_motion(tensors)
    motion = _of_joints(tensors) if motion is None else replace(motion, up="y")
    if motion is None:
        raise InputError(_nothing_found(tensors))
    fps = rate_of(tensors.names, tensors.number_or_text)
    return motion if fps is None else replace(motion, fps=fps, fps_known=True)


def _of_joints(arrays: NamedArrays) -> FileMotion | None:
    """Motion of the array of joints or features; None if the file has none."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(arrays.names)}
    name = next((plain[known] for known in _JOINTS if known in plain), None)
    if name is None:
        others = [
            held
            for short, held in plain.items()
            if not any(part in short for part in _NOT_JOINTS) and is_joints(arrays.shape(held))
        ]
        if len(others) > 1:
            raise InputError(
                f"{' and '.join(f'`{held}`' for held in others)} may be joints; keep one, as `joints`"
            )
        if not others:
            return None
        name = others[0]
    motion = replace(motion_of_array(arrays.read(name, check_motion_shape)), array_name=name)
    if name in ("positions", "joints", ""):  # a tensor without a dictionary has no name
        return motion
    return replace(motion, kind=f"{motion.kind} of `{name}`")


def _with_own_rotations(motion: FileMotion | None, arrays: StoredArrays) -> FileMotion | None:
    """Joints with their rotations, in a file that `intermask export` or `convert` wrote."""
    if motion is None or motion.rotations6d is not None or _OWN_ROTATIONS not in arrays.names:
        return motion
    parameters = smpl_motion(arrays)
    if parameters is None or parameters.joints.shape != motion.joints.shape:
        return motion
    return replace(motion, rotations6d=parameters.rotations6d)


def _up_axis(arrays: StoredArrays) -> str | None:
    """The axis that the file names as up, if it does."""
    for name in arrays.names:
        if name.lower().replace("_", "") in ("up", "upaxis"):
            text = (arrays.text(name) or "").lower().removeprefix("+")
            if text not in UP_AXES:
                raise InputError(f"`{name}` {text!r}; accepted: {', '.join(UP_AXES)}")
            return text
    return None


def _number_or_text(arrays: StoredArrays, name: str) -> float | str | None:
    """One number or text under a name; None if it is anything else."""
    shape = arrays.shape(name)
    if shape is None:
        return arrays.text(name)
    return float(arrays.read(name, lambda _: None).item()) if math.prod(shape) == 1 else None


def _numbers(arrays: StoredArrays, name: str) -> np.ndarray | None:
    """The numbers (T,) under a name; None if it is anything else."""
    shape = arrays.shape(name)
    return None if shape is None or len(shape) != 1 else arrays.read(name, _check_times)


def _check_times(shape: tuple[int, ...]) -> None:
    if shape[0] > MAX_FRAMES:
        raise InputError(f"{shape[0]} times; accepted: up to {MAX_FRAMES}")


def _nothing_found(arrays: NamedArrays) -> str:
    """What a file without motion holds, and what it should."""
    held = ", ".join(
        name if (shape := arrays.shape(name)) is None else f"{name} {shape}" for name in arrays.names[:8]
    )
    return (
        "no joints (rename their array to `joints`), and no SMPL parameters (`trans` with `poses`, or with "
        f"`root_orient` and `pose_body`); it holds {held or 'nothing'}"
    )
