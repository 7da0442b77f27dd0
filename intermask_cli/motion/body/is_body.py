"""Whether decoded joints can be a human body at all.

A model can decode joints that no body takes: a chest turned backwards, a thigh twice its length. Such clips
are solved like others and marked with the reason; what to do with them is left to filters.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import CHEST, PELVIS
from intermask_cli.motion.joint_rotations import torso_rotation
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, REST_OFFSETS

#: Degrees of the chest against the pelvis about the spine. People reach about 60 without their feet.
_MAX_CHEST_TURN_DEG = 120.0
#: Largest deviation of a bone of the limbs from the share it has of a body, as a share.
_MAX_LENGTH_OFF = 0.3
#: Frames (0.1 s) that must show a fault, so that one bad frame does not condemn a clip.
_MIN_FRAMES = 3
#: Metres that the bones of a rigid body change at most. Captures that were rounded change by 0.4 mm, decoded
#: bones by 5 mm on average.
_RIGID_M = 0.002
#: Bones of the limbs, as joints they end in.
_LIMB_BONES = np.array(
    [JOINT[f"{side}_{name}"] for name in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")]
)


def is_rigid(joints: np.ndarray) -> bool:
    """Whether joints (T, 22, 3) of a person have bones of constant length: captured or computed ones do."""
    lengths = bone_lengths(joints)
    return bool(np.abs(lengths - np.median(lengths, axis=0)).max() <= _RIGID_M)


def why_no_body(joints: np.ndarray, timeline: Timeline) -> tuple[str | None, ...]:
    """Joints (F, 22, 3) -> for each of N persons why this cannot be a body, or None if it can."""
    turn = _chest_turn_deg(joints)
    lengths = timeline.quantile(bone_lengths(joints), 0.5)  # (N, 21)
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
    # The median of all bones: the size of the body, whatever a few of them do.
    scale = np.median(lengths / rest, axis=-1)
    reasons: list[str | None] = []
    for person, frames in enumerate(timeline):
        backwards = int((turn[frames] > _MAX_CHEST_TURN_DEG).sum())
        share = lengths[person] / (rest * scale[person]) - 1
        worst = int(_LIMB_BONES[np.argmax(np.abs(share[_LIMB_BONES - 1]))])
        if backwards >= min(_MIN_FRAMES, len(turn[frames])):
            reasons.append(
                f"the chest is turned {turn[frames].max():.0f} degrees against the pelvis "
                f"in {backwards} frames (limit {_MAX_CHEST_TURN_DEG:.0f})"
            )
        elif abs(share[worst - 1]) > _MAX_LENGTH_OFF:
            kind = "longer" if share[worst - 1] > 0 else "shorter"
            reasons.append(
                f"the bone to {JOINT_NAMES[worst]} is {100 * abs(share[worst - 1]):.0f} % {kind} "
                f"than on a body of this size (limit {100 * _MAX_LENGTH_OFF:.0f})"
            )
        else:
            reasons.append(None)
    return tuple(reasons)


def _chest_turn_deg(joints: np.ndarray) -> np.ndarray:
    """Angle (F,) between the facings of chest and pelvis, seen along the spine, degrees."""
    pelvis, chest = torso_rotation(joints, JOINT_NAMES[PELVIS]), torso_rotation(joints, JOINT_NAMES[CHEST])
    between = np.swapaxes(pelvis, -1, -2) @ chest  # (F, 3, 3)
    # Twist about the pelvis' Y axis of the swing-twist decomposition: bowing does not count.
    turn = 2 * np.arctan2(between[:, 0, 2] - between[:, 2, 0], 1 + np.trace(between, axis1=1, axis2=2))
    degrees: np.ndarray = np.degrees(np.abs(turn))
    return degrees
