"""`intermask info`: what is in a run directory, a dataset, a model bundle or a motion file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(
    path: Annotated[
        str,
        typer.Argument(
            help="Run directory, .h5, bundle (folder or bundled name) or motion file.", show_default=False
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Describe a run, dataset, model or motion file."""
    from evaluators.networks.bundle import EVALUATOR, evaluator_sha256, list_evaluators, resolve_evaluator
    from intermask_cli.console import emit_json, out
    from intermask_cli.generation.describe import describe

    found = describe(str(resolve_evaluator(path)) if path in list_evaluators() else path)
    if found.get("bundle_kind") == EVALUATOR.kind:  # an evaluator's hash covers other files than a model's
        found["sha256"] = evaluator_sha256(Path(found["path"]))
    if json:
        emit_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        out.print(f"{name.replace('_', ' '):<{width}}  {_plain(value)}", markup=False)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list) and value and all(isinstance(number, int) for number in value):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
