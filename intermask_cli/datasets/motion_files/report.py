"""What a given motion looks like in figures, for the lines that say how a file was read."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import FPS, JOINT, JOINT_NAMES, PARENTS, REST_OFFSETS

#: Bones of a limb by the joints they lead to; of a pair, left and right.
_LIMBS = {
    "legs": ("knee", "ankle"),
    "feet": ("foot",),
    "arms": ("elbow", "wrist"),
}
_TRUNK = ("spine1", "spine2", "spine3", "neck")
#: Left and right that differ by less than this are told as one, metres.
_EQUAL_M = 0.01
#: Bones that differ more than so from an average body of the same height, or left from right, were mapped
#: wrongly; the bones of a hand-made rig rarely do. Shares.
_ODD_SHARE, _LOPSIDED_SHARE = 0.6, 0.25
#: Of these the rest pose says little: skeletons differ in where they put the joints.
_LOOSE_BONES = ("left_hip", "right_hip", "spine1", "spine2", "spine3", "left_collar", "right_collar", "neck")
#: A rigid bone keeps its length; noise of a centimetre at both ends is not yet told, metres.
_STRETCHES_M = 0.05
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


def warnings_about(joints: np.ndarray) -> tuple[str, ...]:
    """What is odd about joints (T, 22, 3) at 30 fps, metres, though they can be used."""
    return (*_jumps(joints), *_odd_bones(joints))


def _odd_bones(joints: np.ndarray) -> tuple[str, ...]:
    """The worst bone of each kind of oddity."""
    bones = bone_lengths(joints.astype(np.float64))
    typical = np.median(bones, axis=0)
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
    expected = rest * typical.sum() / rest.sum()
    found = []
    share = np.abs(np.log(np.maximum(typical, 1e-4) / expected))
    share[[JOINT[name] - 1 for name in _LOOSE_BONES]] = 0
    worst = int(share.argmax())
    if share[worst] > np.log(1 + _ODD_SHARE):
        found.append(
            f"the bone to {JOINT_NAMES[worst + 1]} is {1000 * typical[worst]:.0f} mm long, on a body of this "
            f"size {1000 * expected[worst]:.0f} mm; is the joint the right one?"
        )
    left = np.array([JOINT[name] - 1 for name in JOINT_NAMES if name.startswith("left_")])
    right = np.array([JOINT[name.replace("left_", "right_")] - 1 for name in JOINT_NAMES if "left_" in name])
    lopsided = np.abs(typical[left] - typical[right]) / np.maximum((typical[left] + typical[right]) / 2, 1e-4)
    worst = int(lopsided.argmax())
    if lopsided[worst] > _LOPSIDED_SHARE:
        name = JOINT_NAMES[left[worst] + 1].removeprefix("left_")
        found.append(
            f"the bone to the {name} is {1000 * typical[left[worst]]:.0f} mm long on the left, "
            f"{1000 * typical[right[worst]]:.0f} mm on the right"
        )
    departs = np.abs(bones - typical).max(axis=0)
    worst = int(departs.argmax())
    if departs[worst] > _STRETCHES_M:
        found.append(
            f"the bone to {JOINT_NAMES[worst + 1]} stretches: it departs by {1000 * departs[worst]:.0f} mm "
            f"from its {1000 * typical[worst]:.0f} mm"
        )
    return tuple(found)


def _jumps(joints: np.ndarray) -> tuple[str, ...]:
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
