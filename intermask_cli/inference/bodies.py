"""Decoded motion to rigid bodies: the one place that every task goes through, after all of its windows.

Frames that a task keeps are never changed. A person who is kept completely, such as the given person of a
reaction, is stored as given. Where only some frames are kept, the solved ones join them without a step; the
person stays rigid if the kept frames are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from intermask_cli.config import PERSONS
from intermask_cli.inference.growing_clip import put_kept
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.inference.kept_joints import keep_joints_of, keep_rig_of
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.body.solver import SolvedBodies, solve_clips
from intermask_cli.motion.curves import borders_of
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import seam_jerk
from intermask_cli.motion.rig import is_rigid, put_rig, rig_in
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    sixd_columns_from_matrix,
)

if TYPE_CHECKING:
    from intermask_cli.models.bundle_info import BundleInfo

#: Clips solved together: more are not faster, and take more memory.
_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class Kept:
    """Frames (P, T) of a clip that a task keeps, and the motion they come from, which may have a rig.

    `new`, if given, are flags (22,) of the joints that are made new in the other frames (`kept_joints`).
    """

    frames: np.ndarray
    motion: Motion
    new: np.ndarray | None = None

    def holds(self, person: int) -> bool:
        """Whether anything of a person is kept."""
        return bool(self.frames[person].any()) or (self.new is not None and not self.new.all())

    def is_rigid(self, person: int) -> bool:
        """Whether what is kept of a person is a rigid body."""
        frames = self.frames[person]
        return is_rigid(self.motion, person, frames if frames.any() else None)

    @classmethod
    def person(cls, motion: Motion, role: int) -> Kept:
        """All frames of a pair's person `role` (0 or 1), whose motion (of one person) was given."""
        frames = np.zeros((PERSONS, motion.frames), dtype=bool)
        frames[role] = True
        arrays = (motion.joints, motion.rotations6d, None, motion.root_rotations6d, motion.bone_lengths)
        joints, *others = (None if a is None else np.repeat(a, PERSONS, axis=0) for a in arrays)
        assert joints is not None
        return cls(frames, Motion(joints, *others))  # of which only `role` is kept


def body_of(body: Any, info: BundleInfo) -> str:
    """What decoded motion becomes: "rigid" or "decoded", the model's own choice if `body` is None."""
    if body is None:
        return info.body
    info.check_body(body)
    return str(body)


def with_bodies(
    items: Sequence[Interaction],
    kept: Sequence[Kept | None] | None = None,
    wishes: Sequence[Sequence[ContactWish] | None] | None = None,
) -> list[Interaction]:
    """The interactions with rigid bodies.

    Args:
        kept: for each what must not change, the given person too.
        wishes: for each the limbs that should meet, None where that is not known (`solve_clips`). A person
            who is kept completely is not moved for them.
    """
    assert kept is not None or all(item.given is None for item in items)
    all_kept, all_wishes = kept or [None] * len(items), wishes or [None] * len(items)
    results: list[Interaction] = []
    for start in range(0, len(items), _TOGETHER):
        together = slice(start, start + _TOGETHER)
        some, of_some = items[together], all_kept[together]
        solved = solve_clips(
            [item.joints for item in some],
            [item.rotations6d for item in some],
            bone_lengths=[_kept_lengths(one) for one in of_some],
            wishes=all_wishes[together],
            kept=[_kept_persons(one) for one in of_some],
            keep_shape=False,  # the dataset stores lengths only
        )
        results += [_solved(*parts) for parts in zip(some, solved, of_some, strict=True)]
    return results


def _kept_persons(kept: Kept | None) -> list[bool] | None:
    """Whether all frames of each person are kept."""
    return None if kept is None else [bool(frames.all()) for frames in kept.frames]


def _kept_lengths(kept: Kept | None) -> list[np.ndarray | None] | None:
    """Bone lengths (21,) of each person whose kept frames are rigid."""
    if kept is None or kept.motion.bone_lengths is None:
        return None
    return [
        lengths if kept.holds(person) and kept.is_rigid(person) else None
        for person, lengths in enumerate(kept.motion.bone_lengths)
    ]


