"""What a Duets clip says about itself: the kinds, the labels of a clip, and the clip.

Left and right always belong to the body of the person meant; people are 0 and 1; frames are at 30 fps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEFT, RIGHT = "left", "right"
TEMPOS = ("slow", "normal", "fast")
APPROACHES = ("near", "actor", "both")

#: The palm lies this far beyond the wrist, along the forearm (the skeleton has no hand joint).
PALM_M = 0.09
#: Wrist joint -> its elbow.
FOREARM = {20: 18, 21: 19}


@dataclass(frozen=True)
class Contact:
    """A touch in frames [start, end): `joint1` of the first person meets `joint2` of the second.

    A wrist stands for the palm (`contact_point`), any other joint for the body surface around it.
    """

    start: int
    end: int
    joint1: int
    joint2: int


@dataclass(frozen=True)
class Labels:
    """Machine-readable description of one clip; what each field can be is in `KINDS[kind]`."""

    kind: str
    #: Who acts (0 or 1). In kinds without an actor: who walks up if `approach` is "actor", else None.
    actor: int | None
    #: Limb of the actor (of both in symmetric kinds), or turning direction: see `KindInfo.side`.
    side: str | None
    tempo: str
    manner: str | None
    repeats: int | None
    #: Who walks up before the action: nobody ("near"), only the actor, or both.
    approach: str
    contacts: tuple[Contact, ...]
    #: Named moments (name, frame), in order of time; the middle of the action is always there as "action".
    events: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class DuetClip:
    """One generated interaction in an arbitrary world frame (Y up, metres, 30 fps)."""

    joints: np.ndarray  # (2, T, 22, 3) float32
    rotations6d: np.ndarray  # (2, T, 21, 6) float32, sixd_columns, local, joints 1..21
    root_rotation: np.ndarray  # (2, T, 3, 3) float32
    offsets: np.ndarray  # (2, 22, 3) float32, from the parent in the T-pose
    labels: Labels
    seed: int
    index: int


@dataclass(frozen=True)
class KindInfo:
    """What a kind offers. A clip's label is one of the values here, or None where the tuple is empty."""

    family: str
    says: str  # one plain sentence with every parameter's meaning
    has_actor: bool  # the action itself has an actor (else only the approach may have one)
    side: str | None  # what `Labels.side` means: "hand", "foot", "turn" (walking direction), "step" or None
    side_optional: bool = False  # side may be None in single clips even though `side` has a meaning
    manners: tuple[str, ...] = ()
    repeats: tuple[int, ...] = ()  # possible numbers of repeats of what `repeated` names
    repeated: str | None = None
    approaches: tuple[str, ...] = ("near",)


_WALK_UP = ("near", "actor", "both")

KINDS: dict[str, KindInfo] = {
    "handshake": KindInfo(
        "greeting",
        "Both shake right hands; gently or hard (size of the shakes), so many times up and down.",
        has_actor=False, side=None, manners=("gently", "hard"), repeats=(2, 3, 4), repeated="shakes",
        approaches=_WALK_UP,
    ),
    "bow": KindInfo(
        "greeting",
        "The actor bows from the waist, slightly or deeply; the other stands and at most nods back.",
        has_actor=True, side=None, manners=("slightly", "deeply"), repeats=(1, 2), repeated="bows",
        approaches=_WALK_UP,
    ),
    "wave": KindInfo(
        "greeting",
        "The actor waves one raised hand, beside the face (small) or high overhead (large); the other looks.",
        has_actor=True, side="hand", manners=("small", "large"), repeats=(2, 3, 4), repeated="swings",
        approaches=("near", "actor"),
    ),
    "high_five": KindInfo(
        "greeting",
        "Both slap the same side's palms together, at shoulder height (low) or overhead (high).",
        has_actor=False, side="hand", manners=("low", "high"), repeats=(1, 2), repeated="slaps",
        approaches=_WALK_UP,
    ),
    "hug": KindInfo(
        "greeting",
        "Both embrace, loosely (gently) or tightly (hard), hold, and step apart.",
        has_actor=False, side=None, manners=("gently", "hard"), approaches=_WALK_UP,
    ),
    "punch_guard": KindInfo(
        "fighting",
        "The actor punches with one fist at the belly (low) or the head (high); the other blocks it.",
        has_actor=True, side="hand", manners=("low", "high"), repeats=(1, 2), repeated="punches",
        approaches=("near", "actor"),
    ),
    "kick_dodge": KindInfo(
        "fighting",
        "The actor kicks with one foot, hip-low, belly-high (middle) or chest-high; the other jumps back.",
        has_actor=True, side="foot", manners=("low", "middle", "high"), approaches=("near", "actor"),
    ),
    "push_stagger": KindInfo(
        "fighting",
        "The actor pushes the other's chest with both hands, gently or hard; the other staggers back.",
        has_actor=True, side=None, manners=("gently", "hard"), approaches=("near", "actor"),
    ),
    "circle_each_other": KindInfo(
        "moving together",
        "Both walk around a common centre facing each other, each towards the own left or right; "
        "arms hanging (relaxed) or fists raised (guarded).",
        has_actor=False, side="turn", manners=("relaxed", "guarded"),
    ),
    "mirror_dance": KindInfo(
        "dance",
        "Face to face, the actor dances side steps with lifted arms, first to the own `side`, small or "
        "large; the other copies like a mirror image a little later.",
        has_actor=True, side="step", manners=("small", "large"), repeats=(2, 3, 4), repeated="side steps",
    ),
    "lead_by_hand": KindInfo(
        "moving together",
        "The actor walks ahead and leads the other by the hand; `side` is the actor's holding hand.",
        has_actor=True, side="hand",
    ),
    "follow": KindInfo(
        "moving together",
        "The actor walks, the other follows behind; `side` is the way the path turns, None if straight.",
        has_actor=True, side="turn", side_optional=True,
    ),
}  # fmt: skip


def contact_point(joints: np.ndarray, joint: int) -> np.ndarray:
    """Where `joint` touches: joints (..., 22, 3) -> (..., 3); for wrists the palm beyond them."""
    point = joints[..., joint, :]
    if joint not in FOREARM:
        return point
    along = point - joints[..., FOREARM[joint], :]
    return point + along * (PALM_M / np.linalg.norm(along, axis=-1, keepdims=True))
