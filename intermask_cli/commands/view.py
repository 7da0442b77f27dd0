"""`intermask view`: one HTML page of a run, or of examples from a Duets corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def view(
    source: Annotated[
        Path, typer.Argument(help="Run directory, .h5 file or folder of a Duets corpus.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Page to write; default: view.html next to the file.")
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="At most this many.  [default: all]", min=1, show_default=False)
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="per_prompt.csv of an evaluation: its columns become sortable.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Run or .h5 to compare with: ground truth, or another model. Shown next to each "
            "interaction, found by id, else by prompt.",
            show_default=False,
        ),
    ] = None,
    per_kind: Annotated[
        int | None,
        typer.Option(
            help="Of a corpus: number of clips of each kind, and of two phases.  [default: 1]",
            min=1,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write an HTML page that plays, compares, searches and sorts interactions.

    The page opens from disk, offline. It is one file up to 20 MB of motion; a larger run gets a folder of
    data files next to it, which the page loads as they are looked at.
    """
    from intermask_cli.console import note
    from intermask_cli.console import out as stdout
    from intermask_cli.export.viewer.corpus import is_corpus, write_corpus_gallery
    from intermask_cli.export.viewer.gallery import read_scores, write_gallery

    folder = source if source.is_dir() else source.parent
    page = out or folder / "view.html"
    if is_corpus(source):
        given = {"--id": ids, "--limit": limit, "--scores": scores, "--truth": truth}
        _refuse(source, "a corpus; it takes --per-kind", given)
        content = write_corpus_gallery(source, page, per_kind or 1)
        shown = f"{content.shown:,} clips of {content.total:,}"
        if content.missing:
            note(f"no clip of one phase of {', '.join(content.missing)}")
    else:
        accepted = "not a corpus; it takes --id, --limit, --scores and --truth"
        _refuse(source, accepted, {"--per-kind": per_kind})
        scored = read_scores(scores) if scores else None
        written = write_gallery(source, page, limit, ids or (), scored, truth)
        shown = f"{written.items:,} interactions"
        if written.folder is not None:
            shown += f", their motion in {written.folder.name} next to it (keep both together)"
    note(f"{shown}, {page.stat().st_size / 1e6:.1f} MB; open it in a browser")
    stdout.print(str(page), markup=False)


def _refuse(source: Path, kind: str, options: dict[str, Any]) -> None:
    """InputError if an option is given that has no effect on this source."""
    from intermask_cli.errors import InputError

    for name, value in options.items():
        if value is not None and value != []:
            raise InputError(f"{name} has no effect: {source} is {kind}; leave {name} out")
