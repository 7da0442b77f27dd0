"""Which interactions of a dataset are kept: a condition, the best of each group, balance, no near-duplicates.

The steps are taken in this order, each on what the one before left: condition, near-duplicates (the better
of two stays), the first `top` of each group, balance. Kept interactions stay in the order of the dataset.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from intermask_cli.datasets.conditions import Condition
from intermask_cli.errors import InputError
from intermask_cli.selection.columns import Table, known_columns
from intermask_cli.selection.near_duplicates import DistinctMoves


@dataclass(frozen=True)
class Choice:
    """What to keep.

    where: a condition on columns.
    by: column that says which is better, the smallest first, or the largest with `descending`.
    top: how many to keep of each group, groups being equal values of `per`; without `per`, of all.
    balance: column of whose values equally many are kept, as many as the rarest has.
    distinct_mm: mean distance of joints below which a movement is a near-duplicate of one that is kept.
    """

    where: Condition | None = None
    by: str | None = None
    descending: bool = False
    top: int | None = None
    per: str | None = None
    balance: str | None = None
    distinct_mm: float | None = None

    def __post_init__(self) -> None:
        if self.per is not None and self.top is None:
            raise InputError("--per says of what --top counts; give --top too")
        if (self.top, self.where, self.balance, self.distinct_mm) == (None, None, None, None):
            raise InputError("nothing to choose by; give --where, --top, --balance or --distinct")
        if self.descending and self.by is None:
            raise InputError("--descending says the order of --by; give --by too")

    @property
    def columns(self) -> set[str]:
        """Every column it uses."""
        named = {name for name in (self.by, self.per, self.balance) if name is not None}
        return named | (set(self.where.columns) if self.where else set())

    def described(self) -> dict[str, Any]:
        """Its settings that are set, for the manifest."""
        values = {**vars(self), "where": self.where.text if self.where else None}
        return {name: value for name, value in values.items() if value not in (None, False)}


def choose(table: Table, choice: Choice, joints_of: Callable[[str], Any]) -> list[int]:
    """Rows of the table to keep, in its order. `joints_of` reads the joints (2, T, J, 3) of an id.

    Raises InputError for a column that the table does not have.
    """
    for name in sorted(choice.columns):
        if name not in table:
            raise InputError(f"no column '{name}'; there are: {', '.join(sorted(known_columns(table)))}")
    rows = list(range(len(table["id"])))
    if choice.where is not None:
        condition, used = choice.where, {*choice.where.columns, "id"}
        rows = [i for i in rows if condition.holds({name: table[name][i] for name in used})]
    ranked = _ranked(table, rows, choice)
    if choice.distinct_mm is not None:
        kept = DistinctMoves(choice.distinct_mm)
        ranked = [i for i in ranked if kept.add(joints_of(table["id"][i]))]
    if choice.top is not None:
        ranked = _first_of_each(table, ranked, choice.per, choice.top)
    if choice.balance is not None:
        counts = [len(group) for group in _groups(table, ranked, choice.balance).values()]
        ranked = _first_of_each(table, ranked, choice.balance, min(counts, default=0))
    return sorted(ranked)


def _ranked(table: Table, rows: Sequence[int], choice: Choice) -> list[int]:
    """Rows with the best first; those without a value are last."""
    if choice.by is None:
        return list(rows)
    values = table[choice.by]
    sign = -1.0 if choice.descending else 1.0

    def order(i: int) -> tuple[bool, float, int]:
        value = _number(values[i], choice.by, table["id"][i])
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value, i

    return sorted(rows, key=order)


def _number(value: Any, column: str | None, id: str) -> float:
    if value in ("", None):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"--by {column}: {value!r} of {id} is not a number") from error


def _groups(table: Table, rows: Sequence[int], column: str | None) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = {}
    for i in rows:
        groups.setdefault(None if column is None else table[column][i], []).append(i)
    return groups


def _first_of_each(table: Table, rows: Sequence[int], column: str | None, count: int) -> list[int]:
    return [i for group in _groups(table, rows, column).values() for i in group[:count]]
