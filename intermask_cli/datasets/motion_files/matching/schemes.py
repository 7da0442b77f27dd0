"""How tools name the joints of a body: one line for each naming scheme."""

from __future__ import annotations

from dataclasses import dataclass

#: Joints of a leg and of an arm, from the trunk outwards: our names without the side.
LEG = ("hip", "knee", "ankle", "foot")
ARM = ("collar", "shoulder", "elbow", "wrist")
#: Without these a body is not recognised; the others are placed where a file lacks them.
NEEDED = ("hip", "knee", "ankle", "shoulder", "elbow")

# Name | words for hip, knee, ankle, foot (the toe joint) | words for collar, shoulder, elbow, wrist | a word
# that must be among the file's words. Words have no side, no separators and no number (`joint_names.py`).
# `/` separates alternatives; `-` is a joint that the scheme does not have.
_TABLE = """
CMU MotionBuilder | upleg leg foot toebase                | shoulder arm forearm hand             | lowerback
Mixamo            | upleg leg foot toebase                | shoulder arm forearm hand             | mixamorig
DeepMotion        | upleg leg foot toebase                | shoulder arm forearm hand             | _jnt
HumanIK           | upleg leg foot toebase/forefoot       | shoulder arm forearm hand             |
LaFAN1            | upleg leg foot toe                    | shoulder arm forearm hand             |
Rokoko            | thigh shin foot toe                   | shoulder arm forearm hand             |
Biovision         | hip knee ankle toe/toebase            | collar shoulder elbow wrist           |
SMPL              | hip knee ankle foot                   | collar shoulder elbow wrist           |
Kinect            | hip knee ankle foot                   | clavicle shoulder elbow wrist         |
Unreal            | thigh calf foot ball                  | clavicle upperarm lowerarm hand       |
Character Creator | thigh calf foot toebase               | clavicle upperarm forearm hand        | cc_base
3ds Max Biped     | thigh calf foot toe/toebase           | clavicle upperarm forearm hand        |
Rigify            | thigh shin foot toe                   | shoulder upperarm forearm hand        |
Unity or VRM      | upperleg lowerleg foot toes/toebase/toe | shoulder upperarm lowerarm hand     |
MVN               | upperleg lowerleg foot toe            | shoulder upperarm forearm hand        |
CMU Daz-friendly  | thigh shin foot -                     | collar shldr forearm hand             | buttock
OptiTrack         | thigh shin foot toe                   | shoulder uarm farm hand               |
Daz               | thigh/thighbend shin foot toe         | collar shldr/shldrbend forearm/forearmbend hand |
Acclaim           | femur tibia foot toes                 | clavicle humerus radius wrist         |
MakeHuman         | upperleg lowerleg foot toe            | clavicle upperarm lowerarm wrist      |
Advanced Skeleton | hip knee ankle toes                   | scapula shoulder elbow wrist          |
MikuMikuDance     | 足 ひざ/膝 足首 つま先/足先ex           | 肩 腕 ひじ/肘 手首                      |
"""

#: Further words for each joint, tried after those of the table, best first.
_MORE_WORDS = {
    "hip": "legupper upperthigh",
    "knee": "lowleg leglower crus",
    "ankle": "",
    "foot": "tarsal metatarsals metatarsal",
    "collar": "clav clavicula shoulderblade",
    "shoulder": "uparm armupper",
    "elbow": "lowarm armlower ulna",
    "wrist": "palm",
}
#: Words that mean one joint where another word of the limb is there, and its neighbour where not, such as
#: LeftShoulder (a collar bone before LeftArm, the shoulder before LeftElbow): tried last.
_AMBIGUOUS = ("hip", "foot", "shoulder", "leg", "arm", "hand")

#: Words for the joint that carries legs and trunk, the one nearest to the legs first; for the head; for the
#: neck. None has a side.
PELVIS_WORDS = ("pelvis", "hips", "hip", "hipcenter", "hipcentre", "下半身")
HEAD_WORDS = ("head", "skull", "頭")
NECK_WORDS = ("neck", "necktwist", "necklower", "neckupper", "lowerneck", "upperneck", "shouldercenter", "首")


@dataclass(frozen=True)
class Scheme:
    """A naming scheme: our joint without the side -> words, best first; empty where it has no such joint."""

    name: str
    words: dict[str, tuple[str, ...]]
    sign: str


def _scheme(line: str) -> Scheme:
    name, legs, arms, sign = (part.strip() for part in line.split("|"))
    columns = (*legs.split(), *arms.split())
    words = {
        joint: () if column == "-" else tuple(column.split("/"))
        for joint, column in zip((*LEG, *ARM), columns, strict=True)
    }
    return Scheme(name, words, sign)


SCHEMES = tuple(_scheme(line) for line in _TABLE.strip().splitlines())


def _words_for(joint: str) -> tuple[str, ...]:
    listed = [word for scheme in SCHEMES for word in scheme.words[joint]] + _MORE_WORDS[joint].split()
    ambiguous = [word for word in _AMBIGUOUS if word in listed or (joint, word) in _ALSO]
    return tuple(dict.fromkeys([word for word in listed if word not in _AMBIGUOUS] + ambiguous))


#: Meanings that only mixtures of schemes have.
_ALSO = {("hip", "leg"), ("elbow", "arm")}
#: Our joint without the side -> every word that can mean it, best first.
WORDS_FOR = {joint: _words_for(joint) for joint in (*LEG, *ARM)}
LIMB_WORDS = frozenset(word for words in WORDS_FOR.values() for word in words)

# ---------------------------------------------------------------- the CMU conversion with Daz names

CMU_DAZ = "CMU Daz-friendly"


def with_daz_trunk(recipes: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """Recipes with the trunk of the CMU library's Daz-friendly edition.

    Its hip and chest lie far from those of a body. Proportions of the CMU duets collection (its README, "How
    it was made").
    """
    (left,), (right,) = recipes["left_hip"], recipes["right_hip"]
    (abdomen,), (chest,), (neck,) = recipes["spine1"], recipes["spine3"], recipes["neck"]
    return recipes | {
        "pelvis": {left: 0.275, right: 0.275, abdomen: 0.45},
        "spine1": {abdomen: 1.0},
        "spine2": {chest: 1.0},
        "spine3": {chest: 0.78, neck: 0.22},
    }
