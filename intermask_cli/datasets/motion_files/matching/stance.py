"""The pose in which a body is stretched most: shows up and forward of the body itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.matching.limb_points import SIDES, LimbPoints
from intermask_cli.datasets.motion_files.matching.points import Points

#: Legs and trunk are stretched in the rest pose if this share of the legs' length, and of opposite directions
#: (cosine), is reached. A T-pose reaches 1; a rest pose whose bones all lie along one axis, -1.
_STRETCHED = 0.9


@dataclass(frozen=True)
class Stance:
    """The most stretched pose: `frame` of the clip, None for the rest pose; `up` (3,) from feet to trunk."""

    frame: int | None
    up: np.ndarray

    def place(self, points: Points, point: int) -> np.ndarray:
        """Place (3,) of a point in this pose."""
        place: np.ndarray = points.rest[point] if self.frame is None else points.place(point)[self.frame]
        return place

    def in_frame(self, points: Points, joint: int, vector: np.ndarray) -> np.ndarray:
        """A vector (3,) of this pose in the frame of a joint."""
        turned: np.ndarray = vector if self.frame is None else points.turn(joint)[self.frame].T @ vector
        return turned


def find_stance(points: Points, limbs: LimbPoints) -> Stance:
    """The rest pose if it is that of a body, else the frame that is most like one."""
    rest, up = _stretch(points.rest[None], limbs)
    if rest[0] > _STRETCHED:
        return Stance(None, up[0])
    posed, ups = _stretch(points.poses, limbs)
    best = int(posed.argmax())
    return Stance(int(points.frames[best]), ups[best])


def _stretch(poses: np.ndarray, limbs: LimbPoints) -> tuple[np.ndarray, np.ndarray]:
    """How stretched poses (S, N, 3) are, (S,) up to 1, and directions (S, 3) from ankles to shoulders."""

    def middle(joint: str) -> np.ndarray:
        left, right = (poses[:, limbs.joints[f"{side}_{joint}"]] for side in SIDES)
        both: np.ndarray = (left + right) / 2
        return both

    hips, ankles, shoulders = middle("hip"), middle("ankle"), middle("shoulder")
    legs, trunk, whole = hips - ankles, shoulders - hips, shoulders - ankles
    lengths = [np.linalg.norm(vector, axis=-1) for vector in (legs, trunk, whole)]
    opposite = (legs * trunk).sum(-1) / np.maximum(lengths[0] * lengths[1], 1e-9)
    bones = _leg_length(poses, limbs)
    straight = lengths[0] / np.maximum(bones, 1e-9)
    return np.minimum(opposite, straight), whole / np.maximum(lengths[2], 1e-9)[:, None]


def _leg_length(poses: np.ndarray, limbs: LimbPoints) -> np.ndarray:
    """Thigh plus shin (S,), mean of both legs, in poses (S, N, 3)."""
    total = np.zeros(len(poses))
    for side in SIDES:
        hip, knee, ankle = (poses[:, limbs.joints[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
        total += (np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)) / len(SIDES)
    return total
