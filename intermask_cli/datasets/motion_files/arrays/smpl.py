"""Parameters of SMPL, SMPL-H and SMPL-X bodies -> joints of our own body.

The models are licensed, so the shape of the file's body is not known: rotations turn our rest skeleton of
1.70 m. The rest place of the pelvis is known well enough for `trans` to be what it is in these models: the
pelvis is at `trans` plus that place, in the axes of the file, whatever the pose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from intermask_cli.datasets.motion_files.arrays.layouts import MAX_PERSONS, check_length
from intermask_cli.datasets.motion_files.arrays.smpl_names import Parameters, parameters_of_people
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import MIN_FRAMES, check_finite
from intermask_cli.errors import InputError
from intermask_cli.motion.body_model import PELVIS_IN_REST
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import (
    matrix_from_axis_angle,
    matrix_from_columns,
    matrix_from_sixd_columns,
    matrix_from_sixd_rows,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import NUM_JOINTS, REST_OFFSETS

#: Height of the pelvis in the rest pose of each model with mean shape, metres: the models' origin is at the
#: chest. Sideways it is within 3 cm of the origin.
REST_PELVIS_M = {"SMPL": -0.23, "SMPL-H": -0.22, "SMPL-X": PELVIS_IN_REST[1]}
#: Joints with rotations, with the root -> model.
_POSES = {22: "SMPL-X", 24: "SMPL", 52: "SMPL-H", 55: "SMPL-X"}
_BODIES = {21: "SMPL-X", 23: "SMPL"}
#: Numbers per joint: rotation vector, 6-D, matrix.
_NUMBERS = (3, 6, 9)


#: No component of a rotation vector is longer, radians: two whole turns.
_MOST_TURN = 4 * math.pi


class NamedArrays(Protocol):
    """Arrays of a file by name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all of them."""

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of an array of numbers; None for anything else."""

    def read(self, name: str, check_shape: Callable[[tuple[int, ...]], None]) -> np.ndarray:
        """One as float64, if check_shape accepts its shape."""

    def text(self, name: str) -> str | None:
        """The text under a name, or None."""


def smpl_motion(arrays: NamedArrays) -> FileMotion | None:
    """Everybody whose parameters a file holds; None if it holds none. Z up, as in AMASS.

    Raises:
        InputError: arrays that do not fit each other.
    """
    people = parameters_of_people(arrays.names)
    if not people:
        return None
    model = _model_named(arrays)
    bodies = [_body(arrays, parameters, model) for parameters in people]
    frame_ids = [
        _fitting(arrays, names["frames"], body.joints.shape[1:2]) if "frames" in names else None
        for names, body in zip(people, bodies, strict=True)
    ]
    alone = len(bodies) == 1 and frame_ids[0] is None
    return replace(bodies[0] if alone else _together(bodies, frame_ids), up="z", fps_known=False)


def motion_x_motion(array: np.ndarray) -> FileMotion:
    """Motion-X's rows (P, T, 322): SMPL-X rotations of the root (3), body (63), hands and face, `trans`."""
    local = matrix_from_axis_angle(array[..., :66].reshape(*array.shape[:2], NUM_JOINTS, 3))
    return _posed(local, array[..., 309:312], "SMPL-X", "Motion-X (T, 322), ")


def _body(arrays: NamedArrays, names: Parameters, model: str | None) -> FileMotion:
    """One set of parameters: of one person, or of several with an axis for them before that of frames."""
    trans = _squeezed(arrays.read(names["trans"], _check_path))
    lead = trans.shape[:-1]  # (T,) or (P, T)
    if "scaling" in names:
        trans = trans / float(arrays.read(names["scaling"], _check_one).item())
    if "poses" in names and "root" not in names:
        local, found = _matrices(arrays, names["poses"], names["trans"], lead, _POSES)
    else:
        body = names.get("body", names.get("poses", ""))
        root, _ = _matrices(arrays, names["root"], names["trans"], lead, {1: ""})
        turns, found = _matrices(arrays, body, names["trans"], lead, _BODIES)
        local = np.concatenate([root, turns], axis=-3)
    local = local[..., :NUM_JOINTS, :, :].reshape(-1, lead[-1], NUM_JOINTS, 3, 3)
    motion = _posed(local, trans.reshape(-1, lead[-1], 3), model or found)
    if "tracked" not in names:
        return motion
    return replace(motion, tracked=_fitting(arrays, names["tracked"], motion.joints.shape[:2]) > 0)


def _posed(local: np.ndarray, trans: np.ndarray, model: str, source: str = "") -> FileMotion:
    """Rotations (P, T, 22, 3, 3) and `trans` (P, T, 3) on our own body."""
    rest = REST_PELVIS_M[model]
    check_finite(trans, "column")
    joints = forward_kinematics(local, trans + np.array([0.0, rest, 0.0]), REST_OFFSETS)[0]
    kind = f"{source}{model} parameters on our own body of 1.70 m, pelvis at trans + (0, {rest:g}, 0)"
    return FileMotion(joints, sixd_columns_from_matrix(local[:, :, 1:]), kind, fps_known=False)


def _model_named(arrays: NamedArrays) -> str | None:
    """The model that the file names, if it does."""
    for name in arrays.names:
        if name.lower().replace("_", "") in ("surfacemodeltype", "modeltype", "bodymodel", "bodymodeltype"):
            text = (arrays.text(name) or "").lower().replace("-", "").replace("_", "")
            return {"smpl": "SMPL", "smplh": "SMPL-H", "smplx": "SMPL-X"}.get(text)
    return None


