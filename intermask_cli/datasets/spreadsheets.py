"""CSV files that people open in a spreadsheet: cells that it would execute, and its idea of an encoding.

Prompts come from other people, and a spreadsheet runs a cell such as `=HYPERLINK(...)`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from intermask_cli.files import replacing

#: First characters of cells that spreadsheets take for formulas, or drop before they do.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Spreadsheets show what follows as text.
_GUARD = "'"


def with_guard(value: Any) -> Any:
    """A text that a spreadsheet would execute with an apostrophe before it; any other value unchanged.

    A text that looks guarded already gets another apostrophe, so that `without_guard` gives it back.
    """
    return f"{_GUARD}{value}" if isinstance(value, str) and _is_executed(value.lstrip(_GUARD)) else value


def without_guard(value: Any) -> Any:
    """The value that `with_guard` wrote."""
    guarded = isinstance(value, str) and value.startswith(_GUARD) and _is_executed(value.lstrip(_GUARD))
    return value[1:] if guarded else value


def _is_executed(text: str) -> bool:
    if not text.startswith(_FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False  # a negative number


def write_csv(
    path: Path,
    header: Iterable[str],
    rows: Iterable[Iterable[Any]],
    line_end: str = "\n",
    byte_order_mark: bool = False,
) -> None:
    """Write a table row by row; texts that a spreadsheet would execute get a guard.

    byte_order_mark: spreadsheets that open a file by a double click take it for UTF-8 only with one.
    """
    encoding = "utf-8-sig" if byte_order_mark else "utf-8"
    with replacing(path) as temporary, temporary.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, lineterminator=line_end)
        writer.writerow([with_guard(name) for name in header])
        for row in rows:
            writer.writerow([with_guard(cell) for cell in row])
