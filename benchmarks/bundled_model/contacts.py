"""Contacts of the labels: how near the limbs come that should touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import FOREARM, Contact, contact_point, phases_of

#: Limbs meet in a motion if they come as near as in the clip, within this distance, metres.
MEET_M = 0.10


def contacts_of(clip: CorpusClip, hands_only: bool = False) -> list[Contact]:
    """Contacts of all phases within the clip; `hands_only` those of a palm with a palm."""
    frames = clip.joints.shape[1]
    touches = [touch for phase in phases_of(clip.labels) for touch in phase.contacts if touch.start < frames]
    hands = set(FOREARM)
    return [t for t in touches if not hands_only or {t.joint1, t.joint2} <= hands]


def gaps(joints: np.ndarray, touch: Contact) -> np.ndarray:
    """Distance (m) of the two points of a contact in every frame: (2, T, 22, 3) -> (T,)."""
    one, two = contact_point(joints[0], touch.joint1), contact_point(joints[1], touch.joint2)
    return np.linalg.norm(one - two, axis=-1)


def joined_hand_gaps(joints: np.ndarray, clip: CorpusClip) -> np.ndarray:
    """Distances (m) of palms at the frames in which they touch in the clip, all contacts concatenated."""
    touches = contacts_of(clip, hands_only=True)
    return np.concatenate([gaps(joints, t)[t.start : t.end] for t in touches])


def hand_gap_error_mm(joints: np.ndarray, clip: CorpusClip) -> float:
    """Mean error (mm) of the palms' distance at the frames in which they touch in the clip."""
    return 1000 * float(np.abs(joined_hand_gaps(joints, clip) - joined_hand_gaps(clip.joints, clip)).mean())


def limbs_meet(motions: Sequence[np.ndarray], clips: Sequence[CorpusClip]) -> np.ndarray:
    """Whether all limbs that touch in a clip come as near in its motion, at any time, within MEET_M: (N,)."""
    meet = []
    for motion, clip in zip(motions, clips, strict=True):
        pairs = {(t.joint1, t.joint2): t for t in contacts_of(clip)}.values()
        meet.append(all(gaps(motion, t).min() <= gaps(clip.joints, t).min() + MEET_M for t in pairs))
    return np.array(meet)
