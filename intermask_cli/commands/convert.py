"""`intermask convert`: motion files from one format to another."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands import options as opt
from intermask_cli.commands.export import Names, Units, Up


class ConvertTarget(str, Enum):
    """What to write."""

    bvh = "bvh"
    fbx = "fbx"
    glb = "glb"
    h5 = "h5"
    npy = "npy"
    npz = "npz"
    usd = "usd"


@opt.with_option_groups
def convert(
    source: Annotated[
        str,
        typer.Argument(metavar="IN", help="Motion file, folder, or pattern in quotes.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File, or with --to a folder.", show_default=False)
    ],
    *,
    to: Annotated[
        ConvertTarget | None,
        typer.Option(
            "--to", help="Format; OUT is then a folder.  [default: OUT's suffix]", show_default=False
        ),
    ] = None,
    second: Annotated[
        Path | None,
        typer.Option("--with", help="File with the second person.", show_default=False),
    ] = None,
    person: opt.Person = None,
    reading: opt.ReadingOptions,
    names: Annotated[
        Names | None,
        typer.Option(help="Bone names of bvh, glb, fbx, usd; bvh then has 22 joints.", show_default=False),
    ] = None,
    out_units: Annotated[
        Units | None,
        typer.Option(help="Length unit of bvh, which then has 22 joints.", show_default=False),
    ] = None,
    out_up: Annotated[
        Up | None, typer.Option(help="Vertical axis of npz; AMASS has z.  [default: z]", show_default=False)
    ] = None,
    leaf_bones: Annotated[
        bool, typer.Option("--leaf-bones", help="End head, hands and toes of glb and fbx in a bone.")
    ] = False,
    like: Annotated[
        str | None, typer.Option(help="Put people on the rig of this file (bvh).", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    json: opt.Json = False,
) -> None:
    """Convert motion files: BVH, ASF/AMC, npz, npy, HDF5 and others to BVH, GLB, FBX, USD, npz, npy or HDF5.

    Every file is read back, and how far its joints are from those that were read is printed. A BVH made from
    a file with a skeleton has all its joints, names, unit, axes and rate, unless options ask for others.
    Other formats hold the 22 joints of a body at 30 frames per second.
    """
    from intermask_cli.commands.reporting import report, warn_rejected
    from intermask_cli.console import note, warn
    from intermask_cli.export.convert import Conversion, convert_files

    settings = {
        "names": names and names.value,
        "units": out_units and out_units.value,
        "up": out_up and out_up.value,
        "leaf_bones": leaf_bones or None,
        "like": like,
    }
    conversion = Conversion(reading.options(person), second, to and to.value, settings, overwrite)
    summary = convert_files(source, out, conversion)
    warn_rejected(summary.rejected, False)
    for one in summary.converted:
        for line in one.source:
            note(f"read {line}")
        for warning in one.warnings:
            warn(warning)
    report(summary, json)
