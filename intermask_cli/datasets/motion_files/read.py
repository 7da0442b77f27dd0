"""Motion of the people in a file: arrays (npy, npz, pt, h5) and skeletons with names (BVH).

Open the file once, settle unit, up axis and rate, check the result, report on it. Files are untrusted:
pickles are never loaded, sizes are checked before memory is allocated, and every file that cannot be used is
one `InputError` that says what was seen, what is accepted and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.motion_files.arrays.files import read_npy, read_npz, read_pt
from intermask_cli.datasets.motion_files.arrays.interactions import read_h5
from intermask_cli.datasets.motion_files.arrays.pickles import PICKLE_SUFFIXES, pickle_refused
from intermask_cli.datasets.motion_files.body_likeness import check_order
from intermask_cli.datasets.motion_files.checks import oddities_of
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.limits import (
    check_distance,
    check_finite,
    check_frames,
    check_padding,
)
from intermask_cli.datasets.motion_files.matching.body_joints import SkeletonMatch
from intermask_cli.datasets.motion_files.read_options import (
    H5_SUFFIXES,
    MOTION_SUFFIXES,
    SKELETON_SUFFIXES,
    ReadOptions,
    suffix_of,
)
from intermask_cli.datasets.motion_files.report import bone_report, limbs_line, rotations_line
from intermask_cli.datasets.motion_files.root_offset import with_root_offset
from intermask_cli.datasets.motion_files.settle import check_upright_in_file, cut, settle
from intermask_cli.datasets.motion_files.skeleton_files import read_skeletons
from intermask_cli.datasets.motion_files.source_rotations import body_rotations
from intermask_cli.datasets.motion_files.units import unit_name
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.axes import axes_to_y_up
from intermask_cli.motion.body_check import body_height, check_height
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.resampling import frame_times, rotations_at, values_at
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FPS

#: What to do about a body of another unit.
_OTHER_UNIT = "with --units {unit} ({metres:.6g} m) it is {tall:.2f} m tall"
_ACCEPTED = f"{', '.join(MOTION_SUFFIXES)} (of .h5 an item as FILE.h5#ID)"


@dataclass(frozen=True, eq=False)
class GivenMotion:
    """One person as given, in the file's own world frame.

    Attributes:
        joints: (T, 22, 3) float32, metres, Y up, 30 fps.
        rotations6d: (T, 21, 6) float32 `sixd_columns`, or None where the file has none.
        recovered: (T, 21, 6) rotations recovered from the joints where the file has none in our convention,
            else None. Models were trained on such rotations, and see them.
        of_skeleton: (T, 21, 6) rotations of the file's own skeleton (`source_rotations`), which are kept, or
            None where it holds none.
        source: how the file was read, one line.
        original_fps, original_frames: rate and length in the file.
        bones: every bone's length, one line.
        warnings: what is odd about the motion.
        skeleton: the person as the file holds it, where it holds a skeleton with names; its unit and up axis
            are those that were taken.
        match: how the joints were found in the skeleton.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    recovered: np.ndarray | None
    source: str
    original_fps: float
    original_frames: int
    bones: str
    warnings: tuple[str, ...]
    skeleton: AnimatedSkeleton | None = None
    match: SkeletonMatch | None = None
    of_skeleton: np.ndarray | None = None

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


def read_motion(path: str | Path, options: ReadOptions | None = None, **settings: Any) -> GivenMotion:
    """Read one person.

    path: a file, or `FILE.h5#ID` for an item of an interaction file. options, or the fields of `ReadOptions`
    as keywords: person (0 or 1, needed when the file holds a pair), fps, up, units, skeleton, start, end,
    flip, mirror.

    Raises:
        InputError: missing, empty, truncated or damaged file; pickled objects; wrong shape; NaN or
            infinity (with frame and joint); a body height outside 0.5-3 m; fewer than 4 frames.
    """
    people = read_people(path, options, **settings)
    if len(people) > 1:
        choices = "--person 1 or --person 2" if len(people) == 2 else f"--person 1 to --person {len(people)}"
        raise InputError(f"{path}: holds {len(people)} persons; choose one with {choices}")
    return people[0]


def read_people(path: str | Path, options: ReadOptions | None = None, **settings: Any) -> list[GivenMotion]:
    """Read every person of a file, or only `person`; otherwise as `read_motion`."""
    path, item = _path_and_item(str(path))
    try:
        options = replace(options or ReadOptions(), **settings)
        file = _open(path, item, options)
        chosen = _chosen(options.person, len(file.joints))
        file = cut(file, options, chosen)
        check_finite(file.joints, "joint")
        check_padding(file.joints, file.first_frame)
        settled = with_root_offset(settle(file, options))
        if not settled.skeletons:
            check_order(settled, str(path))
        for joints in settled.joints:
            check_height(joints, _OTHER_UNIT, settled.metres_per_unit or 1.0)
            # An axis that the user gives is trusted, and so is one that was found.
            if options.up is None and file.up is not None:
                check_upright_in_file(joints, str(settled.up))
        check_distance(float(np.abs(settled.joints).max()))
        name = str(path) + (f"#{item}" if item else "")
        return [_given_motion(settled, person, name, options.fps is None) for person in chosen]
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from error


