"""When two texts count as the same wording, and groups of texts that must not be split."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from intermask_cli.datasets.split_table import SPLITS
from intermask_cli.errors import InputError

#: Words that say who or which side, not what: `wording` groups prompts that differ in nothing else.
_WHO = frozenset([
    "a", "an", "the", "one", "two", "person", "persons", "people", "man", "men", "woman", "women",
    "guy", "girl", "boy", "he", "she", "they", "him", "her", "his", "their", "them", "someone",
    "other", "another", "first", "second", "left", "right", "both",
])  # fmt: skip


@dataclass(frozen=True)
class Shares:
    """Shares of train, val and test; they add up to 1."""

    train: float
    val: float

    def __post_init__(self) -> None:
        if not (0 < self.train <= 1 and 0 <= self.val < 1 and self.train + self.val <= 1 + 1e-9):
            raise InputError(
                f"--train {self.train:g} --val {self.val:g}; accepted: shares above 0 that leave 0 or more "
                "for test, such as --train 0.9 --val 0.05"
            )

    @property
    def all(self) -> tuple[float, float, float]:
        return self.train, self.val, max(0.0, 1 - self.train - self.val)


def wording(text: str) -> str:
    """A text without case, punctuation, numbers and the words that say who or which side."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return " ".join(word for word in words if word not in _WHO) or text.lower()


def joined_groups(prompts: Sequence[str], keys: Sequence[str]) -> list[int]:
    """A group number per interaction: equal for equal keys and for equal prompts, however they chain."""
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for prompt, key in zip(prompts, keys, strict=True):
        parents[root(("prompt", prompt.strip().lower()))] = root(("key", key))
    numbers: dict[tuple[str, str], int] = {}
    return [numbers.setdefault(root(("key", key)), len(numbers)) for key in keys]


def assign(groups: Sequence[int], shares: Shares, seed: int) -> list[str]:
    """The split of each interaction. Groups are dealt in an order that only the seed and their first member's
    number decide, each to the split that lacks most of its share."""
    sizes = Counter(groups)
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}\n{group}".encode()).digest())
    total = len(groups)
    filled = dict.fromkeys(SPLITS, 0)
    of_group: dict[int, str] = {}
    wanted = {name: share * total for name, share in zip(SPLITS, shares.all, strict=True)}
    for group in sorted(order, key=lambda group: -sizes[group]):  # large ones first: they fit worst
        name = max(
            (name for name in SPLITS if wanted[name] > 0),
            key=lambda name: (wanted[name] - filled[name]) / wanted[name],
        )
        of_group[group] = name
        filled[name] += sizes[group]
    return [of_group[group] for group in groups]
