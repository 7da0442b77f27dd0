"""`intermask export`: interactions as files that other programs read."""

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
    to: Annotated[
        Target, typer.Option("--to", help="Format (docs/reference/formats.md).", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder; default: exports/<format>[-<clean>] next to the file."),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many.", min=1)] = None,
    clean: opt.CleanModes = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Worker processes; interhuman and interx are written by one.  [default: one per CPU]",
            min=1,
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Write BVH, GLB, NPZ or NPY per interaction, or a dataset in the layout of InterHuman or Inter-X.

    Every file is read back to check it. With --clean the files are cleaned, but not the dataset; physics
    before and after are printed.
    """
    from intermask_cli.cleanup.modes import checked_modes
    from intermask_cli.commands.reporting import SHOWN, report
    from intermask_cli.console import warn
    from intermask_cli.devices import processors
    from intermask_cli.export.dataset import export_dataset

    modes = checked_modes(clean or ())
    name = "-".join([to.value, *(mode.value for mode in modes)])
    folder = out or (source if source.is_dir() else source.parent) / "exports" / name
    workers = processes or processors()
    summary = export_dataset(source, to.value, folder, ids or (), limit, workers, overwrite, modes)
    for id, reason in list(summary.failed.items())[:SHOWN]:
        warn(reason if reason.startswith(id) else f"{id}: {reason}")
    if len(summary.failed) > SHOWN:
        warn(f"{len(summary.failed) - SHOWN:,} more that could not be exported; --json lists them all")
    report(summary, json)
