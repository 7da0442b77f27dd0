"""What the name of a joint says: a side, a word for a part of the body, and what stands before them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from intermask_cli.datasets.motion_files.matching.schemes import (
    HEAD_WORDS,
    LIMB_WORDS,
    NECK_WORDS,
    PELVIS_WORDS,
)

_CENTRAL_WORDS = frozenset((*PELVIS_WORDS, *HEAD_WORDS, *NECK_WORDS))
_SIDES = {word: "left" for word in ("left", "l", "lf", "lft", "lt", "左")} | {
    word: "right" for word in ("right", "r", "rt", "rgt", "rght", "右")
}
#: Sides that are also recognised at the beginning or end of a word, as in `lfemur` and `kneeleft`.
_ATTACHED_SIDES = ("left", "right", "左", "右", "l", "r")
#: Words that say nothing about the part of the body.
_NO_MEANING = frozenset(("jnt", "joint", "jt", "bone", "bn", "bind", "skin", "skel", "def", "m", "c", "mid"))
#: A name with one of these before the part is a control, a helper or a copy, and no joint of the body.
_NOT_OF_THE_BODY = frozenset(
    (
        "ik", "fk", "mch", "ctrl", "control", "target", "pole", "tweak", "twist", "roll", "helper", "prop",
        "weapon", "socket", "marker", "virtual", "vb", "vis",
    )
)  # fmt: skip
# A run of capitals, a word, a number, or letters of another script.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


@dataclass(frozen=True)
class JointName:
    """The side (`left`, `right` or empty), a word of `schemes` and its number, and all that stands before."""

    prefix: str
    side: str
    word: str
    number: int


def parse_name(name: str) -> JointName | None:
    """The meaning of a joint's name; None for one that names no main joint of the body.

    Words are separated by blanks, punctuation or capitals. The last ones count: `Bip01_L_UpperArm` has the
    prefix bip01 and the word upperarm, `LeftArmRoll` and `LeftHandThumb1` end in other words.
    """
    name = unicodedata.normalize("NFKC", name)
    *spaces, own = re.split(r"[:|]", name)
    words = [word.lower() for word in _WORD.findall(own)]
    words = [word for word in words if word not in _NO_MEANING]
    digits = []
    while words and words[-1].isdigit():
        digits.append(words.pop())
    number = int(digits[-1][:9]) if digits else 0
    sides = [word for word in words if word in _SIDES]
    side = _SIDES[sides[-1]] if sides else ""
    if sides:
        words.reverse()
        words.remove(sides[-1])
        words.reverse()
        while words and words[-1].isdigit():
            number = int(words.pop()[:9])
    for start in range(len(words)):
        tail = "".join(words[start:])
        found = (side, tail) if _is_part(side, tail) else _attached_side(tail) if not side else None
        if found is not None:
            before = words[:start]
            if _NOT_OF_THE_BODY & set(before):
                return None
            prefix = re.sub(r"[\W_]+", "", "".join((*spaces, *before)).lower())
            return JointName(prefix, *found, number)
    return None


def side_of(name: str) -> str:
    """`left`, `right` or empty, from any name."""
    words = [word.lower() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    sides |= {_SIDES[word[0]] for word in words if word[0] in "左右"}
    return sides.pop() if len(sides) == 1 else ""


def _is_part(side: str, word: str) -> bool:
    return word in (LIMB_WORDS if side else _CENTRAL_WORDS)


def _attached_side(word: str) -> tuple[str, str] | None:
    """`lfemur` -> left, femur."""
    for side in _ATTACHED_SIDES:
        for rest in (word.removeprefix(side), word.removesuffix(side) if len(side) > 1 else word):
            if rest != word and rest in LIMB_WORDS:
                return _SIDES[side], rest
    return None
