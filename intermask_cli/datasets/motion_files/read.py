"""People's motion from a file somebody has: npy, npz, our h5, BVH. For `intermask react` and `data pairs`.

Files are untrusted: pickles are never loaded, sizes are checked before memory is asked for, and
everything that cannot be used is one `InputError` that says what was seen, what is accepted, what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.arrays import (
    MAX_FRAMES,
    MIN_FRAMES,
    MotionContent,
    check_finite,
    read_content,
)
from intermask_cli.datasets.motion_files.report import bone_report, limbs_line, warnings_about
from intermask_cli.errors import InputError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.representation.interhuman import y_up_from_z_up
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FPS, JOINT, REST_HEIGHT_M, REST_OFFSETS

METRES_PER = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
BODY_HEIGHT_M = (0.5, 3.0)
MAX_FPS = 1000.0
MAX_DISTANCE_M = 10_000.0
#: Bones whose lengths tell a body's height whatever the pose.
_TALL = [
    JOINT[name] - 1 for name in ("spine1", "spine2", "spine3", "neck", "head", "left_knee", "left_ankle")
]


@dataclass(frozen=True, eq=False)
class GivenMotion:
    """One person as given: joints (T, 22, 3) float32, metres, Y up, 30 fps, in the file's own world frame.

    rotations6d (T, 21, 6) float32 `sixd_columns` when the file has them, else None (recover them with
    `motion.joint_rotations`). `source` is one line for people, `bones` one with every bone's length,
    `warnings` what is odd about the motion; `original_*` describe the file.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    source: str
    original_fps: float
    original_frames: int
    bones: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Frames at 30 fps."""
        return len(self.joints)


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
    skeleton: YAML map from our joints to those of a BVH file (`bvh.skeleton_map`).

    Raises:
        InputError: missing, empty, truncated or damaged file; pickled objects; wrong shape; NaN or
            infinity (with frame and joint); a body height outside 0.5-3 m; fewer than 4 frames.
    """
    return _read(path, fps, up, units, skeleton, lambda persons: [_chosen(person, persons)])[0]


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
    wanted: Callable[[int], Iterable[int]],
) -> list[GivenMotion]:
    """The persons that `wanted(how many there are)` asks for, counted from 0."""
    path, item = _path_and_item(str(path))
    try:
        content = read_content(path, item, None if skeleton is None else Path(skeleton))
        turned = (up or content.up) == "z"
        content = _settle(content, fps, up, units)
        name = str(path) + (f"#{item}" if item else "")
        return [_one_person(content, index, name, turned) for index in wanted(len(content.joints))]
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from error


def _path_and_item(text: str) -> tuple[Path, str | None]:
    name, mark, item = text.rpartition("#")
    if mark and not Path(text).exists():
        return Path(name), item
    return Path(text), None


def _settle(content: MotionContent, fps: float | None, up: str | None, units: str | None) -> MotionContent:
    """Apply the caller's options and refuse what cannot be a person."""
    check_finite(content.joints, "joint")
    if up not in (None, "y", "z"):
        raise InputError(f"up axis {up!r}; accepted: y, z")
    rate = content.fps if fps is None else fps
    if not 0 < rate <= MAX_FPS:
        raise InputError(f"{rate:g} frames per second; above 0, at most {MAX_FPS:g} is accepted")
    joints = content.joints * _metres_per_unit(units)
    if (up or content.up) == "z":
        joints = y_up_from_z_up(joints)
    farthest = float(np.abs(joints).max())
    for body in joints:
        _check_height(body, units)
        if up is None:
            _check_up(body)
    if farthest > MAX_DISTANCE_M:
        raise InputError(
            f"a joint is {farthest:.4g} m from the origin; at most {MAX_DISTANCE_M:g} m is accepted"
        )
    return replace(content, joints=joints, fps=rate)


def _metres_per_unit(units: str | None) -> float:
    if units is None or units in METRES_PER:
        return METRES_PER[units or "m"]
    try:
        factor = float(units)
    except ValueError:
        factor = 0.0
    if not 1e-6 <= factor <= 1e6:
        raise InputError(
            f"units {units!r}; accepted: {', '.join(METRES_PER)}, or metres per unit as a number"
        )
    return factor


