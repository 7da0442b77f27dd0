"""Bodies as capsules around bones, and how far apart two such bodies are.

A stand-in for a mesh. Hands have no bone in this skeleton, so palms that touch do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.skeleton import BONES, JOINT

#: Radius of the bone that ends in a joint, metres: half the thickness of an average adult's limb, rounded to
#: 5 mm (our choice).
_RADIUS_OF_CHILD_M = {
    "left_hip": 0.09, "left_knee": 0.075, "left_ankle": 0.05, "left_foot": 0.04,
    "spine1": 0.11, "spine2": 0.12, "spine3": 0.12, "neck": 0.07, "head": 0.09,
    "left_collar": 0.06, "left_shoulder": 0.06, "left_elbow": 0.045, "left_wrist": 0.04,
}  # fmt: skip
_BY_JOINT = {JOINT[name]: radius for name, radius in _RADIUS_OF_CHILD_M.items()} | {
    JOINT[name.replace("left", "right")]: radius for name, radius in _RADIUS_OF_CHILD_M.items()
}


@dataclass(frozen=True)
class Capsules:
    """Capsules around bones: (parents, children) joint numbers and radii in metres, each (bones,)."""

    parents: np.ndarray
    children: np.ndarray
    radii_m: np.ndarray

    def without(self, joints: np.ndarray) -> Capsules:
        """The capsules of the bones that do not end in these joints."""
        kept = ~np.isin(self.children, joints)
        return Capsules(self.parents[kept], self.children[kept], self.radii_m[kept])


#: All 21 bones of a person.
BODY = Capsules(
    np.array([parent for parent, _ in BONES]),
    np.array([child for _, child in BONES]),
    np.array([_BY_JOINT[child] for _, child in BONES], dtype=np.float32),
)
#: Square metres below which two segments count as parallel, and a segment as a point; float32, so that
#: float32 input stays float32.
_TINY = np.float32(1e-9)


def capsule_gaps_m(person0: np.ndarray, person1: np.ndarray, cutoff_m: float) -> np.ndarray:
    """Smallest surface distance in metres of two bodies: joints (..., 22, 3) twice -> (...) float32.

    Negative for overlap. Distances of `cutoff_m` or more are returned as `cutoff_m`, without computing them.
    """
    shape = person0.shape[:-2]
    person0 = person0.reshape(-1, *person0.shape[-2:])  # (N, 22, 3)
    person1 = person1.reshape(-1, *person1.shape[-2:])  # (N, 22, 3)
    gaps = np.full(len(person0), cutoff_m, dtype=np.float32)
    frames, first, second = _near_pairs(person0, person1, cutoff_m)  # (M,) each
    if len(frames):
        distance = segment_distances(
            person0[frames, BODY.parents[first]],
            person0[frames, BODY.children[first]],
            person1[frames, BODY.parents[second]],
            person1[frames, BODY.children[second]],
        )
        np.minimum.at(gaps, frames, distance - BODY.radii_m[first] - BODY.radii_m[second])
    return gaps.reshape(shape)


def _near_pairs(
    person0: np.ndarray, person1: np.ndarray, cutoff_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, bones of person 0 and bones of person 1, each (M,): capsules near by their bounding spheres.

    person0, person1 (N, 22, 3); C = 21 capsules per body.
    """
    centre = (person0[:, :1] + person1[:, :1]) / 2
    middles, reaches = [], []
    for body in (person0 - centre, person1 - centre):
        start, end = body[:, BODY.parents], body[:, BODY.children]  # (N, C, 3)
        middles.append((start + end) / 2)
        reaches.append(np.linalg.norm(end - start, axis=-1) / 2 + BODY.radii_m)
    (m1, m2), (r1, r2) = middles, reaches
    # Squared distances of the middles as |a|^2 + |b|^2 - 2ab: (N, C, C).
    squares = (m1 * m1).sum(-1)[:, :, None] + (m2 * m2).sum(-1)[:, None] - 2.0 * (m1 @ m2.transpose(0, 2, 1))
    # 1 mm more than needed, because the expansion rounds.
    within = r1[:, :, None] + r2[:, None] + np.float32(cutoff_m + 1e-3)
    frames, first, second = np.nonzero(squares < within * within)
    return frames, first, second


def segment_distances(p: np.ndarray, q: np.ndarray, r: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Distance (N,) in metres of segments p-q and r-s, each end (N, 3); segments may be points.

    Closest points after Ericson, "Real-Time Collision Detection" (2005), section 5.1.9.
    """
    along1, along2, between = q - p, s - r, p - r
    a, e = (along1 * along1).sum(-1), (along2 * along2).sum(-1)
    b, c, f = (along1 * along2).sum(-1), (along1 * between).sum(-1), (along2 * between).sum(-1)
    determinant = a * e - b * b
    # Of parallel segments every start gives the same distance; 0 is taken.
    t1 = np.where(determinant > _TINY, np.clip((b * f - c * e) / np.maximum(determinant, _TINY), 0, 1), 0)
    t2 = np.clip((b * t1 + f) / np.maximum(e, _TINY), 0, 1)
    t1 = np.clip((b * t2 - c) / np.maximum(a, _TINY), 0, 1)
    nearest = between + along1 * t1[:, None] - along2 * t2[:, None]
    distance: np.ndarray = np.linalg.norm(nearest, axis=-1)
    return distance
