"""Two people in one world: from a file that holds both, or from two files of one take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.read import GivenMotion, read_people
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import InputError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.skeleton import FEET, FPS

#: Files of one take end together; files that differ by more than this belong to different takes.
LONGEST_TRIM_S = 1.0
#: Relative difference within which two rates are one, since files round them (120 and 120.0048).
_SAME_RATE = 1e-3
#: Pelvises that start nearer to each other than this come from files that were centred one by one.
NEAREST_START_M = 0.05
#: People who are always farther apart than this do not interact.
FARTHEST_M = 30.0
#: Floors of one room are level; a follower's feet may float by less than this.
LEVEL_M = 0.3


@dataclass(frozen=True, eq=False)
class TwoPeople:
    """Both people, cut to the frames that both have.

    Attributes:
        people: how each was read.
        joints: (2, T, 22, 3) float32, metres, Y up, 30 fps.
        rotations6d: (2, T, 21, 6) float32, recovered where a file has none.
        warnings: what is odd about the motion.
        trimmed: frames cut off the longer person.
    """

    people: tuple[GivenMotion, GivenMotion]
    joints: np.ndarray
    rotations6d: np.ndarray
    warnings: tuple[str, ...]
    trimmed: int

    @property
    def frames(self) -> int:
        """T."""
        return int(self.joints.shape[1])

    @property
    def recovered(self) -> bool:
        """Whether rotations of a person were recovered from the joints."""
        return any(one.rotations6d is None for one in self.people)


def read_two_people(
    files: Sequence[str | Path], options: ReadOptions, second_is: str, choose: str
) -> TwoPeople:
    """Read both people of one or two files.

    second_is, choose: for messages, how to give the file of the second person, and how to choose two people
    of more.

    Raises:
        InputError: a file cannot be used, or the two are not of one take and one world frame.
    """
    people = [read_people(file, options) for file in files]
    for file, persons in zip(files, people, strict=True):
        if len(persons) > 2:
            raise InputError(f"{file}: holds {len(persons)} people; {choose}")
    if len(people) == 1:
        both = people[0]
        if len(both) != 2:
            raise InputError(f"{files[0]}: holds one person; {second_is}")
    else:
        # A file of two people, such as an item of a run, gives each place its own person.
        both = [persons[place if len(persons) > 1 else 0] for place, persons in enumerate(people)]
    frames, trim = _common_frames(both)
    joints = np.stack([one.joints[:frames] for one in both])
    warnings = [f"person {number}: {text}" for number, one in enumerate(both, 1) for text in one.warnings]
    if trim:
        warnings.append(
            f"person {trim[0] + 1} continues for {trim[1]} frames at {FPS} fps, which were cut off"
        )
    warnings += _check_world(joints)
    return TwoPeople(
        (both[0], both[1]), joints, _rotations(both, frames), tuple(warnings), trim[1] if trim else 0
    )


def _common_frames(both: Sequence[GivenMotion]) -> tuple[int, tuple[int, int] | None]:
    """Frames both have; the longer person (0 or 1) and their extra frames, or None if there are none.

    Raises:
        InputError: the two are not of one take.
    """
    rates = [one.original_fps for one in both]
    if abs(rates[0] - rates[1]) > _SAME_RATE * max(rates):
        raise InputError(
            f"person 1 has {rates[0]:g} frames per second, person 2 {rates[1]:g}; both must have one rate "
            "(fps overrides what files say)"
        )
    lengths = [one.frames for one in both]
    frames, more = min(lengths), abs(lengths[0] - lengths[1])
    if more > LONGEST_TRIM_S * FPS:
        raise InputError(
            f"person 1 has {lengths[0]} frames at {FPS} fps, person 2 {lengths[1]}; a difference of up to "
            f"{LONGEST_TRIM_S:g} s is cut off; trim longer differences yourself"
        )
    return frames, (int(np.argmax(lengths)), more) if more else None


def _check_world(joints: np.ndarray) -> list[str]:
    """What is odd about joints (2, T, 22, 3); InputError if they cannot be of one world frame."""
    apart = np.linalg.norm(joints[0, :, 0] - joints[1, :, 0], axis=-1)
    if apart[0] < NEAREST_START_M:
        raise InputError(
            f"both pelvises start {100 * float(apart[0]):.1f} cm from each other; were the files centred one "
            "by one? Both people must be in one world frame"
        )
    if apart.min() > FARTHEST_M:
        raise InputError(
            f"the two are never nearer than {float(apart.min()):.1f} m; both must be in one world frame"
        )
    floors = joints[:, :, list(FEET), 1].min(axis=(1, 2))
    if abs(floors[0] - floors[1]) > LEVEL_M:
        return [
            f"the lowest foot of person 1 is at {floors[0]:.2f} m, of person 2 at {floors[1]:.2f} m; "
            "are both in one world frame?"
        ]
    return []


def _rotations(both: Sequence[GivenMotion], frames: int) -> np.ndarray:
    """Rotations (2, T, 21, 6) of the first `frames` frames, recovered where a file has none."""
    rotations = [
        # Recovered rotations of a frame depend on its neighbours, so those of trimmed joints differ.
        rotations_from_joints(one.joints[:frames]).rotations6d
        if one.rotations6d is None and frames < one.frames
        else one.known_rotations6d[:frames]
        for one in both
    ]
    return np.stack(rotations).astype(np.float32)
