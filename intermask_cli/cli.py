"""The `intermask` command: finds commands by name, and turns errors into one line and an exit code.

A command's module is imported when the command is used, and imports nothing heavy at its top, so
`intermask --help` takes little longer than typer takes to start.
"""

from __future__ import annotations

import functools
import importlib
import io
import os
import signal
import sys
from pathlib import Path
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
    "generate": Command("generate", "Make a dataset of interactions from prompt files."),
    "plan": Command("plan", "Say what a run would make and cost, measured on a few clips."),
    "prompts": Command("prompts", "Make, check and split prompt files."),
    "react": Command("react", "Make a partner for a given person, or for each of many."),
    "extend": Command("extend", "Continue interactions."),
    "inbetween": Command("inbetween", "Make the motion from one clip to another."),
    "edit": Command("edit", "Make a part of interactions again."),
    "evaluate": Command("evaluate", "Score a model, or interactions from any source."),
    "train": Command("train", "Train a tokenizer, transformer or evaluator; bundle them."),
    "data": Command("data", "Make and check datasets."),
    "import-checkpoint": Command("import_checkpoint", "Convert a published checkpoint to a bundle."),
    "export": Command("export", "Write BVH, GLB, NPZ or NPY files, or a dataset."),
    "convert": Command("convert", "Convert motion files from one format to another."),
    "view": Command("view", "Write an offline web page that plays interactions."),
    "render": Command("render", "Draw interactions as contact sheets, GIF or MP4."),
    "select": Command("select", "Keep the interactions of a run that meet a condition."),
    "split": Command("split", "Deal a dataset into train, val and test."),
    "stats": Command("stats", "Write the data card of a dataset."),
    "merge": Command("merge", "Merge the parts of shards into a dataset."),
    "serve": Command("serve", "Serve a model over HTTP, with a page to try it."),
    "info": Command("info", "Describe a run, dataset, model or motion file."),
    "doctor": Command("doctor", "Check what works on this machine."),
}


class _Commands(TyperGroup):
    """Imports a command when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        # For a misspelt name all commands are imported, so that typer can suggest the nearest.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _imported(name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


@functools.cache
def _imported(name: str) -> Any:
    """Typer's object for the command of that name."""
    module = importlib.import_module(f"intermask_cli.commands.{COMMANDS[name].module}")
    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    if hasattr(module, "app"):
        _take_local_paths(module.app)
        holder.add_typer(module.app, name=name)
    else:
        holder.command(name)(_with_local_paths(getattr(module, COMMANDS[name].module)))
    return get_group(holder).commands[name]


def _take_local_paths(app: typer.Typer) -> None:
    """`_with_local_paths` for all commands of a group."""
    for command in app.registered_commands:
        command.callback = _with_local_paths(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _take_local_paths(group.typer_instance)


def _with_local_paths(command: Any) -> Any:
    """A command that refuses URLs as paths: `Path` would make `s3:/bucket` of them, a folder on this machine.

    Options that take URLs are texts.
    """

    @functools.wraps(command)
    def run(**values: Any) -> None:
        from intermask_cli.files import require_local

        for value in values.values():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path):
                    require_local(path)
        command(**values)

    return run


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
        bool, typer.Option("--debug", help="Show tracebacks; may follow the command. Also INTERMASK_DEBUG=1.")
    ] = False,
) -> None:
    """Text to two-person 3D motion: batch generation, reaction and evaluation with InterMask."""


def _terminated(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the process is ending already
    raise Terminated


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit. An error is one line on stderr; for a bug it names --debug."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    debug = os.environ.get("INTERMASK_DEBUG", "") not in ("", "0")
    _escape_what_cannot_be_shown()
    if "--debug" in words:
        words.remove("--debug")
        debug = True
    previous_handler: Any = signal.signal(signal.SIGTERM, _terminated)
    try:
        app(words, prog_name="intermask")
    except IntermaskError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("interrupted", EXIT_SIGINT, debug)
    except Terminated:
        previous_handler = signal.SIG_IGN
        _fail("terminated", EXIT_SIGTERM, debug)
    except BrokenPipeError:
        _silence_stdout()
        sys.exit(EXIT_FAILURE)
    except Exception as error:
        message = f"{type(error).__name__}: {error} (run with --debug for the traceback)"
        _fail(message, EXIT_FAILURE, debug)
    finally:
        signal.signal(signal.SIGTERM, previous_handler)
    sys.exit(EXIT_OK)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    """Print one line `error: ...`, after the traceback if `debug` is set, and exit."""
    if debug:
        import traceback  # not at the top: it takes 5 ms

        traceback.print_exc()
    print("error:", " ".join(message.split("\n")), file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _escape_what_cannot_be_shown() -> None:
    """Print escapes for characters that the output's encoding lacks: a finished run must not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Discard further output, so that the flush at exit does not fail on the closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
