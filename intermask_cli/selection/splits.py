"""`intermask split`: train, val and test, with no prompt, and no group, in two of them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.split_table import SPLIT_TABLE, SPLITS
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.selection.columns import table_of

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


@dataclass(frozen=True)
class Split:
    """The table that was written, and how many interactions and groups are in each split."""

    path: Path
    interactions: dict[str, int]
    groups: dict[str, int]

    exit_code = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"path": str(self.path), "interactions": self.interactions, "groups": self.groups}

    def lines(self) -> list[str]:
        """For people."""
        counts = (f"{name} {self.interactions[name]:,} ({self.groups[name]:,} groups)" for name in SPLITS)
        return [f"{', '.join(counts)} in {self.path}"]


def split_run(source: Path, shares: Shares, by: str, seed: int, out: Path | None = None) -> Split:
    """Write a table of ids and splits next to a dataset (default), where `intermask export` finds it.

    by: `prompt` (equal text), `wording` (texts equal but for names, sides and small words) or a column.

    Raises:
        InputError: no such column, or fewer groups than splits that were asked for.
    """
    with InteractionFile(source) as dataset:
        table = table_of(dataset, ())
        path = out or dataset.local_path.parent / SPLIT_TABLE
    if by == "wording":
        keys = [wording(text) for text in table["prompt"]]
    elif by in table:
        keys = [str(value) for value in table[by]]
    else:
        raise InputError(f"--by {by}: accepted: prompt, wording or a column ({', '.join(sorted(table))})")
    groups = joined_groups(table["prompt"], keys)
    chosen = assign(groups, shares, seed)
    asked = sum(share > 0 for share in shares.all)
    if len(set(chosen)) < asked:
        raise InputError(
            f"{source}: {len(set(groups)):,} groups by {by} do not fill {asked} splits; split by something "
            "finer (prompt, wording), or ask for fewer"
        )
    write_csv(path, ("id", "split"), zip(table["id"], chosen, strict=True))
    of_group = dict(zip(groups, chosen, strict=True))
    return Split(
        path,
        {name: Counter(chosen)[name] for name in SPLITS},
        {name: Counter(of_group.values())[name] for name in SPLITS},
    )


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
