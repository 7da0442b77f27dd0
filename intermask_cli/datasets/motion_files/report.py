"""Measures of a given motion, for the lines that report how a file was read."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.joint_rotations import RecoveredRotations
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, PARENTS

#: Bones of a limb by the joints they lead to; each exists on the left and on the right.
_LIMBS = {
    "legs": ("knee", "ankle"),
    "feet": ("foot",),
    "arms": ("elbow", "wrist"),
}
_TRUNK = ("spine1", "spine2", "spine3", "neck")
#: Left and right limbs that differ by less than this are reported as one length, metres.
_EQUAL_M = 0.01


def limbs_line(joints: np.ndarray) -> str:
    """Joints (T, 22, 3) in metres -> median lengths of trunk and limbs, and how far bones vary."""
    bones = bone_lengths(joints.astype(np.float64))
    typical = np.median(bones, axis=0)

    def length(names: tuple[str, ...]) -> float:
        return float(sum(typical[JOINT[name] - 1] for name in names))

    parts = [f"trunk {length(_TRUNK):.2f} m"]
    for limb, names in _LIMBS.items():
        left, right = (length(tuple(f"{side}_{name}" for name in names)) for side in ("left", "right"))
        both = f"{left:.2f} m" if abs(left - right) < _EQUAL_M else f"{left:.2f} m left, {right:.2f} m right"
        parts.append(f"{limb} {both}")
    return f"{', '.join(parts)}; bones vary by {1000 * float(np.abs(bones - typical).max()):.1f} mm"


def bone_report(joints: np.ndarray) -> str:
    """Joints (T, 22, 3) in metres -> every bone's median length and how far it departs from it, in mm."""
    bones = 1000 * bone_lengths(joints.astype(np.float64))
    typical = np.median(bones, axis=0)
    departs = np.abs(bones - typical).max(axis=0)
    named = (
        f"{JOINT_NAMES[PARENTS[bone + 1]]}-{JOINT_NAMES[bone + 1]} {typical[bone]:.0f} ±{departs[bone]:.1f}"
        for bone in range(len(typical))
    )
    return "bones in mm: " + ", ".join(named)


def rotations_line(recovered: RecoveredRotations | None, of_skeleton: bool = False) -> str:
    """The origin of the rotations, and the error of forward kinematics with recovered ones.

    of_skeleton: the file's skeleton has its own, which are kept; the model sees recovered ones.
    """
    if recovered is None:
        return "rotations from the file"
    errors = f"{recovered.error_mm:.1f} mm off (worst {recovered.worst_mm:.1f})"
    if of_skeleton:
        return f"the file's rotations are kept; forward kinematics of those that positions show {errors}"
    return f"rotations recovered, their forward kinematics {errors}"
