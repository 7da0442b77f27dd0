"""`python -m benchmarks.reading`: shares of fresh prompts that are read right, with 95 % intervals."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from benchmarks.intervals import wilson
from benchmarks.machine import ROOT
from intermask_cli.inference.model import load_model
from intermask_cli.models.bundle_info import READER_TABLES, resolve_bundle
from intermask_cli.reading.label_tables import LabelTables
from intermask_cli.reading.reading import Reading

#: Kinds that the reader takes for one of the model's, as captions of Duets 1 had them.
WITHIN = {"both_bow": "bow", "waves_back": "wave", "high_ten": "high_five"}
#: Kinds in which Duets counts the other person as the one who acts: who is followed, who strikes and is
#: blocked, who guides the turn. In the last two a side is a limb of that person.
OTHERS_ACT, OTHERS_LIMB = (
    frozenset({"follow", "block", "turn_under_arm"}),
    frozenset({"block", "turn_under_arm"}),
)


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a table of prompts."""
    with (ROOT / "prompts" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Print a table in Markdown."""
    known = set(LabelTables.load(resolve_bundle("duet-mini") / READER_TABLES).tables)
    model = load_model("duet-mini", device="cpu")

    def read(rows: Sequence[dict[str, str]]) -> list[Reading]:
        return model.read([row["text"] for row in rows])

    rows = rows_of("fresh-wordings")
    inside = [row for row in rows if WITHIN.get(row["kind"], row["kind"]) in known]
    readings = read(inside)
    alone = [(row, reading.phases[0]) for row, reading in zip(inside, readings, strict=True)]
    kinds = [
        len(reading.phases) == 1 and phase.kind == WITHIN.get(row["kind"], row["kind"])
        for (row, phase), reading in zip(alone, readings, strict=True)
    ]
    right = [pair for pair, hit in zip(alone, kinds, strict=True) if hit]
    actors = [phase.actor == actor_of(row) for row, phase in right if row["actor"]]
    sides = [phase.side == side_of(row) for row, phase in right if side_of(row)]
    marked = [any(phase.outside for phase in reading.phases) for reading in readings]
    unknown = [row for row in rows if row not in inside]
    phases = [row for row in rows_of("fresh-two-phases") if {row["first"], row["second"]} <= known]
    found = [
        [phase.kind for phase in reading.phases] == [row["first"], row["second"]]
        for row, reading in zip(phases, read(phases), strict=True)
    ]
    print("| fresh prompts | share (95 %) | prompts |\n| --- | --- | --- |")
    for name, hits in (
        ("kind right, kinds of the model", kinds),
        ("who acts right, where the kind is", actors),
        ("side right, where the kind is", sides),
        ("not marked as outside, kinds of the model", [not one for one in marked]),
        ("marked as outside, kinds that only Duets 2 has", is_outside(read(unknown))),
        ("marked as outside, no kind at all", is_outside(read(rows_of("fresh-outside")))),
        ("both phases found, in order", found),
    ):
        low, high = wilson(sum(hits), len(hits))
        print(f"| {name} | {sum(hits) / len(hits):.0%} ({low:.0%} to {high:.0%}) | {len(hits)} |")


def is_outside(readings: Sequence[Reading]) -> list[bool]:
    """Whether any phase of each reading is marked."""
    return [any(phase.outside for phase in reading.phases) for reading in readings]


def actor_of(row: dict[str, str]) -> int:
    """The person (0 or 1) who acts as Duets counts, which is not always as the prompts' author did."""
    actor = int(row["actor"]) - 1
    return 1 - actor if row["kind"] in OTHERS_ACT else actor


def side_of(row: dict[str, str]) -> str:
    """The stated side, "" where it is that of a person who does not act as Duets counts."""
    return "" if row["kind"] in OTHERS_LIMB else row["side"]


if __name__ == "__main__":
    main()
