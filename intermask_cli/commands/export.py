"""`intermask export`: interactions as files other programs read."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt


class Target(str, Enum):
    """What to write."""

    bvh = "bvh"
    glb = "glb"
    npz = "npz"
    npy = "npy"
    interhuman = "interhuman"
    interx = "interx"


def export(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    to: Annotated[Target, typer.Option("--to", help="Format, see docs/formats.md.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder; default: exports/<format>[-<clean>] beside the file."),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many.", min=1)] = None,
    clean: opt.CleanModes = None,
    processes: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1,
    overwrite: Annotated[bool, typer.Option(help="Write files again that are already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Write BVH, GLB, NPZ or NPY per interaction, or an InterHuman or Inter-X tree; files are read back.

    With --clean the files, never the dataset, are cleaned, and physics before and after are printed.
    """
    from intermask_cli.cleaning_modes import checked_modes
    from intermask_cli.console import emit_json
    from intermask_cli.console import out as stdout
    from intermask_cli.export.bulk import export_dataset

    modes = checked_modes(clean or ())
    name = "-".join([to.value, *(mode.value for mode in modes)])
    folder = out or (source if source.is_dir() else source.parent) / "exports" / name
    summary = export_dataset(source, to.value, folder, ids or (), limit, processes, overwrite, modes)
    if json:
        emit_json(summary)
        return
    stdout.print(f"{summary['written']} written, {summary['skipped']} already there: {folder}", markup=False)
    for name, value in summary["errors_mm"].items():
        stdout.print(f"{name}: {value:.3f} mm", markup=False)
    for column, value in summary.get("physics", {}).items():
        stdout.print(f"{column}: {value['before']:.3f} before, {value['after']:.3f} after", markup=False)
