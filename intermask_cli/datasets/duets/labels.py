"""The kinds of Duets interactions and their sets, the labels of a clip, and the clip itself.

Left and right always belong to the body of the person meant. Persons are 0 and 1; frames are at 30 fps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from intermask_cli.datasets.duets.kind_table import KIND_TABLE, KindInfo
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import MIRROR, PALM_M

LEFT, RIGHT = "left", "right"
TEMPOS = ("slow", "normal", "fast")
APPROACHES = ("near", "actor", "both")

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
    """Machine-readable description of one clip; `KINDS[kind]` lists the possible values of the fields."""

    kind: str
    #: The acting person (0 or 1). In kinds without one: the person who walks up if `approach` is "actor".
    actor: int | None
    #: Limb of the actor (of both in symmetric kinds), or turning direction: see `KindInfo.side`.
    side: str | None
    tempo: str
    manner: str | None
    repeats: int | None
    #: Who walks up before the action: neither ("near"), only the actor, or both.
    approach: str
    contacts: tuple[Contact, ...]
    #: Named moments (name, frame) in order of time, among them "action", the middle of the action.
    events: tuple[tuple[str, int], ...]
    #: The second phase of a clip of two ("they bow, then shake hands"), on the same frame axis.
    then: Labels | None = None


@dataclass(frozen=True, eq=False)
class DuetClip:
    """One generated interaction at an arbitrary place and heading; joints and rotations are known."""

    motion: Motion
    root_rotation: np.ndarray  # (2, T, 3, 3) float32
    offsets: np.ndarray  # (2, 22, 3) float32, from the parent in the T-pose
    labels: Labels
    seed: int
    index: int

    @property
    def joints(self) -> np.ndarray:
        """(2, T, 22, 3) float32."""
        return self.motion.joints

    @property
    def rotations6d(self) -> np.ndarray:
        """(2, T, 21, 6) float32, `sixd_columns`, local rotations of joints 1..21."""
        assert self.motion.rotations6d is not None
        return self.motion.rotations6d


KINDS: dict[str, KindInfo] = KIND_TABLE

#: The twelve kinds from which the bundled tokenizer was trained; their order decides what a corpus contains.
CORE_KINDS: tuple[str, ...] = tuple(kind for kind, info in KINDS.items() if info.core)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(info.family for info in KINDS.values()))


@dataclass(frozen=True)
class KindSet:
    """The kinds that a corpus draws from, with equal chance, and the share of clips that join two of them."""

    kinds: tuple[str, ...]
    two_phase: float = 0.0

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Kinds that can follow each other in a clip of two phases."""
        firsts = [kind for kind in self.kinds if 1 in KINDS[kind].phases]
        seconds = [kind for kind in self.kinds if 2 in KINDS[kind].phases]
        return [(a, b) for a in firsts for b in seconds if a != b]


#: The kinds of Duets 1, which duet-mini and duet-eval know, in their order: they never change.
DUETS_1_KINDS: tuple[str, ...] = (
    *CORE_KINDS, "fist_bump", "block", "circle_hands", "turn_under_arm", "walk_side_by_side", "pass_by",
    "pull_up", "support_walk", "hand_over", "clap_game", "point_and_look", "sneak_startle",
    "rock_paper_scissors", "whisper",
)  # fmt: skip
#: Share of clips of two phases in the sets "duets-1" and "all".
TWO_PHASE_SHARE = 0.2
CORE = KindSet(CORE_KINDS)
_NAMED_SETS = {
    "core": CORE,
    "duets-1": KindSet(DUETS_1_KINDS, TWO_PHASE_SHARE),
    "all": KindSet(tuple(KINDS), TWO_PHASE_SHARE),
}


def kind_set(names: str, two_phase: float | None = None) -> KindSet:
    """A named set ("core", "duets-1", "all"), or kinds separated by commas -> the set.

    By default named kinds and "core" have no clips of two phases, the other sets a fifth.

    Raises InputError for unknown or repeated kinds, shares outside [0, 1] and kinds that cannot be joined.
    """
    named = _NAMED_SETS.get(names)
    kinds = named.kinds if named else tuple(name.strip() for name in names.split(","))
    unknown = [name for name in kinds if name not in KINDS]
    if unknown:
        raise InputError(
            f"unknown kind {unknown[0]!r}; accepted: {', '.join(_NAMED_SETS)}, or some of {', '.join(KINDS)}"
        )
    if len(set(kinds)) != len(kinds):
        raise InputError(f"kinds {names!r} name one twice; name each once")
    usual = named.two_phase if named else 0.0
    share = usual if two_phase is None else two_phase
    if not 0.0 <= share <= 1.0:
        raise InputError(f"two-phase share {share}; accepted: 0 to 1")
    chosen = KindSet(tuple(kind for kind in KINDS if kind in kinds), share)
    if share > 0.0 and not chosen.pairs:
        raise InputError(
            f"no two of {', '.join(kinds)} can be joined by 'then'; "
            "add kinds or leave the two-phase share at 0"
        )
    return chosen


def draw_labels(rng: np.random.Generator, name: str) -> Labels:
    """Labels drawn with equal chances; contacts and events come from the choreography."""
    info = KINDS[name]

    def one_of(options: tuple[Any, ...]) -> Any:
        return options[int(rng.integers(len(options)))] if options else None

    side = one_of((LEFT, RIGHT, None) if info.side_optional else (LEFT, RIGHT)) if info.side else None
    approach = str(one_of(info.approaches))
    actor = int(rng.integers(2))
    return Labels(
        kind=name,
        actor=actor if info.has_actor or approach == "actor" else None,
        side=side if side is None else str(side),
        tempo=str(one_of(TEMPOS)),
        manner=None if not info.manners else str(one_of(info.manners)),
        repeats=None if not info.repeats else int(info.repeats[int(rng.integers(len(info.repeats)))]),
        approach=approach,
        contacts=(),
        events=(),
    )


def timed(
    labels: Labels, contacts: Iterable[Contact], events: Iterable[tuple[str, int]], mirror: bool,
    exchange: bool, first: int, last: int,
) -> Labels:  # fmt: skip
    """Labels with those contacts and events that lie in frames [first, last), counted from `first`.

    `mirror` exchanges left and right, `exchange` the persons.
    """
    touches = []
    for touch in contacts:
        joints = [MIRROR[j] if mirror else j for j in (touch.joint1, touch.joint2)]
        joint1, joint2 = joints[::-1] if exchange else joints
        touches.append(Contact(max(touch.start - first, 0), min(touch.end, last) - first, joint1, joint2))
    moments = [(name, frame - first) for name, frame in events if first <= frame < last]
    return replace(labels, contacts=tuple(touches), events=tuple(sorted(moments, key=itemgetter(1))))


def phases_of(labels: Labels) -> tuple[Labels, ...]:
    """The one or two phases of a clip, in order."""
    return (labels,) if labels.then is None else (labels, labels.then)


def contact_point(joints: np.ndarray, joint: int) -> np.ndarray:
    """The point with which a joint touches: joints (..., 22, 3) -> (..., 3); of wrists the palm beyond."""
    point: np.ndarray = joints[..., joint, :]
    if joint in FOREARM:
        along = point - joints[..., FOREARM[joint], :]
        point = point + along * (PALM_M / np.linalg.norm(along, axis=-1, keepdims=True))
    return point
