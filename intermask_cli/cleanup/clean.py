"""What `--clean` does: the requested modes applied to an interaction, always in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from intermask_cli.cleanup.contact import clean_in_contact
from intermask_cli.cleanup.hands import join_hands
from intermask_cli.cleanup.modes import FOR_DECODED, Clean, checked_modes
from intermask_cli.cleanup.published import lock_feet
from intermask_cli.cleanup.rigid_feet import lock_feet_rigidly
from intermask_cli.cleanup.smoothing import smooth_motion
from intermask_cli.errors import InputError
from intermask_cli.inference.bodies import seams_of, with_kept_frames
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.repose import reposed
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import put_rig, rig_in
from intermask_cli.motion.skeleton import FEET, NUM_JOINTS

#: Physics, which measures the effect, takes a third difference; the published mode needs two frames.
_MIN_FRAMES = 4
_FEET = list(FEET)


def clean(
    joints: np.ndarray,
    rotations6d: np.ndarray | None,
    modes: Sequence[Clean],
    fixed: int | None = None,
    planned: Sequence[bool] = (False, False),
) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints (2, T, 22, 3) and rotations (2, T, 21, 6) `sixd_columns` or None of a pair, cleaned.

    Person `fixed` (0 or 1) stays as given; `planned` persons have feet that stand still already. Shapes and
    precision are kept; rotations stay None if not given.
    Raises InputError for modes that exclude each other.
    """
    joints, rotations = joints.copy(), None if rotations6d is None else rotations6d.copy()
    for mode in checked_modes(modes):
        if mode in (Clean.contact, Clean.meet):
            if mode is Clean.contact:
                joints, pair_rotations = clean_in_contact(joints, rotations, fixed, planned)
            else:
                joints, pair_rotations = join_hands(joints, rotations, fixed)
            # Both recover rotations where none are given; the result has them only if the input had.
            rotations = None if rotations is None else pair_rotations
            continue
        for person in {0, 1} - {fixed}:
            given = None if rotations is None else rotations[person]
            joints[person], cleaned = _clean_person(mode, joints[person], given)
            if rotations is not None:
                rotations[person] = cleaned
    return joints, rotations


def _clean_person(
    mode: Clean, joints: np.ndarray, rotations6d: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints (T, 22, 3) and rotations (T, 21, 6) or None of one person, cleaned by a mode of one person."""
    if mode is Clean.smooth:
        return smooth_motion(joints, rotations6d)
    if mode is Clean.feet:
        given = None if rotations6d is None else rotations6d[None]
        cleaned, turned = lock_feet_rigidly(joints[None], given)  # (1, T, 22, 3), (1, T, 21, 6)
        return cleaned[0], None if given is None else turned[0]
    locked = smoothed_over_time(lock_feet(smoothed_over_time(joints)))
    return locked, None if rotations6d is None else rotations_from_joints(locked).rotations6d


def clean_item(item: Interaction, modes: Sequence[Clean]) -> Interaction:
    """The interaction cleaned; the given person of a reaction, and kept frames, stay exactly as given.

    Rigid bodies stay rigid, on the same bones: their joints are forward kinematics of the cleaned rotations.
    Smoothing leaves their feet where they are, and modes that only plant feet leave all of them.

    Raises:
        InputError: another body than the 22 joints, or too few frames.
    """
    if item.joints.shape[2] != NUM_JOINTS:
        raise InputError(
            f"{item.id}: --clean works on {NUM_JOINTS} joints; this body has {item.joints.shape[2]} joints"
        )
    if item.frames < _MIN_FRAMES:
        raise InputError(f"{item.id}: {item.frames} frames; --clean needs {_MIN_FRAMES} or more")
    motion = item.motion
    for mode in checked_modes(modes):
        motion = _cleaned(motion, mode, item)
    motion = with_kept_frames(item, motion.part(0, motion.frames))
    return replace(item, motion=motion, seams=seams_of(item, motion))


def _cleaned(before: Motion, mode: Clean, item: Interaction) -> Motion:
    """The motion of an interaction cleaned by one mode, its rigid bodies on their bones again."""
    if mode in FOR_DECODED and all(item.rigid[person] for person in item.generated):
        return before
    joints, rotations6d = clean(before.joints, before.rotations6d, [mode], item.given, item.rigid)
    root, lengths = (
        None if array is None else array.copy() for array in (before.root_rotations6d, before.bone_lengths)
    )
    motion = Motion(joints, rotations6d, before.features, root, lengths)
    for person in item.generated:
        if not item.rigid[person]:
            continue
        targets = joints[person].copy()
        if mode is Clean.smooth:  # feet of rigid bodies are planned: smoothing would make them slide
            targets[:, _FEET] = before.joints[person][:, _FEET]
        rig = rig_in(motion, person)
        put_rig(
            motion, person, replace(rig, root=targets[:, 0], local=reposed(rig.local, rig.offsets, targets))
        )
    return motion
