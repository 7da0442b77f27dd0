"""Write docs/reference/cli.md and docs/reference/recipe-keys.md from the code.

    python docs/generate_reference.py           write both pages
    python docs/generate_reference.py --check   exit 1 if a committed page is out of date

The command reference is what `--help` prints, walked command by command. The recipe keys are the fields of
the configuration records; a field's meaning is the comment in its source line, the comment lines above it, or
the string below it.
"""

from __future__ import annotations

import ast
import html
import importlib
import inspect
import io
import re
import sys
import textwrap
import tokenize
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
#: Module and class of what every training section inherits.
STAGE = ("intermask_cli.training.config", "StageConfig")
#: Recipes by module and class; every field of a recipe is a section of the YAML file.
RECIPES = {
    "Model recipes": ("intermask_cli.training.config", "Recipe"),
    "Evaluator recipes": ("evaluators.training.recipe", "EvaluatorRecipe"),
}
NOTICE = "<!-- Written by docs/generate_reference.py; do not edit. `make docs` rewrites this page. -->\n"
SKIPPED = {"--help", "--install-completion", "--show-completion"}  # the same everywhere, or the shell's
COLUMNS = 100  # of wrapped prose

CLI_INTRODUCTION = """\
# Command line

Every command takes `--help`. Results go to standard output, as JSON with `--json`; everything else goes to
standard error. Exit codes are listed in [Formats](formats.md#exit-codes). An option whose default is empty is
off, or takes its value from the model.
"""

KEYS_INTRODUCTION = """\
# Recipe keys

A recipe is a YAML file with the sections below. Every key is optional: a missing key takes its default. An
unknown section or key is an error that names the nearest known one. `intermask train ... --config FILE.yaml`
reads a recipe; [Train](../guides/train.md) explains how to use one.
"""
SHARED_KEYS = """\
It also takes the [keys of every training section](#keys-of-every-training-section). A default listed here
replaces the one listed there.
"""


def cli_page() -> str:
    """The command reference as Markdown."""
    from intermask_cli.cli import app

    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name="intermask")
    parts = [_sentences(CLI_INTRODUCTION), "## intermask\n", _sentences(root.help)]
    parts.append(_options(root, context))
    for name in root.list_commands(context):
        parts += _command(root.get_command(context, name), name, context, depth=2)
    return _page(parts)


def _command(command: Any, name: str, parent: Any, depth: int) -> Iterator[str]:
    """A heading with help, usage and options; then the subcommands, one level deeper."""
    context = command.context_class(command, info_name=name, parent=parent)
    yield f"{'#' * depth} {context.command_path}\n"
    yield _sentences(command.help or "")
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
        yield f"```text\n{usage}\n```\n"
    yield _options(command, context)
    for sub in subcommands.values():
        yield from _command(sub, sub.name, context, depth + 1)


def _options(command: Any, context: Any) -> str:
    """The table of arguments and options as `--help` has them; empty without any."""
    rows = []
    for parameter in command.get_params(context):
        record = None if SKIPPED & set(parameter.opts) else parameter.get_help_record(context)
        if record is not None:
            shown, extras = _split_extras(record[1])
            if parameter.required:
                extras["default"] = "required"
            if "env var" in extras:
                shown += f" Environment: `{extras['env var']}`."
            default = extras.get("default", "")
            name = record[0].strip().replace("|", ", ")  # a bar would end the cell
            rows.append((f"`{name}`", _escaped(shown), _escaped(default)))
    return _table(("argument or option", "meaning", "default"), rows)


def _split_extras(text: str) -> tuple[str, dict[str, str]]:
    """'Help.  [default: 1; required]' -> 'Help.', {'default': '1', 'required': ''}."""
    extras: dict[str, str] = {}
    while found := re.search(r"\s*\[((?:default|env var|required)[^\]]*|\d+<=x[^\]]*|x>=[^\]]*)\]$", text):
        text = text[: found.start()]
        for part in found[1].split("; "):
            key, _, value = part.partition(": ")
            extras.setdefault(key, value)
    ranges = [key for key in extras if "x" in key and "=" in key]
    if ranges:
        text += f" Accepted: {ranges[0]}."
    return " ".join(text.split()), extras


