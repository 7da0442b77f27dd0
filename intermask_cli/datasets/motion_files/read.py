"""Motion of one person or two from a file of npy, npz, h5 or BVH, for `intermask react` and `data pairs`.

Open the file, settle unit, up axis and rate, check the result, report on it. Files are untrusted: pickles are
never loaded, sizes are checked before memory is allocated, and every file that cannot be used is one
`InputError` that says what was seen, what is accepted and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.motion_files.arrays import FileMotion, read_h5, read_npy, read_npz
from intermask_cli.datasets.motion_files.bvh import read_bvh
from intermask_cli.datasets.motion_files.checks import (
    check_distance,
    check_finite,
    check_frames,
    warnings_about,
)
from intermask_cli.datasets.motion_files.names import body_joints, read_skeleton_map
from intermask_cli.datasets.motion_files.report import bone_report, limbs_line, rotations_line
from intermask_cli.errors import InputError
from intermask_cli.motion.body_check import METRES_PER_UNIT, body_height, check_height, check_upright
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.representation.interhuman import y_up_from_z_up
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS

H5_SUFFIXES = (".h5", ".hdf5")
MAX_FPS = 1000.0
#: What to do about a body of another unit or up axis.
_OTHER_UNIT = "if lengths are not in metres, try --units {unit}, or --units METRES_PER_UNIT"
_OTHER_AXIS = "turn it to Y up, or give --up z if Z is up (--up y accepts a person who really lies down)"
_ACCEPTED = ".npy, .npz, .h5 (FILE.h5#ID), .bvh"


@dataclass(frozen=True, eq=False)
class GivenMotion:
    """One person as given, in the file's own world frame.

    Attributes:
        joints: (T, 22, 3) float32, metres, Y up, 30 fps.
        rotations6d: (T, 21, 6) float32 `sixd_columns`, or None where the file has none.
        recovered: (T, 21, 6) rotations recovered from the joints where the file has none, else None.
        source: how the file was read, one line.
        original_fps, original_frames: rate and length in the file.
        bones: every bone's length, one line.
        warnings: what is odd about the motion.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    recovered: np.ndarray | None
    source: str
    original_fps: float
    original_frames: int
    bones: str
    warnings: tuple[str, ...]

    @property
    def frames(self) -> int:
        """T."""
        return len(self.joints)

    @property
    def known_rotations6d(self) -> np.ndarray:
        """Rotations (T, 21, 6) of the file, else the recovered ones."""
        rotations = self.recovered if self.rotations6d is None else self.rotations6d
        assert rotations is not None
        return rotations


def read_motion(
    path: str | Path,
    person: int | None = None,
    fps: float | None = None,
    up: str | None = None,
    units: str | None = None,
    skeleton: str | Path | None = None,
) -> GivenMotion:
    """Read one person.

    path: a file, or `FILE.h5#ID` for an item of an interaction file. person: 0 or 1, needed when the file
    holds a pair. fps: overrides the file's own rate (npy arrays have none and count as 30). up: `y` or
    `z`. units: `m`, `cm`, `mm`, `inch` or metres per unit as a number; metres unless given.
    skeleton: YAML map from the 22 joints to those of a BVH file (`names.skeleton_map`).

    Raises:
        InputError: missing, empty, truncated or damaged file; pickled objects; wrong shape; NaN or
            infinity (with frame and joint); a body height outside 0.5-3 m; fewer than 4 frames.
    """
    return _read(path, fps, up, units, skeleton, lambda persons: [_person_index(person, persons)])[0]


def read_people(
    path: str | Path,
    fps: float | None = None,
    up: str | None = None,
    units: str | None = None,
    skeleton: str | Path | None = None,
) -> list[GivenMotion]:
    """Read every person of a file, one or two; otherwise as `read_motion`."""
    return _read(path, fps, up, units, skeleton, range)


def _read(
    path: str | Path,
    fps: float | None,
    up: str | None,
    units: str | None,
    skeleton: str | Path | None,
    select: Callable[[int], Iterable[int]],
) -> list[GivenMotion]:
    """The persons that select(number of persons in the file) names, counted from 0."""
    path, item = _path_and_item(str(path))
    try:
        file = _open(path, item, None if skeleton is None else Path(skeleton))
        check_finite(file.joints, "joint")
        settled = _settle(file, fps, up, units)
        for joints in settled.joints:
            check_height(joints, _OTHER_UNIT, _metres_per_unit(units))
            if up is None:  # an axis that the user gives is trusted
                check_upright(joints, _OTHER_AXIS)
        check_distance(float(np.abs(settled.joints).max()))
        name = str(path) + (f"#{item}" if item else "")
        return [_given_motion(settled, person, name) for person in select(len(settled.joints))]
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from error


def _path_and_item(text: str) -> tuple[Path, str | None]:
    """`FILE.h5#ID` -> file and id; the id is None where a file has that complete name or there is no #."""
    name, mark, item = text.rpartition("#")
    if mark and not Path(text).exists():
        return Path(name), item
    return Path(text), None


def _person_index(person: int | None, persons: int) -> int:
    """The requested person (0, 1 or None) of a file with `persons`; messages count from 1, as options do."""
    if person is None and persons > 1:
        raise InputError(f"holds {persons} persons; choose one with --person 1 or --person 2")
    if person is not None and person not in range(persons):
        raise InputError(f"--person {person + 1}, but it holds {persons} person{'s' if persons > 1 else ''}")
    return person or 0


