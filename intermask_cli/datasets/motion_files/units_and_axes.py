"""Unit and up axis of a body, where neither the file nor the user says them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.datasets.motion_files.units import METRES
from intermask_cli.errors import InputError
from intermask_cli.motion.body_check import ADULT_M, STANDS_ALONG, body_height
from intermask_cli.motion.skeleton import JOINT

#: Heights that a child or a giant may have: units that give one are named in messages, metres.
_POSSIBLE_M = (0.5, 3.0)
#: A floor: the lowest joint of a standing or lying body is this near to height 0, metres. Toe joints lie up
#: to 0.1 above the sole, and captures are off by as much.
_NEAR_FLOOR_M = 0.25
#: No joint of a lying body is farther below the floor, metres: bones lie inside the body.
_SINKS_M = 0.05
#: A lying body is nowhere higher than this above the floor, metres; a standing one always is.
_LYING_M = 0.8
#: A person who walks this far across the axis of the body, metres, stands along it.
_WALKED_M = 0.5
#: Axes that tools write as up.
_USUAL = ("y", "z", "-y")
#: Cosine by which an axis is the direction of a rest pose.
_ALONG = 0.9
_ADVICE = "give --up y, --up z or another axis"


def find_unit(joints: np.ndarray, likely: float | None = None) -> float:
    """Metres per unit: the one usual unit in which joints (T, 22, 3) are those of an adult.

    likely: metres per unit in which files of this kind are written, children too; None for others.

    Raises:
        InputError: none of `units.METRES` is such; the message names those that come near.
    """
    height = body_height(joints)
    low, high = ADULT_M
    for metres in METRES.values():
        if low <= height * metres <= high:
            return metres
    if likely is not None and _POSSIBLE_M[0] <= height * likely <= _POSSIBLE_M[1]:
        return likely
    if not height > 0:
        raise InputError("all joints are in one place")
    possible = [
        f"--units {unit} ({height * metres:.2f} m)"
        for unit, metres in METRES.items()
        if _POSSIBLE_M[0] <= height * metres <= _POSSIBLE_M[1]
    ]
    near = f"a child or a giant needs {' or '.join(possible)}" if possible else "no usual unit comes near"
    raise InputError(
        f"the body is {height:.4g} units tall; in no usual unit that is an adult of {low:g} to {high:g} m; "
        f"{near}; or give --units METRES_PER_UNIT ({1.7 / height:.4g} makes it 1.70 m tall)"
    )


def find_up(joints: np.ndarray, rest_up: Sequence[np.ndarray | None]) -> str:
    """The up axis of people (P, T, 22, 3) in metres: `x`, `y`, `z` or one of these with a minus.

    A standing body shows it. One that lies, or never stands, is distinguished by its rest pose, of which
    `rest_up` has the direction (3,) from feet to head or None, and by the floor.

    Raises:
        InputError: it cannot be known.
    """
    found = {_up_of(person, rest) for person, rest in zip(joints, rest_up, strict=True)}
    if len(found) > 1:
        raise InputError(f"the bodies stand along {' and '.join(sorted(found))}; {_ADVICE}")
    return found.pop()


def _up_of(joints: np.ndarray, rest_up: np.ndarray | None) -> str:
    feet = (joints[:, JOINT["left_ankle"]] + joints[:, JOINT["right_ankle"]]) / 2
    body = joints[:, JOINT["head"]] - feet
    body = (body / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-9)).mean(axis=0)
    stretched = _axis(body, STANDS_ALONG)
    rest = None if rest_up is None else _axis(rest_up, _ALONG)
    if stretched is None:
        return _up_of_bent(joints, rest)
    # A body stretched along an axis stands, in a file with that axis up, or lies, in one with another.
    usual = ["y", "z"] if rest is None else dict.fromkeys([rest, "y", "z"])
    lying = [axis for axis in usual if axis[-1] != stretched[-1] and _lies(joints, axis)]
    opposite = stretched[-1] if stretched[0] == "-" else f"-{stretched}"
    if stretched == (rest or "y") and not lying:
        return stretched
    if rest == opposite and _has_floor(joints, rest) and not _stands(joints, stretched):
        return rest
    if _stands(joints, stretched):
        if not lying or stretched == (rest or "y"):
            return stretched
    elif stretched != (rest or "y") and not (opposite in usual and _has_floor(joints, opposite)):
        if rest in lying or len(lying) == 1:
            return str(rest if rest in lying else lying[0])
        if not lying and rest in _USUAL and stretched not in _USUAL:
            return _up_of_bent(joints, rest)
    others = [axis for axis in (*lying, opposite, rest or "y") if axis in usual and axis != stretched]
    options = list(dict.fromkeys(others or ["z"]))
    raise InputError(
        f"the body is stretched along {stretched.upper()}: it may stand, with {stretched.upper()} up, or lie "
        f"or stand on its hands, with {' or '.join(axis.upper() for axis in options)} up; give "
        f"{' or '.join(f'--up {axis}' for axis in (stretched, *options))}"
    )


def _up_of_bent(joints: np.ndarray, rest: str | None) -> str:
    """The up axis of a person who sits, crawls, bends or lies: that of the rest pose, if it has a floor."""
    if rest is None:
        raise InputError(f"the body stands along no axis, and has no standing rest pose; {_ADVICE}")
    others = [axis for axis in ("y", "z") if axis != rest and _has_floor(joints, axis)]
    if others and not _has_floor(joints, rest):
        raise InputError(
            f"the body sits, bends or lies, with {rest.upper()} up as in its rest pose, where it is not on "
            f"the floor, or with {others[0].upper()} up; give --up {rest} or --up {others[0]}"
        )
    return rest


def _axis(direction: np.ndarray, cosine: float) -> str | None:
    """The axis that a direction (3,) of up to unit length follows by at least `cosine`."""
    largest = int(np.abs(direction).argmax())
    if abs(direction[largest]) < cosine:
        return None
    return ("-" if direction[largest] < 0 else "") + "xyz"[largest]


def _heights(joints: np.ndarray, axis: str) -> np.ndarray:
    """Heights (T, 22) of joints (T, 22, 3) with `axis` up."""
    heights: np.ndarray = joints[..., "xyz".index(axis[-1])] * (-1.0 if axis[0] == "-" else 1.0)
    return heights


def _stands(joints: np.ndarray, axis: str) -> bool:
    """Whether the feet are at the floor, or the person walks across the axis."""
    lowest = float(np.median(_heights(joints, axis).min(axis=-1)))
    pelvis = np.delete(joints[:, JOINT["pelvis"]], "xyz".index(axis[-1]), axis=-1)
    walked = float(np.linalg.norm(np.ptp(pelvis, axis=0)))
    return abs(lowest) <= _NEAR_FLOOR_M or walked >= _WALKED_M


def _has_floor(joints: np.ndarray, axis: str) -> bool:
    """Whether the lowest joints are at a floor at height 0."""
    lowest = _heights(joints, axis).min(axis=-1)
    return float(lowest.min()) >= -_SINKS_M and float(np.median(lowest)) <= _NEAR_FLOOR_M


def _lies(joints: np.ndarray, axis: str) -> bool:
    """Whether the body is low, and on a floor at height 0 that it does not sink into."""
    highest = float(np.median(_heights(joints, axis).max(axis=-1)))
    return _has_floor(joints, axis) and highest <= _LYING_M
