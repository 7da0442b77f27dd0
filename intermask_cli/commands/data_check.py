"""`intermask data check`: whether a copy of a dataset is complete and readable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from intermask_cli.datasets.check_report import DatasetReport

SHOWN_PER_KIND = 5

app = typer.Typer(no_args_is_help=True, help="Check a dataset copy: counts, missing files, overlaps, NaN.")

Root = Annotated[Path, typer.Option(help="Folder of the dataset.")]
Json = Annotated[bool, typer.Option("--json", help="Print the complete report as JSON.")]


@app.callback()
def check() -> None:
    """Check a dataset copy. Exit code 0: complete; 3: problems, all listed; 4: not a dataset folder."""


@app.command()
def interhuman(root: Root, json: Json = False) -> None:
    """Check InterHuman: motions, captions, splits."""
    from intermask_cli.datasets.interhuman.check import check_interhuman, interhuman_ids

    _run(root, len(interhuman_ids(root)), check_interhuman, json)


@app.command()
def interx(root: Root, json: Json = False) -> None:
    """Check Inter-X: motions, captions, splits, word vectors."""
    from intermask_cli.datasets.interx.check import check_interx, count_clips

    _run(root, count_clips(root), check_interx, json)


def _run(
    root: Path, clips: int, check_dataset: Callable[[Path, Callable[[int], None]], DatasetReport], json: bool
) -> None:
    from intermask_cli.console import counter, emit_json
    from intermask_cli.console import out as console
    from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL

    with counter("check", clips, "clips") as progress:
        report = check_dataset(root, progress.advance)
    if json:
        emit_json(report.to_dict())
    else:
        console.print(_counts(report))
        for line in _problem_lines(report):
            console.print(line, markup=False)
    raise typer.Exit(EXIT_OK if report.ok else EXIT_PARTIAL)


def _counts(report: DatasetReport) -> Any:
    from rich.table import Table

    table = Table(title=f"{report.dataset} in {report.root}", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in report.counts.items():
        table.add_row(name, f"{value:,}")
    return table


def _problem_lines(report: DatasetReport) -> list[str]:
    """Problems by kind, the first few of each; `--json` has all."""
    lines = []
    for kind, problems in report.by_kind().items():
        lines.append(f"{problems[0].severity}: {kind} ({len(problems)})")
        lines += [f"  {problem.where}: {problem.detail}" for problem in problems[:SHOWN_PER_KIND]]
        if len(problems) > SHOWN_PER_KIND:
            lines.append(f"  and {len(problems) - SHOWN_PER_KIND} more; --json lists all")
    verdict = "complete" if report.ok else "not complete; parts with errors above cannot be used"
    return [*lines, f"{report.dataset}: {verdict}"]
