"""Where prompts come from: files, folders of files and standard input; and which format each has."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from intermask_cli.datasets.tables import TEXT_SYNONYMS
from intermask_cli.datasets.text_lines import decoded_line, stripped
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.traps import refuse_other_files

#: Formats by name, as `--format` takes them.
FORMATS = ("txt", "csv", "tsv", "jsonl", "json")
SUFFIXES = tuple(f".{name}" for name in FORMATS)
_STDIN = "-"
#: Bytes of the first line that are looked at to recognise a format.
_LOOKED_AT = 65_536


class PromptSource(NamedTuple):
    """One file of prompts: its name for messages, format (of `FORMATS`), bytes, and how it was recognised."""

    name: str
    format: str
    data: bytes
    note: str | None = None


def open_sources(values: Iterable[str | Path], format: str | None = None) -> Iterator[PromptSource]:
    """Files, folders (their prompt files, by name) and `-` for standard input.

    A file's suffix is its format, unless `format` is given. Standard input and `.txt` files that begin with a
    JSON object or the header of a table are read as such.

    Raises:
        InputError: missing or unreadable files, an unknown suffix or format, a folder without prompt files.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"--format {format}: accepted are {', '.join(FORMATS)}")
    for value in values:
        for path in _files_of(value):
            yield _open(path, format)


def _files_of(value: str | Path) -> list[Path]:
    path = Path(value)
    if str(value) == _STDIN or not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.iterdir())
        if file.is_file() and file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(f"{path}: no prompt file in this folder; accepted: {' '.join(SUFFIXES)}")
    return files


def _open(path: Path, format: str | None) -> PromptSource:
    if str(path) == _STDIN:
        data = sys.stdin.buffer.read()
        refuse_other_files(data, "stdin")
        return _recognised("stdin", data) if format is None else PromptSource("stdin", format, data)
    suffix = path.suffix.lower()
    if format is None and suffix not in SUFFIXES:
        raise InputError(
            f"{path}: unknown prompt file type '{suffix}'; accepted: {' '.join(SUFFIXES)}, - for stdin, "
            f"or --format {'|'.join(FORMATS)}"
        )
    try:
        if path.exists() and not path.is_file() and not path.is_fifo():
            raise InputError(f"{path}: cannot be read (not a regular file)")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such prompt file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    refuse_other_files(data, str(path))
    if format is None and suffix == ".txt":
        return _recognised(str(path), data)
    if format is None and suffix in (".json", ".jsonl"):
        found = _recognised(str(path), data)
        if found.format in ("json", "jsonl"):  # arrays in .jsonl, and lines in .json
            return found if found.format != suffix[1:] else found._replace(note=None)
    return PromptSource(str(path), format or suffix[1:], data)


def _recognised(name: str, data: bytes) -> PromptSource:
    """The format of text whose name does not say it: lines of text, unless it plainly is something else."""
    lines = (stripped(decoded_line(line)) for line in data[:_LOOKED_AT].splitlines() if line.strip())
    opening, alone = next(lines, ""), next(lines, None) is None
    if opening.startswith("{") and _is_json_object(opening) and not (alone and name.endswith(".json")):
        return PromptSource(name, "jsonl", data, f"{name}: read as JSON lines")
    if opening.startswith(("{", "[")) and _is_json(data):
        return PromptSource(name, "json", data, f"{name}: read as JSON")
    for format, separator in (("csv", ","), ("tsv", "\t"), ("csv", ";")):
        cells = [stripped(cell).lower() for cell in next(csv.reader([opening], delimiter=separator), [])]
        # One cell may be a prompt; several short names of which one is `text` are a header.
        if len(cells) > 1 and {"text", *TEXT_SYNONYMS} & set(cells) and all(len(c) < 40 for c in cells):
            return PromptSource(
                name, format, data, f"{name}: read as a table with the header '{opening[:80]}'"
            )
    return PromptSource(name, "txt", data)


def _is_json_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict | list)
    except (ValueError, RecursionError):
        return False
