"""`--like`: people on the rig of a file; a given person who came from it comes back as the file held it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.read import read_people
from intermask_cli.datasets.motion_files.read_options import SKELETON_SUFFIXES, suffix_of
from intermask_cli.datasets.motion_files.source_rotations import Correspondence, correspondence
from intermask_cli.errors import InputError
from intermask_cli.export.retarget import TargetRig, retargeted
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.axes import axes_to_y_up
from intermask_cli.motion.resampling import frame_times
from intermask_cli.motion.rig import rig_for
from intermask_cli.motion.skeleton import FPS, JOINT, NUM_JOINTS

#: The value of `--like` that stands for the rig of each interaction's own given person.
SOURCE = "source"
#: Joints without which a rig cannot stand.
_NEEDED = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
#: Frames of a rig's own motion that are looked at.
_FRAMES = 100
#: Offsets that differ by less, as a share of the largest, are those of one skeleton.
_SAME_OFFSETS = 1e-3


@dataclass(frozen=True)
class OnRig:
    """One person on a rig.

    Attributes:
        skeleton: the person as a skeleton of the rig, in its names, unit, axes and rate.
        kept: whether it is the given person, exactly as its file held it.
        body_mm, toes_mm, contacts_mm: as `retarget.Retargeted`; 0 where the person is kept.
    """

    skeleton: AnimatedSkeleton
    kept: bool
    body_mm: float
    toes_mm: float | None
    contacts_mm: float | None


def people_on_rig(item: Interaction, like: str) -> list[OnRig]:
    """Every person of an interaction on the rig of a file, or of the given person's own file (`source`).

    The given person is returned exactly as its file held it where that has this rig.

    Raises:
        InputError: no source, or a file without a rig.
    """
    if like == SOURCE:
        if item.source is None or item.given is None:
            raise InputError(
                f"{item.id}: no given person from a file with a skeleton; give --like a file with the rig"
            )
        rig = rig_from(item.source, item.joints[item.given])
    else:
        rig = rig_of_file(like)
    people = []
    for person in range(item.motion.persons):
        if person == item.given and item.source is not None and _same_rig(item.source, rig.skeleton):
            people.append(OnRig(item.source, True, 0.0, 0.0, None))
            continue
        own = rig_for(item.motion, person, item.rigid[person])
        others = [item.joints[other] for other in range(item.motion.persons) if other != person]
        partner = others[0][:, :NUM_JOINTS].astype(np.float64) if others else None
        made = retargeted(rig, own.joints, own.local, partner)
        people.append(OnRig(made.skeleton, False, made.body_mm, made.toes_mm, made.contacts_mm))
    return people


@lru_cache(8)
def rig_of_file(path: str) -> TargetRig:
    """The rig of the first person in a file of skeletons.

    Raises:
        InputError: a file that is not read, holds no skeleton, or has no legs.
    """
    accepted = ", ".join(SKELETON_SUFFIXES)
    if not Path(path).is_file():
        raise InputError(f"--like {path}: no such file; accepted: {SOURCE}, or a file {accepted}")
    if suffix_of(Path(path)) not in SKELETON_SUFFIXES:
        raise InputError(f"--like {path}: a file with a skeleton is needed, {accepted}")
    person = read_people(path)[0]
    assert person.skeleton is not None
    return rig_from(person.skeleton, person.joints)


def rig_from(skeleton: AnimatedSkeleton, joints: np.ndarray) -> TargetRig:
    """A skeleton whose unit and axes are known, and our joints (T, 22, 3) of it at 30 fps -> its rig.

    Raises:
        InputError: thighs, shins or feet are not joints of their own.
    """
    assert skeleton.metres_per_unit is not None and skeleton.up is not None
    found = correspondence_of(skeleton, joints)
    missing = [name for name in _NEEDED if found.sources[JOINT[name]] is None]
    if missing:
        raise InputError(
            f"the rig has no joint for {', '.join(missing)}; joints: {', '.join(skeleton.names)}"
        )
    return TargetRig(skeleton, found, axes_to_y_up(skeleton.up), skeleton.metres_per_unit)


def correspondence_of(skeleton: AnimatedSkeleton, joints: np.ndarray) -> Correspondence:
    """`source_rotations.correspondence` for joints (T, 22, 3) in our unit and axes, at 30 fps."""
    in_file, at_30 = (frames[:_FRAMES] for frames in common_frames(skeleton, len(joints)))
    places = joints[at_30].astype(np.float64) @ axes_to_y_up(skeleton.up or "y")
    return correspondence(places / (skeleton.metres_per_unit or 1.0), skeleton.picked(in_file))


def common_frames(skeleton: AnimatedSkeleton, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a skeleton that are also among `frames` at 30 fps, by index in both."""
    times = frame_times(skeleton.frames, skeleton.fps, FPS)[:frames]
    both = np.flatnonzero(times == np.rint(times))
    return times[both].astype(np.int64), both


def _same_rig(one: AnimatedSkeleton, other: AnimatedSkeleton) -> bool:
    """Whether two skeletons have the same joints and rest pose, unit and axes."""
    return (
        (one.names, one.parents, one.up) == (other.names, other.parents, other.up)
        and one.metres_per_unit == other.metres_per_unit
        and bool(
            np.abs(one.offsets[1:] - other.offsets[1:]).max()
            <= _SAME_OFFSETS * np.abs(other.offsets[1:]).max()
        )
    )
