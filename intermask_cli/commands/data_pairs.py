"""`intermask data pairs`: your own captures of two people as a dataset to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intermask_cli.commands import options as opt

if TYPE_CHECKING:
    from intermask_cli.datasets.interhuman.pair_table import PairRow
    from intermask_cli.datasets.interhuman.pairs import CapturedPair, PairsWritten


@opt.with_option_groups
def pairs(
    *,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="LIST",
            help=".csv or .tsv with `text` and `person1`, `person2` (files) or `pair` (one of both).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the dataset; it appears when it is complete.")
    ],
    reading: opt.ReadingOptions,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace such a dataset that already exists.")
    ] = False,
    json: opt.Json = False,
) -> None:
    """Make a dataset in InterHuman's layout from two-person captures listed in a table.

    The table may also have columns `id`, `split`, `persons` (two of a file of more, such as `1 3`), `fps`,
    `up`, `units`, `skeleton`, `start`, `end`, `flip` and `mirror`. They take precedence over the options.
    Rows that cannot be used are listed, and the exit code is 3.
    """
    from intermask_cli.commands.reporting import SHOWN
    from intermask_cli.console import counter, emit_json, note, warn
    from intermask_cli.console import out as stdout
    from intermask_cli.datasets.interhuman.pair_table import read_table
    from intermask_cli.datasets.interhuman.pairs import write_pairs
    from intermask_cli.errors import EXIT_PARTIAL

    listed = read_table(table)
    if listed.unused_columns:
        warn(f"{table}: columns that are not used: {', '.join(listed.unused_columns)}")
    options = reading.options()
    shown = 0

    def report(row: PairRow, pair: CapturedPair) -> None:
        nonlocal shown
        shown += 1
        for source in pair.sources if shown <= SHOWN else ():
            note(f"read {source}")
        for warning in pair.warnings:
            warn(f"{row.id}: {warning}")

    with counter("data pairs", len(listed.rows), "pairs") as progress:
        written = write_pairs(listed, out, options, overwrite, report, progress.advance)
    if shown > SHOWN:
        note(f"read {shown - SHOWN:,} more pairs")
    for bad in written.rejected[:SHOWN]:
        warn(f"{bad.file} line {bad.line}: {bad.reason}; skipped")
    if len(written.rejected) > SHOWN:
        warn(f"{len(written.rejected) - SHOWN:,} more rows that cannot be used; --json lists them all")
    empty = [split for split, count in written.splits.items() if count == 0]
    if empty:
        warn(
            f"no pair in {', '.join(empty)}; training needs train and val, evaluation test; "
            "a column `split` decides"
        )
    if json:
        emit_json(written.as_json())
    else:
        for line in _lines(written):
            stdout.print(line, markup=False)
    raise typer.Exit(EXIT_PARTIAL if written.rejected else 0)


def _lines(written: PairsWritten) -> list[str]:
    from intermask_cli.motion.skeleton import FPS

    splits = ", ".join(f"{count:,} {split}" for split, count in written.splits.items())
    minutes = written.frames / FPS / 60
    return [
        f"{written.clips:,} pairs ({splits}), {minutes:.1f} minutes, {written.captions:,} captions"
        f"{_rejected(len(written.rejected))}: {written.folder}",
        f"rotations recovered in {written.recovered:,}, trimmed {written.trimmed:,}, "
        f"read back within {written.round_trip_mm:.3f} mm",
    ]


def _rejected(count: int) -> str:
    return f", {count:,} rows skipped" if count else ""
