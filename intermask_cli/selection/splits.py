"""`intermask split`: train, val and test, with no prompt, and no group, in two of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.split_table import SPLIT_TABLE, SPLITS
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.datasets.wording import Shares, assign, joined_groups, wording
from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.selection.columns import table_of


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
