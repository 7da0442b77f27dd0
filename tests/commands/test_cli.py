"""The command line itself: fast help, version, errors as one line and one exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from intermask_cli import cli as command_line
from intermask_cli.errors import InputError, IntermaskError, InterruptedRun, MissingError
from intermask_cli.version import __version__

Run = Callable[..., tuple[int, str, str]]
HEAVY = ("torch", "numpy", "pandas", "h5py", "transformers", "accelerate", "matplotlib", "scipy")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"""
import sys
from intermask_cli.cli import main
try:
    main({words!r})
except SystemExit as ended:
    assert ended.code == 0
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    result = python(code)
    assert result.returncode == 0, result.stderr


#: Modules that take longer to import than most commands may take.
SLOW = (
    "torch", "torch._dynamo", "transformers", "accelerate", "pandas", "scipy", "scipy.stats", "matplotlib",
    "sympy", "huggingface_hub",
)  # fmt: skip
REPORT_IMPORTS = f"""
import sys
from intermask_cli.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print("imported:", *(name for name in {SLOW!r} if name in sys.modules))
"""


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A run of one prompt with the bundled model, its BVH files, and the slow modules that it imported."""
    folder = tmp_path_factory.mktemp("starts")
    (folder / "prompts.txt").write_text("two people bow\n")
    run = folder / "run"
    made = slow_imports("generate", folder / "prompts.txt", "--frames", 40, "--device", "cpu", "--out", run)
    slow_imports("export", run, "--to", "bvh", "--out", folder / "bvh")
    return folder, made


def slow_imports(*arguments: object) -> set[str]:
    """Which of `SLOW` a command imports; it has to succeed."""
    result = python(REPORT_IMPORTS, *map(str, arguments))
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rpartition("imported:")[2].split())


@pytest.mark.slow
@pytest.mark.long
def test_generate_imports_no_library_but_pytorch(finished_run: tuple[Path, set[str]]) -> None:
    """transformers alone takes twice as long as PyTorch."""
    assert finished_run[1] == {"torch"}


@pytest.mark.slow
@pytest.mark.long
def test_react_imports_no_library_but_pytorch(finished_run: tuple[Path, set[str]], tmp_path: Path) -> None:
    given = finished_run[0] / "bvh" / "prompts-1-s0_person1.bvh"
    out = ("--input", given, "--prompt", "two people bow", "--device", "cpu", "--out", tmp_path / "run")
    assert slow_imports("react", *out) == {"torch"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("info {}/run", set()),
        ("info {}/run/interactions.h5", set()),
        ("info duet-mini", set()),
        ("info duet-eval", set()),
        ("info {}/bvh/prompts-1-s0_person1.bvh", set()),
        ("export {}/run --to bvh --overwrite", set()),
        ("export {}/run --to glb", set()),
        ("export {}/run --to npz", set()),
        ("view {}/run", set()),
        ("render {}/run --out {}/sheet.png", {"matplotlib"}),
        ("convert {}/bvh/prompts-1-s0_person1.bvh {}/one.npz", set()),
    ],
)
def test_commands_without_a_network_import_no_pytorch(
    finished_run: tuple[Path, set[str]], words: str, allowed: set[str]
) -> None:
    imported = slow_imports(*(word.format(finished_run[0]) for word in words.split()))
    assert imported <= allowed


@pytest.mark.slow
@pytest.mark.long
def test_evaluate_imports_no_library_but_pytorch_special_functions_and_plots(
    finished_run: tuple[Path, set[str]], tmp_path: Path
) -> None:
    """scipy.stats and PyTorch's compiler took a third of the start."""
    report = tmp_path / "report"
    places = ("--clips", 4, "--out", report, "--cache", tmp_path / "cache", "--device", "cpu")
    imported = slow_imports("evaluate", finished_run[0] / "run", *places)
    assert imported - {"sympy"} == {"torch", "scipy", "matplotlib"}  # sympy: PyTorch's masks of attention
    files = (report / "report.json",) * 2
    assert slow_imports("evaluate", "--compare", *files) == {"scipy"}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(cli: Run, flag: str) -> None:
    code, out, _ = cli(flag)
    assert code == 0
    for name in command_line.COMMANDS:
        assert name in out
        code, text, _ = cli(name, flag)
        assert code == 0
        assert "Usage: intermask " + name in text


