"""Measures of solved bodies against the joints they were solved from.

Clips are lists of joints (2, T, 22, 3) before and `SolvedBodies` after. Everything is in millimetres, degrees
and m/s^3, over all frames of all clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.motion.body.sole import TOES
from intermask_cli.motion.body.solver import SolvedBodies
from intermask_cli.motion.body.turns import turns_rad
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.rotation import matrix_from_sixd_columns
from intermask_cli.motion.skeleton import FPS, JOINT, JOINT_NAMES

#: Joints of both sides, by name.
PAIRS = {
    name: [JOINT[f"{side}_{name}"] for side in ("left", "right")]
    for name in ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
}
GROUPS = PAIRS | {name: [JOINT[name]] for name in JOINT_NAMES if "_" not in name}
#: Metres between wrists of two persons whose hands meet: palms are 9 cm beyond the wrists.
_MEETING_M = 0.20


def distances_mm(before: Sequence[np.ndarray], after: Sequence[SolvedBodies]) -> dict[str, np.ndarray]:
    """Distances of each group of joints from where they were, (frames of both sides,)."""
    off = [1000 * np.linalg.norm(b.joints - a, axis=-1).reshape(-1, 22) for a, b in _pairs(before, after)]
    every = np.concatenate(off)
    return {name: every[:, joints].ravel() for name, joints in GROUPS.items()}


def kinematics_error_mm(after: Sequence[SolvedBodies]) -> float:
    """Largest distance of joints from forward kinematics of the float32 rotations on the bone lengths."""
    worst = 0.0
    for bodies in after:
        sixd = np.concatenate([bodies.root_rotations6d[:, :, None], bodies.rotations6d], axis=2)
        offsets = bodies.rest_offsets[:, None]
        joints, _ = forward_kinematics(matrix_from_sixd_columns(sixd), bodies.joints[:, :, 0], offsets)
        worst = max(worst, 1000 * float(np.abs(joints - bodies.joints).max()))
    return worst


def meeting_change_mm(before: Sequence[np.ndarray], after: Sequence[SolvedBodies]) -> np.ndarray:
    """Change of the distance between wrists of the two persons in frames in which their hands meet."""
    changes = []
    for joints, bodies in _pairs(before, after):
        old, new = (_wrist_gaps(a) for a in (joints, bodies.joints))
        changes.append(1000 * np.abs(new - old)[old < _MEETING_M])
    return np.concatenate(changes)


def _wrist_gaps(joints: np.ndarray) -> np.ndarray:
    wrists = joints[:, :, PAIRS["wrist"]]
    gaps: np.ndarray = np.linalg.norm(wrists[0][:, :, None] - wrists[1][:, None], axis=-1)
    return gaps


def feet_off_mm(
    before: Sequence[np.ndarray], after: Sequence[SolvedBodies], above_m: float = -np.inf
) -> np.ndarray:
    """Distance of ankles and toes from where they were, in frames in which their foot does not stand.

    Only of feet whose toes were above this height.
    """
    off = []
    for joints, bodies in _pairs(before, after):
        counts = ~bodies.standing & (joints[:, :, TOES, 1] > above_m)
        for name in ("ankle", "foot"):
            gap = np.linalg.norm(bodies.joints[:, :, PAIRS[name]] - joints[:, :, PAIRS[name]], axis=-1)
            off.append(1000 * gap[counts])
    return np.concatenate(off)


def standing_slide_mm(after: Sequence[SolvedBodies]) -> np.ndarray:
    """Horizontal steps per frame of toes between two frames in which they stand."""
    steps = []
    for bodies in after:
        step = np.linalg.norm(np.diff(bodies.joints[:, :, TOES][..., (0, 2)], axis=1), axis=-1)
        steps.append(1000 * step[bodies.standing[:, 1:] & bodies.standing[:, :-1]])
    return np.concatenate(steps)


def soles_mm(after: Sequence[SolvedBodies]) -> tuple[np.ndarray, float]:
    """Heights of standing soles above the floor, and the lowest of all soles."""
    heights, lowest = [], np.inf
    for bodies in after:
        sole = bodies.joints[:, :, TOES, 1]
        heights.append(1000 * sole[bodies.standing])
        lowest = min(lowest, 1000 * float(sole.min()))
    return np.concatenate(heights), lowest


def turns_deg(after: Sequence[SolvedBodies]) -> dict[str, float]:
    """Largest turn in a frame of shoulders, elbows, hips and knees relative to their parents."""
    largest = dict.fromkeys(("shoulder", "elbow", "hip", "knee"), 0.0)
    for bodies in after:
        local = np.swapaxes(matrix_from_sixd_columns(bodies.rotations6d.astype(np.float64)), 0, 1)
        if len(local) > 1:
            turns = np.degrees(turns_rad(local)).max(axis=(0, 1))  # (21,)
            for name in largest:
                largest[name] = max(largest[name], float(turns[np.array(PAIRS[name]) - 1].max()))
    return largest


def jerk_by_joint(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Mean jerk (22,) of every joint, m/s^3."""
    third = [np.diff(joints.astype(np.float64), n=3, axis=1).reshape(-1, 22, 3) for joints in clips]
    jerk: np.ndarray = FPS**3 * np.linalg.norm(np.concatenate(third), axis=-1).mean(axis=0)
    return jerk


def skate_mm_per_frame(clips: Sequence[np.ndarray]) -> float:
    """Foot skate as `motion.physics` measures it, mean over clips."""
    return float(np.nanmean(physics_table(clips)["foot_skate_mm_per_frame"]))


def _pairs(
    before: Sequence[np.ndarray], after: Sequence[SolvedBodies]
) -> list[tuple[np.ndarray, SolvedBodies]]:
    return list(zip(before, after, strict=True))
