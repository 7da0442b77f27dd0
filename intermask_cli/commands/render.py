"""`intermask render`: contact sheets, GIF and MP4."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def render(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="File to write: .png, .svg or .pdf (contact sheet), .gif or .mp4 (video)."
        ),
    ],
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=64)] = 6,
    camera: Annotated[
        str,
        typer.Option(help="side, back, behind-1, behind-2, top, or AZIMUTH,ELEVATION in degrees."),
    ] = "side",
    start: Annotated[float, typer.Option(help="First second that is drawn.", min=0)] = 0.0,
    end: Annotated[
        float | None, typer.Option(help="Second to stop at.  [default: the end]", show_default=False)
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            help="Frames per row of a contact sheet.  [default: 9]", min=2, max=40, show_default=False
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(help="Exactly these frames of a contact sheet, from 0: 0,30,60.", show_default=False),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            help="Pixels per interaction of a video.  [default: 480]", min=120, max=1920, show_default=False
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Pictures per second of a video.  [default: 15 of a GIF, 30 of an MP4]", show_default=False
        ),
    ] = None,
) -> None:
    """Draw interactions as a contact sheet (one row each) or as a video (a grid)."""
    from intermask_cli.console import out as stdout
    from intermask_cli.export.pictures.draw import Drawing, draw

    drawing = Drawing(
        camera=camera, start_s=start, end_s=end, columns=columns, frames=frames, width=width, fps=fps
    )
    draw(source, out, ids or (), limit, drawing)
    stdout.print(str(out), markup=False)
