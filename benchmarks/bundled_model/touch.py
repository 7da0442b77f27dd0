"""Contacts that labels ask for: how near the limbs that shall touch come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import FOREARM, Contact, contact_point, phases_of

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


def joined(joints: np.ndarray, clip: CorpusClip) -> np.ndarray:
    """The same at the frames in which the clip's palms touch, all contacts one after the other."""
    touches = contacts_of(clip, hands_only=True)
    return np.concatenate([gaps(joints, t)[t.start : t.end] for t in touches])


def limbs_meet(motions: Sequence[np.ndarray], clips: Sequence[CorpusClip]) -> np.ndarray:
    """Whether all limbs that touch in a clip come as near in its motion, at any time, within MEET_M: (N,)."""
    met = []
    for motion, clip in zip(motions, clips, strict=True):
        pairs = {(t.joint1, t.joint2): t for t in contacts_of(clip)}.values()
        met.append(all(gaps(motion, t).min() <= gaps(clip.joints, t).min() + MEET_M for t in pairs))
    return np.array(met)
