"""What each kind of Duets interaction is, and which labels it can have.

A new kind comes last: their order decides which kind a clip of a corpus is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KindInfo:
    """The values that labels of a kind can have; a label is None where the tuple here is empty."""

    family: str
    description: str  # one plain sentence with the meaning of every label
    has_actor: bool  # the action itself has an actor (else only the approach may have one)
    side: str | None  # what `Labels.side` means: "hand", "foot", "turn" (walking direction), "step" or None
    side_optional: bool = False  # side may also be None
    manners: tuple[str, ...] = ()
    repeats: tuple[int, ...] = ()  # possible numbers of repeats
    repeated: str | None = None  # what is repeated
    approaches: tuple[str, ...] = ("near",)
    core: bool = False  # one of the kinds of the core set
    phases: tuple[int, ...] = ()  # its possible places in a clip of two phases: 1 first, 2 after "then"


_WALK_UP = ("near", "actor", "both")
_ONE_WALKS = ("near", "actor")
_EITHER = (1, 2)

KIND_TABLE: dict[str, KindInfo] = {
    "handshake": KindInfo(
        "greeting",
        "Both shake right hands; gently or hard (size of the shakes), several times up and down.",
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
        "The actor waves one raised hand, next to the face (small) or high overhead (large); the other "
        "looks.",
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
        "Both bump the same side's fists together at chest height, drawing them back first; once or twice.",
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
        "The actor takes the other's hand, lifts it, and the other turns under the arms, once or twice; "
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
        "Both clap their own hands and then both palms against the other's, in turn, several times.",
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

    "both_bow": KindInfo(
        "greeting",
        "Both bow to each other at nearly the same time, slightly or deeply.",
        has_actor=False, side=None, manners=("slightly", "deeply"), repeats=(1, 2), repeated="bows of each",
        approaches=_WALK_UP, phases=_EITHER,
    ),
    "waves_back": KindInfo(
        "greeting",
        "The actor waves one hand, next to the face (small) or overhead (large); the other waves back.",
        has_actor=True, side="hand", manners=("small", "large"), repeats=(2, 3, 4), repeated="swings",
        approaches=_ONE_WALKS, phases=_EITHER,
    ),
    "high_ten": KindInfo(
        "greeting",
        "Both slap both palms against the other's, at shoulder height (low) or overhead (high).",
        has_actor=False, side=None, manners=("low", "high"), repeats=(1, 2), repeated="slaps",
        approaches=_WALK_UP, phases=_EITHER,
    ),
    "toast": KindInfo(
        "greeting",
        "Both raise a glass in the same side's hand, touch glasses, and drink.",
        has_actor=False, side="hand", approaches=_WALK_UP, phases=(1,),
    ),
    "shoulder_bump": KindInfo(
        "greeting",
        "Both step in and bump the same side's shoulders, once or twice.",
        has_actor=False, side="shoulder", repeats=(1, 2), repeated="bumps", approaches=_WALK_UP,
        phases=_EITHER,
    ),
    "applause": KindInfo(
        "play and talk",
        "The other claps for the actor, who has performed and thanks with bows or raised arms.",
        has_actor=True, side=None, phases=_EITHER,
    ),
    "celebrate_jump": KindInfo(
        "play and talk",
        "Both jump in one rhythm with raised arms, several times.",
        has_actor=False, side=None, repeats=(2, 3, 4), repeated="jumps", approaches=_WALK_UP, phases=_EITHER,
    ),
    "photo_together": KindInfo(
        "play and talk",
        "Both step side by side, an arm round each other, and hold still for a picture.",
        has_actor=False, side=None,
    ),
    "sit_together": KindInfo(
        "moving together",
        "Both sit down, side by side on a bench or face to face on chairs, and stay seated.",
        has_actor=False, side=None, manners=("side by side", "face to face"),
    ),
    "talk_gestures": KindInfo(
        "play and talk",
        "Both talk in turn with moving hands, calmly or animatedly; who listens nods.",
        has_actor=False, side=None, manners=("calmly", "animatedly"), approaches=_WALK_UP, phases=_EITHER,
    ),
    "argument": KindInfo(
        "play and talk",
        "Both quarrel: fingers point and blame, arms are thrown up, heads are shaken.",
        has_actor=False, side=None, approaches=_WALK_UP, phases=_EITHER,
    ),
    "beckon": KindInfo(
        "play and talk",
        "The actor beckons with one hand, several strokes; the other walks up.",
        has_actor=True, side="hand", repeats=(2, 3, 4), repeated="strokes", phases=(1,),
    ),
    "comfort": KindInfo(
        "helping",
        "The actor steps up to the other, who droops, and lays a hand on the shoulder.",
        has_actor=True, side="hand", approaches=_ONE_WALKS, phases=_EITHER,
    ),
    "carry_together": KindInfo(
        "helping",
        "Both lift something long between them and carry it a few steps, sideways or lengthwise.",
        has_actor=False, side=None,
    ),
    "arm_wrestle": KindInfo(
        "play and talk",
        "Both clasp the same side's hands over a high table and strain until one arm is pressed down.",
        has_actor=False, side="hand", approaches=_WALK_UP, phases=_EITHER,
    ),
    "tug": KindInfo(
        "play and talk",
        "Both pull at a rope with both hands, leaning back, until one is dragged along.",
        has_actor=False, side=None, approaches=_WALK_UP, phases=_EITHER,
    ),
    "waltz_hold": KindInfo(
        "dance",
        "Both waltz in a closed hold: joined hands out to the side, the leader's hand on the other's back.",
        has_actor=False, side=None,
    ),
    "latin_dance": KindInfo(
        "dance",
        "Both dance quick Latin steps with swinging hips, in a closed hold or hand in hand.",
        has_actor=False, side=None,
    ),
    "dodge_counter": KindInfo(
        "fighting",
        "The actor dodges the other's punch, by a duck or a sidestep, and hits back to the body; `side` is "
        "the fist that hits back.",
        has_actor=True, side="hand", manners=("duck", "sidestep"), approaches=_ONE_WALKS, phases=_EITHER,
    ),
    "boxing_bout": KindInfo(
        "fighting",
        "Both box: many punches by both, guards and counters, steps round each other.",
        has_actor=False, side=None, approaches=_WALK_UP, phases=(1,),
    ),
    "sabre_duel": KindInfo(
        "fighting",
        "Both fence with sabres: lunges, parries and ripostes, steps to and fro.",
        has_actor=False, side=None, approaches=_WALK_UP, phases=(1,),
    ),
}  # fmt: skip
