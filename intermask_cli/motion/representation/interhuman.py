"""InterHuman's 262 numbers per person and frame, both ways.

Source: docs/reference/data-and-evaluation.md#interhuman-features.

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

from intermask_cli.motion.motion import Motion
from intermask_cli.motion.placement import Floor, Frame, pair_frames, person_frame
from intermask_cli.motion.representation.base import Representation
from intermask_cli.motion.skeleton import FEET, FPS, JOINT_NAMES, NUM_JOINTS, PARENTS

NUM_FEATURES = 262
#: Columns of the features, as in the table above.
POSITIONS = slice(0, 66)
VELOCITIES = slice(66, 132)
ROTATIONS = slice(132, 258)
CONTACTS = slice(258, 262)

#: Columns of one person in a file of the dataset.
RAW_COLUMNS = 492
#: In a raw row: 62 positions, then rotations of joints 1..51; we use 22 positions and 21 body rotations.
_RAW_POSITIONS, _RAW_ROTATIONS = slice(0, 66), slice(186, 312)

#: A foot joint is at rest while its squared displacement to the next frame is below this, m^2: 0.95 m/s at
#: 30 fps. The value is InterHuman's.
CONTACT_MAX_SQUARED_STEP_M2 = 0.001
#: A foot joint is on the floor below this height, metres, in the order of `FEET`: ankle, toe, ankle, toe.
#: The values are InterHuman's.
CONTACT_MAX_HEIGHT_M = np.array([0.12, 0.05, 0.12, 0.05])


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
    )  # (T - 1, 66 + 4)
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


def foot_contacts(positions: np.ndarray) -> np.ndarray:
    """Joints (..., T, 22, 3), Y up with the floor at 0 -> flags (..., T - 1, 4) bool, order as `FEET`.

    Source: docs/reference/data-and-evaluation.md#foot-contacts.
    """
    feet = positions[..., FEET, :]  # (..., T, 4, 3)
    step = feet[..., 1:, :, :] - feet[..., :-1, :, :]  # (..., T - 1, 4, 3)
    resting = (step * step).sum(-1) < CONTACT_MAX_SQUARED_STEP_M2
    contacts: np.ndarray = resting & (feet[..., :-1, :, 1] < CONTACT_MAX_HEIGHT_M)
    return contacts


def joints_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., 262) -> joint positions (..., 22, 3), read directly as published."""
    return features[..., POSITIONS].reshape(*features.shape[:-1], NUM_JOINTS, 3)


def rotations6d_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., 262) -> local rotations (..., 21, 6), `sixd_columns`, as predicted."""
    return features[..., ROTATIONS].reshape(*features.shape[:-1], NUM_JOINTS - 1, 6)


def _std_floors() -> np.ndarray:
    """Floors (262,): 5 cm, 3 mm per frame, 0.05 of a matrix entry, 0.1 of a flag (our choice)."""
    floors = np.empty(NUM_FEATURES, dtype=np.float32)
    floors[POSITIONS] = 0.05
    floors[VELOCITIES] = 0.003
    floors[ROTATIONS] = 0.05
    floors[CONTACTS] = 0.1
    return floors


class InterHumanRepresentation(Representation):
    """262 features per person and frame, computed from 22 joints and 21 local rotations."""

    name, title = "interhuman", "InterHuman"
    fps = FPS
    joint_names, parents = JOINT_NAMES, PARENTS
    feature_shape = (NUM_FEATURES,)
    normalised = True
    holds_joints = True
    #: Without these the noise of a joint that never turns becomes unit variance, and division by a deviation
    #: of 0 would fail. Published statistics are used without floors.
    std_floors = _std_floors()

    def joints_of(self, features: np.ndarray) -> np.ndarray:
        """Features (..., 262) -> joints (..., 22, 3) metres."""
        return joints_from_features(features)

    def to_motion(self, features: np.ndarray) -> Motion:
        """Features (P, T, 262) -> joints, rotations and the features, in the frame of the features."""
        return Motion(self.joints_of(features), rotations6d_from_features(features), features)


INTERHUMAN = InterHumanRepresentation()
