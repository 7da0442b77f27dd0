"""The `intermask` command: commands by name, and every outcome as an exit code and at most one line.

Command modules import nothing heavy at their top, so `intermask --help` starts as fast as typer does.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from intermask_cli.errors import EXIT_FAILURE, EXIT_OK, EXIT_SIGINT, IntermaskError
from intermask_cli.version import __version__

#: Command name -> module of `intermask_cli.commands`, in the order of `--help`. A module has a function
#: of its own name, or `app` with subcommands.
COMMANDS = {
    "generate": "generate",
    "react": "react",
    "evaluate": "evaluate",
    "train": "train",
    "data": "data",
    "import-checkpoint": "import_checkpoint",
    "export": "export",
    "view": "view",
    "render": "render",
    "merge": "merge",
    "info": "info",
    "doctor": "doctor",
}

app = typer.Typer(
    name="intermask",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
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


def _register() -> None:
    for name, module_name in COMMANDS.items():
        module = importlib.import_module(f"intermask_cli.commands.{module_name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, module_name))


_register()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit. Expected failures are one line on stderr; others a hint at --debug."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if "--debug" in words:
        words.remove("--debug")
        os.environ["INTERMASK_DEBUG"] = "1"
    try:
        app(words, prog_name="intermask")
    except IntermaskError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", EXIT_SIGINT)
    except BrokenPipeError:
        _silence_stdout()
        sys.exit(EXIT_FAILURE)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error} (run with --debug for the traceback)", EXIT_FAILURE)
    sys.exit(EXIT_OK)


def _fail(message: str, code: int) -> NoReturn:
    """One line `error: ...`; the traceback before it with --debug or INTERMASK_DEBUG."""
    if os.environ.get("INTERMASK_DEBUG", "") not in ("", "0"):
        traceback.print_exc()
    print("error:", " ".join(message.split("\n")), file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _silence_stdout() -> None:
    """The reader of our output is gone: keep the interpreter from complaining when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
