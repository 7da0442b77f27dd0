"""What a Duets clip says about itself: the kinds and their sets, the labels of a clip, and the clip.

Left and right always belong to the body of the person meant; people are 0 and 1; frames are at 30 fps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.errors import InputError
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
    #: What comes after it in a clip of two phases ("they bow, then shake hands"), on the same frame axis.
    then: Labels | None = None


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
    core: bool = False  # one of the kinds the bundled model and its evaluator know
    phases: tuple[int, ...] = ()  # where it may stand in a clip of two phases: 1 first, 2 after "then"


_WALK_UP = ("near", "actor", "both")
_ONE_WALKS = ("near", "actor")
_EITHER = (1, 2)

KINDS: dict[str, KindInfo] = {
    "handshake": KindInfo(
        "greeting",
        "Both shake right hands; gently or hard (size of the shakes), so many times up and down.",
        has_actor=False, side=None, manners=("gently", "hard"), repeats=(2, 3, 4), repeated="shakes",
        approaches=_WALK_UP, core=True, phases=_EITHER,
    ),
    "bow": KindInfo(
        "greeting",
        "The actor bows from the waist, slightly or deeply; the other stands and at most nods back.",
        has_actor=True, side=None, manners=("slightly", "deeply"), repeats=(1, 2), repeated="bows",
        approaches=_WALK_UP, core=True, phases=_EITHER,
    ),
    "wave": KindInfo(
        "greeting",
        "The actor waves one raised hand, beside the face (small) or high overhead (large); the other looks.",
        has_actor=True, side="hand", manners=("small", "large"), repeats=(2, 3, 4), repeated="swings",
        approaches=("near", "actor"), core=True, phases=_EITHER,
    ),
    "high_five": KindInfo(
        "greeting",
        "Both slap the same side's palms together, at shoulder height (low) or overhead (high).",
        has_actor=False, side="hand", manners=("low", "high"), repeats=(1, 2), repeated="slaps",
        approaches=_WALK_UP, core=True, phases=_EITHER,
    ),
    "hug": KindInfo(
        "greeting",
        "Both embrace, loosely (gently) or tightly (hard), hold, and step apart.",
        has_actor=False, side=None, manners=("gently", "hard"), approaches=_WALK_UP,
        core=True, phases=_EITHER,
    ),
    "punch_guard": KindInfo(
        "fighting",
        "The actor punches with one fist at the belly (low) or the head (high); the other blocks it.",
        has_actor=True, side="hand", manners=("low", "high"), repeats=(1, 2), repeated="punches",
        approaches=("near", "actor"), core=True, phases=_EITHER,
    ),
    "kick_dodge": KindInfo(
        "fighting",
        "The actor kicks with one foot, hip-low, belly-high (middle) or chest-high; the other jumps back.",
        has_actor=True, side="foot", manners=("low", "middle", "high"), approaches=("near", "actor"),
        core=True, phases=_EITHER,
    ),
    "push_stagger": KindInfo(
        "fighting",
        "The actor pushes the other's chest with both hands, gently or hard; the other staggers back.",
        has_actor=True, side=None, manners=("gently", "hard"), approaches=("near", "actor"),
        core=True, phases=_EITHER,
    ),
    "circle_each_other": KindInfo(
        "moving together",
        "Both walk around a common centre facing each other, each towards the own left or right; "
        "arms hanging (relaxed) or fists raised (guarded).",
        has_actor=False, side="turn", manners=("relaxed", "guarded"), core=True, phases=(1,),
    ),
    "mirror_dance": KindInfo(
        "dance",
        "Face to face, the actor dances side steps with lifted arms, first to the own `side`, small or "
        "large; the other copies like a mirror image a little later.",
        has_actor=True, side="step", manners=("small", "large"), repeats=(2, 3, 4), repeated="side steps",
        core=True, phases=_EITHER,
    ),
    "lead_by_hand": KindInfo(
        "moving together",
        "The actor walks ahead and leads the other by the hand; `side` is the actor's holding hand.",
        has_actor=True, side="hand", core=True,
    ),
    "follow": KindInfo(
        "moving together",
        "The actor walks, the other follows behind; `side` is the way the path turns, None if straight.",
        has_actor=True, side="turn", side_optional=True, core=True,
    ),

    "fist_bump": KindInfo(
        "greeting",
        "Both bump the same side's fists together at chest height, drawing them back first; so many times.",
        has_actor=False, side="hand", repeats=(1, 2), repeated="bumps", approaches=_WALK_UP, phases=_EITHER,
    ),
    "block": KindInfo(
        "fighting",
        "The actor strikes down from overhead with one arm; the other stops it with a raised forearm.",
        has_actor=True, side="hand", repeats=(1, 2), repeated="blows", approaches=_ONE_WALKS, phases=_EITHER,
    ),
    "circle_hands": KindInfo(
        "dance",
        "Both hold both hands and go round in a circle, each towards the own left or right.",
        has_actor=False, side="turn", phases=(1,),
    ),
    "turn_under_arm": KindInfo(
        "dance",
        "The actor takes the other's hand, lifts it, and the other turns under the arms, so many times; "
        "`side` is the actor's holding hand.",
        has_actor=True, side="hand", repeats=(1, 2), repeated="turns", phases=_EITHER,
    ),
    "walk_side_by_side": KindInfo(
        "moving together",
        "Both walk side by side, hand in hand or apart; `side` is the way the path turns, None if straight.",
        has_actor=False, side="turn", side_optional=True, manners=("apart", "hand in hand"),
    ),
    "pass_by": KindInfo(
        "moving together",
        "Both walk towards each other, pass, and walk on; `side` is where each has the other while passing.",
        has_actor=False, side="shoulder",
    ),
    "pull_up": KindInfo(
        "helping",
        "The other crouches on the floor; the actor bends down, takes the same side's hand and pulls.",
        has_actor=True, side="hand", approaches=_ONE_WALKS, phases=(1,),
    ),
    "support_walk": KindInfo(
        "helping",
        "The actor, an arm around the other's waist, helps the limping other to walk; `side` is that arm.",
        has_actor=True, side="hand",
    ),
    "hand_over": KindInfo(
        "helping",
        "The actor carries something with both hands and hands it over; the other takes it and holds it.",
        has_actor=True, side=None, approaches=_WALK_UP, phases=(1,),
    ),
    "clap_game": KindInfo(
        "play and talk",
        "Both clap their own hands and then both palms against the other's, in turn, so many times.",
        has_actor=False, side=None, repeats=(2, 3, 4), repeated="claps together", approaches=_WALK_UP,
        phases=_EITHER,
    ),
    "point_and_look": KindInfo(
        "play and talk",
        "The actor points away to one side, level or up, with that side's hand; the other turns and looks.",
        has_actor=True, side="hand", manners=("level", "up"), approaches=_ONE_WALKS, phases=_EITHER,
    ),
    "sneak_startle": KindInfo(
        "play and talk",
        "The actor sneaks up from behind and grabs the other's shoulders; the other starts, slightly or "
        "badly, and turns round.",
        has_actor=True, side=None, manners=("slightly", "badly"), phases=(1,),
    ),
    "rock_paper_scissors": KindInfo(
        "play and talk",
        "Both beat the same side's fist on the other palm three times and throw; the actor wins and cheers, "
        "the other droops.",
        has_actor=True, side="hand", approaches=_WALK_UP, phases=_EITHER,
    ),
    "whisper": KindInfo(
        "play and talk",
        "The actor leans to the other's ear, one hand at the mouth, and whispers.",
        has_actor=True, side="hand", approaches=_ONE_WALKS, phases=_EITHER,
    ),
}  # fmt: skip

#: The first twelve kinds, on which the bundled model's tokens were learnt; their order is part of the corpus.
CORE_KINDS: tuple[str, ...] = tuple(kind for kind, info in KINDS.items() if info.core)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(info.family for info in KINDS.values()))


@dataclass(frozen=True)
class KindSet:
    """Which kinds a corpus draws from, with equal chance, and how many of its clips join two of them."""

    kinds: tuple[str, ...]
    two_phase: float = 0.0  # share of clips of two phases

    def pairs(self) -> list[tuple[str, str]]:
        """Kinds that can follow each other in a clip of two phases."""
        firsts = [kind for kind in self.kinds if 1 in KINDS[kind].phases]
        seconds = [kind for kind in self.kinds if 2 in KINDS[kind].phases]
        return [(a, b) for a in firsts for b in seconds if a != b]


CORE = KindSet(CORE_KINDS)
TWO_PHASE_SHARE = 0.2


def kind_set(names: str, two_phase: float | None = None) -> KindSet:
    """ "core", "all" or kinds separated by commas -> the set; two phases in a fifth of "all", else nowhere.

    Raises InputError for unknown or repeated kinds, shares outside [0, 1] and kinds that cannot be joined.
    """
    known = {"core": CORE_KINDS, "all": tuple(KINDS)}
    kinds = known.get(names) or tuple(name.strip() for name in names.split(","))
    wrong = [name for name in kinds if name not in KINDS]
    if wrong:
        raise InputError(f"unknown kind {wrong[0]!r}; accepted: core, all, or some of {', '.join(KINDS)}")
    if len(set(kinds)) != len(kinds):
        raise InputError(f"kinds {names!r} name one twice; name each once")
    share = (TWO_PHASE_SHARE if names == "all" else 0.0) if two_phase is None else two_phase
    if not 0.0 <= share <= 1.0:
        raise InputError(f"two-phase share {share}; accepted: 0 to 1")
    chosen = KindSet(tuple(kind for kind in KINDS if kind in kinds), share)
    if share > 0.0 and not chosen.pairs():
        raise InputError(
            f"no two of {', '.join(kinds)} can be joined by 'then'; "
            "add kinds or leave the two-phase share at 0"
        )
    return chosen


def draw_labels(rng: np.random.Generator, name: str) -> Labels:
    """Everything a clip varies in, evenly; contacts and events come from the choreography."""
    info = KINDS[name]

    def one_of(options: tuple) -> object:
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
    """Labels with the contacts and events between two frames, counted from the first of them."""
    touches = []
    for touch in contacts:
        one, two = (MIRROR[touch.joint1], MIRROR[touch.joint2]) if mirror else (touch.joint1, touch.joint2)
        one, two = (two, one) if exchange else (one, two)
        touches.append(Contact(max(touch.start - first, 0), min(touch.end, last) - first, one, two))
    moments = sorted(((name, frame - first) for name, frame in events if first <= frame < last), key=_frame)
    return replace(labels, contacts=tuple(touches), events=tuple(moments))


def _frame(event: tuple[str, int]) -> int:
    return event[1]


def phases_of(labels: Labels) -> tuple[Labels, ...]:
    """The one or two phases of a clip, in order."""
    return (labels,) if labels.then is None else (labels, labels.then)


def contact_point(joints: np.ndarray, joint: int) -> np.ndarray:
    """Where `joint` touches: joints (..., 22, 3) -> (..., 3); for wrists the palm beyond them."""
    point = joints[..., joint, :]
    if joint not in FOREARM:
        return point
    along = point - joints[..., FOREARM[joint], :]
    return point + along * (PALM_M / np.linalg.norm(along, axis=-1, keepdims=True))
