"""`intermask train`: tokenizer, transformer, pair decoder, and the bundle made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from intermask_cli.commands.options import Json, with_option_groups

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from accelerate import Accelerator

    from intermask_cli.training.config import Recipe

R = TypeVar("R", bound="DataclassInstance")  # a recipe

app = typer.Typer(
    no_args_is_help=True,
    help="Train a tokenizer, a transformer, a pair decoder; put them into a bundle. Train an evaluator.",
)

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
TextEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--text-encoder",
        help="Frozen text encoder: minilm, clip, a plug-in, a folder or a hub id.  "
        "[default: the recipe's transformer_training.text_encoder]",
        show_default=False,
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Training folder.", show_default=False)]


@dataclass(frozen=True)
class TrainOptions:
    """Options of every training command of the model."""

    config: Annotated[
        str, typer.Option("--config", help="Recipe: duet-mini, interhuman, interx, or a .yaml file.")
    ] = "duet-mini"
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Change a recipe key, e.g. transformer_training.lr=5e-4; repeatable.",
            show_default=False,
        ),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Wall-clock budget instead of the recipe's; the schedule of the learning rate follows it."
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(help="Budget in steps instead of the recipe's; results are reproducible bit for bit."),
    ] = None
    seed: Annotated[int | None, typer.Option(help="Seed instead of the recipe's.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Continue the training in --out.")] = False
    device: Annotated[str, typer.Option(help="auto (a GPU if there is one) or cpu.")] = "auto"
    log_with: Annotated[
        str | None,
        typer.Option(
            help="Also log to tensorboard (files in OUT/logs) or wandb, whose package must be installed.",
            show_default=False,
        ),
    ] = None
    json: Json = False


@dataclass(frozen=True)
class EvaluatorTrainOptions(TrainOptions):
    """Options of `train evaluator`, with the evaluator's recipes."""

    config: Annotated[str, typer.Option("--config", help="Recipe: duet-eval, or a .yaml file.")] = "duet-eval"


@app.command()
@with_option_groups
def tokenizer(
    data: DataOption,
    out: OutOption,
    options: TrainOptions,
    body_model: Annotated[
        Path | None, typer.Option(help="SMPLX_NEUTRAL.npz; only the losses of Inter-X need it.")
    ] = None,
) -> None:
    """Train the motion tokenizer, the first stage."""
    from intermask_cli.training.stages import train_tokenizer

    with _training(options, "tokenizer_training", out) as (recipe, accelerator):
        report = train_tokenizer(recipe, data, out, options.resume, accelerator, body_model)
        _report(report, out, options.json)


@app.command()
@with_option_groups
def refine(
    data: DataOption,
    tokenizer: TokenizerOption,
    out: OutOption,
    options: TrainOptions,
    decoder_only: Annotated[
        bool,
        typer.Option(
            "--decoder-only", help="Train the decoder alone: encoder, codebook and tokens do not change."
        ),
    ] = False,
) -> None:
    """Train a finished tokenizer further (optional)."""
    from intermask_cli.training.stages import refine_tokenizer

    with _training(options, "refine_training", out) as (recipe, accelerator):
        report = refine_tokenizer(recipe, data, tokenizer, out, decoder_only, options.resume, accelerator)
        _report(report, out, options.json)


@app.command()
@with_option_groups
def transformer(
    data: DataOption,
    tokenizer: TokenizerOption,
    out: OutOption,
    options: TrainOptions,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start-from",
            help="Start from the weights of a transformer of the same sizes: its folder, or a model bundle "
            "by name or path.",
            show_default=False,
        ),
    ] = None,
    text_encoder: TextEncoderOption = None,
) -> None:
    """Train the masked transformer on the tokens of a trained tokenizer, the second stage."""
    from intermask_cli.training.stages import train_transformer

    settings = [f"transformer_training.text_encoder={text_encoder}"] if text_encoder else []
    with _training(options, "transformer_training", out, settings) as (recipe, accelerator):
        report = train_transformer(recipe, data, tokenizer, out, options.resume, accelerator, start)
        _report(report, out, options.json)


