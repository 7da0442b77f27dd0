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
            help="Worker processes for files; trees are written by one.  [default: one per CPU]",
            min=1,
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Write files again that are already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Write BVH, GLB, NPZ or NPY per interaction, or an InterHuman or Inter-X tree; files are read back.

    With --clean the files, never the dataset, are cleaned, and physics before and after are printed.
    """
    from intermask_cli.cleanup.modes import checked_modes
    from intermask_cli.commands.reporting import SHOWN
    from intermask_cli.console import emit_json, warn
    from intermask_cli.console import out as stdout
    from intermask_cli.devices import processors
    from intermask_cli.errors import EXIT_PARTIAL
    from intermask_cli.export.dataset import export_dataset

    modes = checked_modes(clean or ())
    name = "-".join([to.value, *(mode.value for mode in modes)])
    folder = out or (source if source.is_dir() else source.parent) / "exports" / name
    workers = processes or processors()
    summary = export_dataset(source, to.value, folder, ids or (), limit, workers, overwrite, modes)
    failed = summary["failed"]
    for id, reason in list(failed.items())[:SHOWN]:
        warn(reason if reason.startswith(id) else f"{id}: {reason}")
    if len(failed) > SHOWN:
        warn(f"{len(failed) - SHOWN:,} more that could not be exported; --json lists them all")
    exit_code = EXIT_PARTIAL if failed else 0
    if json:
        emit_json(summary)
        raise typer.Exit(exit_code)
    stdout.print(
        f"{summary['written']} written, {summary['skipped']} already there{_failures(failed)}: {folder}",
        markup=False,
    )
    for name, value in summary["errors_mm"].items():
        stdout.print(f"{name}: {value:.3f} mm", markup=False)
    for column, value in summary.get("physics", {}).items():
        stdout.print(f"{column}: {value['before']:.3f} before, {value['after']:.3f} after", markup=False)
    raise typer.Exit(exit_code)


def _failures(failed: dict[str, str]) -> str:
    return f", {len(failed):,} failed" if failed else ""