def body_height(joints: np.ndarray) -> float:
    """Height of the standing body in the unit of joints (T, 22, 3), from bone lengths, whatever the pose."""
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)[_TALL].sum()
    return float(np.median(bone_lengths(joints)[..., _TALL].sum(-1)) / rest * REST_HEIGHT_M)


def _check_height(joints: np.ndarray, units: str | None) -> None:
    height = body_height(joints)
    low, high = BODY_HEIGHT_M
    if low <= height <= high:
        return
    heights = {name: height / _metres_per_unit(units) * factor for name, factor in METRES_PER.items()}
    fitting = [name for name, tall in heights.items() if low <= tall <= high]
    fitting.sort(key=lambda name: abs(heights[name] - REST_HEIGHT_M))
    advice = f"; if lengths are not in {units or 'm'}, try --units {fitting[0]}" if fitting else ""
    raise InputError(
        f"the body is {height:.4g} m tall; {low:g} to {high:g} m are accepted{advice}"
        + (", or --units METRES_PER_UNIT" if height > 0 else " (all joints are in one place)")
    )


def _check_up(joints: np.ndarray) -> None:
    """Refuse bodies that plainly stand along another axis; a given up axis is believed."""
    feet = (joints[:, JOINT["left_ankle"]] + joints[:, JOINT["right_ankle"]]) / 2
    upright = (joints[:, JOINT["head"]] - feet).mean(axis=0)
    x, y, z = upright / max(float(np.linalg.norm(upright)), 1e-9)
    if abs(z) > 0.8:
        raise InputError("the body stands along Z; give --up z (or --up y if the person really lies down)")
    if y < -0.8 or abs(x) > 0.8:
        raise InputError(
            f"the body stands along {'-Y' if y < -0.8 else 'X'}; turn the file to Y up or Z up "
            "(or give --up y if it is really meant)"
        )


def _chosen(person: int | None, persons: int) -> int:
    """Index of the person asked for (0, 1 or None) in a file of `persons`; messages number them from 1."""
    if person is None and persons > 1:
        raise InputError(f"holds {persons} persons; choose one with --person 1 or --person 2")
    if person is not None and person not in range(persons):
        raise InputError(f"--person {person + 1}, but it holds {persons} person{'s' if persons > 1 else ''}")
    return person or 0


def _one_person(content: MotionContent, index: int, name: str, turned: bool) -> GivenMotion:
    persons = len(content.joints)
    joints = content.joints[index]
    rotations = None if content.rotations6d is None else content.rotations6d[index]
    original = len(joints)
    joints = resampled(joints, content.fps)
    if not MIN_FRAMES <= len(joints) <= MAX_FRAMES:
        raise InputError(
            f"{original} frames at {content.fps:g} fps are {len(joints)} at {FPS}; "
            f"{MIN_FRAMES} to {MAX_FRAMES} are accepted"
        )
    if rotations is not None:
        rotations = resampled(rotations, content.fps)
        if content.fps != FPS:
            rotations = sixd_columns_from_matrix(matrix_from_sixd_columns(rotations))
        rotations = rotations.astype(np.float32)
    who = f", person {index + 1} of {persons}" if persons > 1 else ""
    rate = f"{original} frames at {content.fps:g} fps"
    if content.fps != FPS:
        rate += f" -> {len(joints)} at {FPS}"
    axes = ", z-up -> y-up" if turned else ""
    tall = f"{body_height(joints):.2f} m tall"
    turns = _rotations_line(joints, rotations)
    source = f"{name}: {content.kind}{who}, {rate}{axes}, {tall}, {limbs_line(joints)}; {turns}"
    return GivenMotion(
        joints.astype(np.float32),
        rotations,
        source,
        content.fps,
        original,
        bone_report(joints),
        warnings_about(joints),
    )


def _rotations_line(joints: np.ndarray, rotations6d: np.ndarray | None) -> str:
    """Where rotations come from, and how far forward kinematics of recovered ones is from the joints."""
    if rotations6d is not None:
        return "rotations from the file"
    found = rotations_from_joints(joints)
    errors = f"{found.error_mm:.1f} mm off (worst {found.worst_mm:.1f})"
    return f"rotations recovered, their forward kinematics {errors}"


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
    weight = (times - before).reshape(-1, *([1] * (values.ndim - 1)))
    after = np.minimum(before + 1, last)
    return values[before] * (1 - weight) + values[after] * weight
