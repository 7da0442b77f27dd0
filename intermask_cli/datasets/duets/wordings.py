"""The words of the captions: data only, read by `captions.py`.

How a sentence is written
* `[a|b]` picks one alternative; `{slot}` is filled from the labels or vanishes when nothing is to be said.
* People: `{A}` who acts, `{B}` the other, `{A's}`, `{their:A}`, `{them:A}`; `{X}` and `{Y}` are two people of
  whom neither is meant in particular; `{Two}` both as the subject of a plural verb, `{Pair}` both elsewhere.
* `{walks}` opens the verb with the approach ("walks up and"); `{slowly}` stands before a verb, `{pace}` after it,
  and only one of the two is used. `{times}` counts; `{limb:hand}` is "their left hand" or "one hand",
  `{bare:hand}` "left hand" or "hand", `{both:hands}` "their left hands" or "their hands".
* `!` opens a sentence that only works when roles are told ("it is the first person who ...").
* Left and right always belong to A, or to each of both. The words never occur in any other sense.

Sentences in `held` and words in `HELD_*` are reserved for testing: no training caption ever contains them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Slot:
    """Words for the values of one label; `always` says it even in captions that could leave it out."""

    label: str
    words: dict[str | int, str]
    otherwise: str = ""
    always: bool = False


@dataclass(frozen=True)
class KindWords:
    """All wordings of one kind: full sentences, short ones, those kept for testing, own slots and nouns."""

    full: tuple[str, ...]
    short: tuple[str, ...]
    held_full: tuple[str, ...]
    held_short: tuple[str, ...]
    slots: dict[str, Slot] = field(default_factory=dict)
    nouns: tuple[str, ...] = ()
    held_nouns: tuple[str, ...] = ()


NOUNS = ("person", "person", "person", "man", "woman")
HELD_NOUNS = ("individual", "human", "adult", "guy")
#: First and later mention of two people who are not told apart; {n} is a noun.
ANONYMOUS = (
    ("one {n}", "the other"), ("one {n}", "the other {n}"), ("a {n}", "another {n}"), ("one {n}", "another"),
    ("one of the two", "the other"),
)  # fmt: skip
MIXED = (("a man", "a woman"), ("a woman", "a man"), ("someone", "someone else"), ("a person", "a friend"))
HELD_MIXED = (("somebody", "somebody else"), ("one of the pair", "the other"), ("a boy", "a girl"))
PLURAL = ("two {n}s", "two {n}s", "two {n}s", "a man and a woman", "a woman and a man")
PLURAL_SUBJECT = ("the two", "both {n}s", "the two {n}s", "they")
HELD_PLURAL = ("a pair of {n}s",)

NUMBERS = {1: "once", 2: "twice", 3: "three times", 4: "four times"}

SLOWLY = {"slow": "[slowly|unhurriedly|calmly]", "fast": "[quickly|rapidly|swiftly|briskly]"}
PACE = {
    "slow": "[at a slow pace|without any hurry|in slow motion|at low speed]",
    "normal": "[at a normal pace|at an ordinary pace|at a moderate speed|at medium speed]",
    "fast": "[at a fast pace|at a quick pace|at high speed|in a hurry]",
}
QUICK = {"slow": "[slow|unhurried]", "fast": "[quick|fast|brisk]"}
HELD_SLOWLY = {"slow": "[leisurely|sluggishly]", "fast": "[speedily|hastily]"}
HELD_PACE = {
    "slow": "[at a leisurely pace|taking plenty of time]",
    "normal": "[at a regular tempo|at an everyday speed]",
    "fast": "[in a rush|at a rapid rate]",
}
HELD_QUICK = {"slow": "leisurely", "fast": "rapid"}

WALKS = {"actor": "[walks up|comes closer|steps up|walks over|approaches|moves in] and"}
MEET = {
    "near": "[stand face to face|stand close together|stand facing each other] and",
    "both": "[walk up to each other|walk towards each other|approach each other|come together] and",
}
LEAD = {
    "near": "[stand face to face|stand close together|stand facing each other][, and|;]",
    "both": "[walk up to each other|walk towards each other|approach each other][, then| and then|, and]",
}
REACHES = "[walks up to|approaches|comes over to|steps up to|walks towards]"
AFTER = "after {A} [has walked up|has come closer|has stepped closer],"

_GENTLE = {"gently": "[gently|softly|lightly]"}
_GENTLE_ADJ = {"gently": "[gentle|soft|light]"}

HANDSHAKE = KindWords(
    full=(
        "{Two} {slowly} [shake hands|shake hands with each other] {how} {pace}{count}",
        "{Two} {slowly} [exchange|share] a {adj} handshake {pace}{count}",
        "{Two} [reach out|hold out a hand], [clasp hands|grip each other's hand] and {slowly} shake {how} {pace}{count}",
        "{Two} {slowly} greet each other with a {adj} handshake {pace}{count}",
        "{Two} [meet and|say hello and|greet one another and] {slowly} shake hands {how} {pace}{count}",
        "{Two} {slowly} [take|clasp|grasp] each other's hand and shake it {how} {pace}{count}",
        "{X} {slowly} shakes hands {how} with {Y} {pace}{count}",
        "{X} {slowly} shakes {Y's} hand {how} {pace}{count}",
        "{X} {slowly} gives {Y} a {adj} handshake {pace}{count}",
        "{Two} [seal a deal|come to an agreement] with a {adj} handshake {pace}{count}",
        "a {adj} handshake between {Pair} {pace}{count}",
        "{Two} put their hands together in a {adj} handshake {pace}{count}",
        "{Two} [introduce themselves|greet each other], shaking hands {how} {pace}{count}",
        "{Two} {slowly} give each other a {adj} handshake {pace}{count}",
    ),
    short=(
        "{Pair} shake hands", "a {quick} handshake", "a {adj} handshake", "{Pair} shake hands {how}",
        "{Pair} meet and shake hands", "handshake between {Pair}", "{Pair} say hello with a handshake",
        "[two colleagues|two strangers|two neighbours] shake hands {how}",
    ),
    held_full=(
        "{Two} {slowly} welcome each other by shaking hands {how} {pace}{count}",
        "{Two} say hello with a {adj} shake of the hand {pace}{count}",
        "{Two} congratulate each other, their hands joined in a {adj} handshake {pace}{count}",
        "{Two} {slowly} extend a hand to each other and shake {how} {pace}{count}",
    ),
    held_short=("{Pair} shake on it", "a {adj} shake of hands", "{Pair} thank each other and shake hands {how}"),
    slots={
        "how": Slot("manner", {**_GENTLE, "hard": "[firmly|vigorously|hard]"}),
        "adj": Slot("manner", {**_GENTLE_ADJ, "hard": "[firm|vigorous|strong]"}),
        "count": Slot("repeats", {n: f", [their hands going up and down {w}|moving their hands up and down {w}]" for n, w in NUMBERS.items()}),
    },
    nouns=("friend",), held_nouns=("business partner",),
)  # fmt: skip

BOW = KindWords(
    full=(
        "{A} {walks} {slowly} bows {how} {times} [to|before|in front of|towards] {B} {pace}",
        "{A} {walks} {slowly} [makes|takes|performs] {bows} [before|in front of] {B} {pace}",
        "{A} {walks} {slowly} bends [forward|over] {how} from the waist {times} to [greet|show respect to|honour] {B} {pace}",
        "{A} {walks} {slowly} lowers {their:A} upper body {how} {times} in a bow to {B} {pace}",
        "{A} {walks} {slowly} [greets|thanks|honours] {B} with {bows} {pace}",
        "{A} {walks} {slowly} shows respect to {B} by bowing {how} {times} {pace}",
        "{A} {walks} faces {B} and {slowly} bows {how} {times} {pace}",
        "{A} {walks} {slowly} bows {how} {times} {pace} while {B} [stands upright|stays upright|remains standing]",
        "{B} is [greeted|honoured|thanked] by {A} with {bows} {pace}",
        "{B} [receives|is given|gets] {bows} from {A} {pace}",
        "{B} [stands still|stands and watches|looks on|waits] while {A} {slowly} bows {how} {times} {pace}",
        "in front of {B}, {A} {slowly} bows {how} {times} {pace}",
        "{bows} [is given|is made] to {B} by {A} {pace}",
        "!it is {A} who {slowly} bows {how} {times} to {B} {pace}",
        "!{B} does not bow, but {A} {slowly} bows {how} {times} {pace}",
    ),
    short=(
        "{A} bows {how} to {B}", "{A} takes a {adj} bow before {B}", "{A} bows {quickly}", "a {adj} bow",
        "{B} is greeted with a {adj} bow by {A}", "{A} bows politely to {B}", "one bows, the other watches",
    ),
    held_full=(
        "{A} {walks} {slowly} pays {their:A} respects to {B} with {bows} {pace}",
        "{A} {walks} {slowly} bends {how} at the hips {times} as a sign of respect for {B} {pace}",
        "{B} looks at {A}, who {slowly} bows {how} {times} {pace}",
        "{B} sees {A} {slowly} bow {how} {times} {pace}",
    ),
    held_short=("{A} bows {how} out of respect", "{A} makes a bow in {B's} direction", "{B} gets bowed to by {A}"),
    slots={
        "how": Slot("manner", {"slightly": "[slightly|a little]", "deeply": "[deeply|low]"}),
        "adj": Slot("manner", {"slightly": "[slight|small|shallow]", "deeply": "[deep|low]"}),
        "bows": Slot("repeats", {1: "a {adj} bow", 2: "two {adj} bows"}, always=True),
    },
    nouns=("guest",), held_nouns=("visitor",),
)  # fmt: skip

WAVE = KindWords(
    full=(
        "{A} {walks} {slowly} waves {times} [at|to] {B} with {limb:hand} {how} {pace}",
        "{A} {walks} {slowly} [raises|lifts|holds up|puts up] {limb:[hand|arm]} and waves {times} [at|to] {B} {how} {pace}",
        "{A} {walks} {slowly} [greets|says hello to|signals to] {B} by waving {limb:hand} {times} {how} {pace}",
        "{A} {walks} {slowly} gives {B} a {adj} wave with {limb:hand} {pace}{swings}",
        "{A} {walks} {slowly} swings {limb:hand} from side to side {times} {how} to [greet|say hello to] {B} {pace}",
        "{A} {walks} [turns to|faces|looks at] {B} and {slowly} waves {limb:[hand|arm]} {times} {how} {pace}",
        "with {limb:hand} [raised|held up], {A} {slowly} waves {times} at {B} {how} {pace}",
        "{A's} {bare:hand} {slowly} waves {times} [at|to] {B} {how} {pace}",
        "{B} is [waved at|waved to] {times} by {A} with {limb:hand} {how} {pace}",
        "{B} is greeted by {A} with a {adj} wave of {limb:hand} {pace}{swings}",
        "{B} watches {A} {slowly} wave {times} with {limb:hand} {how} {pace}",
        "{B} [stands still|looks on|stands there] while {A} {slowly} waves {times} with {limb:[hand|arm]} {how} {pace}",
        "{B} [gets|receives] a {adj} wave from {A}, who [lifts|raises] {limb:hand} {pace}{swings}",
        "!it is {A} who {slowly} waves {times} at {B} with {limb:hand} {how} {pace}",
        "!{B} does nothing while {A} waves {times} {how} with {limb:hand} {pace}",
    ),
    short=(
        "{A} waves at {B}", "{A} waves with {limb:hand}", "{A} gives {B} a {adj} wave", "a {quick} wave with {bare:hand} raised",
        "{A} raises {limb:arm} and waves", "waving {limb:hand} at someone", "{B} is waved at by {A}", "{A} waves hello to {B}",
    ),
    held_full=(
        "{A} {walks} {slowly} moves {limb:hand} back and forth in the air {times} {how} to say hi to {B} {pace}",
        "{A} {walks} {slowly} hails {B} with a {adj} wave of {limb:arm} {pace}{swings}",
        "{B} notices {A}, who {slowly} waves {times} with {limb:hand} {how} {pace}",
        "{A} {walks} {slowly} beckons, waving {limb:hand} {times} {how} in front of {B} {pace}",
    ),
    held_short=("{A} says hi by waving {limb:hand}", "{B} gets a wave from {A}", "{A} calls to {B} with a {adj} wave"),
    slots={
        "how": Slot("manner", {
            "small": "[in small movements|in a small motion|in short movements]",
            "large": "[in big movements|in a wide motion|high overhead|high above the head]",
        }),
        "adj": Slot("manner", {"small": "[small|little]", "large": "[big|wide|large]"}),
        "swings": Slot("repeats", {n: f", swinging it {w}" for n, w in NUMBERS.items()}),
    },
    nouns=("friend",), held_nouns=("tourist",),
)  # fmt: skip

HIGH_FIVE = KindWords(
    full=(
        "{Two} {slowly} high-five each other {times} {how} with {both:hands} {pace}",
        "{Two} {slowly} [slap|clap|smack] {both:[hands|palms]} together {times} {how} in a high five {pace}",
        "{Two} {slowly} [give each other|exchange|share] a high five {times} {how} with {both:hands} {pace}",
        "{Two} {slowly} [raise|lift|hold up] {both:hands} and slap them together {times} {how} {pace}",
        "{Two} {slowly} celebrate with a high five {times} {how}, using {both:hands} {pace}",
        "{Two} {slowly} bring {both:[hands|palms]} together {times} {how} in a high five {pace}",
        "{X} {slowly} gives {Y} a high five {times} {how}, both using {both:hands} {pace}",
        "{X} {slowly} high-fives {Y} {times} {how}, and both use {both:hands} {pace}",
        "{Two} {slowly} meet each other's {bare:hand} {times} {how} in a high five {pace}",
        "a high five between {Pair}, {both:[hands|palms]} meeting {times} {how} {pace}",
        "{Two} greet each other by slapping {both:[hands|palms]} together {times} {how} {pace}",
        "{Two} cheer and {slowly} slap {both:[hands|palms]} together {times} {how} {pace}",
        "{Two} {slowly} throw up {both:hands} and high-five {times} {how} {pace}",
        "{Two} {slowly} do a high five {times} {how} with {both:hands} {pace}",
    ),
    short=(
        "{Pair} high-five", "{Pair} high-five with {both:hands}", "a {quick} high five", "a high five {how}",
        "{Pair} slap palms in a high five", "give me five", "{Pair} celebrate with a high five {how}",
    ),
    held_full=(
        "{Two} {slowly} hit {both:palms} against each other {times} {how} in triumph {pace}",
        "{Two} congratulate each other by slapping {both:hands} {times} {how} {pace}",
        "{Two} {slowly} slap each other five {times} {how} with {both:hands} {pace}",
        "{Two} rejoice, and {both:hands} {slowly} meet {times} {how} in a high five {pace}",
    ),
    held_short=("{Pair} slap hands in the air", "up high: {Pair} slap {both:palms}", "{Pair} give each other five"),
    slots={"how": Slot("manner", {
        "low": "[at shoulder height|at shoulder level]",
        "high": "[high in the air|above their heads|high up|overhead]",
    })},
    nouns=("friend", "teammate"), held_nouns=("colleague",),
)  # fmt: skip

HUG = KindWords(
    full=(
        "{Two} {slowly} [hug|hug each other|embrace|embrace each other] {how} {pace}",
        "{Two} {slowly} [share|exchange] a {adj} [hug|embrace] {pace}",
        "{Two} {slowly} [put|wrap|close] their arms around each other {how} {pace}",
        "{Two} {slowly} hold each other {how} in their arms {pace}",
        "{Two} {slowly} greet each other with a {adj} [hug|embrace] {pace}",
        "{Two} {slowly} [give each other|come together in] a {adj} [hug|embrace] {pace}",
        "{X} {slowly} [hugs|embraces] {Y} {how} {pace}, and the embrace is returned",
        "{Two} {slowly} close each other in a {adj} [hug|embrace] {pace}",
        "{X} {slowly} gets a {adj} hug from {Y} {pace} and hugs back",
        "a {adj} [hug|embrace] between {Pair} {pace}",
        "{Two} {slowly} comfort each other with a {adj} [hug|embrace] {pace}",
        "{Two} {slowly} hug {how} and let go again {pace}",
        "{Two} [say goodbye|say hello] and {slowly} [hug|embrace] {how} {pace}",
        "{Two} open their arms and {slowly} [hug|embrace] {how} {pace}",
    ),
    short=(
        "{Pair} hug", "{Pair} embrace {how}", "a {adj} hug", "a {quick} hug between {Pair}", "{Pair} hug each other {how}",
        "{Pair} hold each other in their arms", "hugging an old friend",
    ),
    held_full=(
        "{Two} {slowly} squeeze each other {how} in a hug {pace}",
        "{Two} {slowly} take each other into their arms {how} {pace}",
        "{Two} {slowly} cuddle {how} and step apart again {pace}",
        "{Two} make up and {slowly} fall into a {adj} embrace {pace}",
    ),
    held_short=("{Pair} cuddle", "a {adj} squeeze", "{Pair} wrap each other in a {adj} hug"),
    slots={
        "how": Slot("manner", {"gently": "[gently|loosely|lightly]", "hard": "[tightly|firmly|hard]"}),
        "adj": Slot("manner", {"gently": "[gentle|loose|light]", "hard": "[tight|firm|close]"}),
    },
    nouns=("friend",), held_nouns=("relative",),
)  # fmt: skip

_GUARDS = "[blocks with both arms|covers up|guards with both arms|raises both arms to block]"
PUNCH_GUARD = KindWords(
    full=(
        f"{{A}} {{walks}} {{slowly}} punches {{times}} at {{B}} with {{limb:fist}} {{level}} {{pace}}, and {{B}} {_GUARDS}",
        f"{{A}} {{walks}} {{slowly}} [throws|lands] {{punches}} with {{limb:[fist|hand]}} {{pace}} against {{B}}, who {_GUARDS}",
        f"{{A}} {{walks}} {{slowly}} attacks with {{limb:fist}}, punching {{times}} {{level}} {{pace}}, while {{B}} {_GUARDS}",
        f"{{A}} {{walks}} {{slowly}} [strikes|hits out|boxes] {{times}} {{level}} with {{limb:fist}} {{pace}} at {{B}}, who {_GUARDS}",
        "{A} {walks} {slowly} [jabs|strikes] {times} at {B's} guard {level} with {limb:fist} {pace}",
        f"{{B}} {_GUARDS} as {{A}} {{slowly}} punches {{times}} with {{limb:fist}} {{level}} {{pace}}",
        "{B} [blocks|guards against|fends off|parries] {punches} that {A} throws with {limb:fist} {pace}",
        f"{{B}} is [punched at|attacked|struck at] {{times}} by {{A}} {{level}} with {{limb:fist}} {{pace}} and {_GUARDS}",
        "{B} raises both arms to [block|stop] {punches} from {A's} {bare:fist} {pace}",
        f"{{A's}} {{bare:fist}} {{slowly}} [strikes out|punches] {{times}} {{level}} {{pace}} at {{B}}, who {_GUARDS}",
        "{B} defends against {A}, who {slowly} punches {times} {level} with {limb:[fist|hand]} {pace}",
        f"with {{limb:fist}}, {{A}} {{slowly}} throws {{punches}} {{pace}} at {{B}}, who {_GUARDS}",
        f"!it is {{A}} who {{slowly}} punches {{times}} {{level}} with {{limb:fist}} {{pace}}, and it is {{B}} who {_GUARDS}",
        "in a boxing match, {A} {slowly} throws {punches} with {limb:fist} {pace} and {B} blocks with both arms",
    ),
    short=(
        "{A} punches at {B}, who blocks", "{A} throws a {adj} punch with {limb:fist}", "{B} blocks a punch from {A}",
        "one attacks with {limb:fist}, the other covers up", "{A} boxes against {B}, who guards",
        "boxing: {A} punches {level}, {B} blocks", "{B} guards against a {adj} punch by {A}",
    ),
    held_full=(
        "{A} {walks} {slowly} takes a swing {level} {times} with {limb:fist} {pace} at {B}, who shields against it",
        "{B} wards off {punches} from {A}, who uses {limb:fist} {pace}",
        "{A} {walks} {slowly} lashes out {level} {times} with {limb:fist} {pace}, and {B} keeps both arms up",
        "{B} protects against {A's} {bare:fist}, which {slowly} hits out {times} {level} {pace}",
    ),
    held_short=("{A} takes a swing at {B}, who shields", "{B} wards off a {adj} blow from {A}", "{A} jabs while {B} covers"),
    slots={
        "level": Slot("manner", {
            "low": "[at body height|at belly height|at the level of the belly]",
            "high": "[at head height|at face height|at the level of the head]",
        }),
        "adj": Slot("manner", {"low": "low", "high": "high"}),
        "punches": Slot("repeats", {1: "a {adj} punch", 2: "two {adj} punches"}, always=True),
    },
    nouns=("boxer", "fighter"), held_nouns=("opponent",),
)  # fmt: skip

_DODGES = "[jumps back|leaps back|jumps backwards|dodges backwards|jumps out of the way]"
KICK_DODGE = KindWords(
    full=(
        f"{{A}} {{walks}} {{slowly}} kicks at {{B}} with {{limb:[foot|leg]}} {{level}} {{pace}}, and {{B}} {_DODGES}",
        f"{{A}} {{walks}} {{slowly}} [throws|launches|does] a {{adj}} kick with {{limb:[foot|leg]}} {{pace}} at {{B}}, who {_DODGES}",
        f"{{A}} {{walks}} {{slowly}} [swings up|lifts|raises] {{limb:leg}} and kicks {{level}} {{pace}} at {{B}}, who {_DODGES}",
        f"{{A}} {{walks}} {{slowly}} attacks {{B}} with a {{adj}} kick of {{limb:[foot|leg]}} {{pace}}, and {{B}} {_DODGES}",
        f"{{A}} {{walks}} {{slowly}} tries to kick {{B}} {{level}} with {{limb:foot}} {{pace}}, but {{B}} {_DODGES}",
        "{B} [dodges|evades|jumps back from|avoids] a {adj} kick by {A}, who uses {limb:[foot|leg]} {pace}",
        f"{{B}} is kicked at by {{A}} {{level}} with {{limb:foot}} {{pace}} and {_DODGES}",
        f"{{B}} {_DODGES} as {{A}} {{slowly}} kicks {{level}} with {{limb:[foot|leg]}} {{pace}}",
        f"{{A's}} {{bare:[foot|leg]}} {{slowly}} kicks {{level}} {{pace}} at {{B}}, who {_DODGES}",
        f"{{B}} {_DODGES} to [avoid|escape] {{A's}} {{bare:[foot|leg]}}, which {{slowly}} kicks {{level}} {{pace}}",
        f"with {{limb:[foot|leg]}}, {{A}} {{slowly}} kicks {{level}} {{pace}} at {{B}}, who {_DODGES}",
        f"!it is {{A}} who {{slowly}} kicks {{level}} with {{limb:foot}} {{pace}}, and it is {{B}} who {_DODGES}",
        f"in a fight, {{A}} {{slowly}} kicks {{level}} with {{limb:foot}} {{pace}} and {{B}} {_DODGES}",
        "a {adj} kick by {A} with {limb:foot} makes {B} jump back {pace}",
    ),
    short=(
        "{A} kicks at {B}, who jumps back", "{A} throws a {adj} kick with {limb:leg}", "{B} dodges a kick by {A}",
        "one kicks with {limb:foot}, the other jumps back", "a {adj} kick and a jump back", "{B} avoids being kicked by {A}",
        "{A} kicks {level}, {B} dodges",
    ),
    held_full=(
        "{A} {walks} {slowly} aims a {adj} kick with {limb:[foot|leg]} {pace} at {B}, who hops away",
        "{B} springs away from {A}, who {slowly} kicks {level} with {limb:foot} {pace}",
        "{A} {walks} {slowly} lashes out {level} with {limb:foot} {pace}, and {B} escapes backwards",
        "{B} retreats from a {adj} kick that {A} makes with {limb:[foot|leg]} {pace}",
    ),
    held_short=("{A} boots at {B}, who hops away", "{B} escapes a {adj} kick from {A}", "{A} kicks out, {B} springs back"),
    slots={
        "level": Slot("manner", {
            "low": "[at knee height|at thigh height]",
            "middle": "[at waist height|at belly height]",
            "high": "[at chest height|up high]",
        }),
        "adj": Slot("manner", {"low": "low", "middle": "[waist-high|mid-height]", "high": "[high|chest-high]"}),
    },
    nouns=("fighter", "kickboxer"), held_nouns=("opponent",),
)  # fmt: skip

_STAGGERS = "[staggers back|stumbles backwards|stumbles back|staggers backwards|loses balance for a moment]"
PUSH_STAGGER = KindWords(
    full=(
        f"{{A}} {{walks}} {{slowly}} [pushes|shoves] {{B}} {{how}} with both hands {{pace}}, and {{B}} {_STAGGERS}",
        f"{{A}} {{walks}} {{slowly}} gives a {{adj}} [push|shove] {{pace}} to {{B}}, who {_STAGGERS}",
        "{A} {walks} {slowly} [pushes|shoves] {B} {how} in the chest {pace}, making {them:B} [stagger|stumble] back",
        "{A} {walks} {slowly} puts both hands on {B's} chest and pushes {them:B} away {how} {pace}",
        "{A} {walks} {slowly} [pushes|shoves] {B} {how} {pace} so that {B} [staggers|stumbles] back",
        f"{{B}} is [pushed|shoved] {{how}} by {{A}} {{pace}} and {_STAGGERS}",
        f"{{B}} {_STAGGERS} after {{A}} {{slowly}} [pushes|shoves] {{them:B}} {{how}} {{pace}}",
        f"{{B}} [gets|receives] a {{adj}} [push|shove] from {{A}} {{pace}} and {_STAGGERS}",
        "{B} is sent [stumbling|staggering] backwards by a {adj} [push|shove] from {A} {pace}",
        "{B} is the one who gets [pushed|shoved] {how} by {A} {pace}",
        f"!it is {{A}} who {{slowly}} [pushes|shoves] {{how}} {{pace}}, and {{B}} {_STAGGERS}",
        "with both hands, {A} {slowly} [pushes|shoves] {B} away {how} {pace}",
        f"{{A's}} hands {{slowly}} push {{B}} {{how}} in the chest {{pace}}, and {{B}} {_STAGGERS}",
        "a {adj} [push|shove] by {A} makes {B} [stagger|stumble] back {pace}",
    ),
    short=(
        "{A} pushes {B} {how}", "{A} shoves {B}, who stumbles back", "{B} is pushed by {A}", "a {adj} push",
        "{B} staggers after a {adj} shove from {A}", "one pushes, the other stumbles", "{A} angrily shoves {B}",
    ),
    held_full=(
        "{A} {walks} {slowly} thrusts both palms {how} against {B}, who reels backwards {pace}",
        "{B} reels when {A} {slowly} pushes {them:B} {how} {pace}",
        "{A} {walks} {slowly} drives {B} back with a {adj} push {pace}",
        "{B} nearly falls because {A} {slowly} shoves {them:B} {how} {pace}",
    ),
    held_short=("{A} drives {B} back with both hands", "{B} reels from a {adj} push by {A}", "{A} thrusts {B} away"),
    slots={
        "how": Slot("manner", {**_GENTLE, "hard": "[hard|forcefully|roughly|with force]"}),
        "adj": Slot("manner", {**_GENTLE_ADJ, "hard": "[hard|strong|rough|forceful]"}),
    },
    nouns=("fighter",), held_nouns=("rival",),
)  # fmt: skip

CIRCLE_EACH_OTHER = KindWords(
    full=(
        "{Two} {slowly} [circle|walk around|move around|go around|pace around] each other {how} {pace}{turn}",
        "{Two} {slowly} circle {how} face to face {pace}{turn}",
        "{Two} {slowly} walk in a circle around each other {how} {pace}{turn}",
        "{Two} keep their eyes on each other and {slowly} circle {how} {pace}{turn}",
        "{Two} face each other {how} and {slowly} walk around in a circle {pace}{turn}",
        "{Two} {slowly} [step|walk|move] sideways around a common centre {how} {pace}{turn}",
        "{Two} {slowly} walk along a circle {how}, looking at each other {pace}{turn}",
        "{X} {slowly} circles {Y} {how} {pace}, and both keep facing each other{turn}",
        "{X} {slowly} walks around {Y} {how} {pace}, and both go in a circle{turn}",
        "{Two} {slowly} go round and round {how}, always facing each other{turn} {pace}",
        "{Two} watch each other {how} while {slowly} circling {pace}{turn}",
        "{Two} {slowly} prowl around each other {how} {pace}{turn}",
        "a circle is walked {how} by {Pair} facing each other {pace}{turn}",
        "{Two} {slowly} [size each other up|eye each other], circling {how} {pace}{turn}",
    ),
    short=(
        "{Pair} circle each other", "{Pair} circle each other {how}", "{Pair} walk around each other{turn}",
        "{quickly} circling each other", "{Pair} go around in a circle{turn}", "circling face to face{turn}",
        "{Pair} pace around each other {how}",
    ),
    held_full=(
        "{Two} {slowly} orbit each other {how} {pace}{turn}",
        "{Two} {slowly} revolve around one another {how} {pace}{turn}",
        "{Two} {slowly} trace a ring on the floor {how}, looking at each other {pace}{turn}",
        "{Two} stalk one another {how} in a circle {pace}{turn}",
    ),
    held_short=("{Pair} orbit each other", "{Pair} stalk around one another {how}", "{Pair} walk round in a ring{turn}"),
    slots={
        "how": Slot("manner", {
            "relaxed": "[with relaxed arms|with their arms hanging|in a relaxed way]",
            "guarded": "[with raised fists|with their fists up|with their guard up]",
        }),
        "turn": Slot("side", {
            "left": ", [each stepping to their own left|both moving to their own left|each going left]",
            "right": ", [each stepping to their own right|both moving to their own right|each going right]",
        }),
    },
    nouns=("fighter",), held_nouns=("rival",),
)  # fmt: skip

_COPIES = "[mirrors every step|copies like a mirror|does the same as in a mirror|mirrors the movements|copies the steps]"
MIRROR_DANCE = KindWords(
    full=(
        f"{{A}} {{slowly}} dances {{steps}} {{start}} {{pace}}, and {{B}} {_COPIES}",
        f"{{A}} {{slowly}} leads a dance of {{steps}} {{start}} {{pace}}, and {{B}} {_COPIES}",
        f"{{A}} {{slowly}} dances from side to side with {{steps}} {{start}} {{pace}} while {{B}} {_COPIES}",
        f"{{A}} {{slowly}} shows a dance of {{steps}} {{start}} {{pace}}, and {{B}} {_COPIES}",
        f"{{A}} {{slowly}} starts dancing {{steps}} {{start}} {{pace}}, and a moment later {{B}} {_COPIES}",
        "{A} dances in front of {B}, who mirrors {steps} {start} {pace}",
        "{B} [mirrors|copies|imitates] {A}, who {slowly} dances {steps} {start} {pace}",
        "{B} dances as the mirror image of {A}, who {slowly} makes {steps} {start} {pace}",
        "{B} [mirrors|copies] the dance of {A}, who {slowly} does {steps} {start} {pace}",
        "{A} is [mirrored|copied|imitated] by {B} while dancing {steps} {start} {pace}",
        f"face to face with {{B}}, {{A}} {{slowly}} dances {{steps}} {{start}} {{pace}} and is copied like in a mirror",
        f"in a mirror dance, {{A}} {{slowly}} makes {{steps}} {{start}} {{pace}} and {{B}} {_COPIES}",
        "{B} dances along with {A}, who leads with {steps} {start} {pace}",
        f"!it is {{A}} who leads the dance with {{steps}} {{start}} {{pace}}, and it is {{B}} who {_COPIES}",
    ),
    short=(
        "{A} dances and {B} mirrors it", "{B} mirrors the dance of {A}", "{A} dances {steps}, {B} copies", "a {quick} mirror dance",
        "{Pair} dance as mirror images", "{Pair} dance side to side, one copying the other", "{A} leads a dance, {B} copies",
    ),
    held_full=(
        "{A} {slowly} grooves with {steps} {start} {pace}, and {B} reflects everything",
        "{B} acts as the reflection of {A}, who {slowly} dances {steps} {start} {pace}",
        "{A} sets the dance with {steps} {start} {pace}, and {B} joins in as a reflection",
        "{B} is taught {steps} by {A}, who dances {start} {pace}",
    ),
    held_short=("{B} reflects the dance of {A}", "{A} grooves, {B} does likewise", "{Pair} groove in mirror image"),
    slots={
        "steps": Slot("repeats", {n: f"{w} {{adj}} [side steps|steps to the side]" for n, w in
                                  {2: "two", 3: "three", 4: "four"}.items()}, otherwise="{adj} side steps"),
        "adj": Slot("manner", {"small": "[small|little]", "large": "[large|big|wide]"}),
        "start": Slot("side", {
            s: f"[starting to {{their:A}} own {s}|beginning with a step to {{their:A}} own {s}|with the first step to {{their:A}} own {s}]"
            for s in ("left", "right")
        }),
    },
    nouns=("dancer", "dancer"), held_nouns=("performer",),
)  # fmt: skip

LEAD_BY_HAND = KindWords(
    full=(
        "{A} {slowly} leads {B} by the hand, {holding} {pace}",
        "{A} walks ahead and {slowly} [pulls|draws|guides|leads|takes] {B} along by the hand, {holding} {pace}",
        "{A} {slowly} [guides|leads|takes] {B} forward by the hand {pace}, {holding}",
        "{A} holds {B's} hand with {limb:hand} and {slowly} leads the way {pace}",
        "{A} {slowly} walks in front with {B's} hand in {limb:hand} {pace}",
        "{A} takes {B's} hand with {limb:hand} and {slowly} walks ahead {pace}",
        "{B} is [led|guided|drawn along|taken along] by the hand by {A}, who uses {limb:hand} {pace}",
        "{B} is [led|guided] by {A}, who walks ahead and holds on with {limb:hand} {pace}",
        "{B} [walks behind|follows] {A} hand in hand {pace}, led by {A's} {bare:hand}",
        "{B} lets {A} lead the way by the hand {pace}, {A} using {limb:hand}",
        "{A's} {bare:hand} holds {B's} hand and {slowly} leads the way {pace}",
        "hand in hand, {A} {slowly} leads and {B} follows {pace}, {A} using {limb:hand}",
        "!it is {A} who leads by the hand with {limb:hand}, and {B} is led {pace}",
        "with {limb:hand}, {A} holds {B} by the hand and {slowly} walks in front {pace}",
    ),
    short=(
        "{A} leads {B} by the hand", "{B} is led by the hand by {A}", "one leads the other by the hand",
        "{A} pulls {B} along by the hand", "a parent leads a child by the hand", "{A} walks ahead, {B} is led by the hand",
        "{A} {quickly} guides {B} by the hand",
    ),
    held_full=(
        "{A} {slowly} tows {B} along by the hand, {holding} {pace}",
        "{B} is escorted by the hand by {A}, who uses {limb:hand} {pace}",
        "{A} keeps hold of {B's} hand with {limb:hand} and {slowly} shows the way {pace}",
        "{B} goes along with {A}, who leads by the hand with {limb:hand} {pace}",
    ),
    held_short=("{A} tows {B} by the hand", "{B} is escorted by the hand by {A}", "{A} shows {B} the way, hand in hand"),
    slots={"holding": Slot("side", {
        s: f"[using {{limb:hand}}|holding on with {{limb:hand}}|with {{limb:hand}} holding on]" for s in ("left", "right")
    })},
    nouns=("friend",), held_nouns=("guide",),
)  # fmt: skip

FOLLOW = KindWords(
    full=(
        "{A} {slowly} walks [ahead|in front] {path} {pace} and {B} [follows|walks behind|comes along behind]",
        "{A} {slowly} walks {path} with {B} [following|walking] behind {pace}",
        "{A} {slowly} goes in front {path} {pace} while {B} follows",
        "{A} {slowly} walks {path} {pace}, closely followed by {B}",
        "{A} {slowly} walks away {path} {pace} and {B} [goes after|follows after|walks after] {them:A}",
        "{A} is [followed|trailed] by {B} {path} {pace}",
        "{B} {slowly} [follows|walks behind|trails|walks after|goes after] {A} {path} {pace}",
        "{B} {slowly} follows a few steps behind {A} {path} {pace}",
        "{B} {slowly} follows in the footsteps of {A} {path} {pace}",
        "{B} keeps behind {A}, who {slowly} walks in front {path} {pace}",
        "behind {A}, {B} {slowly} walks along {path} {pace}",
        "!it is {A} who walks in front {path} {pace}, and {B} follows",
        "in single file, {A} {slowly} walks ahead {path} {pace} and {B} follows",
        "{A} shows the way {path} {pace}, walking in front of {B}",
    ),
    short=(
        "{B} follows {A}", "{B} walks behind {A} {path}", "{A} walks ahead, {B} follows", "{A} is followed by {B}",
        "one walks, the other follows {path}", "{quickly} walking one behind the other", "{B} trails {A} {path}",
    ),
    held_full=(
        "{B} {slowly} shadows {A} {path} {pace}",
        "{A} {slowly} strolls in the lead {path} {pace} and {B} tags along behind",
        "{B} stays in the tracks of {A}, who {slowly} walks {path} {pace}",
        "{A} {slowly} heads off {path} {pace} with {B} in tow",
    ),
    held_short=("{B} tags along behind {A}", "{B} shadows {A} {path}", "{A} heads off and {B} comes after"),
    slots={"path": Slot("side", {
        "left": "[in a curve to the left|along a bend to the left|turning left]",
        "right": "[in a curve to the right|along a bend to the right|turning right]",
        "straight": "[in a straight line|straight ahead]",
    })},
    nouns=("walker",), held_nouns=("hiker",),
)  # fmt: skip

WORDS: dict[str, KindWords] = {
    "handshake": HANDSHAKE,
    "bow": BOW,
    "wave": WAVE,
    "high_five": HIGH_FIVE,
    "hug": HUG,
    "punch_guard": PUNCH_GUARD,
    "kick_dodge": KICK_DODGE,
    "push_stagger": PUSH_STAGGER,
    "circle_each_other": CIRCLE_EACH_OTHER,
    "mirror_dance": MIRROR_DANCE,
    "lead_by_hand": LEAD_BY_HAND,
    "follow": FOLLOW,
}
