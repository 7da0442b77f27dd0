"""Sentences for a clip, each with a record of what it says: labels -> captions.

Four types per clip: "full" names everything (kind, role, side, tempo, manner), "part" a random subset,
"anonymous" never tells the two people apart ("one person ... the other"), "short" is free style.
The words are in `wordings.py`; wordings kept for testing only appear with `held_out=True`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from intermask_cli.datasets.duets import wordings as w
from intermask_cli.datasets.duets.labels import KINDS, Labels

CAPTION_TYPES = ("full", "part", "anonymous", "short")
#: How likely a "part", "anonymous" or "short" caption is to mention a label.
MENTION_SHARES: dict[str, dict[str, float]] = {
    "part": {"actor": 0.75, "side": 0.7, "tempo": 0.4, "manner": 0.4, "repeats": 0.25, "approach": 0.4},
    "anonymous": {"side": 0.45, "tempo": 0.4, "manner": 0.4, "repeats": 0.2, "approach": 0.3},
    "short": {"actor": 0.5, "side": 0.6, "tempo": 0.4, "manner": 0.5, "repeats": 0.3},
}
T = TypeVar("T")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]*)\}")
_NOUN = re.compile(r"\{(A|B|X|Y)('s)?\}")
_PRONOUNS = {"man": ("his", "him"), "guy": ("his", "him"), "boy": ("his", "him"),
             "woman": ("her", "her"), "girl": ("her", "her")}  # fmt: skip


class Mention(NamedTuple):
    """What a caption says; None where it says nothing. Equal mentions make equally good answers."""

    kind: str
    actor: int | None
    side: str | None  # "left", "right", or "straight" for a path without a turn
    tempo: str | None
    manner: str | None
    repeats: int | None
    approach: str | None

    def matches(self, labels: Labels) -> bool:
        """Whether everything said is true of a clip with these labels."""
        truth = stated_values(labels)
        return all(said is None or said == truth[name] for name, said in self._asdict().items())


class Caption(NamedTuple):
    """One sentence of one of `CAPTION_TYPES` and what it mentions."""

    text: str
    type: str
    mention: Mention


def stated_values(labels: Labels) -> dict[str, str | int | None]:
    """Every label a caption of this clip may mention, None where there is nothing to say."""
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
    """One caption of each type; with `held_out` only of sentences that training never sees."""
    return [_caption(labels, type_, rng, held_out) for type_ in CAPTION_TYPES]


def caption_mentions(captions: list[Caption]) -> list[Mention]:
    """What each caption mentions."""
    return [caption.mention for caption in captions]


def _caption(labels: Labels, type_: str, rng: np.random.Generator, held_out: bool) -> Caption:
    words = w.WORDS[labels.kind]
    if type_ == "short":
        sentences = words.held_short if held_out else words.short
    else:
        sentences = words.held_full if held_out else words.full
    wanted = _wanted(labels, type_, rng)
    while True:  # some sentences cannot say "the first person", or only that: draw until one fits
        sentence = _Sentence(labels, wanted, rng, held_out)
        text = sentence.write(_pick(sentences, rng))
        if text is not None and (type_ != "full" or sentence.says_enough()):
            return Caption(_styled(text, rng), type_, sentence.mention())


def _wanted(labels: Labels, type_: str, rng: np.random.Generator) -> dict[str, str | int]:
    """The labels this caption sets out to mention."""
    values = {name: value for name, value in stated_values(labels).items() if value is not None}
    shares = dict(MENTION_SHARES.get(type_, {"repeats": 0.5, "approach": 0.7}))
    if type_ == "full":  # an ordinary tempo and standing close go without saying more often than not
        shares |= dict.fromkeys(("actor", "side", "manner"), 1.0) | {
            "tempo": 0.5 if labels.tempo == "normal" else 1.0
        }
    if values.get("approach") == "near":
        shares["approach"] = 0.12
    return {name: v for name, v in values.items() if rng.random() < shares.get(name, 0.0)}


class _Sentence:
    """Fills one template. `write` returns None where the template cannot say what is wanted."""

    def __init__(
        self, labels: Labels, wanted: Mapping[str, str | int], rng: np.random.Generator, held_out: bool
    ):
        self.labels, self.wanted, self.rng, self.held_out = labels, wanted, rng, held_out
        self.values = stated_values(labels)
        self.symmetric = not KINDS[labels.kind].has_actor
        self.explicit = "actor" in wanted
        self.said: set[str] = set()
        self.slots = self._common_slots() | w.WORDS[labels.kind].slots

    def write(self, template: str) -> str | None:
        if template.startswith("!") and not self.explicit:
            return None
        text = self._expand(self._choose(template.removeprefix("!")))
        text = self._with_approach(text)
        text = self._with_people(text)
        return None if text is None else _tidy(text)

    def says_enough(self) -> bool:
        """Whether all of role, side, tempo and manner that was wanted has been said."""
        needed = {"side", "tempo", "manner"} | (set() if self.symmetric else {"actor"})
        return needed & self.wanted.keys() <= self.said

    def mention(self) -> Mention:
        said = {name: self.values[name] if name in self.said else None for name in Mention._fields}
        return Mention(**{**said, "kind": self.labels.kind})  # type: ignore[arg-type]

    def _choose(self, text: str) -> str:
        """Resolve every `[a|b]`, innermost first."""
        while found := _CHOICE.search(text):
            text = text[: found.start()] + _pick(found[1].split("|"), self.rng) + text[found.end() :]
        return text

    def _common_slots(self) -> dict[str, w.Slot]:
        held = self.held_out and self.rng.random() < 0.5
        return {
            "slowly": w.Slot("tempo", w.HELD_SLOWLY if held else w.SLOWLY),
            "quickly": w.Slot("tempo", w.HELD_SLOWLY if held else w.SLOWLY),
            "pace": w.Slot("tempo", w.HELD_PACE if held else w.PACE),
            "quick": w.Slot("tempo", w.HELD_QUICK if held else w.QUICK),
            "times": w.Slot("repeats", dict(w.NUMBERS)),
            "walks": w.Slot("approach", w.WALKS),
        }

    def _expand(self, text: str) -> str:
        """Fill the slots that speak of labels; those of people stay."""
        if "{slowly}" in text and "{pace}" in text:
            late = self.labels.tempo == "normal" or self.rng.random() < 0.5
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
        """The words for a slot, "" for nothing to say, None for a slot of people."""
        if slot in self.slots:
            return self._labelled(self.slots[slot])
        name, _, noun = slot.partition(":")
        if name not in ("limb", "bare", "both"):
            return None
        side = self._labelled(w.Slot("side", {"left": "left", "right": "right"}))
        if name == "limb":
            return f"{{their:A}} {side} {noun}" if side else f"one {noun}"
        return f"their {side} {noun}" if name == "both" else f"{side} {noun}"

    def _labelled(self, slot: w.Slot) -> str:
        value = self.values[slot.label]
        if value in slot.words and (slot.always or slot.label in self.wanted):
            self.said.add(slot.label)
            return self._choose(slot.words[value])
        return self._choose(slot.otherwise)

    def _with_approach(self, text: str) -> str:
        """Say who walked up, where the sentence has not done so and can."""
        approach = str(self.wanted.get("approach", ""))
        if "{Two}" in text:
            return text.replace("{Two}", self._two(approach))
        if not approach or "approach" in self.said or "{Pair}" in text or (self.symmetric and "{X}" in text):
            return text
        if approach in w.LEAD:
            self.said.add("approach")
            who = "two people" if not self.explicit and self.rng.random() < 0.5 else "the two people"
            self.led = True
            return f"{who} {self._choose(w.LEAD[approach])} {text}"
        if self.explicit and "{A" in text and not text.startswith("with "):
            self.said.add("approach")
            return f"{self._choose(w.AFTER)} {text}"
        return text

    led = False  # a lead sentence has introduced the two people

    def _two(self, approach: str) -> str:
        """Subject of a plural verb, with the approach if it is to be mentioned."""
        if approach in w.MEET:
            self.said.add("approach")
            return f"{self._plural(True)} {self._choose(w.MEET[approach])}"
        if approach == "actor":
            self.said.add("approach")
            they = _pick(("they", "the two", "both"), self.rng)
            return f"{{A}} {self._choose(w.REACHES)} {{B}} and {they}"
        return self._plural(True)

    def _plural(self, subject: bool) -> str:
        held = self.held_out and self.rng.random() < 0.5
        forms = w.HELD_PLURAL if held else w.PLURAL + (w.PLURAL_SUBJECT if subject else ())
        return _plural_nouns(_pick(forms, self.rng).format(n=self._noun(held)))

    def _noun(self, held: bool) -> str:
        words = w.WORDS[self.labels.kind]
        if held:
            return _pick(w.HELD_NOUNS + words.held_nouns, self.rng)
        return _pick(w.NOUNS + words.nouns, self.rng)

    def _with_people(self, text: str) -> str | None:
        """Nouns and pronouns for the people; None if naming them this way would mislead."""
        while "{Pair}" in text:
            text = text.replace("{Pair}", self._plural(False), 1)
        mentioned = [found[1] for found in _NOUN.finditer(text)]
        if not mentioned:
            return None if self.explicit and not self.symmetric else text
        acting = {"A", "B"} & set(mentioned)
        explicit = bool(acting) and self.explicit
        if not explicit and len(mentioned) != len(set(mentioned)):
            return None  # "one person ... one person" would speak of two
        if explicit:
            self.said.add("actor")
            names = self._explicit_names()
        else:
            names = self._anonymous_names(list(dict.fromkeys(mentioned)))
        return self._name(text, names, explicit)

    def _explicit_names(self) -> dict[str, str]:
        held = self.held_out and self.rng.random() < 0.5
        noun = self._noun(held)
        numbers = ("one", "two") if self.rng.random() < 0.6 else ("1", "2")
        counted = self.rng.random() < 0.3 and " " not in noun
        pair = (
            [f"{noun} {n}" for n in numbers] if counted else [f"the {o} {noun}" for o in ("first", "second")]
        )
        actor = self.labels.actor or 0
        return {"A": pair[actor], "B": pair[1 - actor]}

    def _anonymous_names(self, order: list[str]) -> dict[str, str]:
        held = self.held_out and self.rng.random() < 0.5
        if self.led:
            forms = (("one", "the other"), ("one of them", "the other"), ("one person", "the other"))
        elif self.rng.random() < 0.25:
            forms = w.HELD_MIXED if held else w.MIXED
        else:
            forms = w.ANONYMOUS
        noun = self._noun(held)
        return dict(zip(order, (form.format(n=noun) for form in _pick(forms, self.rng)), strict=False))

    def _name(self, text: str, names: dict[str, str], explicit: bool) -> str:
        """Put the names in; a second person may become "the second" once the first has been named in full."""
        seen: set[str] = set()

        def noun(found: re.Match[str]) -> str:
            role, possessive = found[1], found[2] or ""
            name = names[role]
            if (
                explicit
                and name.startswith("the ")
                and seen - {role}
                and role not in seen
                and self.rng.random() < 0.3
            ):
                name = (
                    " ".join(name.split()[:2])
                    if self.rng.random() < 0.6
                    else f"the other {name.split(' ', 2)[2]}"
                )
            seen.add(role)
            return name + possessive

        def pronoun(found: re.Match[str]) -> str:
            form, _, role = found[1].partition(":")
            last = re.sub(
                r"\W.*$",
                "",
                re.sub(r"^(the (first|second)|a|an|another|one|the other) ", "", names.get(role, "")),
            )
            return _PRONOUNS.get(last, ("their", "them"))[form == "them"]

        return _SLOT.sub(pronoun, _NOUN.sub(noun, text))


def _pick(options: Sequence[T], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def _plural_nouns(text: str) -> str:
    for wrong, right in (("persons", "people"), ("womans", "women"), ("mans", "men")):
        text = re.sub(rf"\b{wrong}\b", right, text)
    return text


def _tidy(text: str) -> str:
    """Close the gaps that unsaid words leave, and choose between a and an."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ([,;])", r"\1", text)
    text = re.sub(r"[,;]+(?=[,;]|$)", "", text.strip())
    return re.sub(r"\b([Aa]) (?=[aeiou](?!ne\b))", r"\1n ", text).strip()


def _styled(text: str, rng: np.random.Generator) -> str:
    """Half of the captions are written as sentences, half as people type prompts."""
    return text[0].upper() + text[1:] + "." if rng.random() < 0.5 else text
