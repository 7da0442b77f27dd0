"""What a given motion looks like in figures, for the one line that says how a file was read."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import FPS, JOINT

#: Bones of a limb by the joints they lead to; of a pair, left and right.
_LIMBS = {
    "legs": ("knee", "ankle"),
    "feet": ("foot",),
    "arms": ("elbow", "wrist"),
}
_TRUNK = ("spine1", "spine2", "spine3", "neck")
#: Left and right that differ by less than this are told as one, metres.
_EQUAL_M = 0.01
#: Nobody moves faster; a root that does was put somewhere else, metres a second.
_FASTEST_ROOT = 15.0


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


def doubts(joints: np.ndarray) -> tuple[str, ...]:
    """What is odd about joints (T, 22, 3) at 30 fps, metres, though they can be used."""
    steps = np.linalg.norm(np.diff(joints[:, 0].astype(np.float64), axis=0), axis=-1)
    jumps = np.flatnonzero(steps * FPS > _FASTEST_ROOT)
    if not len(jumps):
        return ()
    worst = int(jumps[np.argmax(steps[jumps])])
    times = "" if len(jumps) == 1 else f", and {len(jumps) - 1} more such jumps"
    return (
        f"the pelvis jumps {steps[worst]:.2f} m from frame {worst} to {worst + 1} (at {FPS} fps){times}; "
        "cut the clip there, or check --units and --fps",
    )
