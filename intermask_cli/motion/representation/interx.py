"""Inter-X: 56 rows x 6 per person, 56 x 12 per pair, both ways.

On disk a clip is (T, 56, 6): person 1's three numbers, then person 2's. Rows 0..54 are axis-angle
rotations (root, body, jaw, eyes, left hand, right hand), row 55 is the root translation in metres, Y up.
Features use `sixd_rows`, unlike InterHuman; nothing is normalised. Source:
docs/reference/data-and-evaluation.md#inter-x-files, #inter-x-features.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body_model import BodyModel, stand_in_body
from intermask_cli.motion.representation.base import Representation
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_sixd_rows,
    sixd_rows_from_matrix,
)
from intermask_cli.motion.skeleton import FPS, INTERX_PARENTS, JOINT_NAMES

FEATURE_ROWS = 56
#: Row of the root translation; the rows before it are the joints.
TRANSLATION = 55
#: Jaw and eyes: zero in the data, and never passed on to the body model.
FACE = slice(22, 25)


def persons_from_processed(processed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, 56, 6) as on disk -> person 1 and person 2, each (T, 56, 3)."""
    if processed.ndim != 3 or processed.shape[1:] != (FEATURE_ROWS, 6):
        raise ValueError(f"shape {processed.shape}: an Inter-X clip is (T, {FEATURE_ROWS}, 6)")
    return processed[..., :3], processed[..., 3:]


def person_features(person: np.ndarray) -> np.ndarray:
    """Axis-angle rows and translation (T, 56, 3) -> (T, 56, 6) float32: 6-D; translation and step."""
    features = np.empty((*person.shape[:2], 6), dtype=np.float32)
    features[:, :TRANSLATION] = sixd_rows_from_matrix(matrix_from_axis_angle(person[:, :TRANSLATION]))
    features[:, TRANSLATION, :3] = person[:, TRANSLATION]
    features[:, TRANSLATION, 3:] = forward_difference(person[:, TRANSLATION])
    return features


def pair_features(processed: np.ndarray) -> np.ndarray:
    """(T, 56, 6) as on disk -> (T, 56, 12) float32: the features of person 1, then of person 2."""
    return join_persons(*(person_features(person) for person in persons_from_processed(processed)))


def join_persons(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two (..., 56, 6) -> (..., 56, 12)."""
    return np.concatenate([first, second], axis=-1)


def split_persons(pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 56, 12) -> two (..., 56, 6)."""
    return pair[..., :6], pair[..., 6:]


def axis_angle_from_features(features: np.ndarray) -> np.ndarray:
    """Features (..., 56, 6) -> axis-angle rotations (..., 55, 3): root, then 54 local ones."""
    return axis_angle_from_matrix(matrix_from_sixd_rows(features[..., :TRANSLATION, :]))


def translation_from_features(features: np.ndarray) -> np.ndarray:
    """Features (..., 56, 6) -> root translation (..., 3), read directly; the step is not integrated."""
    return features[..., TRANSLATION, :3]


def joints_from_features(features: np.ndarray, body: BodyModel) -> np.ndarray:
    """Features (..., 56, 6) -> joints (..., 55, 3) float32 of the neutral body, face rotations ignored."""
    rotations = axis_angle_from_features(features)
    rotations[..., FACE, :] = 0
    return body.joints(rotations, translation_from_features(features)).astype(np.float32)


def forward_difference(values: np.ndarray) -> np.ndarray:
    """(T, ...) -> next minus current frame, 0 in the last frame."""
    return np.diff(values, axis=0, append=values[-1:])


class InterXRepresentation(Representation):
    """56 rows of 6 features per person and frame: rotations of 55 SMPL-X joints, and the root's path."""

    name, title = "interx", "Inter-X"
    fps = FPS
    #: The 22 body joints have names; face and fingers are numbered.
    joint_names = (*JOINT_NAMES, *(f"joint{j}" for j in range(len(JOINT_NAMES), len(INTERX_PARENTS))))
    parents = INTERX_PARENTS
    feature_shape = (FEATURE_ROWS, 6)
    normalised = False
    holds_joints = False
    std_floors = None

    def joints_of(self, features: np.ndarray) -> np.ndarray:
        """Features (..., 56, 6) -> joints (..., 55, 3) metres of the stand-in body (`stand_in_body`)."""
        return joints_from_features(features, stand_in_body())


INTERX = InterXRepresentation()
