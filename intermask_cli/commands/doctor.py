"""`intermask doctor`: what works on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    hub: Annotated[
        bool, typer.Option("--hub", help="Also try to reach the Hugging Face hub (network).")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Check what works on this machine.

    Versions, device, bundled models, text encoder, disk and optional extras. Exit code 4 when generating
    with the bundled model cannot work; the line then says what to do.
    """
    from intermask_cli.console import emit_json, out
    from intermask_cli.errors import EXIT_MISSING
    from intermask_cli.generation.checkup import check_machine

    checks = check_machine(hub)
    if json:
        emit_json(
            {"ok": all(check.state != "missing" for check in checks), "checks": [vars(c) for c in checks]}
        )
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            out.print(f"{check.state:<8} {check.name:<{width}}  {check.detail}", markup=False)
    if any(check.state == "missing" for check in checks):
        raise typer.Exit(EXIT_MISSING)
