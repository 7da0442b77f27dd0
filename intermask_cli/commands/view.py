"""`intermask view`: one HTML page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def view(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Page to write; default: view.html beside the file.")
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 200,
    scores: Annotated[
        Path | None, typer.Option(help="per_prompt.csv of an evaluation: its columns become sortable.")
    ] = None,
) -> None:
    """Write one self-contained HTML page that plays, compares, searches and sorts interactions."""
    from intermask_cli.console import note
    from intermask_cli.console import out as stdout
    from intermask_cli.export.gallery import read_scores, write_gallery

    folder = source if source.is_dir() else source.parent
    page = out or folder / "view.html"
    count = write_gallery(source, page, limit, ids or (), read_scores(scores) if scores else None)
    note(f"{count} interactions, {page.stat().st_size / 1e6:.1f} MB; open it in a browser")
    stdout.print(str(page), markup=False)
