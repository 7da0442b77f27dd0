"""`intermask evaluate`: the paper's metrics with intervals, physics, and a report per prompt."""

from __future__ import annotations

import os
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intermask_cli.commands import options
from intermask_cli.config import DEFAULT_MODEL

if TYPE_CHECKING:
    from evaluators.protocols.evaluation import Evaluation


class TableStyle(str, Enum):
    """How tables are printed."""

    plain = "plain"
    md = "md"
    latex = "latex"


@options.with_option_groups
def evaluate(
    context: typer.Context,
    *,
    subject: Annotated[
        Path | None,
        typer.Argument(
            help="Run, interactions.h5, or folder of motions with captions to score; without it a model.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Bundled name, bundle folder or hub id.  [env var: INTERMASK_MODEL; default: duet-mini]",
            show_default=False,
        ),
    ] = None,
    evaluator: Annotated[
        str, typer.Option(help="Bundled name, folder of an imported evaluator, or name of a plug-in.")
    ] = "duet-eval",
    reference: Annotated[
        str,
        typer.Option(
            help="Real motion to compare with: test (bundled), a run, an .h5, an InterHuman or Inter-X root."
        ),
    ] = "test",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the reports.")] = Path(
        "runs/evaluation"
    ),
    repeats: Annotated[
        int | None,
        typer.Option(min=1, help="Repetitions.  [default: the protocol's; paper: 20]", show_default=False),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="generate, or react: a partner for one real person.  [default: generate]",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="interhuman or interx: the paper's full protocol on your copy, see --root.",
            show_default=False,
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the dataset.", show_default=False)] = None,
    clips: Annotated[
        int | None,
        typer.Option(min=2, help="Clips of the bundled test split.  [default: 128]", show_default=False),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out MModality, which needs most of the samples.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of pools, pairs and generated samples.")] = 3407,
    sampling: options.SamplingOptions,
    text_encoder: options.TextEncoder = None,
    evaluator_text_encoder: Annotated[
        str | None,
        typer.Option(
            help="The evaluator's text encoder, if not where expected: minilm, clip, a folder or a hub id.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        str | None,
        typer.Option(
            help="Workers that generate motion; auto: one per visible GPU or core.  [default: auto]",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder of cached embeddings and samples.  [default: the user's cache folder]",
            show_default=False,
            envvar="INTERMASK_CACHE",
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Compare two report.json files instead of scoring.", show_default=False),
    ] = None,
    table: Annotated[
        TableStyle, typer.Option("--table", help="Print tables as plain text, Markdown or LaTeX.")
    ] = TableStyle.plain,
    faults: Annotated[
        bool,
        typer.Option(
            "--faults",
            help="Score corrupted real motion instead: a sensitivity test (docs/guides/evaluate.md).",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Score a model, or a file of interactions, against real motion.

    Without arguments: the bundled model on the bundled test split. Writes report.json, report.md,
    per_prompt.csv and plots to --out. What cannot be scored is listed, and the exit code is 3.
    """
    if compare is not None:
        _only(context, "compare", "json", "table")
        _compare(*compare, table, json)
        return
    from evaluators.data.cache import Cache, usable_cache
    from evaluators.run import EvaluationRequest, run_evaluation, run_sensitivity

    if not faults:
        _check_out(out)
    request = EvaluationRequest(
        subject=subject, model=model, evaluator=evaluator, reference=reference, repeats=repeats, task=task,
        clips=clips, seed=seed, text_encoder=text_encoder, evaluator_text_encoder=evaluator_text_encoder,
        processes=processes, device=device, cache=Cache(usable_cache(cache, shared=dataset is not None)),
        default_model=os.environ.get("INTERMASK_MODEL") or DEFAULT_MODEL,
        dataset=dataset, root=root, quick=quick, sensitivity=faults, sampling=asdict(sampling),
    )  # fmt: skip
    if faults:
        _show_sensitivity(run_sensitivity(request), json)
        return
    evaluation = run_evaluation(request)
    if evaluation is not None:  # else another process of the launcher reports
        _report(evaluation, out, table, json)


def _only(context: typer.Context, *names: str) -> None:
    """InputError if the command line has an option other than these."""
    from intermask_cli.errors import InputError

    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in names and source is not None and source.name == "COMMANDLINE":
            shown = "SUBJECT" if name == "subject" else "--" + name.replace("_", "-")
            raise InputError(f"{shown} has no effect with --{names[0]}; leave {shown} out")


def _check_out(out: Path) -> None:
    """Say before the work what would spoil its end: a folder that cannot be written, no matplotlib."""
    import importlib.util

    from intermask_cli.console import note
    from intermask_cli.files import check_writable

    check_writable(out)
    if importlib.util.find_spec("matplotlib") is None:
        note("no plots: matplotlib is missing (pip install 'intermask[viz]')")


def _report(evaluation: Evaluation, out: Path, style: TableStyle, as_json: bool) -> None:
    from evaluators.reports.plots import draw_plots
    from evaluators.reports.report import metric_table, physics_rows, reasons, write_reports
    from intermask_cli.commands.reporting import SHOWN
    from intermask_cli.console import emit_json, note, warn
    from intermask_cli.console import out as stdout
    from intermask_cli.errors import EXIT_PARTIAL, IntermaskError

    report = write_reports(evaluation, out)
    try:
        draw_plots(evaluation, report, out)
    except (IntermaskError, ImportError, OSError) as error:
        warn(f"no plots: {error}")
    if as_json:
        emit_json(report)
    else:
        _print_table(metric_table(report), style)
        for line in reasons(report):
            note(f"absent, {line}")
        stdout.print()
        _print_table(physics_rows(report), style)
        stdout.print()
        stdout.print(f"reports: {out / 'report.md'}, report.json, per_prompt.csv", markup=False)
    for id, reason in evaluation.left_out[:SHOWN]:
        warn(f"{id}: {reason}; left out")
    if len(evaluation.left_out) > SHOWN:
        warn(f"{len(evaluation.left_out) - SHOWN:,} more were left out; report.json lists them all")
    if evaluation.left_out:
        raise typer.Exit(EXIT_PARTIAL)


def _compare(a: Path, b: Path, style: TableStyle, as_json: bool) -> None:
    from evaluators.reports.comparing import HEADER, compare, comparison_notes, comparison_table
    from evaluators.reports.report import read_report
    from intermask_cli.console import emit_json, note

    report_a, report_b = read_report(a), read_report(b)
    verdicts = compare(report_a, report_b)
    for line in comparison_notes(report_a, report_b):
        note(line)
    if as_json:
        emit_json([dict(zip(HEADER, verdict.cells, strict=True)) for verdict in verdicts])
    else:
        _print_table(comparison_table(verdicts), style)


def _show_sensitivity(table: dict[str, dict[str, Any]], as_json: bool) -> None:
    from evaluators.reports.sensitivity import plain_sensitivity, sensitivity_markdown
    from intermask_cli.console import emit_json
    from intermask_cli.console import out as stdout

    if as_json:
        emit_json(plain_sensitivity(table))
    else:
        stdout.print(sensitivity_markdown(table), markup=False)


def _print_table(rows: list[list[str]], style: TableStyle) -> None:
    from evaluators.reports.tables import latex_table, markdown_table, plain_table
    from intermask_cli.console import out as stdout

    write = {TableStyle.md: markdown_table, TableStyle.latex: latex_table, TableStyle.plain: plain_table}
    stdout.print(write[style](rows), markup=False, soft_wrap=True)
