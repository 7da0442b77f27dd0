"""`intermask merge`: the parts of shards, or finished runs, as one dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


def merge(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Shards of one run, or finished runs.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Run directory to make; default: the only one given.", show_default=False
        ),
    ] = None,
    rejected_ok: opt.RejectedOk = False,
    json: opt.Json = False,
) -> None:
    """Merge the parts of shards into a dataset, or join finished runs.

    Joined runs keep their interactions as they are; the column run says where each comes from. Ids that
    several runs have get the name of their run.
    """
    from intermask_cli.commands import reporting
    from intermask_cli.generation.merging import merge_runs

    result = merge_runs(runs, out, rejected_ok)
    reporting.add_gallery(result)
    reporting.report(result, json)
