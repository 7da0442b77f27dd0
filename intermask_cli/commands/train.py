"""`intermask train`: tokenizer, transformer, pair decoder, and the bundle made of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from accelerate import Accelerator

    from intermask_cli.training.config import Recipe

app = typer.Typer(
    no_args_is_help=True,
    help="Train a tokenizer, a transformer, a pair decoder; put them into a bundle. Train an evaluator.",
)

ConfigOption = Annotated[
    str, typer.Option("--config", help="Recipe: duet-mini, interhuman, interx, or a .yaml file.")
]
DataOption = Annotated[
    list[Path],
    typer.Option(
        "--data",
        help="Folder of a data set, e.g. from `intermask data duets`; repeat it to join several.",
        show_default=False,
    ),
]
TokenizerOption = Annotated[
    Path,
    typer.Option(
        "--tokenizer",
        help="The trained tokenizer: its folder, or a model bundle by name or path.",
        show_default=False,
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Training folder.", show_default=False)]
MinutesOption = Annotated[
    float | None,
    typer.Option(help="Wall-clock budget instead of the recipe's; the learning rate follows it."),
]
StepsOption = Annotated[
    int | None, typer.Option(help="Budget in steps instead of the recipe's; repeatable bit for bit.")
]
SeedOption = Annotated[int | None, typer.Option(help="Seed instead of the recipe's.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue the training in --out.")]
DeviceOption = Annotated[str, typer.Option(help="auto (a GPU if there is one) or cpu.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.command()
def tokenizer(
    data: DataOption,
    out: OutOption,
    config: ConfigOption = "duet-mini",
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    body_model: Annotated[
        Path | None, typer.Option(help="SMPLX_NEUTRAL.npz; only the losses of Inter-X need it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train the motion tokenizer (stage one)."""
    from intermask_cli.training.config import load_recipe
    from intermask_cli.training.stages import train_tokenizer

    recipe = _with_overrides(load_recipe(config), "tokenizer_training", minutes, steps, seed)
    report = train_tokenizer(recipe, data, out, resume, _accelerator(device), body_model)
    _report(report, out, json)


@app.command()
def refine(
    data: DataOption,
    tokenizer: TokenizerOption,
    out: OutOption,
    decoder_only: Annotated[
        bool,
        typer.Option("--decoder-only", help="Keep encoder and codebook, hence every token, as they are."),
    ] = False,
    config: ConfigOption = "duet-mini",
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Train a finished tokenizer further (optional)."""
    from intermask_cli.training.config import load_recipe
    from intermask_cli.training.stages import refine_tokenizer

    recipe = _with_overrides(load_recipe(config), "refine_training", minutes, steps, seed)
    report = refine_tokenizer(recipe, data, tokenizer, out, decoder_only, resume, _accelerator(device))
    _report(report, out, json)


@app.command()
def transformer(
    data: DataOption,
    tokenizer: TokenizerOption,
    out: OutOption,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start-from",
            help="A trained transformer of the same sizes (folder, or bundle by name or path): the start.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = "duet-mini",
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Train the masked transformer on a trained tokenizer's tokens (stage two)."""
    from intermask_cli.training.config import load_recipe
    from intermask_cli.training.stages import train_transformer

    recipe = _with_overrides(load_recipe(config), "transformer_training", minutes, steps, seed)
    report = train_transformer(recipe, data, tokenizer, out, resume, _accelerator(device), start)
    _report(report, out, json)


@app.command()
def pair_decoder(
    data: DataOption,
    tokenizer: TokenizerOption,
    transformer: Annotated[
        Path,
        typer.Option(
            "--transformer",
            help="The trained transformer: its folder, or a model bundle by name or path.",
            show_default=False,
        ),
    ],
    out: OutOption,
    config: ConfigOption = "duet-mini",
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Train the pair decoder, which corrects both persons together (optional, not in the paper)."""
    from intermask_cli.training.config import load_recipe
    from intermask_cli.training.stages import train_pair_decoder

    recipe = _with_overrides(load_recipe(config), "pair_decoder_training", minutes, steps, seed)
    report = train_pair_decoder(recipe, data, tokenizer, transformer, out, resume, _accelerator(device))
    _report(report, out, json)


@app.command()
def evaluator(
    data: Annotated[
        Path, typer.Option("--data", help="Duets corpus, from `intermask data duets`.", show_default=False)
    ],
    out: OutOption,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start-from",
            help="Folder of a trained evaluator of the same sizes; its weights are the start.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", help="Recipe: duet-eval, or a .yaml file.")
    ] = "duet-eval",
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Train the text-motion evaluator on ground truth; the bundle is written to OUT/bundle."""
    from evaluators.training.train import load_evaluator_recipe, train_evaluator

    recipe = load_evaluator_recipe(config)
    training = recipe.training
    if minutes is not None or steps is not None:
        training = dataclasses.replace(training, minutes=float(minutes or 0.0), steps=steps or 0)
    if seed is not None:
        training = dataclasses.replace(training, seed=seed)
    recipe = dataclasses.replace(recipe, training=training)
    report = train_evaluator(recipe, data, out, resume, _accelerator(device), start)
    _report(report, out, json)


@app.command()
def bundle(
    tokenizer: Annotated[
        Path,
        typer.Option(
            "--tokenizer",
            help="Folder of the trained tokenizer, or the bundle it was taken from.",
            show_default=False,
        ),
    ],
    transformer: Annotated[
        Path, typer.Option("--transformer", help="Folder of the trained transformer.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Bundle folder to write.", show_default=False)],
    pair_decoder: Annotated[
        Path | None,
        typer.Option("--pair-decoder", help="Folder of a trained pair decoder.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
    training_data: Annotated[str, typer.Option(help="One line on what it was trained on.")] = "",
    fp32: Annotated[bool, typer.Option("--fp32", help="Store full instead of half precision.")] = False,
    json: JsonOption = False,
) -> None:
    """Write the best weights of all stages as a model bundle, ready for `intermask generate --model`."""
    from intermask_cli.training.bundle import assemble_bundle

    named = name or out.name
    report = assemble_bundle(
        tokenizer, transformer, pair_decoder, out, named, licence, training_data, not fp32
    )
    _report(report, out, json)


def _with_overrides(
    recipe: Recipe, section: str, minutes: float | None, steps: int | None, seed: int | None
) -> Recipe:
    """The recipe with the command line's budget and seed; a budget given here replaces the recipe's."""
    stage = getattr(recipe, section)
    if minutes is not None or steps is not None:
        stage = dataclasses.replace(stage, minutes=float(minutes or 0.0), steps=steps or 0)
    if seed is not None:
        stage = dataclasses.replace(stage, seed=seed)
    return dataclasses.replace(recipe, **{section: stage})


def _accelerator(device: str) -> Accelerator:
    from accelerate import Accelerator

    from intermask_cli.errors import InputError

    if device not in ("auto", "cpu"):
        raise InputError(f"--device {device}: accepted: auto, cpu (choose a GPU with CUDA_VISIBLE_DEVICES)")
    return Accelerator(cpu=device == "cpu")


def _report(report: dict, out: Path, as_json: bool) -> None:
    from intermask_cli.console import emit_json, note
    from intermask_cli.console import out as stdout

    if as_json:
        emit_json(report)
        return
    for name, value in report.items():
        note(f"{name}: {value}")
    stdout.print(str(out), markup=False)
