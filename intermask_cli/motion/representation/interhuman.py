"""InterHuman's 262 numbers per person and frame, both ways (reference data-and-evaluation.md, section 2).

=========  ==========================================================
columns    content
=========  ==========================================================
0..65      22 joint positions x 3, metres, in the canonical person's frame
66..131    22 velocities x 3, metres per frame, forward difference
132..257   21 local rotations x 6 (joints 1..21, `sixd_columns`)
258..261   contacts of left ankle, left toe, right ankle, right toe (0/1)
=========  ==========================================================
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.contacts import foot_contacts
from intermask_cli.motion.placement import Floor, Frame, pair_frames, person_frame
from intermask_cli.motion.skeleton import NUM_JOINTS

NUM_FEATURES = 262
POSITIONS = slice(0, 66)
VELOCITIES = slice(66, 132)
ROTATIONS = slice(132, 258)
CONTACTS = slice(258, 262)

RAW_COLUMNS = 492
#: In a raw row: 62 positions, then rotations of joints 1..51; we use 22 positions and 21 body rotations.
_RAW_POSITIONS, _RAW_ROTATIONS = slice(0, 66), slice(186, 312)
LOADED_COLUMNS = 192


def loaded_from_raw492(raw: np.ndarray) -> np.ndarray:
    """InterHuman's array on disk (T, 492) -> body columns (T, 192) float32, still Z up."""
    if raw.ndim != 2 or raw.shape[1] != RAW_COLUMNS:
        raise ValueError(f"shape {raw.shape}: a raw InterHuman person is (T, {RAW_COLUMNS})")
    return np.concatenate([raw[:, _RAW_POSITIONS], raw[:, _RAW_ROTATIONS]], axis=1).astype(np.float32)


def motion_from_loaded(loaded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, 192) Z up -> positions (T, 22, 3) Y up and local rotations (T, 21, 6), which have no world axis."""
    frames = len(loaded)
    positions = y_up_from_z_up(loaded[:, :66].reshape(frames, NUM_JOINTS, 3))
    return positions, loaded[:, 66:].reshape(frames, NUM_JOINTS - 1, 6)


def y_up_from_z_up(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) with Z up -> Y up: (x, y, z) becomes (x, z, -y)."""
    return np.stack([vectors[..., 0], vectors[..., 2], -vectors[..., 1]], axis=-1)


def person_features(
    joints: np.ndarray, rotations6d: np.ndarray, frame: Frame | None = None, keep_last: bool = False
) -> np.ndarray:
    """Features of one person, alone or placed in a given frame.

    joints (T, 22, 3) Y up metres 30 fps, rotations6d (T, 21, 6); frame: by default the person's own
    -> (T - 1, 262) float32 as published: the last frame has no velocity and is dropped. With keep_last
    (T, 262): the last velocity and contacts are repeated.
    """
    if len(joints) < 2:
        raise ValueError(f"{len(joints)} frame(s): features need at least 2, a velocity joins two frames")
    placed = (frame or person_frame(joints)).to_canonical(joints.astype(np.float64))
    changes = np.concatenate(
        [np.diff(placed, axis=0).reshape(len(placed) - 1, -1), foot_contacts(placed)], axis=1
    )
    if keep_last:
        changes = np.concatenate([changes, changes[-1:]])
    frames = len(changes)
    features = np.empty((frames, NUM_FEATURES), dtype=np.float32)
    features[:, POSITIONS] = placed[:frames].reshape(frames, -1)
    features[:, VELOCITIES] = changes[:, :66]
    features[:, ROTATIONS] = rotations6d[:frames].reshape(frames, -1)
    features[:, CONTACTS] = changes[:, 66:]
    return features


def pair_features(
    joints: np.ndarray,
    rotations6d: np.ndarray,
    canonical: int = 0,
    floor: Floor = "person",
    keep_last: bool = False,
) -> np.ndarray:
    """Features of both persons in the canonical person's frame; person order is kept.

    joints (2, T, 22, 3), rotations6d (2, T, 21, 6) -> (2, T - 1, 262) float32, (2, T, 262) with keep_last.
    `pair_frames(joints, canonical, floor)` leads back to the world. Defaults are the published behaviour.
    """
    frames = pair_frames(joints, canonical, floor)
    return np.stack([person_features(joints[p], rotations6d[p], frames[p], keep_last) for p in (0, 1)])


def joints_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., 262) -> joint positions (..., 22, 3), read directly as published."""
    return features[..., POSITIONS].reshape(*features.shape[:-1], NUM_JOINTS, 3)


def rotations6d_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., 262) -> local rotations (..., 21, 6), `sixd_columns`, as predicted."""
    return features[..., ROTATIONS].reshape(*features.shape[:-1], NUM_JOINTS - 1, 6)


def contacts_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., 262) -> contact values (..., 4)."""
    return features[..., CONTACTS]
