"""Whether decoded joints can be a human body at all, and whether they are a rigid one already.

A model can decode joints that no body takes: a chest turned backwards, a leg half as long again. Such clips
are solved like others and marked with the reason; what to do with them is left to filters.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body_check import BODY_HEIGHT_M
from intermask_cli.motion.skeleton import JOINT, REST_HEIGHT_M, REST_OFFSETS

#: Degrees of the chest against the pelvis about the spine. People reach about 60; the most that the bundled
#: model decodes in clips that can be solved is 90.
_MAX_CHEST_TURN_DEG = 120.0
#: Largest deviation of a limb from the length it has on a body of this size, as a share.
_MAX_LENGTH_OFF = 0.3
#: The same for a leg whose toes are this far above the floor, metres: kicks that the decoder draws too long
#: are kicks all the same, and end where the leg does.
_MAX_KICK_OFF, _KICK_M = 0.6, 0.2
#: Frames (0.1 s) in which a chest must be turned as far, or a limb be as far off.
_MIN_FRAMES = 3
#: Metres that the bones of a rigid body change at most. Captures that were rounded change by 0.4 mm, decoded
#: bones by 5 mm on average.
_RIGID_M = 0.002
#: Lengths (21,) of the rest body.
_REST_LENGTHS: np.ndarray = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
#: Both bones of each limb, as indices of bone lengths (21,).
_LIMBS = {
    f"{side} {limb}": [JOINT[f"{side}_{name}"] - 1 for name in names]
    for limb, names in (("leg", ("knee", "ankle")), ("arm", ("elbow", "wrist")))
    for side in ("left", "right")
}


def is_rigid(lengths: np.ndarray) -> bool:
    """Whether bone lengths (T, 21) of a person are constant: captured and computed ones are."""
    return bool((lengths.max(axis=0) - lengths.min(axis=0)).max() <= _RIGID_M)


def why_no_body(
    joints: np.ndarray, lengths: np.ndarray, pelvis: np.ndarray, chest: np.ndarray, timeline: Timeline
) -> tuple[str | None, ...]:
    """Why each of N persons cannot be a body, or None.

    Args:
        joints: as decoded (F, 22, 3), with the lengths (F, 21) of their bones.
        pelvis, chest: global rotations (F, 3, 3) of the solved body. Where a trunk folds flat for a moment,
            decoded ones say nothing; it is mended (`folding`).
    """
    turn_deg = _chest_turn_deg(pelvis, chest)
    return tuple(
        _turned_chest(turn_deg[own]) or _wrong_lengths(joints[own], lengths[own]) for own in timeline
    )


def _turned_chest(turn_deg: np.ndarray) -> str | None:
    """The reason if a chest is turned too far against the pelvis, by degrees (T,)."""
    frames = int((turn_deg > _MAX_CHEST_TURN_DEG).sum())
    if frames < min(_MIN_FRAMES, len(turn_deg)):
        return None
    return (
        f"the chest is turned by up to {turn_deg.max():.0f} degrees against the pelvis "
        f"(limit {_MAX_CHEST_TURN_DEG:.0f}; frames: {frames})"
    )


def _wrong_lengths(joints: np.ndarray, lengths: np.ndarray) -> str | None:
    """The reason if joints (T, 22, 3) with bone lengths (T, 21) show a size, an arm or a leg that no body
    has."""
    typical = np.median(lengths, axis=0)
    # The median of all bones: the size of the body, whatever a few of them do.
    size = float(np.median(typical / _REST_LENGTHS))
    height_m, (low, high) = size * REST_HEIGHT_M, BODY_HEIGHT_M
    if not low <= height_m <= high:
        return f"the body is {height_m:.2g} m tall ({low:g} to {high:g} m can be)"
    needed = min(_MIN_FRAMES, len(lengths))
    for name, bones in _LIMBS.items():
        off = typical[bones] / (size * _REST_LENGTHS[bones]) - 1
        worst = float(off[np.abs(off).argmax()])
        if abs(worst) > _MAX_LENGTH_OFF:
            return _length_reason(f"a bone of the {name}", worst)
        # Noise stretches one bone at the cost of the other, and a limb that is too short for a while is
        # mended by a bend: what counts is both bones together, too long.
        off = lengths[:, bones].sum(-1) / (size * _REST_LENGTHS[bones].sum()) - 1
        limit = np.full(len(lengths), _MAX_LENGTH_OFF)
        if name.endswith("leg"):
            toe = JOINT[f"{name.split()[0]}_foot"]
            limit[joints[:, toe, 1] > _KICK_M] = _MAX_KICK_OFF
        if (off > limit).sum() >= needed:
            return _length_reason(f"the {name}", float(off.max()))
    return None


def _length_reason(what: str, off: float) -> str:
    way = "longer" if off > 0 else "shorter"
    return (
        f"{what} is {100 * abs(off):.0f} % {way} than a body of this size has (limit {_MAX_LENGTH_OFF:.0%})"
    )


def _chest_turn_deg(pelvis: np.ndarray, chest: np.ndarray) -> np.ndarray:
    """Degrees (F,) between the facings of chest and pelvis (F, 3, 3), seen along the spine."""
    between = np.swapaxes(pelvis, -1, -2) @ chest  # (F, 3, 3)
    # Twist about the pelvis' Y axis of the swing-twist decomposition: bowing does not count.
    turn = 2 * np.arctan2(between[:, 0, 2] - between[:, 2, 0], 1 + np.trace(between, axis1=1, axis2=2))
    degrees: np.ndarray = np.degrees(np.abs(turn))
    return degrees
