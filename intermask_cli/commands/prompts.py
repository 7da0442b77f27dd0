"""`intermask prompts`: make, check and describe prompt files, drop duplicates, and split by wording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intermask_cli.commands import options as opt
from intermask_cli.config import DEFAULT_MODEL

if TYPE_CHECKING:
    from intermask_cli.generation.prompts.read import FrameLimits, PromptSet

app = typer.Typer(no_args_is_help=True, help="Make, check and split prompt files.")

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Prompt files (.txt .csv .tsv .jsonl .json), folders of them, or - for stdin.",
        show_default=False,
    ),
]
OutFile = Annotated[
    Path, typer.Option("--out", "-o", help="File to write: .csv, .tsv or .jsonl.", show_default=False)
]
Similar = Annotated[
    float | None,
    typer.Option(
        min=0.5,
        max=1.0,
        help="Also texts that share this part of their words, such as 0.9, and agree in persons, sides and "
        "tempo.",
        show_default=False,
    ),
]


@app.callback()
def prompts() -> None:
    """Make, check and describe prompt files, drop duplicates, and split by wording."""


@app.command()
@opt.with_option_groups
def make(
    *,
    out: OutFile,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Templates with slots, .yaml or .txt.  [default: the captions of the model's own kinds]",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=10_000_000, help="How many prompts.")
    ] = 100,
    kinds: Annotated[
        str | None,
        typer.Option(help="Only these kinds, separated by commas.  [default: all]", show_default=False),
    ] = None,
    seconds: Annotated[
        str | None,
        typer.Option(
            help="Lengths of an action, each equally often: 3,4.5,6.  [default: the templates' own]",
            show_default=False,
        ),
    ] = None,
    two_phase: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of prompts of two actions, one after the other.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same prompts.")] = 0,
    model: opt.Model = DEFAULT_MODEL,
    json: opt.Json = False,
) -> None:
    """Make different prompts, balanced over kinds, actors, sides, manners, tempi and lengths.

    The labels become columns, which generate copies to index.csv: kind, actor (person 1 or 2), side, manner,
    tempo, those of the templates, and the template's name, which split keeps together.
    """
    from intermask_cli.commands.reporting import report
    from intermask_cli.generation.prompt_sets.make import forms_of, make_prompts, parse_seconds

    forms, lengths = forms_of(spec, model, kinds)
    lengths = parse_seconds(seconds) if seconds is not None else lengths
    report(make_prompts(forms, count, lengths, seed, out, two_phase), json)


@app.command()
@opt.with_option_groups
def check(
    *,
    files: Files,
    model: opt.ModelOptions,
    similar: Similar = None,
    format: opt.PromptFormat = None,
    json: opt.Json = False,
) -> None:
    """Say what generate would reject or warn of, which prompts repeat others, and what they are read as.

    The exit code is 3 where lines are rejected. Prompts with a column kind are compared with what is read.
    """
    from intermask_cli.commands.reporting import report
    from intermask_cli.generation.prompt_sets.check import check_prompts

    source = model.source()
    report(check_prompts(_read(files, format, source.frame_limits()), source, similar), json)


@app.command()
def dedupe(
    files: Files,
    out: OutFile,
    similar: Similar = None,
    format: opt.PromptFormat = None,
    json: opt.Json = False,
) -> None:
    """Write the prompts that repeat no earlier one: other words, another length or another seed."""
    from intermask_cli.commands.reporting import report
    from intermask_cli.generation.prompt_sets.dedupe import dedupe_prompts

    report(dedupe_prompts(_read(files, format), out, similar), json)


@app.command()
@opt.with_option_groups
def stats(
    *,
    files: Files,
    read: Annotated[
        bool, typer.Option("--read", help="Count what the model reads instead of the file's columns.")
    ] = False,
    model: opt.ModelOptions,
    format: opt.PromptFormat = None,
    json: opt.Json = False,
) -> None:
    """Count prompts, wordings, words, lengths, and values of kind, actor, side, manner and tempo."""
    from intermask_cli.commands.reporting import report
    from intermask_cli.errors import InputError
    from intermask_cli.generation.prompt_sets.readings import read_texts
    from intermask_cli.generation.prompt_sets.stats import prompt_statistics

    source = model.source()
    limits = source.frame_limits()
    found = _read(files, format, limits)
    readings = read_texts((prompt.text for prompt in found.prompts), source, strict=False) if read else None
    if read and readings is None:
        raise InputError(f"--read: '{source.info.name}' has no reader; leave --read out to count columns")
    report(prompt_statistics(found, limits.default_length(None, None), limits.fps, readings), json)


@app.command()
def split(
    files: Files,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File with a column split, or a folder of one file for each split.",
            show_default=False,
        ),
    ],
    train: Annotated[float, typer.Option(help="Share of prompts to train on.")] = 0.9,
    val: Annotated[float, typer.Option(help="Share for validation; the rest is for testing.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Another seed deals the wordings otherwise.")] = 0,
    format: opt.PromptFormat = None,
    json: opt.Json = False,
) -> None:
    """Deal prompts into train, val and test, with no wording and no template in two of them."""
    from intermask_cli.commands.reporting import report
    from intermask_cli.datasets.wording import Shares
    from intermask_cli.generation.prompt_sets.split import split_prompts

    shares = Shares(train, val)
    report(split_prompts(_read(files, format).prompts, shares, seed, out), json)


def _read(files: list[Path], format: str | None, limits: FrameLimits | None = None) -> PromptSet:
    """Prompts of files; bad lines are warned of, InputError without usable ones."""
    from intermask_cli.commands.reporting import require_prompts
    from intermask_cli.generation.prompts.read import FrameLimits, read_prompts

    return require_prompts(read_prompts(files, limits or FrameLimits(), format), strict=False)
