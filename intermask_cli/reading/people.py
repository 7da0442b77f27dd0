"""Who is who in a text: people under any names become "the first person" and "the second person".

Models of Duets know these two names. In "Anna is pushed by Ben" it is Anna who is named first: she is
person 1, unless numbers say otherwise ("player two", "the second individual"). What is not recognised stays
as it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from intermask_cli.config import PERSONS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIRST, SECOND = "the first person", "the second person"
#: Words for a person, after a determiner; plurals are not needed.
NOUNS = _words(
    """
    person man woman boy girl guy lady gentleman male female human individual adult child kid
    teenager teen youth baby toddler figure character actor actress
    performer participant partner player student pupil teacher master trainer coach trainee beginner
    learner dancer fighter boxer kickboxer karateka wrestler attacker defender aggressor victim
    opponent rival challenger champion competitor athlete friend mate buddy pal companion colleague
    coworker co-worker boss employee worker manager secretary client customer seller buyer waiter
    waitress host hostess guest visitor neighbour neighbor passer-by passerby tourist local
    guide traveller traveler father mother dad mum mom son daughter brother sister uncle aunt cousin
    grandfather grandmother grandson granddaughter grandpa grandma husband wife bride groom lover
    boyfriend girlfriend parent sibling twin elder senior junior king queen prince princess knight
    servant butler soldier officer sergeant policeman policewoman cop thief robber burglar bully
    doctor nurse patient therapist businessman businesswoman politician president minister
    ambassador diplomat mayor lawyer judge priest monk nun singer musician clown magician artist
    painter pirate sailor captain driver pilot passenger leader follower walker runner skater
    swimmer rider hiker jogger kicker puncher winner loser giver receiver helper rescuer speaker
    listener agent subject avatar mover model robot zombie ghost monster hero villain cowboy ninja
    samurai teammate classmate roommate
    """
)
_ADJECTIVES = (
    "old|young|older|younger|elderly|little|small|big|large|tall|taller|short|shorter|strong|weak|thin|fat|"
    "angry|happy|sad|scared|drunk|injured|wounded|limping|blind|fallen|polite|shy|proud|new|good|best|"
    "male|female|left|right|blond|bald|bearded|business|school|army|police|same|dance|martial|arts|"
    "boxing|karate|tennis|football"
)
_ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1}
_NUMBERS = {"one": 0, "1": 0, "a": 0, "#1": 0, "i": 0, "two": 1, "2": 1, "b": 1, "#2": 1, "ii": 1}
_NOUN = "|".join(
    sorted(map(re.escape, NOUNS - {"one", "other", "somebody", "someone"}), key=len, reverse=True)
)
_DRESS = (
    r"(?:\s+(?:in|with|wearing)\s+(?:the\s+)?"
    r"(?:red|blue|white|black|green|yellow|grey|gray|hat|suit|glasses))?"
)
_MENTION = re.compile(
    rf"""
    (?i:\b(?:the\s+|a\s+)?(?P<ordinal>first|second|1st|2nd)(?:\s+(?:{_NOUN}|one)\b)?(?=\W|$))
  | (?i:\b(?:the\s+)?(?:{_NOUN})\s+(?:number\s+)?)(?P<number>(?i:one|two)|1|2|\#1|\#2|A|B|I|II)\b
  | (?i:\bnumber\s+(?P<bare>one|two|1|2)\b)
  | (?i:\bp(?:erson)?[-_ ]?(?P<short>[12])\b)
  | (?i:\b(?:the|another|an)\s*other(?:\s+(?:{_NOUN}|one))?\b(?P<other>))
  | (?i:\b(?:the|a|an|my|his|her|their|our|your|this|that|another|one)\s+
    (?P<adjectives>(?:(?:{_ADJECTIVES})\s+){{0,3}})(?P<noun>{_NOUN})(?P<dress>{_DRESS})\b)
  | (?i:\b(?:the|a)\s+(?P<adjective>older|younger|taller|shorter|bigger|smaller|left|right)\s+one\b)
  | (?i:\bone\s+of\s+(?:them|the\s+two|the\s+pair)\b(?P<some>))
  | (?i:\b(?P<indefinite>someone\s+else|somebody\s+else|someone|somebody|one)\b
      (?!\s+(?:hand|arm|foot|leg|fist|by|step|at|another|time|shoulder|knee|palm|more|last|big|quick|punch|kick)))
  | \b(?P<pronoun>(?i:he|him|she|me)|I)\b
  | (?i:\b(?P<her>her)\b(?=\s*(?:$|[,.;!]|\b(?:and|with|by|from|in|on|at|to|who|back|away|out|up|down|round|
      around|while|as|hard|gently|forward|forwards|backwards|over|under|off|then|before|after|so|twice|once)\b)))
  | (?<![\w'])(?P<name>[A-Z][a-z]+|[AB])(?='s\b|\s|[,.;!]|$)
    """,
    re.VERBOSE,
)
_CAPITAL = re.compile(r"\b[A-Z]")
_LETTERS = re.compile(r"\bA\b"), re.compile(r"\bB\b")
_OPENS = re.compile(r"^\W*$|[.!?:]\s*$")
_MALE = _words(
    """
    he him
    """
)
_FEMALE = _words(
    """
    she her
    """
)
_MALE_NOUNS = _words(
    """
    man boy guy gentleman male father dad son brother uncle grandfather grandson grandpa husband
    groom king prince boyfriend businessman policeman waiter actor
    """
)
_FEMALE_NOUNS = _words(
    """
    woman girl lady female mother mum mom daughter sister aunt grandmother granddaughter grandma
    wife bride queen princess girlfriend businesswoman waitress actress
    """
)
#: Capitalised words at the start of a sentence that are not names.
_NO_NAMES = re.compile(
    r"(?:The|An|Two|Both|They|One|After|As|While|When|With|In|On|At|By|Having|It|Each|Then|First|Finally|"
    r"Next|Person|Man|Woman|People|Friends|Someone|Somebody|There|This|That|We|You|His|Her|Their|My|Our|"
    r"Another|Before|Once|From|Facing|Standing|Walking|Holding|Slowly|Quickly|Suddenly|Gently|Softly|"
    r"[A-Z][a-z]*(?:ing|ly|ed|shake|five|bump|fight|game|dance|hug|wave|bow|punch|kick))$"
)


class _Known(NamedTuple):
    """A name by which a person was mentioned: its word, what further distinguishes it, and the gender."""

    person: int
    word: str
    detail: str = ""
    gender: str = ""


class People:
    """The people of one text, in the order in which they are named; phases of a text share one record."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._last = 0

    def numbered(self, text: str) -> str:
        """The text with "the first person" and "the second person" for those it names."""
        return _MENTION.sub(lambda found: self._named(found, text), text)

    def _named(self, found: re.Match[str], text: str) -> str:
        person = self._person(found, text)
        if person is None:
            return found[0]
        self._last = person
        return (FIRST, SECOND)[person]

    def _person(self, found: re.Match[str], text: str) -> int | None:
        """Who is meant, person 0 or 1; None if no person is."""
        if found["ordinal"]:
            return self._note(_ORDINALS[found["ordinal"].lower()])
        for group in ("number", "bare", "short"):
            if found[group]:
                return self._note(_NUMBERS[found[group].lower()])
        words = found[0].lower()
        if found["other"] is not None and words.startswith("the"):
            return self._note(1 - self._last)
        if found["other"] is not None or words in ("someone else", "somebody else"):
            return self._new()
        if found["pronoun"] or found["her"]:
            return self._pronoun((found["pronoun"] or found["her"]).lower())
        word = (found["noun"] or found["adjective"] or found["name"] or "one").lower()
        is_known = any(known.word == word for known in self._known)
        if found["name"] and not is_known and not _is_name(found, text):
            return None
        if words.startswith("another"):
            return self._new(word)
        detail = f"{found['adjectives'] or ''}{found['dress'] or ''}".lower()
        for known in self._known:
            if known.word == word and (not detail or not known.detail or detail == known.detail):
                return known.person
        return self._new(word, detail)

    def _pronoun(self, word: str) -> int | None:
        gender = _gender(word)
        for known in reversed(self._known):
            if gender and known.gender == gender:
                return known.person
        if len({known.person for known in self._known}) < PERSONS:
            return self._new(word)
        return next((known.person for known in reversed(self._known) if not known.gender), self._last)

    def _new(self, word: str = "", detail: str = "") -> int | None:
        """A person who was not named before; None if both were."""
        free = sorted({0, 1} - {known.person for known in self._known})
        return self._note(free[0], word, detail) if free else None

    def _note(self, person: int, word: str = "", detail: str = "") -> int:
        self._known.append(_Known(person, word, detail, _gender(word)))
        return person


def _is_name(found: re.Match[str], text: str) -> bool:
    """Whether a word with a capital is a name: not just the first word of a sentence or an article."""
    name = found["name"]
    if len(name) == 1:
        return all(letter.search(text) for letter in _LETTERS)
    opens = _OPENS.search(text[: found.start()]) is not None
    return not _NO_NAMES.match(name) and not (opens and not _CAPITAL.search(text, found.end()))


def _gender(word: str) -> str:
    if word in _MALE or word in _MALE_NOUNS:
        return "male"
    return "female" if word in _FEMALE or word in _FEMALE_NOUNS else ""
