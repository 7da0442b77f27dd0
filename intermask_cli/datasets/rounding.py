"""What a run stores by default: numbers rounded so that they compress to less than half.

Positions and rotations become multiples of a power of two, whose low bits are zero in float32. From the
pelvis outwards, each rotation of a rigid person is chosen relative to its rounded parent, so that errors do
not add up along a limb. The few joints that forward kinematics would still miss by more than 0.1 mm are put
where it has them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import PARENTS

#: Metres that a joint moves at most.
JOINTS_WITHIN_M = 2e-4
#: Metres that a joint of a rigid body may be off its forward kinematics: 0.1 mm, less what float32 needs.
_OFF_BODY_M = 0.98e-4
_POSITION_STEP_M = 2.0**-14
#: Of the entries of a rotation matrix.
_ROTATION_STEP = 2.0**-12
#: Where a joint would move too far, one frame in some thousands.
_FINE_ROTATION_STEP = 2.0**-14
#: By the name of the array. Features hold both kinds of numbers, and joints are found from their rotations.
_STEPS = {
    "joints": _POSITION_STEP_M,
    "rotations6d": _ROTATION_STEP,
    "root_rotations6d": _ROTATION_STEP,
    "features": 2.0**-14,
}
#: Half a step in each entry turns a column by up to sqrt(3) / 2 steps, and so two of them by sqrt(3 / 2). A
#: rotation relative to the parent has the error of both.
ROTATIONS_WITHIN_DEGREES = round(2 * math.degrees(math.sqrt(1.5) * _ROTATION_STEP), 3)


def _levels() -> list[tuple[list[int], list[int]]]:
    """Joints at the same distance from the pelvis, from the nearest on, with their parents."""
    levels, parents = [], [0]
    while joints := [joint for joint, parent in enumerate(PARENTS) if parent in parents]:
        levels.append((joints, [PARENTS[joint] for joint in joints]))
        parents = joints
    return levels


_LEVELS = _levels()


def store_attributes(store: str) -> dict[str, Any]:
    """Root attributes of a dataset that say how its numbers are stored (`config.STORES`)."""
    if store == "exact":
        return {"store": store}
    return {
        "store": store,
        "store_joints_within_m": JOINTS_WITHIN_M,
        "store_rotations_within_degrees": ROTATIONS_WITHIN_DEGREES,
    }


def rounded(interaction: Interaction) -> Interaction:
    """The interaction as it is stored; what was given, bone lengths and tokens stay exact.

    Frames that are rounded already stay as they are.
    """
    motion = interaction.motion
    arrays = {}
    for name, step in _STEPS.items():
        exact = getattr(motion, name)
        if exact is not None:
            arrays[name] = _on_grid(exact, step)
    rigid = [person for person in interaction.generated if interaction.rigid[person]]
    if rigid:
        _round_bodies(motion, rigid, arrays)
    if interaction.given is not None:
        for name, array in arrays.items():
            array[interaction.given] = getattr(motion, name)[interaction.given]
    if interaction.kept is not None:
        for name, array in arrays.items():
            array[interaction.kept] = getattr(motion, name)[interaction.kept]
    return replace(interaction, motion=replace(motion, **arrays))


def _on_grid(array: np.ndarray, step: float) -> np.ndarray:
    """A float32 copy with the nearest multiples of `step`, which must be a power of two."""
    # Adding zero makes one of the two zeros.
    return (np.round(array.astype(np.float64) / step) * step + 0.0).astype(np.float32)


def _round_bodies(motion: Motion, persons: list[int], arrays: dict[str, np.ndarray]) -> None:
    """Put rounded rigid bodies into `arrays`, which hold all arrays rounded one by one."""
    assert motion.rotations6d is not None and motion.root_rotations6d is not None
    assert motion.bone_lengths is not None
    sixd = np.concatenate([motion.root_rotations6d[:, :, None], motion.rotations6d], axis=2)[persons]
    joints = motion.joints[persons].astype(np.float64)  # (P, T, 22, 3)
    moves = (_on_grid(sixd, _FINE_ROTATION_STEP) != sixd).any(axis=(2, 3))  # (P, T)
    moves |= (_on_grid(joints, _POSITION_STEP_M) != joints).any(axis=(2, 3))
    offsets = np.broadcast_to(rest_offsets(motion.bone_lengths[persons])[:, None], joints.shape)
    stored, rebuilt = sixd.copy(), joints.copy()
    for step in (_ROTATION_STEP, _FINE_ROTATION_STEP):
        if not moves.any():
            break
        pelvis = _on_grid(joints[moves][:, 0], _POSITION_STEP_M)
        stored[moves], found = _rounded_chain(sixd[moves], pelvis, offsets[moves], step)
        rebuilt[moves] = _near_both(joints[moves], found)
        moves = np.linalg.norm(rebuilt - joints, axis=-1).max(axis=-1) > JOINTS_WITHIN_M
    arrays["root_rotations6d"][persons], arrays["rotations6d"][persons] = stored[:, :, 0], stored[:, :, 1:]
    arrays["joints"][persons] = rebuilt


def _rounded_chain(
    sixd: np.ndarray, pelvis: np.ndarray, offsets: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 22, 6), pelvis (N, 3) and offsets (N, 22, 3) -> rounded rotations, their joints."""
    local = matrix_from_sixd_columns(sixd.astype(np.float64))
    turns = forward_kinematics(local, pelvis, offsets)[1]  # (N, 22, 3, 3) in the world
    stored, joints = np.empty_like(sixd), np.empty(offsets.shape)
    stored[:, 0], joints[:, 0] = _on_grid(sixd[:, 0], step), pelvis
    turns[:, 0] = matrix_from_sixd_columns(stored[:, 0].astype(np.float64))
    for outer, parents in _LEVELS:
        turned = turns[:, parents]  # rounded by now
        joints[:, outer] = joints[:, parents] + (turned @ offsets[:, outer, :, None])[..., 0]
        wanted = np.swapaxes(turned, -1, -2) @ turns[:, outer]
        stored[:, outer] = _on_grid(sixd_columns_from_matrix(wanted), step)
        turns[:, outer] = turned @ matrix_from_sixd_columns(stored[:, outer].astype(np.float64))
    return stored, joints


def _near_both(exact: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Rounded joints: the exact ones, so that a standing foot stays, unless they are too far off the body."""
    nearest = _on_grid(exact, _POSITION_STEP_M)
    off = np.linalg.norm(nearest - body, axis=-1, keepdims=True) > _OFF_BODY_M
    return np.where(off, _on_grid(body, _POSITION_STEP_M), nearest)
