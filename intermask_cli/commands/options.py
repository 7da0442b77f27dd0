"""Options that generate and react share, and what they become."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol, get_type_hints

import typer

from intermask_cli.cleanup.modes import Clean

if TYPE_CHECKING:
    from intermask_cli.datasets.tables import Rejected
    from intermask_cli.generation.given_motions import ReactInput
    from intermask_cli.generation.prompts import PromptSet

SHOWN = 10  # bad lines told on stderr; all are in rejected.jsonl
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Run directory; the same command on it resumes.", show_default=False),
]
Model = Annotated[str, typer.Option(help="Bundled name, bundle folder or hub id.", envvar="INTERMASK_MODEL")]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="Folder or hub id of the model's text encoder, if it is not where expected.", show_default=False
    ),
]
Samples = Annotated[
    int, typer.Option(min=1, max=100_000, help="Samples per prompt, where its line gives none.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Run seed; each sample gets its own from it.")]
Steps = Annotated[
    int | None,
    typer.Option(min=1, max=1000, help="Decoding steps.  [default: the model's]", show_default=False),
]
Guidance = Annotated[
    float | None,
    typer.Option(help="Classifier-free guidance; 1 is none.  [default: the model's]", show_default=False),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="Divides the logits before a draw.  [default: the model's]", show_default=False),
]
Draw = Annotated[
    str | None, typer.Option(help="categorical or gumbel.  [default: the model's]", show_default=False)
]
Filter = Annotated[
    float | None,
    typer.Option(
        "--filter", help="Share of least likely codes dropped.  [default: the model's]", show_default=False
    ),
]
BatchSize = Annotated[
    str, typer.Option(help="Items sampled together; auto: what fits. Results do not depend on it.")
]
Processes = Annotated[
    str, typer.Option(help="Workers on this machine; auto: one per visible GPU, one on the CPU.")
]
Shard = Annotated[
    str | None,
    typer.Option(help="Make only the i-th of n parts of the run, as 3/16.", show_default=False),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="INTERMASK_DEVICE")]
Dtype = Annotated[str, typer.Option(help="float32 or bf16.")]
CudaGraphs = Annotated[
    bool,
    typer.Option(
        "--cuda-graphs",
        help="On a GPU, replay small batches as CUDA graphs (docs/guides/scale.md).",
        hidden=True,  # until it has run on a GPU
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first so many prompts.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another run in the directory.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop before anything is made if a line is bad.")]
CleanModes = Annotated[
    list[Clean] | None,
    typer.Option(
        help="Clean-up, repeatable: smooth; one of feet (planted feet stand, rigid bones), contact (the "
        "same, hands stay joined, less overlap), published; meet (hands that nearly meet do).  "
        "[default: none]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator of a command: a parameter whose type is a dataclass becomes one option per field.

    Fields are written as parameters are, `name: Annotated[type, typer.Option(...)] = default`. Typer sees the
    fields at the place of the parameter; the command receives the record made of them.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if not dataclasses.is_dataclass(kind):
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = kind
        of_field = get_type_hints(kind, include_extras=True)
        for item in dataclasses.fields(kind):
            default = inspect.Parameter.empty if item.default is dataclasses.MISSING else item.default
            parameters.append(
                inspect.Parameter(
                    item.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=of_field[item.name]
                )
            )

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{item.name: values.pop(item.name) for item in dataclasses.fields(kind)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def batch_size(text: str) -> int | None:
    """--batch-size: a number, or None for auto."""
    from intermask_cli.errors import InputError

    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InputError(f"--batch-size {text}: accepted are auto and 1 or more")
    return int(text)


def checked_graphs(wanted: bool, device: str) -> bool:
    """--cuda-graphs; InputError where it would do nothing."""
    from intermask_cli.devices import choose_device
    from intermask_cli.errors import InputError

    if wanted and choose_device(device, 0) == "cpu":
        raise InputError("--cuda-graphs: the device is the CPU; leave it out, or give --device cuda")
    return wanted


def usable(found: PromptSet, strict: bool) -> PromptSet:
    """The prompts read, after telling about bad lines; InputError if none is left or `strict` forbids any."""
    from intermask_cli.console import warn
    from intermask_cli.errors import InputError

    for bad in found.rejected[:SHOWN]:
        warn(f"{bad.file} line {bad.line} {bad.reason}; skipped")
    if len(found.rejected) > SHOWN:
        warn(f"{len(found.rejected) - SHOWN:,} more bad lines")
    if strict and found.rejected:
        raise InputError(f"{len(found.rejected):,} bad prompt lines and --strict; nothing was made")
    if not found.prompts:
        raise InputError("no usable prompt; a prompt file has one prompt a line (see prompts/README.md)")
    return found


def tell_rejected(rejected: Sequence[Rejected], strict: bool) -> None:
    """Warn of motions that cannot be used; InputError if `strict` forbids any."""
    from intermask_cli.console import warn
    from intermask_cli.errors import InputError

    for bad in rejected[:SHOWN]:
        warn(f"{bad.file}: {bad.reason}; skipped")
    if len(rejected) > SHOWN:
        warn(f"{len(rejected) - SHOWN:,} more unusable motions")
    if strict and rejected:
        raise InputError(f"{len(rejected):,} unusable motions and --strict; nothing was made")


def tell_inputs(inputs: Sequence[ReactInput]) -> None:
    """Say how the given motions were read, and warn of what is odd about them."""
    from intermask_cli.console import note, warn

    for one in inputs[:SHOWN]:
        note(f"read {one.source}")
        note(f"{one.path}: {one.bones}")
    if len(inputs) > SHOWN:
        note(f"read {len(inputs) - SHOWN:,} more motions")
    for one in inputs:
        for doubt in one.doubts:
            warn(f"{one.path}: {doubt}")


def cleaning_identity(modes: Sequence[Clean]) -> dict[str, Any]:
    """What clean-up adds to a run's identity: nothing without any."""
    return {"clean": [mode.value for mode in modes]} if modes else {}


def tell_effect(folder: Path) -> None:
    """Physics before and after clean-up of a finished run, on stderr, if it was cleaned."""
    from intermask_cli.cleanup.clean import EFFECT_LOG, read_effects
    from intermask_cli.console import note

    if (folder / EFFECT_LOG).is_file():
        for line in read_effects(folder / EFFECT_LOG).lines():
            note(line)


def tell_seams(folder: Path, longest_frames: int) -> None:
    """How smooth clips longer than the model's window are where windows meet, on stderr."""
    from intermask_cli.console import note
    from intermask_cli.generation.seam_report import seam_lines

    for line in seam_lines(folder, longest_frames):
        note(line)


class Report(Protocol):
    """Something that ends a command: lines for people, one object for machines, an exit code."""

    @property
    def exit_code(self) -> int: ...
    def lines(self) -> list[str]: ...
    def as_json(self) -> dict[str, Any]: ...


def report(result: Report | None, json: bool) -> NoReturn:
    """Print a result on stdout and leave with its exit code; None (another worker reports) prints nothing."""
    from intermask_cli.console import emit_json, out

    if result is None:
        raise typer.Exit(0)
    if json:
        emit_json(result.as_json())
    else:
        for line in result.lines():
            out.print(line, markup=False)
    raise typer.Exit(result.exit_code)