# ---------------------------------------------------------------- open


def _open(path: Path, item: str | None, skeleton: Path | None) -> FileMotion:
    """All persons of a file; `item` is the id after `FILE.h5#`, `skeleton` a joint map for BVH."""
    if path.is_dir() and (path / FILE_NAME).is_file():
        path = path / FILE_NAME
    if not path.is_file():
        raise InputError(f"no such file; accepted: {_ACCEPTED}")
    if path.stat().st_size == 0:
        raise InputError("the file is empty")
    suffix = path.suffix.lower()
    if item is not None and suffix not in H5_SUFFIXES:
        raise InputError(f"`#{item}` names an item of an .h5 file, this is {suffix or 'no known file type'}")
    if skeleton is not None and suffix != ".bvh":
        raise InputError(f"--skeleton maps the joints of .bvh files; {suffix or 'this'} has fixed joints")
    try:
        if suffix == ".npy":
            return read_npy(path)
        if suffix == ".npz":
            return read_npz(path)
        if suffix in H5_SUFFIXES:
            return read_h5(path, item)
        if suffix == ".bvh":
            return _open_bvh(path, skeleton)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    raise InputError(f"unknown file type {path.suffix!r}; accepted: {_ACCEPTED}")


def _open_bvh(path: Path, skeleton: Path | None) -> FileMotion:
    recipes = None if skeleton is None else read_skeleton_map(skeleton)
    motion = read_bvh(path)
    joints, scheme = body_joints(motion, recipes)
    kind = f"BVH, {len(motion.names)} joints -> {NUM_JOINTS} by {scheme} names"
    return FileMotion(joints[None], None, kind, motion.fps)


# ---------------------------------------------------------------- settle unit, up axis and rate


def _settle(file: FileMotion, fps: float | None, up: str | None, units: str | None) -> FileMotion:
    """The file's joints in metres and Y up, and its rate; options override what the file says.

    `up` of the result is that of the file, for the report.
    """
    if up not in (None, "y", "z"):
        raise InputError(f"up axis {up!r}; accepted: y, z")
    rate = file.fps if fps is None else fps
    if not 0 < rate <= MAX_FPS:
        raise InputError(f"{rate:g} frames per second; accepted: above 0, up to {MAX_FPS:g}")
    joints = file.joints * _metres_per_unit(units)
    if (up or file.up) == "z":
        joints = y_up_from_z_up(joints)
    return replace(file, joints=joints, fps=rate, up=up or file.up)


def _metres_per_unit(units: str | None) -> float:
    """Metres per unit of a name or number; 1 if not given."""
    if units is None or units in METRES_PER_UNIT:
        return METRES_PER_UNIT[units or "m"]
    try:
        factor = float(units)
    except ValueError:
        factor = 0.0
    if not 1e-6 <= factor <= 1e6:
        raise InputError(
            f"units {units!r}; accepted: {', '.join(METRES_PER_UNIT)}, or metres per unit as a number"
        )
    return factor


def resampled(values: np.ndarray, fps: float) -> np.ndarray:
    """Values (T, ...) at `fps` -> 30 fps by linear interpolation; coinciding frames are kept exactly."""
    if abs(fps - FPS) < 1e-6:
        return values
    last = len(values) - 1
    # A rate such as 120.0048 (frame time 0.008333) must not lose the last frame to rounding.
    times = np.minimum(np.arange(int(last * FPS / fps + 1e-3) + 1) * (fps / FPS), last)
    near = np.rint(times)
    times = np.where(np.abs(times - near) < 1e-6, near, times)
    before = np.minimum(times.astype(np.int64), max(last - 1, 0))
    after = np.minimum(before + 1, last)
    weight = (times - before).reshape(-1, *([1] * (values.ndim - 1)))  # (T, 1, ...)
    between: np.ndarray = values[before] * (1 - weight) + values[after] * weight
    return between


# ---------------------------------------------------------------- one person


def _given_motion(file: FileMotion, person: int, name: str) -> GivenMotion:
    """One person of a settled file at 30 fps, with the report on it."""
    original_frames = file.joints.shape[1]
    joints = resampled(file.joints[person], file.fps)
    check_frames(len(joints), original_frames, file.fps)
    rotations = recovered = None
    if file.rotations6d is not None:
        rotations = resampled(file.rotations6d[person], file.fps)
        if file.fps != FPS:  # interpolated columns are neither unit nor orthogonal
            rotations = sixd_columns_from_matrix(matrix_from_sixd_columns(rotations))
        rotations = rotations.astype(np.float32)
    else:
        # From float32, since those who use the motion would recover the rotations from that.
        recovered = rotations_from_joints(joints.astype(np.float32))
    who = f", person {person + 1} of {len(file.joints)}" if len(file.joints) > 1 else ""
    rate = f"{original_frames} frames at {file.fps:g} fps"
    if file.fps != FPS:
        rate += f" -> {len(joints)} at {FPS}"
    axes = ", z-up -> y-up" if file.up == "z" else ""
    figures = f"{body_height(joints):.2f} m tall, {limbs_line(joints)}; {rotations_line(recovered)}"
    return GivenMotion(
        joints=joints.astype(np.float32),
        rotations6d=rotations,
        recovered=None if recovered is None else recovered.rotations6d,
        source=f"{name}: {file.kind}{who}, {rate}{axes}, {figures}",
        original_fps=file.fps,
        original_frames=original_frames,
        bones=bone_report(joints),
        warnings=warnings_about(joints),
    )
