"""The training commands of README.md and docs/ run as printed, on a small data set without labels.

They are read from the pages. Those of one block share a folder: later ones use what earlier ones made.
Only the recipe is another, of tiny sizes.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from intermask_cli.cli import app
from intermask_cli.training.recipes import load_recipe
from tests.helpers.paths import ROOT
from tests.helpers.training_samples import TINY_RECIPE, pairs_tree

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A page with all options in a table of its own, which is made from the commands.
GENERATED = ROOT / "docs" / "reference" / "cli.md"
TRAIN = re.compile(r"^intermask (train .*)$", re.MULTILINE)


def commands_of(page: Path) -> list[list[list[str]]]:
    """The words of the `intermask train` lines of a page, by fenced block."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = (TRAIN.findall(block.replace("\\\n", " ")) for block in blocks)
    found = (
        [shlex.split(line, comments=True) for line in of_block if "..." not in line] for of_block in lines
    )
    return [commands for commands in found if commands]


BLOCKS = [
    pytest.param(commands, id=f"{page.stem}-{number}")
    for page in PAGES
    if page != GENERATED
    for number, commands in enumerate(commands_of(page), 1)
]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.output


def test_the_pages_have_every_stage() -> None:
    stages = {words[1] for block in BLOCKS for words in block.values[0]}
    assert stages >= {"tokenizer", "refine", "transformer", "pair-decoder", "bundle"}


@pytest.mark.slow
@pytest.mark.parametrize("commands", BLOCKS)
@pytest.mark.long
def test_the_commands_of_a_block_run_in_order(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERMASK_CACHE", str(tmp_path / "cache"))
    Path("tiny.yaml").write_text(TINY_RECIPE)
    models = []
    for words in map(list, commands):
        given = dict(pairwise(words))
        if words[1] == "reader":  # takes minutes: tests/training/test_reader.py trains one
            run(*words, "--help")
            continue
        if "--config" in given:
            load_recipe(given["--config"])  # which exists
            words[words.index("--config") + 1] = "tiny.yaml"
        elif words[1] != "bundle":
            words += ["--config", "tiny.yaml"]
        if "--data" in given and not Path(given["--data"]).exists():
            pairs_tree(Path(given["--data"]))
        run(*words, *() if words[1] == "bundle" else ("--device", "cpu"))
        if words[1] == "bundle":
            models.append(given["--out"])
    Path("prompts.txt").write_text("two people bow to each other\n")
    for model in models:
        options = ("--seconds", 2, "--steps", 1, "--device", "cpu")
        run("generate", "prompts.txt", "--model", model, "--out", f"runs/{model}", *options)
        run("evaluate", f"runs/{model}", "--clips", 8, "--device", "cpu")
