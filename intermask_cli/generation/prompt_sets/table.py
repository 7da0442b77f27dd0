"""Writes prompts as a file that `generation.prompts.read` reads back: texts exactly as they are."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from intermask_cli.errors import InputError
from intermask_cli.files import replacing
from intermask_cli.generation.prompts.read import Prompt

#: Columns of a prompt by name; cells without a value are "".
Row = Mapping[str, str]
SUFFIXES = (".csv", ".tsv", ".jsonl")


def check_suffix(path: Path) -> None:
    """InputError unless the name says one of the formats that are written."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--out {path}: accepted are files {', '.join(SUFFIXES)}")


def write_rows(path: Path, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table by the suffix of its name; JSON lines leave out what is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        if path.suffix.lower() == ".jsonl":
            for row in rows:
                given = {name: row[name] for name in names if row.get(name)}
                file.write(json.dumps(given, ensure_ascii=False) + "\n")
            return
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([row.get(name, "") for name in names])


def write_prompts(path: Path, prompts: Sequence[Prompt], **columns: Sequence[str]) -> None:
    """Write prompts that were read, with further columns."""
    check_suffix(path)
    rows = [_row(prompt) for prompt in prompts]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    names = dict.fromkeys(name for row in rows for name, value in row.items() if value)
    write_rows(path, list(names), rows)


def _row(prompt: Prompt) -> dict[str, str]:
    numbers = {name: getattr(prompt, name) for name in ("frames", "seed", "samples")}
    given = {name: "" if value is None else str(value) for name, value in numbers.items()}
    return {"id": prompt.source_id or prompt.id, "text": prompt.text, **given, **prompt.carried}