def test_version(cli: Run) -> None:
    assert cli("--version") == (0, f"intermask {__version__}\n", "")


def test_no_arguments_show_help(cli: Run) -> None:
    code, out, err = cli()
    assert code == 2
    assert "Usage" in out + err


@pytest.mark.parametrize("words", [["react"], ["generate", "x.txt", "--no-such"], ["nonsense"]])
def test_usage_errors_exit_2(cli: Run, words: list[str]) -> None:
    code, out, err = cli(*words)
    assert code == 2
    assert out == ""
    assert "Usage" in err


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Replace the application by one whose only command raises."""

    def install(error: BaseException) -> None:
        app = typer.Typer(pretty_exceptions_enable=False)

        @app.command()
        def fail() -> None:
            raise error

        monkeypatch.setattr(command_line, "app", app)

    return install


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (IntermaskError("went wrong"), 1),
        (InputError("went wrong"), 2),
        (MissingError("went wrong"), 4),
        (InterruptedRun("went wrong", 143), 143),
    ],
)
def test_expected_errors_are_one_line(cli: Run, raising: Callable, error: IntermaskError, code: int) -> None:
    raising(error)
    assert cli() == (code, "", "error: went wrong\n")


def test_bugs_are_one_line_and_debug_shows_the_traceback(
    cli: Run, raising: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERMASK_DEBUG", "")
    raising(KeyError("a\nb"))
    code, out, err = cli()
    assert (code, out) == (1, "")
    assert err.startswith("error: KeyError") and err.count("\n") == 1 and "--debug" in err
    code, out, err = cli("--debug")
    assert code == 1
    assert "Traceback" in err


def test_keyboard_interrupt_exits_130(cli: Run, raising: Callable) -> None:
    raising(KeyboardInterrupt())
    assert cli()[0] == 130


@pytest.mark.slow
@pytest.mark.long
def test_sigterm_exits_143_with_a_word() -> None:
    """Before a run has begun, too: here it reads its prompts from a pipe that stays open."""
    command = [sys.executable, "-m", "intermask_cli", "generate", "-", "--device", "cpu", "--out", "never"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None and process.stderr is not None
    process.stdin.write(b"two people bow" * 100_000)  # more than a pipe holds, so this ends while it is read
    process.stdin.flush()
    while process.poll() is None:  # Python sees no signal that comes between two reads of the pipe
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
    assert process.returncode == 143
    err = process.stderr.read().decode()
    process.stdin.close()
    process.stderr.close()
    assert err == "error: terminated\n"


def test_a_misspelt_command_is_guessed(cli: Run) -> None:
    code, _, err = cli("genrate")
    assert code == 2 and "generate" in err.partition("Did you mean")[2]


def test_help_imports_no_command() -> None:
    """Twelve modules with their options, turned into commands, took as long as all the rest."""
    code = """
import sys
from intermask_cli.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
loaded = [name for name in sys.modules if name.startswith("intermask_cli.commands.")]
assert not loaded, loaded
"""
    result = python(code)
    assert result.returncode == 0, result.stderr


def test_a_closed_pipe_is_quiet() -> None:
    """`intermask ... | head` must not end in a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "intermask_cli", "--help"]
    result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert result.returncode == 1
    assert result.stderr == ""


def test_python_dash_m(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "intermask_cli", "--version"], capture_output=True, text=True, check=False
    )
    assert result.stdout == f"intermask {__version__}\n"
