"""`intermask plan`: what a run would make, and what it would cost on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from intermask_cli.commands import options as opt
from intermask_cli.config import MEASURED_SECONDS


@opt.with_option_groups
def plan(
    *,
    asked: opt.PromptOptions,
    items: opt.PlanOptions,
    model: opt.ModelOptions,
    sampling: opt.SamplingOptions,
    measure: Annotated[
        float, typer.Option(min=0, help="Seconds in which clips are made to measure; 0 makes none.")
    ] = MEASURED_SECONDS,
    json: opt.Json = False,
) -> None:
    """Say what a run would make and cost; nothing is written.

    Counts, minutes of motion, size, time and memory on this machine, rejected lines, and what the texts are
    read as. A few clips of this very plan are made and measured by as many workers as the run would have.
    """
    from intermask_cli.commands.reporting import report
    from intermask_cli.generation.estimate import estimate
    from intermask_cli.generation.requests import generate_job

    settings = items.settings(model, sampling)
    job = generate_job(settings, asked.request(settings.source, items.strict))
    report(estimate(job, settings.source, items.strict, measure), json)