def _path_and_item(text: str) -> tuple[Path, str | None]:
    """`FILE.h5#ID` -> file and id; the id is None where a file has that complete name or there is no #."""
    name, mark, item = text.rpartition("#")
    if mark and not Path(text).exists():
        return Path(name), item
    return Path(text), None


def _chosen(person: int | tuple[int, ...] | None, persons: int) -> Sequence[int]:
    """The persons to read, of a file with `persons`; messages count from 1, as options do."""
    if person is None:
        return range(persons)
    chosen = (person,) if isinstance(person, int) else person
    for number in chosen:
        if number not in range(persons):
            raise InputError(
                f"--person {number + 1}, but it holds {persons} person{'s' if persons > 1 else ''}"
            )
    return chosen


# ---------------------------------------------------------------- open


def _open(path: Path, item: str | None, options: ReadOptions) -> FileMotion:
    """All persons of a file; `item` is the id after `FILE.h5#`."""
    if path.is_dir() and (path / FILE_NAME).is_file():
        path = path / FILE_NAME
    if not path.is_file():
        raise InputError(f"no such file; accepted: {_ACCEPTED}")
    if path.stat().st_size == 0:
        raise InputError("the file is empty")
    suffix = suffix_of(path)
    if item is not None and suffix not in H5_SUFFIXES:
        raise InputError(f"`#{item}` names an item of an .h5 file, this is {suffix or 'no known file type'}")
    if options.skeleton is not None and suffix not in SKELETON_SUFFIXES:
        raise InputError(
            f"--skeleton maps the joints of {', '.join(SKELETON_SUFFIXES)} files; "
            f"{suffix or 'this'} has fixed joints"
        )
    try:
        if suffix == ".npy":
            return read_npy(path)
        if suffix == ".npz":
            return read_npz(path)
        if suffix in (".pt", ".pth"):
            return read_pt(path)
        if suffix in PICKLE_SUFFIXES:
            raise pickle_refused(path)
        if suffix in H5_SUFFIXES:
            return read_h5(path, item)
        if suffix in SKELETON_SUFFIXES:
            return read_skeletons(
                path, suffix, None if options.skeleton is None else Path(options.skeleton), options.fps
            )
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    if suffix == ".asf":
        raise InputError(
            "is a skeleton without motion; give the .amc file, which finds its .asf in its folder"
        )
    raise InputError(f"unknown file type {path.suffix!r}; accepted: {_ACCEPTED}")


# ---------------------------------------------------------------- one person


def _at(rotations6d: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Rotations (T, 21, 6) of a file at `fps` -> float32 at the given times, in frames of the file."""
    if fps != FPS:
        rotations6d = sixd_columns_from_matrix(rotations_at(matrix_from_sixd_columns(rotations6d), times))
    return rotations6d.astype(np.float32)


def _of_skeleton(file: FileMotion, person: int, times: np.ndarray) -> np.ndarray | None:
    """`GivenMotion.of_skeleton` of a person of a settled file."""
    if not file.skeletons:
        return None
    in_file = file.joints[person] @ axes_to_y_up(str(file.up)) / (file.metres_per_unit or 1.0)
    local = body_rotations(in_file, file.skeletons[person])[:, 1:]
    return _at(sixd_columns_from_matrix(local), file.fps, times)


def _given_motion(file: FileMotion, person: int, name: str, rate_of_file: bool) -> GivenMotion:
    """One person of a settled file at 30 fps, with the report on it; rate_of_file: the user gave none."""
    original_frames = file.joints.shape[1]
    check_frames(original_frames, file.fps)
    times = frame_times(original_frames, file.fps, FPS)
    joints = values_at(file.joints[person], times)
    rotations = recovered = None
    if file.rotations6d is not None:
        rotations = _at(file.rotations6d[person], file.fps, times)
    else:
        # From float32, since those who use the motion would recover the rotations from that.
        recovered = rotations_from_joints(joints.astype(np.float32))
    who = f", person {person + 1} of {len(file.joints)}" if len(file.joints) > 1 else ""
    rate = f"{original_frames} frames at {file.fps:g} fps"
    if rate_of_file and not file.fps_known:
        rate += " (assumed, the file has no rate; --fps gives another)"
    if file.fps != FPS:
        rate += f" -> {len(joints)} at {FPS}"
    axes = "" if file.up == "y" else f", {file.up}-up -> y-up"
    tall = f"{body_height(joints):.2f} m tall"
    if file.skeletons:
        axes, tall = "", f"{unit_name(file.metres_per_unit or 1.0)} ({tall}), {str(file.up).upper()} up"
    figures = f"{tall}, {limbs_line(joints)}; {rotations_line(recovered, bool(file.skeletons))}"
    error_mm = None if recovered is None else recovered.error_mm
    odd = oddities_of(joints, file.joints[person], error_mm, file.first_frame)
    return GivenMotion(
        joints=joints.astype(np.float32),
        rotations6d=rotations,
        recovered=None if recovered is None else recovered.rotations6d,
        source=f"{name}: {file.kind}{who}, {rate}{axes}, {figures}",
        original_fps=file.fps,
        original_frames=original_frames,
        bones=bone_report(joints),
        warnings=(*file.notes, *map(str, odd)),
        skeleton=file.skeletons[person] if file.skeletons else None,
        match=file.matches[person] if file.matches else None,
        of_skeleton=_of_skeleton(file, person, times),
    )
