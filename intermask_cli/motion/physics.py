"""Physical plausibility of interactions: ten numbers each, vectorised over batches.

Joints are (..., 2, T, 22, 3), metres, Y up, floor at y = 0, 30 fps; results have the leading axes. Lower is
not always better (people who hug do touch), so every number is read next to that of the ground truth.
Sources of definitions are named per function. Axes: B batch, P persons, T frames, F = 4 foot joints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from intermask_cli.motion.capsules import capsule_gaps_m
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.representation.interhuman import CONTACT_MAX_HEIGHT_M, CONTACT_MAX_SQUARED_STEP_M2
from intermask_cli.motion.skeleton import FEET, FPS, NUM_JOINTS

#: Of one person each, averaged over the requested persons.
PERSON_COLUMNS = (
    "foot_skate_mm_per_frame",
    "foot_contact_agreement",
    "float_mm",
    "floor_penetration_mm",
    "jerk_m_per_s3",
    "bone_length_error_mm",
)
#: Of the two together.
PAIR_COLUMNS = ("penetration_mm", "penetration_share", "contact_ratio", "smallest_distance_mm")
COLUMNS = PERSON_COLUMNS + PAIR_COLUMNS

#: Metres: a foot joint lower than this is on the ground (DIGHT).
GROUNDED_M = 0.05
#: Metres between surfaces: nearer bodies touch (Inter-X++).
CONTACT_M = 0.05
#: A third difference needs four frames.
MIN_FRAMES = 4
#: Frames before and after the overlap of a seam that count as near: a third difference reads three beyond it.
_SEAM_FRAMES = 4
#: Frames that are measured in one batch: enough to be fast, few enough for little memory.
_BATCH_FRAMES = 4096


def foot_skate_mm_per_frame(joints: np.ndarray) -> np.ndarray:
    """Horizontal step of the 4 foot joints while lower than 5 cm: (..., T, 22, 3) -> (...) mm per frame.

    Mean over grounded foot-frames; NaN where no foot is ever grounded. Source: DIGHT ("Skate").
    """
    feet = joints[..., FEET, :]  # (..., T, F, 3)
    grounded = feet[..., :-1, :, 1] < GROUNDED_M  # (..., T - 1, F)
    step = np.linalg.norm(np.diff(feet[..., (0, 2)], axis=-3), axis=-1)  # (..., T - 1, F)
    count = grounded.sum(axis=(-1, -2))  # (...)
    total = np.where(grounded, step, 0.0).sum(axis=(-1, -2))
    return np.where(count > 0, 1000.0 * total / np.maximum(count, 1), np.nan)


def foot_contact_agreement(joints: np.ndarray) -> np.ndarray:
    """Share of foot-frames where "low" and "still" agree: (..., T, 22, 3) -> (...), 0 to 1.

    Low and still are the two halves of InterHuman's contact rule
    (docs/reference/data-and-evaluation.md#foot-contacts). A sliding foot is low but not still, a foot held
    above the floor still but not low. The score is our own.
    """
    feet = joints[..., FEET, :]  # (..., T, F, 3)
    step = np.diff(feet, axis=-3)
    still = (step * step).sum(-1) < CONTACT_MAX_SQUARED_STEP_M2  # (..., T - 1, F)
    low = feet[..., :-1, :, 1] < CONTACT_MAX_HEIGHT_M
    share: np.ndarray = (still == low).mean(axis=(-1, -2))
    return share


def float_mm(joints: np.ndarray) -> np.ndarray:
    """Height of the lowest joint above the floor, mean over frames: (..., T, 22, 3) -> (...).

    Source: DIGHT.
    """
    lowest = joints[..., 1].min(axis=-1)  # (..., T)
    height_mm: np.ndarray = 1000.0 * np.maximum(lowest, 0.0).mean(axis=-1)
    return height_mm


def floor_penetration_mm(joints: np.ndarray) -> np.ndarray:
    """Depth of the lowest joint below the floor, mean over frames: (..., T, 22, 3) -> (...).

    Source: Motius.
    """
    lowest = joints[..., 1].min(axis=-1)  # (..., T)
    depth_mm: np.ndarray = 1000.0 * np.maximum(-lowest, 0.0).mean(axis=-1)
    return depth_mm


def jerk_m_per_s3(joints: np.ndarray) -> np.ndarray:
    """Norm of the third difference times fps^3, mean over joints and frames: (..., T, 22, 3) -> (...).

    Source: DIGHT (InterGen 149, TIMotion 322 on InterHuman).
    """
    third = np.diff(joints, n=3, axis=-3)  # (..., T - 3, 22, 3)
    jerk: np.ndarray = FPS**3 * np.linalg.norm(third, axis=-1).mean(axis=(-1, -2))
    return jerk


def jerk_over_time(joints: np.ndarray) -> np.ndarray:
    """Norm of the third derivative, mean over persons and joints: (P, T, J, 3) -> (T - 3,) m/s^3."""
    third = np.diff(joints.astype(np.float64), n=3, axis=1) * FPS**3  # (P, T - 3, J, 3)
    jerk: np.ndarray = np.linalg.norm(third, axis=-1).mean(axis=(0, 2))
    return jerk


def seam_jerk(joints: np.ndarray, frame: int, overlap: int) -> tuple[float, float]:
    """Mean jerk (m/s^3) of (P, T, J, 3) near a seam and elsewhere.

    The seam is `overlap` frames from `frame` on; `_SEAM_FRAMES` before and after it count as near.
    """
    values = jerk_over_time(joints)  # (T - 3,)
    near = np.zeros(len(values), dtype=bool)
    near[max(frame - _SEAM_FRAMES, 0) : frame + overlap + _SEAM_FRAMES] = True
    elsewhere = values[~near] if (~near).any() else values
    return float(values[near].mean()), float(elsewhere.mean())


def bone_length_error_mm(joints: np.ndarray) -> np.ndarray:
    """Deviation of each bone from its mean over the clip: (..., T, 22, 3) -> (...).

    Mean over bones and frames. The score is our own, after InterGen's loss.
    """
    lengths = bone_lengths(joints)  # (..., T, 21)
    deviation = np.abs(lengths - lengths.mean(axis=-2, keepdims=True))
    error_mm: np.ndarray = 1000.0 * deviation.mean(axis=(-1, -2))
    return error_mm


def smallest_distance_mm(joints: np.ndarray) -> np.ndarray:
    """Smallest distance between a joint of one person and one of the other: (..., 2, T, 22, 3) -> (...)."""
    # Around the pair's own centre the float32 expansion below is exact to 0.1 mm.
    local = joints - joints[..., :, :, :1, :].mean(axis=-4, keepdims=True)
    first, second = local[..., 0, :, :, :], local[..., 1, :, :, :]  # (..., T, 22, 3)
    # Squared distances as |a|^2 + |b|^2 - 2ab: (..., T, 22, 22).
    squares = (first * first).sum(-1)[..., :, None] + (second * second).sum(-1)[..., None, :]
    squares = squares - 2.0 * (first @ np.swapaxes(second, -1, -2))
    smallest = squares.min(axis=(-1, -2, -3))  # (...)
    distance_mm: np.ndarray = 1000.0 * np.sqrt(np.maximum(smallest, 0.0))
    return distance_mm


def between_persons(joints: np.ndarray) -> dict[str, np.ndarray]:
    """Capsule bodies of the two persons: (..., 2, T, 22, 3) -> the PAIR_COLUMNS, each (...).

    * `penetration_mm`: depth of the deepest overlap of two limbs, mean over frames.
    * `penetration_share`: share of frames with any overlap. Both are after PhysiGen's collision distance and
      rate, with capsules for cylinders.
    * `contact_ratio`: share of frames where the surfaces are nearer than 5 cm. Source: Inter-X++.
    """
    gap = capsule_gaps_m(joints[..., 0, :, :, :], joints[..., 1, :, :, :], CONTACT_M)  # (..., T)
    return {
        "penetration_mm": 1000.0 * np.maximum(-gap, 0.0).mean(axis=-1),
        "penetration_share": (gap < 0.0).mean(axis=-1),
        "contact_ratio": (gap < CONTACT_M).mean(axis=-1),
        "smallest_distance_mm": smallest_distance_mm(joints),
    }


def physics_batch(joints: np.ndarray, persons: Sequence[int] = (0, 1)) -> dict[str, np.ndarray]:
    """Interactions of equal length (B, 2, T, 22, 3) -> every column of COLUMNS, each (B,) float64.

    `persons` (0-based) are those whose feet, bones and jerk are measured, e.g. only the generated partner.
    Raises ValueError for another shape or fewer than `MIN_FRAMES` frames.
    """
    if joints.ndim != 5 or joints.shape[1] != 2 or joints.shape[3:] != (NUM_JOINTS, 3):
        raise ValueError(f"joints have shape {joints.shape}; accepted: (B, 2, T, {NUM_JOINTS}, 3)")
    if joints.shape[2] < MIN_FRAMES:
        raise ValueError(f"interactions have {joints.shape[2]} frames; accepted: {MIN_FRAMES} or more")
    joints = np.asarray(joints, dtype=np.float32)
    measured = joints[:, list(persons)]  # (B, P, T, 22, 3)
    scores = {
        "foot_skate_mm_per_frame": _mean_of_finite(foot_skate_mm_per_frame(measured)),
        "foot_contact_agreement": foot_contact_agreement(measured).mean(axis=1),
        "float_mm": float_mm(measured).mean(axis=1),
        "floor_penetration_mm": floor_penetration_mm(measured).mean(axis=1),
        "jerk_m_per_s3": jerk_m_per_s3(measured).mean(axis=1),
        "bone_length_error_mm": bone_length_error_mm(measured).mean(axis=1),
        **between_persons(joints),
    }
    return {name: scores[name].astype(np.float64) for name in COLUMNS}


def _mean_of_finite(values: np.ndarray) -> np.ndarray:
    """Mean over the finite values of each row, (B, P) -> (B,); NaN for a row without any."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(axis=-1)
    return np.where(finite.any(axis=-1), total / np.maximum(finite.sum(axis=-1), 1), np.nan)


def physics(joints: np.ndarray, persons: Sequence[int] = (0, 1)) -> dict[str, float]:
    """One interaction (2, T, 22, 3) -> a number for every column of COLUMNS, of `physics_batch`."""
    return {name: float(values[0]) for name, values in physics_batch(joints[None], persons).items()}


def physics_table(
    interactions: Iterable[np.ndarray], persons: Sequence[tuple[int, ...]] | None = None
) -> dict[str, np.ndarray]:
    """Interactions (2, T, 22, 3) of any lengths -> every column, each (N,) in the given order.

    `persons` has one choice per interaction, e.g. (1,) where only person 1 was generated.
    """
    clips = list(interactions)
    measured = persons or [(0, 1)] * len(clips)
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    for index, (clip, own) in enumerate(zip(clips, measured, strict=True)):
        groups[(clip.shape[1], own)].append(index)
    table = {name: np.full(len(clips), np.nan) for name in COLUMNS}
    for (frames, own), members in groups.items():
        size = max(_BATCH_FRAMES // frames, 1)
        for start in range(0, len(members), size):
            batch = members[start : start + size]
            for name, values in physics_batch(np.stack([clips[index] for index in batch]), own).items():
                table[name][batch] = values
    return table