# ---------------------------------------------------------------- shapes and kinds of rotations


def _check_path(shape: tuple[int, ...]) -> None:
    """`trans`: (T, 3) or (P, T, 3), with any axes of length 1."""
    squeezed = [length for length in shape if length != 1]
    if len(squeezed) not in (2, 3) or squeezed[-1] != 3 or (len(squeezed) == 3 and squeezed[0] > MAX_PERSONS):
        raise InputError(f"shape {shape}; accepted: (T, 3), or (persons, T, 3)")
    if len(squeezed) == 3 and squeezed[1] < MIN_FRAMES <= squeezed[0]:
        raise InputError(
            f"shape {shape}; accepted: (persons, T, 3), so persons come first: a.swapaxes(0, 1) of all arrays"
        )
    check_length(squeezed[-2])


def _check_one(shape: tuple[int, ...]) -> None:
    if math.prod(shape) != 1:
        raise InputError(f"shape {shape}; accepted: one number")


def _squeezed(array: np.ndarray) -> np.ndarray:
    return array.reshape([length for length in array.shape if length != 1])


def _matrices(
    arrays: NamedArrays, name: str, path: str, lead: tuple[int, ...], models: dict[int, str]
) -> tuple[np.ndarray, str]:
    """Rotations (*lead, J, 3, 3) under a name, and the model that has this number of joints."""
    accepted = {joints * numbers: (joints, numbers) for joints in models for numbers in _NUMBERS}

    def check(shape: tuple[int, ...]) -> None:
        squeezed = tuple(length for length in shape if length != 1)
        columns = math.prod(squeezed) // max(math.prod(lead), 1)
        if squeezed[: len(lead)] != lead:
            rows = squeezed[len(lead) - 1] if len(squeezed) >= len(lead) else shape
            raise InputError(f"{rows} rows for {lead[-1]} rows of `{path}`; {shape} does not fit {lead}")
        if columns not in accepted:
            raise InputError(
                f"shape {shape}; accepted: {_alternatives(models)} rotations as vectors (T, joints * 3), "
                "6-D (T, joints * 6) or matrices (T, joints * 9)"
            )

    array = arrays.read(name, check)
    joints, numbers = accepted[array.size // math.prod(lead)]
    values = array.reshape(*lead, joints, numbers)
    check_finite(values.reshape(1, math.prod(lead), -1), "column")
    if numbers == 3:
        if np.abs(values).max(initial=0) > _MOST_TURN:
            raise InputError(
                f"`{name}`: rotation vectors of up to {np.abs(values).max():.0f} radians, so they are most "
                "likely degrees; save np.radians of them"
            )
        return matrix_from_axis_angle(values), models[joints]
    if numbers == 6:
        return _from_sixd(values), models[joints]
    columns = values.reshape(*lead, joints, 3, 3)
    return matrix_from_columns(columns[..., 0], columns[..., 1]), models[joints]


def _alternatives(numbers: Iterable[int]) -> str:
    return " or ".join(map(str, numbers))


def _from_sixd(values: np.ndarray) -> np.ndarray:
    """6-D rotations in whichever of the two layouts they are orthonormal: rows, or columns row by row."""

    def misfit(pairs: np.ndarray) -> float:
        gram = np.swapaxes(pairs, -1, -2) @ pairs
        return float(np.abs(gram - np.eye(2)).mean())

    rows = misfit(np.swapaxes(values.reshape(*values.shape[:-1], 2, 3), -1, -2))
    columns = misfit(values.reshape(*values.shape[:-1], 3, 2))
    return matrix_from_sixd_rows(values) if rows <= columns else matrix_from_sixd_columns(values)


# ---------------------------------------------------------------- several people, and when they are seen


def _fitting(arrays: NamedArrays, name: str, lead: tuple[int, ...]) -> np.ndarray:
    """One number per person and frame, (P, T)."""

    def check(shape: tuple[int, ...]) -> None:
        if math.prod(shape) != math.prod(lead):
            raise InputError(f"shape {shape} for {lead} persons and frames")

    return arrays.read(name, check).reshape(lead)


def _together(bodies: Sequence[FileMotion], frame_ids: Sequence[np.ndarray | None]) -> FileMotion:
    """People of sets of their own in one motion, each in the frames of the scene in which it is seen.

    bodies: of one person each; frame_ids: numbers (T,) of their frames in the scene, or None if all begin
    with its first frame.
    """
    if any(len(body.joints) > 1 for body in bodies):
        raise InputError("sets of parameters with several people each; save one of them")
    numbers = [
        np.arange(body.joints.shape[1]) if ids is None else ids.astype(np.int64)
        for body, ids in zip(bodies, frame_ids, strict=True)
    ]
    if any((np.diff(ids) <= 0).any() for ids in numbers):
        raise InputError("frame numbers of a person do not increase")
    first, last = min(int(ids.min()) for ids in numbers), max(int(ids.max()) for ids in numbers)
    check_length(last - first + 1)
    scene = np.arange(first, last + 1)
    joints, rotations, tracked = [], [], []
    for body, ids in zip(bodies, numbers, strict=True):
        assert body.rotations6d is not None
        # Where a person is not seen, the last pose before stands for it.
        at = np.clip(np.searchsorted(ids, scene, side="right") - 1, 0, None)
        joints.append(body.joints[0, at])
        rotations.append(body.rotations6d[0, at])
        tracked.append(np.isin(scene, ids))
    return replace(
        bodies[0], joints=np.stack(joints), rotations6d=np.stack(rotations), tracked=np.stack(tracked)
    )
