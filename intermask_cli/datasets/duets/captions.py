"""Sentences for a clip, each with a record of what it states: labels -> captions.

Four types per clip: "full" names everything (kind, role, side, tempo, manner), "part" a random subset,
"anonymous" never distinguishes the two people ("one person ... the other"), "short" is free style.
A clip of two phases gets a sentence for each, joined by "then".
The words are in `wordings.yaml`; those reserved for testing only appear with `held_out=True`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from intermask_cli.datasets.duets.labels import KINDS, Labels
from intermask_cli.datasets.duets.wordings import Slot, wordings

CAPTION_TYPES = ("full", "part", "anonymous", "short")
#: Probability that a caption mentions a label. Normal tempo and standing close are often left out, see below.
MENTION_SHARES: dict[str, dict[str, float]] = {
    "full": {"actor": 1.0, "side": 1.0, "tempo": 1.0, "manner": 1.0, "repeats": 0.5, "approach": 0.7},
    "part": {"actor": 0.75, "side": 0.7, "tempo": 0.4, "manner": 0.4, "repeats": 0.25, "approach": 0.4},
    "anonymous": {"side": 0.45, "tempo": 0.4, "manner": 0.4, "repeats": 0.2, "approach": 0.3},
    "short": {"actor": 0.5, "side": 0.6, "tempo": 0.4, "manner": 0.5, "repeats": 0.3},
}
#: The same for approach "near", and for normal tempo in full captions.
NEAR_SHARE = 0.12
NORMAL_TEMPO_SHARE = 0.5
#: Words in a caption of two phases.
LONGEST_JOINED = 45

#: What a caption may state about a second phase.
_THEN = ("kind", "actor", "side", "manner", "repeats")

_SURPLUS_COMMA = re.compile(r"[,;]+(?=[,;]|$)")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")
T = TypeVar("T")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]*)\}")
_PEOPLE = re.compile(r"\{(A|B|X|Y|A's|B's|X's|Y's|Two|Pair)\}")
_NOUN = re.compile(r"\{(A|B|X|Y)('s)?\}")
#: Share of captions of one phase that end with a cause or an occasion, and the most words before it.
REASON_SHARE, LONGEST_BEFORE_REASON = 0.12, 36
#: Share of captions in nouns of the kind ("boxer"), and of anonymous ones about people of two sorts.
OWN_NOUN_SHARE, MIXED_SHARE = 0.25, 0.4


class Mention(NamedTuple):
    """The labels that a caption states, None for the others; equal mentions mean equally fitting captions."""

    kind: str
    actor: int | None
    side: str | None  # "left", "right", or "straight" for a path without a turn
    tempo: str | None
    manner: str | None
    repeats: int | None
    approach: str | None
    # About a second phase ("..., then ..."); the tempo is that of both.
    then_kind: str | None = None
    then_actor: int | None = None
    then_side: str | None = None
    then_manner: str | None = None
    then_repeats: int | None = None

    def matches(self, labels: Labels) -> bool:
        """Whether everything stated is true of a clip with these labels."""
        truth = stated_values(labels)
        return all(value is None or value == truth[name] for name, value in self._asdict().items())


class Caption(NamedTuple):
    """One sentence of one of `CAPTION_TYPES` and what it mentions."""

    text: str
    type: str
    mention: Mention


def stated_values(labels: Labels) -> dict[str, Any]:
    """Every label that a caption of this clip may mention, None where the clip has none."""
    then = labels.then
    values = _phase_values(labels)
    later = dict.fromkeys(_THEN) if then is None else _phase_values(then)
    return {**values, **{f"then_{name}": later[name] for name in _THEN}}


def _phase_values(labels: Labels) -> dict[str, Any]:
    """What can be stated about one phase."""
    info = KINDS[labels.kind]
    return {
        "kind": labels.kind,
        "actor": labels.actor,
        "side": "straight" if info.side_optional and labels.side is None else labels.side,
        "tempo": labels.tempo,
        "manner": labels.manner,
        "repeats": labels.repeats,
        "approach": labels.approach if len(info.approaches) > 1 else None,
    }


def captions_for(labels: Labels, rng: np.random.Generator, held_out: bool = False) -> list[Caption]:
    """One caption of each type; with `held_out` only from sentences that training never sees."""
    write = _caption if labels.then is None else _joined_caption
    return [write(labels, type_, rng, held_out) for type_ in CAPTION_TYPES]


def _caption(labels: Labels, type_: str, rng: np.random.Generator, held_out: bool) -> Caption:
    draft, text = _sentence(labels, type_, _to_mention(labels, type_, rng), rng, held_out)
    if type_ != "short" and rng.random() < REASON_SHARE and len(text.split()) <= LONGEST_BEFORE_REASON:
        reason = _pick(wordings().common["reasons"][KINDS[labels.kind].family], rng)
        if reason.split()[0] != text.split()[-1]:  # not "walk on on a sunny day"
            text = f"{text} {reason}"
    return Caption(_styled(text, rng), type_, draft.mention())


def _joined_caption(labels: Labels, type_: str, rng: np.random.Generator, held_out: bool) -> Caption:
    """A sentence for each phase with the same names in both, in at most `LONGEST_JOINED` words."""
    then = labels.then
    assert then is not None
    words = wordings().then
    while True:
        first, text = _sentence(
            replace(labels, then=None), type_, _to_mention(labels, type_, rng), rng, held_out, parts=True
        )
        intended = _to_mention(then, type_, rng) - {"tempo", "approach"}
        if KINDS[labels.kind].has_actor and then.actor is not None:
            intended = intended | {"actor"} if first.explicit else intended - {"actor"}
        second, later = _sentence(then, type_, intended, rng, held_out, after=first, parts=True)
        text = f"{text}{_pick(words['held_joins' if held_out else 'joins'], rng)} {later}"
        if len(text.split()) <= LONGEST_JOINED:
            mention = second.mention()
            more = {f"then_{name}": getattr(mention, name) for name in _THEN}
            return Caption(_styled(text, rng), type_, first.mention()._replace(**more))


def _sentence(
    labels: Labels, type_: str, intended: set[str], rng: np.random.Generator, held_out: bool,
    after: _Draft | None = None, parts: bool = False,
) -> tuple[_Draft, str]:  # fmt: skip
    """A sentence about one phase; `parts` uses only sentences that can be joined to others.

    `after` is the sentence before it, whose names it keeps.
    """
    words = wordings().kinds[labels.kind]
    if type_ == "short":
        sentences: tuple[str, ...] = words.held_short if held_out else words.short
    else:
        sentences = words.held_full if held_out else words.full
    if parts:
        sentences = _joinable(sentences)
    while True:  # Some sentences cannot name "the first person", others must: draw until one fits.
        draft = _Draft(labels, intended, rng, held_out, after)
        text = draft.write(_pick(_one_order(sentences, rng), rng))
        if text is not None and (type_ != "full" or draft.states_enough()):
            return draft, text


@lru_cache(maxsize=512)
def _joinable(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences that can be joined to others."""
    return tuple(s for s in sentences if _PEOPLE.search(s) and ":" not in _SLOT.sub("", s))


