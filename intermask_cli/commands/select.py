"""`intermask select`: chosen interactions of a run as a run of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


def select(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run directory to make.", show_default=False)],
    where: Annotated[
        str | None,
        typer.Option(
            help='Keep those for which this holds: "penetration_mm < 10 and frames >= 60".',
            show_default=False,
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(help="Keep this many, of each --per if given.", min=1, show_default=False)
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Column that orders them, the smallest first.", show_default=False)
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", help="The largest of --by first.")] = False,
    per: Annotated[
        str | None,
        typer.Option(help="Column of whose values --top keeps each, as prompt.", show_default=False),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(help="Column: keep equally many of each of its values.", show_default=False),
    ] = None,
    distinct: Annotated[
        float | None,
        typer.Option(
            help="Drop near-duplicates: movements nearer than this, mm per joint.",
            min=0,
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="per_prompt.csv of an evaluation, for its columns.", show_default=False),
    ] = None,
    json: opt.Json = False,
) -> None:
    """Keep interactions by any column of the index or of an evaluation; physics is measured where named.

    The chosen interactions are copied as they are; the manifest records the choice.
    """
    from intermask_cli.commands.reporting import report
    from intermask_cli.datasets.conditions import Condition
    from intermask_cli.selection.choose import Choice
    from intermask_cli.selection.subset import select as write_selection

    condition = Condition.parse(where) if where is not None else None
    choice = Choice(condition, by, descending, top, per, balance, distinct)
    report(write_selection(source, choice, out, scores), json)
