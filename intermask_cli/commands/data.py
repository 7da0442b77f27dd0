"""`intermask data`: make and check datasets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from intermask_cli.commands import data_check, data_pairs

app = typer.Typer(no_args_is_help=True, help="Make and check datasets.")
app.add_typer(data_check.app, name="check")
app.command("pairs")(data_pairs.pairs)


@app.callback()
def data() -> None:
    """Make and check datasets."""


@app.command()
def duets(
    out: Annotated[Path, typer.Option(help="Folder of the corpus; finished shards in it are kept.")],
    clips: Annotated[int, typer.Option(min=1, help="How many clips.")] = 8000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    processes: Annotated[
        int, typer.Option(min=1, help="Worker processes; the corpus does not depend on it.")
    ] = 1,
    kinds: Annotated[
        str,
        typer.Option(
            help="'all': every kind, a fifth of the clips in two phases; 'duets-1': likewise the 26 kinds "
            "that the bundled model knows; 'core': the 12 it was trained on first; or kinds separated by "
            "commas."
        ),
    ] = "all",
    two_phase: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of clips that join two kinds by 'then'; 0.2 for 'all' and 'duets-1', else 0.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace another corpus in the folder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Make the procedural corpus Duets: two-person clips with captions and labels."""
    from intermask_cli.console import emit_json, note
    from intermask_cli.console import out as console
    from intermask_cli.datasets.duets.corpus_writer import write_corpus
    from intermask_cli.datasets.duets.labels import kind_set

    kind_names = kind_set(kinds, two_phase)
    started = time.monotonic()
    manifest = write_corpus(out, clips, seed, processes, overwrite, kinds=kind_names)
    seconds = time.monotonic() - started
    if json:
        emit_json({**manifest, "path": str(out)})
    else:
        console.print(_table(manifest))
    note(f"{clips:,} clips in {seconds:.1f} s ({clips / seconds:.0f} clips/s) in {out}")


def _table(manifest: dict[str, Any]) -> Any:
    """Number of clips per kind and split, and their lengths in seconds."""
    from rich.table import Table

    fps = manifest["fps"]
    table = Table(title=f"Duets, seed {manifest['seed']}")
    table.add_column("kind")
    for column in ("clips", "train", "val", "test", "shortest s", "mean s", "longest s"):
        table.add_column(column, justify="right")
    rows = dict(manifest["kinds"])
    if manifest["two_phase"]["clips"]:
        rows["two phases"] = manifest["two_phase"]
    for kind, row in rows.items():
        lengths = [f"{row[f'frames_{which}'] / fps:.1f}" for which in ("min", "mean", "max")]
        table.add_row(kind, *(f"{row[name]:,}" for name in ("clips", "train", "val", "test")), *lengths)
    splits = manifest["splits"]
    totals = [f"{n:,}" for n in (manifest["clips"], splits["train"], splits["val"], splits["test"])]
    table.add_section()
    table.add_row("all", *totals, "", f"{manifest['frames'] / manifest['clips'] / fps:.1f}", "")
    return table
