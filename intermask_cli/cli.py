"""The `intermask` command: commands by name, and every outcome as an exit code and at most one line.

A command's module is imported when the command is used, and imports nothing heavy at its top, so
`intermask --help` takes little longer than typer takes to start.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_group

from intermask_cli.errors import EXIT_FAILURE, EXIT_OK, EXIT_SIGINT, EXIT_SIGTERM, IntermaskError, Terminated
from intermask_cli.version import __version__


class Command(NamedTuple):
    """A module of `intermask_cli.commands` with a function of its own name, or `app` with subcommands."""

    module: str
    summary: str  # its line in `intermask --help`


#: By name, in the order of `--help`.
COMMANDS = {
    "generate": Command("generate", "Prompt files to a dataset of interactions."),
    "react": Command("react", "The partner for a given person, or for each of many."),
    "evaluate": Command("evaluate", "Score a model, or interactions made elsewhere."),
    "train": Command("train", "Train a tokenizer, transformer or evaluator; bundle them."),
    "data": Command("data", "Make and check datasets."),
    "import-checkpoint": Command("import_checkpoint", "A published checkpoint to a bundle."),
    "export": Command("export", "BVH, GLB, NPZ or NPY files, or a dataset tree."),
    "view": Command("view", "One web page that plays interactions, offline."),
    "render": Command("render", "Interactions as contact sheets, GIF or MP4."),
    "merge": Command("merge", "The parts of shards to a dataset."),
    "info": Command("info", "What is in a run, dataset, model or motion file."),
    "doctor": Command("doctor", "What works on this machine."),
}


class _Commands(TyperGroup):
    """Commands that are imported when they are needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        # A misspelt name needs all of them: typer suggests one of those it knows.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _imported(name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


def _imported(name: str) -> Any:
    """The command of that name, as typer makes it."""
    module = importlib.import_module(f"intermask_cli.commands.{COMMANDS[name].module}")
    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    if hasattr(module, "app"):
        holder.add_typer(module.app, name=name)
    else:
        holder.command(name)(getattr(module, COMMANDS[name].module))
    return get_group(holder).commands[name]


app = typer.Typer(
    name="intermask",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(given: bool) -> None:
    if given:
        typer.echo(f"intermask {__version__}")
        raise typer.Exit(EXIT_OK)


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; also INTERMASK_DEBUG=1, also after the command.")
    ] = False,
) -> None:
    """Text to two-person 3D motion: batch generation, reaction and evaluation with InterMask."""


def _terminated(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the process is ending already
    raise Terminated


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit. Expected failures are one line on stderr; others a hint at --debug."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    debug = os.environ.get("INTERMASK_DEBUG", "") not in ("", "0")
    if "--debug" in words:
        words.remove("--debug")
        debug = True
    before: Any = signal.signal(signal.SIGTERM, _terminated)
    try:
        app(words, prog_name="intermask")
    except IntermaskError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("interrupted", EXIT_SIGINT, debug)
    except Terminated:
        before = signal.SIG_IGN
        _fail("terminated", EXIT_SIGTERM, debug)
    except BrokenPipeError:
        _silence_stdout()
        sys.exit(EXIT_FAILURE)
    except Exception as error:
        message = f"{type(error).__name__}: {error} (run with --debug for the traceback)"
        _fail(message, EXIT_FAILURE, debug)
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(EXIT_OK)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    """One line `error: ...`, after the traceback if that is asked for."""
    if debug:
        import traceback  # 5 ms that --help need not take

        traceback.print_exc()
    print("error:", " ".join(message.split("\n")), file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _silence_stdout() -> None:
    """Nothing reads our output any more: keep the interpreter from complaining as it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