def _one_order(sentences: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """Sentences that name the actor first, or those that do not: word order must not reveal the roles."""
    return _naming_first(sentences, other=rng.random() < 0.5) or sentences


@lru_cache(maxsize=1024)
def _naming_first(sentences: tuple[str, ...], other: bool) -> tuple[str, ...]:
    """Sentences in which the other person is named first, or all those in which not."""
    firsts = [_NOUN.search(sentence) for sentence in sentences]
    others = [first is not None and first[1] == "B" for first in firsts]
    return tuple(s for s, is_other in zip(sentences, others, strict=True) if is_other == other)


@lru_cache(maxsize=128)
def _slots(kind: str, held: bool) -> dict[str, Slot]:
    """The slots of labels in sentences about a kind, with words kept for testing or without."""
    words = wordings()
    tempo = (words.held if held else words.common)["tempo"]
    return {
        **{name: Slot("tempo", values) for name, values in tempo.items()},
        "quickly": Slot("tempo", tempo["slowly"]),
        "times": Slot("repeats", words.common["times"]),
        "walks": Slot("approach", {"actor": words.common["approach"]["walks"]}),
        **words.kinds[kind].slots,
    }


def _to_mention(labels: Labels, type_: str, rng: np.random.Generator) -> set[str]:
    """The labels that this caption should mention."""
    shares = dict(MENTION_SHARES[type_])
    if type_ == "full" and labels.tempo == "normal":
        shares["tempo"] = NORMAL_TEMPO_SHARE
    if labels.approach == "near":
        shares["approach"] = NEAR_SHARE
    values = _phase_values(labels)
    return {name for name, share in shares.items() if values[name] is not None and rng.random() < share}


class _Draft:
    """Fills one sentence: slots of labels, then the approach, then names for the people.

    `stated` are the labels that the sentence mentions so far.
    """

    def __init__(
        self, labels: Labels, intended: set[str], rng: np.random.Generator, held_out: bool,
        after: _Draft | None = None,
    ):  # fmt: skip
        self.rng, self.intended, self.after = rng, intended, after
        self.noun: str | None = None if after is None else after.noun
        self.numbered: tuple[str, str] | None = None if after is None else after.numbered
        self.values = _phase_values(labels)
        self.symmetric = not KINDS[labels.kind].has_actor
        self.explicit = "actor" in intended
        self.stated: set[str] = {"kind"}
        self.introduced = False  # whether an opening sentence has already mentioned "two people"
        self.common, self.kind = wordings().common, wordings().kinds[labels.kind]
        self.held_words = wordings().held if held_out and rng.random() < 0.5 else None
        if after is not None:
            self.held_words = after.held_words
        self.slots = _slots(labels.kind, held=self.held_words is not None)

    def write(self, sentence: str) -> str | None:
        """The sentence in words, or None if it cannot state the roles as intended."""
        if sentence.startswith("!") and not self.explicit:
            return None
        words = self._with_approach(self._expand(self._choose(sentence.removeprefix("!"))))
        text = self._with_people(words)
        return None if text is None else _tidy(text)

    def states_enough(self) -> bool:
        """Whether role, side, tempo and manner are stated as far as intended."""
        needed = {"side", "tempo", "manner"} | (set() if self.symmetric else {"actor"})
        return needed & self.intended <= self.stated

    def mention(self) -> Mention:
        """What the sentence states."""
        return Mention._make(self.values[name] if name in self.stated else None for name in Mention._fields)

    # -- labels -------------------------------------------------------------------------------------------

    def _choose(self, text: str) -> str:
        """Resolve every `[a|b]`, innermost first."""
        while found := _CHOICE.search(text):
            text = text[: found.start()] + _pick(found[1].split("|"), self.rng) + text[found.end() :]
        return text

    def _expand(self, text: str) -> str:
        """Fill the slots of labels; those of people stay."""
        if "{slowly}" in text and "{pace}" in text:
            late = self.values["tempo"] == "normal" or self.rng.random() < 0.5
            text = text.replace("{slowly}" if late else "{pace}", "")
        position = 0
        while found := _SLOT.search(text, position):
            filled = self._fill(found[1])
            if filled is None:
                position = found.end()
            else:
                text = text[: found.start()] + filled + text[found.end() :]
                position = found.start()
        return text

    def _fill(self, slot: str) -> str | None:
        """The words for a slot, "" if its label is not mentioned, None for a slot of people."""
        if slot in self.slots:
            return self._labelled(self.slots[slot])
        form, _, noun = slot.partition(":")
        if form not in ("limb", "bare", "both"):
            return None
        side = self._labelled(Slot("side", {"left": "left", "right": "right"}))
        if form == "limb":
            return f"{{their:A}} {side} {noun}" if side else f"one {noun}"
        return f"their {side} {noun}" if form == "both" else f"{side} {noun}"

    def _labelled(self, slot: Slot) -> str:
        value = self.values[slot.label] if slot.label else None
        words = slot.words.get(value, slot.any) if value is not None else None
        if words is None or not (slot.always or slot.label in self.intended):
            return self._choose(slot.otherwise)
        self.stated.add(str(slot.label))
        return self._choose(words)

    # -- approach -----------------------------------------------------------------------------------------

    def _with_approach(self, text: str) -> str:
        """State who walked up, if the sentence has not done so and can."""
        words = self.common["approach"]
        approach = self.values["approach"] if "approach" in self.intended - self.stated else None
        if "{Two}" in text:
            return text.replace("{Two}", self._two(approach))
        if approach is None or "{A" not in text:
            return text
        if approach in words["lead"]:
            self.stated.add("approach")
            self.introduced = True
            who = "the two people" if self.explicit else _pick(("two people", "the two people"), self.rng)
            return f"{who} {self._choose(words['lead'][approach])} {text}"
        if self.explicit and not text.startswith(("with ", "in ")):
            self.stated.add("approach")
            return f"{self._choose(words['after'])} {text}"
        return text

    def _two(self, approach: str | None) -> str:
        """Both as the subject of a plural verb, with the approach if it should be mentioned."""
        words = self.common["approach"]
        if approach is None:
            return self._plural("plural_subject")
        self.stated.add("approach")
        if approach == "actor":
            they = _pick(("they", "the two", "both"), self.rng)
            return f"{{A}} {self._choose(words['reaches'])} {{B}} and {they}"
        return f"{self._plural('plural_subject')} {self._choose(words['meet'][approach])}"

    # -- people -------------------------------------------------------------------------------------------

    def _noun(self) -> str:
        if self.after is not None and self.noun is not None:
            return self.noun
        words, own = self.common["nouns"], self.kind.nouns
        if self.held_words:
            words, own = self.held_words["nouns"], self.kind.held_nouns
        self.noun = _pick(own if self.rng.random() < OWN_NOUN_SHARE else words, self.rng)
        return self.noun

    def _plural(self, form: str) -> str:
        if self.after is not None:
            pronouns: Sequence[str] = wordings().then["pair" if form == "plural" else "plural"]
            return _pick(pronouns, self.rng)
        forms: Sequence[str] = self.held_words["plural"] if self.held_words else self.common[form]
        text = _pick(forms, self.rng).format(n=self._noun())
        for wrong, right in self.common["plurals"].items():
            if wrong in text:
                text = re.sub(rf"\b{wrong}\b", right, text)
        return text

    def _with_people(self, text: str) -> str | None:
        """Nouns and pronouns for the people; None if naming them this way would mislead."""
        text = text.replace("{Pair}", self._plural("plural")) if "{Pair}" in text else text
        roles = [found[1] for found in _NOUN.finditer(text)]
        if not roles:
            return None if self.explicit and not self.symmetric else self._named(text, {}, False)
        if self.explicit and not {"X", "Y"} & set(roles):
            self.stated.add("actor")
            return self._named(text, self._explicit_names(), True)
        if len(roles) != len(set(roles)):
            return None  # "one person ... one person" would mean two different people
        return self._named(text, self._anonymous_names(roles, "'s}" in text), False)

    def _explicit_names(self) -> dict[str, str]:
        actor = self.values["actor"]
        if self.numbered is None:
            noun = self._noun()
            numbers = _pick((("one", "two"), ("1", "2")), self.rng)
            counted = self.rng.random() < 0.3 and " " not in noun
            counts = [f"{noun} {n}" for n in numbers]
            one, two = counts if counted else [f"the {o} {noun}" for o in ("first", "second")]
            self.numbered = (one, two)
        return {"A": self.numbered[actor], "B": self.numbered[1 - actor]}

    def _anonymous_names(self, order: Sequence[str], possessive: bool) -> dict[str, str]:
        if self.after is not None:
            forms = [tuple(form) for form in wordings().then["anonymous"]]
        elif self.introduced:
            forms = [("one", "the other"), ("one of them", "the other"), ("one person", "the other")]
        elif self.rng.random() < MIXED_SHARE:
            forms = (self.held_words or self.common)["mixed"]
        else:
            forms = self.common["anonymous"]
        if possessive:  # "one's hand" and "one of the two's hand" are not understood
            forms = [form for form in forms if form[0] != "one" and " of " not in form[0]]
        noun = self._noun()
        return dict(zip(order, (form.format(n=noun) for form in _pick(forms, self.rng)), strict=False))

    def _named(self, text: str, names: dict[str, str], explicit: bool) -> str:
        """Put the names in; the second to be named may become "the second" or "the other"."""
        seen: set[str] = set()

        def noun(found: re.Match[str]) -> str:
            role, possessive = found[1], found[2] or ""
            name = names[role]
            later = bool(seen) and role not in seen and name.startswith("the ")
            seen.add(role)
            if explicit and later and self.rng.random() < 0.3:
                the, ordinal, *rest = name.split()
                name = _pick((f"{the} {ordinal}", f"the other {' '.join(rest)}"), self.rng)
            return name + possessive

        def pronoun(found: re.Match[str]) -> str:
            form, _, role = found[1].partition(":")
            words = set(names.get(role, "").split())
            if words & set(self.common["he"]):
                return "him" if form == "them" else "his"
            if words & set(self.common["she"]):
                return "her"
            return form

        return _SLOT.sub(pronoun, _NOUN.sub(noun, text))


def _pick(options: Sequence[T], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def _tidy(text: str) -> str:
    """Close the gaps of omitted words, and choose between a and an."""
    text = " ".join(text.split())
    text = text.replace(" ,", ",").replace(" ;", ";")
    text = _SURPLUS_COMMA.sub("", text)
    return _A_BEFORE_VOWEL.sub(r"\1n ", text).strip()


def _styled(text: str, rng: np.random.Generator) -> str:
    """Half of the captions are written as sentences, half the way people type prompts."""
    return text[0].upper() + text[1:] + "." if rng.random() < 0.5 else text