def keys_page() -> str:
    """Every key of every recipe section as Markdown."""
    stage = _imported(STAGE)
    parts = [_sentences(KEYS_INTRODUCTION), "## Keys of every training section\n"]
    parts += [_sentences(inspect.getdoc(stage) or ""), _key_table(stage, None)]
    for title, recipe in RECIPES.items():
        sections: dict[type, list[str]] = {}
        for key, kind in typing.get_type_hints(_imported(recipe)).items():
            sections.setdefault(kind, []).append(key)
        parts.append(f"## {title}\n")
        for kind, keys in sections.items():
            parts.append(f"### {', '.join(f'`{key}`' for key in keys)}\n")
            parts.append(_sentences(inspect.getdoc(kind) or ""))
            if issubclass(kind, stage):
                parts.append(_sentences(SHARED_KEYS))
            parts.append(_key_table(kind, stage))
    return _page(parts)


def _imported(name: tuple[str, str]) -> type:
    return typing.cast(type, getattr(importlib.import_module(name[0]), name[1]))


def _key_table(kind: type, inherited: type | None) -> str:
    """The record's fields; those of `inherited` only where the record changes them."""
    known: dict[str, tuple[str, str, str]] = {}
    own: list[str] = []
    for base in reversed([c for c in kind.__mro__ if "__dataclass_fields__" in vars(c)]):
        for name, annotation, default, meaning in _fields(base):
            before = known.get(name, ("", "", ""))
            known[name] = (annotation, default, meaning or before[2])
            if base is not inherited and name not in own:
                own.append(name)
    rows = [
        (f"`{name}`", f"`{known[name][0]}`", f"`{known[name][1]}`", _escaped(known[name][2])) for name in own
    ]
    return _table(("key", "type", "default", "meaning"), rows)


def _fields(kind: type) -> Iterator[tuple[str, str, str, str]]:
    """(name, type, default, meaning) of the fields a record declares itself."""
    source = textwrap.dedent(inspect.getsource(kind))
    lines = source.splitlines()
    comments = {
        token.start[0]: token.string.lstrip("#: ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    body = typing.cast(ast.ClassDef, ast.parse(source).body[0]).body
    for i, node in enumerate(body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if "ClassVar" in ast.unparse(node.annotation):
            continue
        end = node.end_lineno or node.lineno
        meaning = " ".join(comments[n] for n in range(node.lineno, end + 1) if n in comments)
        above = node.lineno - 1
        while not meaning and above in comments and lines[above - 1].lstrip().startswith("#"):
            above -= 1
        if not meaning:
            meaning = " ".join(comments[n] for n in range(above + 1, node.lineno))
        below = body[i + 1] if i + 1 < len(body) else None
        if not meaning and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            meaning = " ".join(str(below.value.value).split())
        default = "" if node.value is None else _yaml(getattr(kind, node.target.id))
        yield node.target.id, ast.unparse(node.annotation), default, meaning


def _yaml(value: Any) -> str:
    """A default as a recipe would write it; YAML reads a float only with a point."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    if isinstance(value, float):
        digits = f"{value:.4g}"
        return digits if "." in digits or "e" not in digits else digits.replace("e", ".0e")
    return str(value)


def _sentences(text: str) -> str:
    """Wrapped paragraphs, Markdown left as it is."""
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]
    wrapped = (
        textwrap.fill(part, COLUMNS, break_long_words=False, break_on_hyphens=False) for part in paragraphs
    )
    return "\n\n".join(wrapped) + "\n" if text.strip() else ""


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "\\|")


def _page(parts: list[str]) -> str:
    return NOTICE + "\n" + "\n".join(part for part in parts if part)


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check compare them; the exit code."""
    sys.path.insert(0, str(ROOT))
    pages = {REFERENCE / "cli.md": cli_page(), REFERENCE / "recipe-keys.md": keys_page()}
    stale = [p for p, text in pages.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        shown = path.relative_to(ROOT)
        if "--check" in arguments:
            sys.stderr.write(f"{shown} is out of date; run: python docs/generate_reference.py\n")
        else:
            path.write_text(pages[path], encoding="utf-8")
            sys.stdout.write(f"wrote {shown}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
