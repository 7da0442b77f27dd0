"""Samples are measured as they are made; those that fall short are made again (`--accept`).

The seeds of all tries follow from the seed of the item, and every sample is measured by itself: what is kept
depends neither on batches nor on workers, and a rerun makes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from intermask_cli.datasets.conditions import Condition
from intermask_cli.datasets.interactions import (
    FLOAT_COLUMNS,
    INDEX_COLUMNS,
    KIND_SHOWN,
    NUMBER_COLUMNS,
    OPTIONAL_COLUMNS,
)
from intermask_cli.datasets.measures import OF_JOINTS, measured
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.datasets.rounding import rounded
from intermask_cli.errors import InputError
from intermask_cli.generation.run.plan import WorkItem
from intermask_cli.inference.interaction import Interaction
from intermask_cli.reading.reading import NOTHING

#: What becomes of a sample none of whose tries is accepted.
ON_FAIL = ("keep", "drop")
#: Samples of an item that are made at most, unless the user says otherwise.
DEFAULT_TRIES = 4
#: Begins the reason of a dropped item in `rejected.jsonl`.
NOT_ACCEPTED = "not accepted: "
MAX_TRIES = 1000
#: Columns that are known when a sample has been made.
_MADE = (
    *INDEX_COLUMNS,
    *(name for name in OPTIONAL_COLUMNS if name not in ("tries", "accepted", KIND_SHOWN)),
)
#: What the motion shows, and what the prompt was read as: the kind of its action, "" where it has several or
#: none. They take precedence over columns of the prompt file.
KIND, ASKED = "kind", "asked"


class ReadKind(Protocol):
    """Reads the kind of action that a motion shows. The command passes one in; it is pickled for workers."""

    @property
    def sha256(self) -> str: ...
    def __call__(self, interaction: Interaction) -> str: ...


@dataclass(frozen=True)
class Acceptance:
    """Which samples are kept; it is pickled for workers.

    tries: samples of an item that are made at most. drop: leave an item out if none of them is accepted;
    otherwise the last one is kept and marked. store: as what it is measured (`config.STORES`). read_kind:
    needed where the condition names `kind`.
    """

    condition: Condition
    tries: int = DEFAULT_TRIES
    drop: bool = False
    store: str = "exact"
    read_kind: ReadKind | None = None

    @classmethod
    def parse(
        cls, condition: str | None, tries: int | None, on_fail: str | None, store: str
    ) -> Acceptance | None:
        """From options; None without a condition. Raises InputError for a value that is not accepted."""
        if condition is None:
            for option, value in (("--tries", tries), ("--on-fail", on_fail)):
                if value is not None:
                    raise InputError(f"{option} belongs to --accept, which says what a sample must be like")
            return None
        if tries is not None and not 1 <= tries <= MAX_TRIES:
            raise InputError(f"--tries {tries}: accepted are 1 to {MAX_TRIES}")
        if on_fail is not None and on_fail not in ON_FAIL:
            raise InputError(f"--on-fail {on_fail}: accepted are {' and '.join(ON_FAIL)}")
        return cls(Condition.parse(condition), tries or DEFAULT_TRIES, on_fail == "drop", store)

    def check_columns(self, items: Sequence[WorkItem]) -> None:
        """InputError for a name that is not a column, or a text where a number belongs."""
        carried: dict[str, bool] = {}  # whether all values are numbers
        for item in items:
            for name, value in item.carried.items():
                carried[name] = carried.get(name, True) and _is_number(value)
        self.condition.check_columns({*_MADE, KIND, ASKED, *carried})
        numbers = {*NUMBER_COLUMNS, *FLOAT_COLUMNS}
        texts = {KIND, ASKED, *(name for name in _MADE if name not in numbers)}
        texts |= {name for name, is_number in carried.items() if not is_number and name not in numbers}
        self.condition.check_types(texts, numbers)

    @property
    def needs_22_joints(self) -> bool:
        """Whether it names physics, or the kind that a motion shows."""
        return not self.condition.columns.isdisjoint({*OF_JOINTS, KIND})

    @property
    def names_kind(self) -> bool:
        """Whether it names the kind that a motion shows."""
        return KIND in self.condition.columns

    @property
    def names_asked(self) -> bool:
        """Whether it names what the prompt was read as."""
        return ASKED in self.condition.columns

    def described(self) -> dict[str, Any]:
        """Its settings, for the fingerprint and the dataset."""
        settings = {"condition": self.condition.text, "tries": self.tries, "on_fail": ON_FAIL[self.drop]}
        return {**settings, **({"kinds_by": self.read_kind.sha256} if self.read_kind else {})}

    def judged(self, item: WorkItem, made: Interaction) -> Interaction:
        """The sample as it is stored, with what was measured and whether it is accepted."""
        if self.store == "rounded":
            made = rounded(made)
        values: dict[str, float | str] = {**measured(made, self.condition.columns)}
        if self.names_kind:
            assert self.read_kind is not None
            values[KIND_SHOWN] = self.read_kind(made)
        accepted = self.condition.holds(_row(item, made, values))
        return replace(made, tries=item.attempt + 1, accepted=accepted, measured=values)

    def ends_with(self, made: Interaction) -> bool:
        """Whether a judged sample is the last try of its item."""
        assert made.tries is not None
        return bool(made.accepted) or made.tries >= self.tries

    def why_dropped(self, made: Interaction) -> str:
        """The reason for `rejected.jsonl`: the condition, and what was measured on the last try."""
        values = ", ".join(
            f"{name} {value if isinstance(value, str) else f'{value:.4g}'}"
            for name, value in made.measured.items()
        )
        last = f"; the last one has {values}" if values else ""
        return f"{NOT_ACCEPTED}none of {made.tries} tries meets {self.condition.text!r}{last}"


@dataclass(frozen=True)
class AcceptanceCounts:
    """How many samples a run with a condition has made for how many items.

    accepted: items whose sample meets the condition. fell_short: those kept without that. dropped: those
    left out. tries: samples made for all of them.
    """

    accepted: int
    fell_short: int
    dropped: int
    tries: int

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], dropped: Sequence[int]) -> AcceptanceCounts | None:
        """From index rows, and the numbers of tries of dropped items; None where there was no condition."""
        judged = [row for row in rows if "accepted" in row]
        if not judged and not dropped:
            return None
        accepted = sum(row["accepted"] for row in judged)
        tries = sum(row["tries"] for row in judged) + sum(dropped)
        return cls(accepted, len(judged) - accepted, len(dropped), tries)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int]) -> AcceptanceCounts | None:
        """From the counts of a manifest."""
        names = [field.name for field in fields(cls)]
        return cls(*(counts[name] for name in names)) if all(name in counts for name in names) else None

    def as_counts(self) -> dict[str, int]:
        """For the manifest and for `--json`."""
        return asdict(self)

    def line(self, folder: Path | RemotePath) -> str:
        """For people."""
        items = self.accepted + self.fell_short + self.dropped
        line = f"{self.accepted:,} of {items:,} meet --accept, {self.tries:,} samples were made"
        if self.fell_short:
            line += f"; {self.fell_short:,} do not and are kept, with accepted 0 in {folder / 'index.csv'}"
        if self.dropped:
            line += f"; {self.dropped:,} dropped, listed in {folder / 'rejected.jsonl'}"
        return line


def _row(item: WorkItem, made: Interaction, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every column of a sample by name; those of the prompt file come last."""
    own = {name: getattr(made, name) for name in _MADE if hasattr(made, name)}
    kinds = {KIND: values.get(KIND_SHOWN, ""), ASKED: kind_asked(made.read_as)}
    return {**item.carried, **own, "prompt": item.text, "frames": made.frames, **values, **kinds}


def kind_asked(read_as: str) -> str:
    """The kind in what a prompt of one action was read as ("bow, person 1"), else ""."""
    several = "|" in read_as
    return "" if several or read_as == NOTHING else read_as.partition(",")[0]


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
