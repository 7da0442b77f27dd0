"""`intermask stats`: the data card of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


def stats(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the card; default: next to the dataset.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Run or .h5 whose physics is compared, such as real motion.", show_default=False),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(help="Run or .h5 in which the nearest motion is searched.", show_default=False),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Column of kinds.  [default: kind, else read_as]", show_default=False),
    ] = None,
    json: opt.Json = False,
) -> None:
    """Write DATA_CARD.md, its numbers as JSON, a figure, and croissant.json."""
    from intermask_cli.commands.reporting import report
    from intermask_cli.selection.data_card import write_card
    from intermask_cli.selection.statistics import measure

    statistics = measure(source, reference, training, by)
    report(write_card(statistics, out or statistics.path.parent), json)
