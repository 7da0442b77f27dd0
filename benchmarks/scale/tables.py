"""The tables of docs/guides/scale.md, between two comments that stay."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from benchmarks.scale.cost import Figures
from intermask_cli.generation.run.disk_space import SINGLE_FILE_BYTES

BEGIN, END = "<!-- written by python -m benchmarks.scale -->", "<!-- end of what it writes -->"
#: Columns of prose.
WIDTH = 110
#: Interactions and cores of the table.
MANY, CORES = 1_000_000, (1, 16, 256, 1024, 4096)


def written(page: str, record: dict[str, Any]) -> str:
    """The page with the tables of a result."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(record)}\n{END}{after}"


def tables(record: dict[str, Any]) -> str:
    """Measured figures, and what a million interactions cost."""
    figures, making, merging = Figures.of(record), record["making"], record["merging"]
    gpu = "not measured yet" if figures.gpu_seconds is None else f"{figures.gpu_seconds:.4f} s"
    one, merge, index = (
        f"making one of {making['frames']} frames, processor time of one core",
        _time(figures.merge_hours(MANY)),
        _time(figures.index_hours(MANY)),
    )
    measured = [
        ("c", one, f"{figures.core_seconds:.2f} s"),
        ("b", "bytes of one, rounded", f"{figures.bytes / 1e3:.0f} kB"),
        ("m", "merging into one file, by one process", f"{figures.merge_bytes_per_second / 1e6:.0f} MB/s"),
        ("i", "indexing one in parts", f"{1e6 * figures.index_seconds:.0f} µs"),
        ("g", "making one on a GPU (`python -m benchmarks.scale --gpu`)", gpu),
    ]
    makers = [(f"{cores:,} core{'s' if cores > 1 else ''}", figures.hours(MANY, cores)) for cores in CORES]
    if figures.gpu_seconds is not None:
        makers.append(("one GPU", MANY * figures.gpu_seconds / 3600))
    rows = [
        (name, _time(hours), merge, f"{figures.merge_hours(MANY) / hours:.1%}", index)
        for name, hours in makers
    ]
    limit = SINGLE_FILE_BYTES
    return "\n".join(
        [
            *_table(("", "figure", "measured"), measured),
            "",
            fill(_measured_on(record["machine"], making["interactions"], merging["interactions"]), WIDTH),
            "",
            f"A million interactions are {MANY * figures.bytes / 1e9:,.0f} GB (N·b) and "
            f"{MANY * figures.core_seconds / 3600:,.0f} core-hours (N·c):",
            "",
            *_table(("", "making", "merge into one file", "of making", "index over parts"), rows),
            "",
            fill(
                f"With {figures.cores_of_equal_merge:,.0f} cores the merge takes as long as the making "
                "(c·m/b), whatever the number of interactions; with a tenth of them it adds a "
                "tenth. One file of "
                f"{limit / 1e9:.0f} GB ({limit / figures.bytes:,.0f} such interactions) is merged in "
                f"{limit / figures.merge_bytes_per_second:.0f} s.",
                WIDTH,
            ),
        ]
    )


def _measured_on(machine: dict[str, Any], made: int, merged: int) -> str:
    return (
        f"*{machine['processor']}, one thread, {made:,} interactions made and {merged:,} merged, processor "
        f"times, {machine['busy_before']:.0%} of the machine used by others, commit {machine['commit']}, "
        f"{machine['measured']}.*"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _time(hours: float) -> str:
    """Days, hours, minutes or seconds, whichever suits."""
    if hours >= 48:
        return f"{hours / 24:,.1f} days"
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{60 * hours:.1f} min" if hours >= 1 / 60 else f"{3600 * hours:.0f} s"
