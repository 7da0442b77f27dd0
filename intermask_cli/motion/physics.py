"""Physical plausibility of interactions: ten numbers each, vectorised over batches.

Joints are (..., 2, T, 22, 3), metres, Y up, floor at y = 0, 30 fps; results have the leading axes. Lower is
not always better (people who hug do touch), so every number is read beside the ground truth's.
Sources of definitions are named per function; the survey is reference `field.md` section 6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from intermask_cli.motion.capsules import capsule_gaps_m
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.representation.interhuman import CONTACT_MAX_HEIGHT_M, CONTACT_MAX_SQUARED_STEP_M2
from intermask_cli.motion.skeleton import FEET, FPS, NUM_JOINTS

#: Of one person each, averaged over the persons asked for.
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

GROUNDED_M = 0.05  # a foot joint lower than this is on the ground (DIGHT)
CONTACT_M = 0.05  # bodies nearer than this touch (Inter-X++: 5 cm between surfaces)
MIN_FRAMES = 4  # a third difference needs four
_BATCH_FRAMES = 4096


def foot_skate_mm_per_frame(joints: np.ndarray) -> np.ndarray:
    """Horizontal step of the 4 foot joints while lower than 5 cm: (..., T, 22, 3) -> (...) mm a frame.

    Mean over grounded foot-frames; NaN where no foot is ever grounded. Source: DIGHT ("Skate").
    """
    feet = joints[..., FEET, :]
    grounded = feet[..., :-1, :, 1] < GROUNDED_M
    step = np.linalg.norm(np.diff(feet[..., (0, 2)], axis=-3), axis=-1)
    count = grounded.sum(axis=(-1, -2))
    total = np.where(grounded, step, 0.0).sum(axis=(-1, -2))
    return np.where(count > 0, 1000.0 * total / np.maximum(count, 1), np.nan)


def foot_contact_agreement(joints: np.ndarray) -> np.ndarray:
    """Share of foot-frames where "low" and "still" agree: (..., T, 22, 3) -> (...), 0 to 1.

    Low and still are the two halves of InterHuman's contact rule (reference section 2.1 step 5). A sliding
    foot is low but not still, a foot held above the floor still but not low. The score is ours.
    """
    feet = joints[..., FEET, :]
    step = np.diff(feet, axis=-3)
    still = (step * step).sum(-1) < CONTACT_MAX_SQUARED_STEP_M2
    low = feet[..., :-1, :, 1] < CONTACT_MAX_HEIGHT_M
    return (still == low).mean(axis=(-1, -2))


def float_mm(joints: np.ndarray) -> np.ndarray:
    """Height of the lowest joint above the floor, mean over frames: (..., T, 22, 3) -> (...). DIGHT."""
    return 1000.0 * np.maximum(joints[..., 1].min(axis=-1), 0.0).mean(axis=-1)


def floor_penetration_mm(joints: np.ndarray) -> np.ndarray:
    """Depth of the lowest joint below the floor, mean over frames: (..., T, 22, 3) -> (...). Motius."""
    return 1000.0 * np.maximum(-joints[..., 1].min(axis=-1), 0.0).mean(axis=-1)


def jerk_m_per_s3(joints: np.ndarray) -> np.ndarray:
    """Norm of the third difference times fps^3, mean over joints and frames: (..., T, 22, 3) -> (...).

    Source: DIGHT (InterGen 149, TIMotion 322 on InterHuman).
    """
    return FPS**3 * np.linalg.norm(np.diff(joints, n=3, axis=-3), axis=-1).mean(axis=(-1, -2))


def jerk_over_time(joints: np.ndarray) -> np.ndarray:
    """Mean size of the third derivative over persons and joints: (P, T, J, 3) -> (T - 3,) m/s^3."""
    third = np.diff(joints.astype(np.float64), n=3, axis=1) * FPS**3
    return np.linalg.norm(third, axis=-1).mean(axis=(0, 2))


def seam_jerk(joints: np.ndarray, frame: int, overlap: int) -> tuple[float, float]:
    """Mean jerk (m/s^3) of (P, T, J, 3) over a seam's overlap and four frames around it, and elsewhere."""
    values = jerk_over_time(joints)
    near = np.zeros(len(values), dtype=bool)
    near[max(frame - 4, 0) : frame + overlap + 4] = True
    elsewhere = values[~near] if (~near).any() else values
    return float(values[near].mean()), float(elsewhere.mean())


def bone_length_error_mm(joints: np.ndarray) -> np.ndarray:
    """Deviation of each bone from its mean over the clip: (..., T, 22, 3) -> (...).

    Mean over bones and frames; the score is ours, after InterGen's loss.
    """
    lengths = bone_lengths(joints)
    return 1000.0 * np.abs(lengths - lengths.mean(axis=-2, keepdims=True)).mean(axis=(-1, -2))


