"""Prompts that say the same in the same words, or in nearly the same."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence

from intermask_cli.generation.prompts.read import Prompt

#: Ways to write which person: "the first person", "person one", "person 1".
_NUMBERED = (
    (re.compile(r"\b(?:first|1st) (\w+)\b"), r"\1 1"),
    (re.compile(r"\b(?:second|2nd) (\w+)\b"), r"\1 2"),
    (re.compile(r"\b(person|individual|man|woman|dancer|fighter|player|boxer) one\b"), r"\1 1"),
    (re.compile(r"\b(person|individual|man|woman|dancer|fighter|player|boxer) two\b"), r"\1 2"),
)
_SMALL = frozenset(("a", "an", "the"))
#: Words in which prompts of the same sentence must agree to be the same.
_DISTINCT = frozenset(
    ("1", "2", "one", "two", "both", "left", "right", "high", "low", "slowly", "quickly", "not", "no")
)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text without case, punctuation and articles, persons written in one way."""
    plain = " ".join(re.findall(r"[^\W_]+|\|", text.lower()))
    for pattern, replacement in _NUMBERED:
        plain = pattern.sub(replacement, plain)
    return tuple(word for word in plain.split() if word not in _SMALL)


def duplicates(prompts: Sequence[Prompt], similar: float | None = None) -> list[int | None]:
    """For each prompt the position of an earlier one that it repeats, or None.

    Equal `words_of` and equal frames and seed repeat. With `similar`, so do texts that share that part of all
    words of both, unless they differ in a person, side, height, tempo or negation.
    """
    first: dict[Hashable, int] = {}
    found: list[int | None] = []
    nearly = _Index(similar) if similar is not None else None
    for position, prompt in enumerate(prompts):
        words = words_of(prompt.text)
        rest = (prompt.frames, prompt.seed)
        earlier = first.setdefault((words, rest), position)
        found.append(None if earlier == position else earlier)
        if nearly is not None and earlier == position:
            found[-1] = nearly.match(words, rest)
            if found[-1] is None:
                nearly.add(position, words, rest)
    return found


class _Index:
    """Texts by their rarest-first words: only texts that share one of the first few can be similar enough."""

    def __init__(self, share: float):
        self.share = share
        self._by_word: dict[Hashable, list[int]] = defaultdict(list)
        self._words: dict[int, Counter[str]] = {}

    def match(self, words: Sequence[str], rest: Hashable) -> int | None:
        """The first text that was added and is similar enough."""
        counted = Counter(words)
        candidates = {p for key in self._keys(words, rest) for p in self._by_word[key]}
        return next((p for p in sorted(candidates) if self._similar(self._words[p], counted)), None)

    def add(self, position: int, words: Sequence[str], rest: Hashable) -> None:
        """Take a text into the index."""
        self._words[position] = Counter(words)
        for key in self._keys(words, rest):
            self._by_word[key].append(position)

    def _keys(self, words: Sequence[str], rest: Hashable) -> Iterator[Hashable]:
        """Prefix filter: two texts that share enough words share one of the first few, in a common order."""
        distinct = tuple(word for word in words if word in _DISTINCT)
        others = [word for word in words if word not in _DISTINCT]
        occurrences = Counter[str]()
        numbered = []
        for word in others:
            occurrences[word] += 1
            numbered.append((-len(word), word, occurrences[word]))  # long words are rare
        # Of the other words, at least these are shared, if the longer text has no word more than this one.
        needed = math.ceil(self.share * len(words) - 1e-9) - len(distinct)
        for token in sorted(numbered)[: len(numbered) - max(needed, 1) + 1]:
            yield distinct, rest, token
        if needed <= 0:
            yield distinct, rest, None

    def _similar(self, one: Counter[str], other: Counter[str]) -> bool:
        shared = sum((one & other).values())
        return shared >= self.share * sum((one | other).values())
