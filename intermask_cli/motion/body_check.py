"""Whether joints can be a person in metres with Y up: body height and upright axis.

Used for motion that users supply, from files and through the Python API. A wrong unit or up axis would
otherwise only show as bad motion.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT, REST_HEIGHT_M, REST_OFFSETS

#: Usual units. The CMU library stores inches divided by 0.45.
METRES_PER_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "foot": 0.3048, "cmu": 0.0254 / 0.45}
#: Heights of an adult, metres. The usual units differ by more than the ratio of these two, so that at most
#: one of them gives such a body.
ADULT_M = (1.35, 2.15)
#: Lowest and highest body height that is accepted, metres: small children and tall characters included.
BODY_HEIGHT_M = (0.5, 3.0)
#: Mean cosine between an axis and the direction from feet to head beyond which the body stands along it.
#: A bent or sitting person stays below, a lying one does not.
STANDS_ALONG = 0.8
#: Bones whose summed length gives a body's height in any pose.
_HEIGHT_BONES = [
    JOINT[name] - 1 for name in ("spine1", "spine2", "spine3", "neck", "head", "left_knee", "left_ankle")
]


def body_height(joints: np.ndarray) -> float:
    """Height of the standing body in the unit of joints (T, 22, 3), from bone lengths, in any pose."""
    return float(np.median(height_of(bone_lengths(joints))))


def height_of(lengths: np.ndarray) -> np.ndarray:
    """Height (...) of a standing body from its bone lengths (..., 21), in their unit."""
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)[_HEIGHT_BONES].sum()
    height: np.ndarray = lengths[..., _HEIGHT_BONES].sum(-1) / rest * REST_HEIGHT_M
    return height


def check_body(joints: np.ndarray) -> None:
    """Raise InputError unless joints (T, 22, 3) have a human height in metres and stand along Y."""
    check_height(joints, "if joints are in {unit}, multiply them by {metres:.6g} ({tall:.2f} m tall)")
    check_upright(joints, "turn joints to Y up (check_body=False accepts a person who really lies down)")


def check_height(joints: np.ndarray, advice: str, metres_per_unit: float = 1.0) -> None:
    """Raise InputError unless the body of joints (T, 22, 3), already in metres, is 0.5 to 3 m tall.

    `advice` says what to do if lengths are in another {unit} of {metres}; a unit is named only if it gives
    an adult, else the number that gives one of 1.70 m. The lengths were converted with `metres_per_unit`.
    """
    height = body_height(joints)
    low, high = BODY_HEIGHT_M
    if low <= height <= high:
        return
    if not height > 0:
        raise InputError("the body is 0 m tall: all joints are in one place")
    length = height / metres_per_unit
    unit, metres = next(
        (known for known in METRES_PER_UNIT.items() if ADULT_M[0] <= length * known[1] <= ADULT_M[1]),
        (f"{REST_HEIGHT_M / length:.4g}", REST_HEIGHT_M / length),
    )
    raise InputError(
        f"the body is {height:.4g} m tall; {low:g} to {high:g} m are accepted; "
        f"{advice.format(unit=unit, metres=metres, tall=length * metres)}"
    )


def check_upright(joints: np.ndarray, advice: str) -> None:
    """Raise InputError, with `advice`, if the body of joints (T, 22, 3) plainly stands along another axis."""
    axis = standing_axis(joints)
    if axis not in (None, "y"):
        raise InputError(f"the body stands along {str(axis).upper()}; {advice}")


def giants(people: Iterable[np.ndarray]) -> str | None:
    """Why joints (T, 22, 3) of many people are not in metres: half of them are taller than anyone; or None.

    Bodies that are too small are not named: an untrained model makes them.
    """
    height = float(np.median([body_height(person) for person in people]))
    if height <= BODY_HEIGHT_M[1]:
        return None
    return (
        f"bodies are {height:.4g} m tall; up to {BODY_HEIGHT_M[1]:g} m are accepted; "
        "convert the lengths to metres"
    )


def standing_axis(joints: np.ndarray) -> str | None:
    """The axis (`y`, `-y`, ...) along which the body of joints (T, 22, 3) plainly stands, or None."""
    feet = (joints[:, JOINT["left_ankle"]] + joints[:, JOINT["right_ankle"]]) / 2
    upright = (joints[:, JOINT["head"]] - feet).mean(axis=0)
    cosines = upright / max(float(np.linalg.norm(upright)), 1e-9)
    axis = int(np.abs(cosines).argmax())
    if abs(cosines[axis]) <= STANDS_ALONG:
        return None
    return f"{'-' if cosines[axis] < 0 else ''}{'xyz'[axis]}"