@app.command()
@with_option_groups
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
    options: TrainOptions,
    text_encoder: Annotated[
        str | None,
        typer.Option(
            help="The transformer's text encoder, where it is not found under its recorded name.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train the pair decoder, which corrects both persons together (optional, not in the paper)."""
    from intermask_cli.training.stages import train_pair_decoder

    with _training(options, "pair_decoder_training", out) as (recipe, accelerator):
        report = train_pair_decoder(
            recipe, data, tokenizer, transformer, out, options.resume, accelerator, text_encoder
        )
        _report(report, out, options.json)


@app.command()
@with_option_groups
def evaluator(
    data: Annotated[
        Path, typer.Option("--data", help="Duets corpus, from `intermask data duets`.", show_default=False)
    ],
    out: OutOption,
    options: EvaluatorTrainOptions,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start-from",
            help="Start from the weights of a trained evaluator of the same sizes: its folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train the text-motion evaluator on ground truth; the bundle is written to OUT/bundle."""
    from evaluators.training.recipe import load_evaluator_recipe
    from evaluators.training.train import train_evaluator

    recipe = load_evaluator_recipe(options.config)
    with _processes(options, recipe, "training", out) as (recipe, accelerator):
        report = train_evaluator(recipe, data, out, options.resume, accelerator, start)
        _report(report, out, options.json)


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
        typer.Option(
            "--pair-decoder",
            help="The trained pair decoder: its folder, or a model bundle by name or path.  "
            "[default: that of the tokenizer's bundle, if there is one]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            help="Licence of the weights.  [default: that of the model they start from]", show_default=False
        ),
    ] = None,
    training_data: Annotated[
        str | None,
        typer.Option(
            help="One line on what it was trained on.  [default: the model they start from, and --data]",
            show_default=False,
        ),
    ] = None,
    fp32: Annotated[bool, typer.Option("--fp32", help="Store full instead of half precision.")] = False,
    body: Annotated[
        str | None,
        typer.Option(
            help="What the model's motion becomes unless --body says otherwise: rigid or decoded.  "
            "[default: as the tokenizer's bundle, else decoded]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another bundle in the folder, never anything else.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the best weights of all stages as a model bundle, ready for `intermask generate --model`."""
    from intermask_cli.training.bundle import assemble_bundle

    report = assemble_bundle(
        tokenizer,
        transformer,
        pair_decoder,
        out,
        name or out.name,
        licence,
        training_data,
        not fp32,
        body,
        overwrite,
    )
    _report(report, out, json)


@app.command()
def reader(
    *,
    model: Annotated[
        str, typer.Option("--model", help="The model's bundle, by name or path; the reader is put into it.")
    ],
    kinds: Annotated[
        str,
        typer.Option(help="The kinds that the model knows, as in `data duets`; others are read as outside."),
    ] = "duets-1",
    work: Annotated[Path, typer.Option(help="Folder for encoded sentences, which are used again.")] = Path(
        "work"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the sentences, the weights and the batches.")] = 3407,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of the labels.")] = 600,
    json: Json = False,
) -> None:
    """Train the reader of a model of Duets, which says what a prompt asks for (minutes)."""
    from intermask_cli.datasets.duets.labels import kind_set
    from intermask_cli.training.reader.train import ReaderRecipe, train_reader

    report = train_reader(model, kind_set(kinds).kinds, work, ReaderRecipe(seed=seed, steps=steps))
    _report(report, Path(report["bundle"]), json)


@contextmanager
def _training(
    options: TrainOptions, section: str, out: Path, settings: Sequence[str] = ()
) -> Iterator[tuple[Recipe, Accelerator]]:
    """The model recipe of --config with the command's changes, and the processes that train it."""
    from intermask_cli.training.recipes import load_recipe

    recipe = load_recipe(options.config)
    with _processes(options, recipe, section, out, settings) as (changed, accelerator):
        yield changed, accelerator


@contextmanager
def _processes(
    options: TrainOptions, recipe: R, section: str, out: Path, settings: Sequence[str] = ()
) -> Iterator[tuple[R, Accelerator]]:
    """A recipe changed by --set, --minutes, --steps, --seed and a launcher, and the processes."""
    from intermask_cli.training.processes import training_processes, with_launcher_precision
    from intermask_cli.training.recipes import recipe_to_dict, with_overrides

    given = [*(options.settings or []), *settings]
    recipe = with_overrides(recipe, section, given, options.minutes, options.steps, options.seed)
    recipe = with_launcher_precision(recipe, section)
    record = recipe_to_dict(recipe)
    with training_processes(options.device, out, options.log_with, record) as accelerator:
        yield recipe, accelerator


def _report(report: dict[str, Any], out: Path, as_json: bool) -> None:
    from intermask_cli.console import emit_json, note
    from intermask_cli.console import out as stdout

    if as_json:
        emit_json(report)
        return
    for name, value in report.items():
        note(f"{name}: {value}")
    stdout.print(str(out), markup=False)
