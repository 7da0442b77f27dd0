"""`intermask import-checkpoint`: a published InterMask model, or a released evaluator, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Transformer folder, <checkpoints>/<dataset>/<name>, its tokenizer next to it; "
            "or an evaluator: interclip.ckpt, Inter-X's finest.tar, or the folder of one.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Bundle folder to write; use it as --model or --evaluator.",
            show_default=False,
        ),
    ],
    stats: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            help="Mean and standard deviation of InterHuman's 262 features, two .npy files.",
            metavar="MEAN STD",
        ),
    ] = None,
    stats_npz: Annotated[
        Path | None, typer.Option(help="The same as one .npz with global_mean and global_std.")
    ] = None,
    which: Annotated[
        str, typer.Option(help="Transformer checkpoint in model/: the file whose name contains this.")
    ] = "best_fid",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another bundle in the folder, never anything else.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read a published checkpoint (no code in it is executed), check every key, and write our bundle."""
    from evaluators.networks.importing import find_evaluator
    from intermask_cli.console import emit_json, note
    from intermask_cli.console import out as stdout
    from intermask_cli.errors import InputError
    from intermask_cli.models import published

    if (released := find_evaluator(folder)) is not None:
        _import_evaluator(released, out, overwrite, json)
        return
    if stats and stats_npz:
        raise InputError("--stats and --stats-npz exclude each other; give one of them")
    files = list(stats) if stats else [stats_npz] if stats_npz else None
    model, sha256 = published.import_checkpoint(folder, out, files, which, overwrite)
    note(f"{model.variant}; read from {', '.join(map(str, model.files))}")
    if json:
        emit_json({"bundle": str(out), "sha256": sha256, "dataset": model.dataset, "variant": model.variant})
    else:
        stdout.print(str(out), markup=False)


def _import_evaluator(released: Path, out: Path, overwrite: bool, as_json: bool) -> None:
    from evaluators.networks.importing import import_evaluator
    from intermask_cli.console import emit_json, note
    from intermask_cli.console import out as stdout

    info, sha256 = import_evaluator(released, out, overwrite)
    note(f"evaluator {info.name}; read from {released}; licence: {info.licence}")
    if as_json:
        emit_json({"bundle": str(out), "sha256": sha256, "evaluator": info.name, "protocol": info.protocol})
    else:
        stdout.print(str(out), markup=False)