def _solved(item: Interaction, solved: SolvedBodies, kept: Kept | None) -> Interaction:
    """The interaction on its solved bodies, kept frames as they were."""
    motion = Motion(
        solved.joints, solved.rotations6d, item.features, solved.root_rotations6d, solved.bone_lengths
    )
    rigid, reasons = [True] * motion.persons, list(solved.reasons)
    for person in range(motion.persons):
        if kept is None or not kept.holds(person):
            continue
        frames = kept.frames[person]
        rigid[person] = kept.is_rigid(person)
        if kept.new is not None and not frames.all():
            keep = keep_rig_of if rigid[person] else keep_joints_of
            keep(motion, kept.motion, person, kept.new)
        if rigid[person]:
            _keep_rig(motion, kept.motion, person, frames)
        else:
            _keep_joints(motion, item.motion, person, frames)
        if frames.all():  # it was not decoded
            reasons[person] = None
    return replace(
        item,
        motion=motion,
        rigid=tuple(rigid),
        no_body="; ".join(f"person {p + 1}: {why}" for p, why in enumerate(reasons) if why),
        seams=seams_of(item, motion),
    )


def seams_of(item: Interaction, motion: Motion) -> tuple[Seam, ...]:
    """The item's seams with the jerk that they have in `motion`."""
    # A given person has no seams, and would hide those of the partner.
    joints = motion.joints[list(item.generated)]
    return tuple(Seam(frame, shared, *seam_jerk(joints, frame, shared)) for frame, shared, *_ in item.seams)


def with_kept_frames(item: Interaction, motion: Motion) -> Motion:
    """The motion, which was made from the item's, with the frames that the item keeps as they were.

    Arrays of `motion` are changed in place.
    """
    if item.kept is None:
        return motion
    for person, frames in enumerate(item.kept):
        if frames.any() and item.rigid[person]:
            _keep_rig(motion, item.motion, person, frames)
        elif frames.any():
            _keep_joints(motion, item.motion, person, frames)
    return motion


def _keep_rig(motion: Motion, given: Motion, person: int, kept: np.ndarray) -> None:
    """Put the kept frames (T,) of a rigid person in place; differences at the borders fade out as turns.

    Both have the same bone lengths. Arrays of `motion` are changed in place.
    """
    assert motion.bone_lengths is not None and given.bone_lengths is not None
    if not kept.all():
        new, old = rig_in(motion, person), rig_in(given, person)
        apart = old.local @ np.swapaxes(new.local, -1, -2)  # (T, 22, 3, 3)
        apart_m = old.root - new.root
        local, root = new.local.copy(), new.root.copy()
        for border in borders_of(kept):
            turn = apart[border.kept]
            change = axis_angle_from_matrix(turn @ np.swapaxes(apart[border.inner], -1, -2))
            change_m = apart_m[border.kept] - apart_m[border.inner]
            level, slope = border.level[:, None, None], border.slope[:, None, None]
            turned = matrix_from_axis_angle(level * axis_angle_from_matrix(turn) + slope * change)
            local[border.frames] = turned @ local[border.frames]
            root[border.frames] += level[:, 0] * apart_m[border.kept] + slope[:, 0] * change_m
        put_rig(motion, person, replace(new, local=local, root=root))
    for name in ("joints", "rotations6d", "root_rotations6d"):
        getattr(motion, name)[person, kept] = getattr(given, name)[person, kept]
    motion.bone_lengths[person] = given.bone_lengths[person]


def _keep_joints(motion: Motion, given: Motion, person: int, kept: np.ndarray) -> None:
    """Put the kept frames (T,) of a person who is not rigid in place; changes `motion`.

    Rotations of the pelvis and bone lengths are then only those that fit best.
    """
    put_kept(motion, given, person, kept)
    if motion.root_rotations6d is not None and motion.bone_lengths is not None:
        recovered = rotations_from_joints(given.joints[person])
        root = sixd_columns_from_matrix(recovered.local[:, 0]).astype(np.float32)
        motion.root_rotations6d[person] = np.where(kept[:, None], root, motion.root_rotations6d[person])
        motion.bone_lengths[person] = np.median(bone_lengths(motion.joints[person]), axis=0)
