"""What the name of a joint says: a side, a word for a part of the body, and what stands before them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
_NO_MEANING = frozenset(("jnt", "joint", "jt", "bone", "bn", "bind", "skin", "skel", "m", "c", "mid"))
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
    found = _in_tail(words, _attached_side)
    sides = [word for word in words if word in _SIDES]
    if found is None and sides:
        side = sides[-1]
        at = len(words) - 1 - words[::-1].index(side)
        words = words[:at] + words[at + 1 :]
        while words and words[-1].isdigit():
            number = int(words.pop()[:9])
        found = _in_tail(words, lambda tail: (_SIDES[side], tail) if tail in LIMB_WORDS else None)
    elif found is None:
        found = _in_tail(words, lambda tail: ("", tail) if tail in _CENTRAL_WORDS else None)
    if found is None or _NOT_OF_THE_BODY & set(found[0]):
        return None
    before, (side, word) = found
    return JointName(re.sub(r"[\W_]+", "", "".join((*spaces, *before)).lower()), side, word, number)


def _in_tail(
    words: list[str], meaning: Callable[[str], tuple[str, str] | None]
) -> tuple[list[str], tuple[str, str]] | None:
    """The words before the longest tail that has a meaning, and that meaning: side and word."""
    for start in range(len(words)):
        found = meaning("".join(words[start:]))
        if found is not None:
            return words[:start], found
    return None


def side_of(name: str) -> str:
    """`left`, `right` or empty, from any name."""
    words = [word.lower() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    sides |= {_SIDES[word[0]] for word in words if word[0] in "左右"}
    return sides.pop() if len(sides) == 1 else ""


def _attached_side(word: str) -> tuple[str, str] | None:
    """`lfemur` -> left, femur."""
    for side in _ATTACHED_SIDES:
        for rest in (word.removeprefix(side), word.removesuffix(side) if len(side) > 1 else word):
            if rest != word and rest in LIMB_WORDS:
                return _SIDES[side], rest
    return None
