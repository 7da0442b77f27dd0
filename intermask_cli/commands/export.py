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
    fbx = "fbx"
    usd = "usd"
    npz = "npz"
    npy = "npy"
    interhuman = "interhuman"
    interx = "interx"
    parquet = "parquet"
    webdataset = "webdataset"
    hf = "hf"


class Names(str, Enum):
    """Bone names (`export.bone_names.BoneNames`, which is loaded later than this)."""

    intermask = "intermask"
    mixamo = "mixamo"
    smpl = "smpl"
    unreal = "unreal"


class Units(str, Enum):
    """Length unit of BVH files."""

    cm = "cm"
    m = "m"


class Up(str, Enum):
    """Vertical axis of NPZ files."""

    z = "z"
    y = "y"


def export(
    source: Annotated[Path, typer.Argument(help="Run directory or .h5 file.", show_default=False)],
    to: Annotated[
        Target, typer.Option("--to", help="Format (docs/reference/formats.md).", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder; default: exports/<format>[-other-bodies][-<clean>] next to the file."
        ),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these interactions (repeatable).")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many.", min=1)] = None,
    height: opt.Height = None,
    body_shape: opt.BodyShape = None,
    clean: opt.CleanModes = None,
    names: Annotated[
        Names | None,
        typer.Option(help="Bone names of bvh, glb, fbx and usd.  [default: intermask]", show_default=False),
    ] = None,
    units: Annotated[
        Units | None,
        typer.Option(help="Length unit of bvh; Blender takes m.  [default: cm]", show_default=False),
    ] = None,
    up: Annotated[
        Up | None,
        typer.Option(help="Vertical axis of npz; AMASS has z.  [default: z]", show_default=False),
    ] = None,
    leaf_bones: Annotated[
        bool, typer.Option("--leaf-bones", help="End head, hands and toes of glb and fbx in a bone.")
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(
            help="Put people on the rig of this file (bvh), or of the given person's own: source.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Worker processes; datasets are written by one.  [default: one per CPU]",
            min=1,
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace exported files, never others.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Write BVH, GLB, FBX, USD, NPZ or NPY per interaction, or a dataset: InterHuman, Inter-X, Parquet,
    WebDataset or Hugging Face.

    Every file is read back to check it. With --clean the files are cleaned, but not the dataset; physics
    before and after are printed. With --like people get the rig, names, rate, unit and axes of a file; a
    given person who came from that rig comes out exactly as given.
    """
    from intermask_cli.cleanup.modes import checked_modes
    from intermask_cli.commands.reporting import SHOWN, report
    from intermask_cli.console import warn
    from intermask_cli.devices import processors
    from intermask_cli.export.dataset import export_dataset
    from intermask_cli.export.formats import settings_for

    modes = checked_modes(clean or ())
    proportions = opt.body_proportions(height, body_shape)
    other = ["other-bodies"] if proportions else []
    name = "-".join([to.value, *other, *(mode.value for mode in modes)])
    folder = out or (source if source.is_dir() else source.parent) / "exports" / name
    workers = processes or processors()
    settings = settings_for(
        to.value,
        names=names and names.value,
        units=units and units.value,
        up=up and up.value,
        leaf_bones=leaf_bones or None,
        like=like,
    )
    summary = export_dataset(
        source, to.value, folder, ids or (), limit, workers, overwrite, modes, settings, proportions
    )
    for id, reason in list(summary.failed.items())[:SHOWN]:
        warn(reason if reason.startswith(id) else f"{id}: {reason}")
    if len(summary.failed) > SHOWN:
        warn(f"{len(summary.failed) - SHOWN:,} more that could not be exported; --json lists them all")
    report(summary, json)
