"""`intermask split`: train, val and test of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


def split(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    train: Annotated[float, typer.Option(help="Share of interactions to train on.")] = 0.9,
    val: Annotated[float, typer.Option(help="Share for validation; the rest is for testing.")] = 0.05,
    by: Annotated[
        str,
        typer.Option(help="What stays together: prompt, wording (names and sides aside) or a column."),
    ] = "prompt",
    seed: Annotated[int, typer.Option(help="Another seed deals the groups otherwise.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Table to write; default: splits.csv next to the dataset."),
    ] = None,
    json: opt.Json = False,
) -> None:
    """Write splits.csv, with no prompt in two splits; exports of InterHuman and Inter-X take it."""
    from intermask_cli.commands.reporting import report
    from intermask_cli.datasets.wording import Shares
    from intermask_cli.selection.splits import split_run

    report(split_run(source, Shares(train, val), by, seed, out), json)