def smallest_distance_mm(joints: np.ndarray) -> np.ndarray:
    """Smallest distance between a joint of one person and one of the other: (..., 2, T, 22, 3) -> (...)."""
    # Around the pair's own centre the float32 expansion below keeps 0.1 mm.
    local = joints - joints[..., :, :, :1, :].mean(axis=-4, keepdims=True)
    one, two = local[..., 0, :, :, :], local[..., 1, :, :, :]
    squares = (one * one).sum(-1)[..., :, None] + (two * two).sum(-1)[..., None, :]
    squares = squares - 2.0 * (one @ np.swapaxes(two, -1, -2))
    return 1000.0 * np.sqrt(np.maximum(squares.min(axis=(-1, -2, -3)), 0.0))


def between_persons(joints: np.ndarray) -> dict[str, np.ndarray]:
    """Capsule bodies of the two persons: (..., 2, T, 22, 3) -> the PAIR_COLUMNS, each (...).

    `penetration_mm`: depth of the deepest overlap of two limbs, mean over frames; `penetration_share`:
    share of frames with any overlap (after PhysiGen's collision distance and rate, capsules for its
    cylinders); `contact_ratio`: share of frames where the surfaces are nearer than 5 cm (Inter-X++).
    """
    gap = capsule_gaps_m(joints[..., 0, :, :, :], joints[..., 1, :, :, :], CONTACT_M)
    return {
        "penetration_mm": 1000.0 * np.maximum(-gap, 0.0).mean(axis=-1),
        "penetration_share": (gap < 0.0).mean(axis=-1),
        "contact_ratio": (gap < CONTACT_M).mean(axis=-1),
        "smallest_distance_mm": smallest_distance_mm(joints),
    }


def physics_batch(joints: np.ndarray, persons: Sequence[int] = (0, 1)) -> dict[str, np.ndarray]:
    """Interactions of equal length (B, 2, T, 22, 3) -> every column of COLUMNS, each (B,) float64.

    `persons` names whose feet, bones and jerk count, e.g. only the generated partner's.
    """
    if joints.ndim != 5 or joints.shape[1] != 2 or joints.shape[3:] != (NUM_JOINTS, 3):
        raise ValueError(f"joints have shape {joints.shape}; accepted: (B, 2, T, {NUM_JOINTS}, 3)")
    if joints.shape[2] < MIN_FRAMES:
        raise ValueError(f"interactions have {joints.shape[2]} frames; accepted: {MIN_FRAMES} or more")
    joints = np.asarray(joints, dtype=np.float32)
    chosen = joints[:, list(persons)]
    scores = {
        "foot_skate_mm_per_frame": _mean_of_persons(foot_skate_mm_per_frame(chosen)),
        "foot_contact_agreement": foot_contact_agreement(chosen).mean(axis=1),
        "float_mm": float_mm(chosen).mean(axis=1),
        "floor_penetration_mm": floor_penetration_mm(chosen).mean(axis=1),
        "jerk_m_per_s3": jerk_m_per_s3(chosen).mean(axis=1),
        "bone_length_error_mm": bone_length_error_mm(chosen).mean(axis=1),
        **between_persons(joints),
    }
    return {name: scores[name].astype(np.float64) for name in COLUMNS}


def _mean_of_persons(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    total = np.where(there, values, 0.0).sum(axis=-1)
    return np.where(there.any(axis=-1), total / np.maximum(there.sum(axis=-1), 1), np.nan)


def physics(joints: np.ndarray, persons: Sequence[int] = (0, 1)) -> dict[str, float]:
    """One interaction (2, T, 22, 3) -> a number for every column of COLUMNS."""
    return {name: float(values[0]) for name, values in physics_batch(joints[None], persons).items()}


def physics_table(
    interactions: Iterable[np.ndarray], persons: Sequence[tuple[int, ...]] | None = None
) -> dict[str, np.ndarray]:
    """Interactions (2, T, 22, 3) of any lengths -> every column, each (N,) in the given order.

    `persons` has one choice per interaction, e.g. (1,) where only the second person was generated.
    """
    clips = list(interactions)
    choices = persons or [(0, 1)] * len(clips)
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    for i, (clip, chosen) in enumerate(zip(clips, choices, strict=True)):
        groups[(clip.shape[1], chosen)].append(i)
    table = {name: np.full(len(clips), np.nan) for name in COLUMNS}
    for (frames, chosen), members in groups.items():
        size = max(_BATCH_FRAMES // frames, 1)
        for start in range(0, len(members), size):
            part = members[start : start + size]
            for name, values in physics_batch(np.stack([clips[i] for i in part]), chosen).items():
                table[name][part] = values
    return table
