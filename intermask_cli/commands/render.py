"""`intermask render`: contact sheets, GIF and MP4."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def render(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write: .png (contact sheet), .gif or .mp4.")
    ],
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=64)] = 6,
    columns: Annotated[int, typer.Option(help="Frames per row of a contact sheet.", min=2, max=40)] = 9,
    width: Annotated[int, typer.Option(help="Pixels per interaction of a video.", min=120, max=1920)] = 480,
) -> None:
    """Draw interactions as a contact sheet (one row each) or as a video (a grid)."""
    from intermask_cli.console import out as stdout
    from intermask_cli.datasets.interactions import InteractionFile
    from intermask_cli.errors import InputError
    from intermask_cli.export.pictures.contact_sheet import contact_sheet
    from intermask_cli.export.pictures.video import write_video
    from intermask_cli.export.viewer.gallery import selected_ids
    from intermask_cli.files import replacing

    if out.suffix not in (".png", ".gif", ".mp4"):
        raise InputError(f"{out.name}: a contact sheet is .png, a video .gif or .mp4")
    with InteractionFile(source) as dataset:
        items = [dataset.read(id) for id in selected_ids(dataset, ids or (), limit)]
    clips, prompts = [item.joints for item in items], [item.text for item in items]
    with replacing(out) as draft:
        if out.suffix == ".png":
            contact_sheet(clips, draft, prompts, columns)
        else:
            write_video(clips, prompts, draft, width)
    stdout.print(str(out), markup=False)
