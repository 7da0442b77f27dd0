"""What a file leaves open and users may say: frames, rate, sides, unit and up axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.read_options import AXES, ReadOptions
from intermask_cli.datasets.motion_files.units import metres_per_unit
from intermask_cli.datasets.motion_files.units_and_axes import find_unit, find_up
from intermask_cli.errors import InputError
from intermask_cli.motion.axes import axes_to_y_up
from intermask_cli.motion.body_check import body_height, standing_axis
from intermask_cli.motion.skeleton import MIRROR

MAX_FPS = 1000.0


def cut(file: FileMotion, options: ReadOptions, persons: Sequence[int]) -> FileMotion:
    """The frames from `start` to `end` in which all `persons` are seen; the rate of the file or the user."""
    rate = file.fps if options.fps is None else options.fps
    if not 0 < rate <= MAX_FPS:
        raise InputError(f"{rate:g} frames per second; accepted: above 0, up to {MAX_FPS:g}")
    start, end = options.frames(file.joints.shape[1], rate)
    notes = file.notes
    if file.tracked is not None:
        seen: np.ndarray = np.all(file.tracked[list(persons), start:end], axis=0)
        first, stop = _longest_run(seen)
        if stop - first < len(seen):
            read = f"frames {start + first} to {start + stop - 1} of {file.joints.shape[1]} are read"
            notes = (*notes, f"{read}: in others not everybody who is read is tracked")
        start, end = start + first, start + stop
    return replace(
        file,
        fps=rate,
        notes=notes,
        tracked=None,
        first_frame=start,
        joints=file.joints[:, start:end],
        rotations6d=None if file.rotations6d is None else file.rotations6d[:, start:end],
        skeletons=tuple(replace(one.between(start, end), fps=rate) for one in file.skeletons),
    )


def _longest_run(seen: np.ndarray) -> tuple[int, int]:
    """First frame of the longest run of True in (T,), and the frame after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    if not len(edges):
        raise InputError("the people are never tracked at the same time; choose one with --person")
    runs = edges.reshape(-1, 2)
    first, stop = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(first), int(stop)


def settle(file: FileMotion, options: ReadOptions) -> FileMotion:
    """The file's joints in metres, right-handed and Y up; options override what the file says.

    `up` and `metres_per_unit` of the result are those that were taken, for the report.
    """
    if options.units is not None:
        metres = metres_per_unit(options.units)
    else:
        likely = file.matches[0].unit if file.matches else None
        metres = file.metres_per_unit or find_unit(max(file.joints, key=body_height), likely)
    joints, rotations, skeletons = file.joints * metres, file.rotations6d, file.skeletons
    signs = np.ones(3)
    if options.flip is not None:
        axis = AXES.index(options.flip.lower())
        signs[axis] = -1
        joints = joints * signs
        rotations = None  # those of a left-handed file turn the other way; they are recovered from the joints
        skeletons = tuple(skeleton.flipped(axis) for skeleton in skeletons)
    if options.mirror:
        joints = joints[:, :, MIRROR]
        rotations = None if rotations is None else rotations[:, :, np.array(MIRROR[1:]) - 1]
    rest_up = [None if match.rest_up is None else match.rest_up * signs for match in file.matches]
    up = options.up_axis or file.up or find_up(joints, rest_up)
    if up != "y":
        joints = joints @ axes_to_y_up(up).T
    return replace(
        file,
        joints=joints,
        rotations6d=rotations,
        metres_per_unit=metres,
        up=up,
        skeletons=tuple(replace(skeleton, metres_per_unit=metres, up=up) for skeleton in skeletons),
    )


def check_upright_in_file(joints: np.ndarray, up: str) -> None:
    """InputError, in the axes of the file, if settled joints (T, 22, 3) stand along another than its `up`."""
    in_file = joints @ axes_to_y_up(up)
    axis = standing_axis(in_file)
    if axis not in (None, up):
        raise InputError(
            f"the body stands along {str(axis).upper()} in the file, which is read as {up.upper()} up; "
            f"give --up {axis} (a person who really lies down is accepted with the up axis given)"
        )
