"""Text files of one record a line: bytes in, raw records and reasons out; a bad line never stops the others.

For prompt files (`generation.prompts.read`) and tables of pairs (`datasets.interhuman.pairs`). Spreadsheets
write tables in several ways, and the header decides: another separator (`;` and a decimal comma, tabs), a
`sep=` line, empty columns at the right, and the header again where two tables were joined.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from intermask_cli.datasets.text_lines import (
    BYTE_ORDER_MARK,
    UnusableLine,
    check_text,
    decoded_line,
    lines_of,
    stripped,
)
from intermask_cli.errors import InputError

#: Far beyond any sentence: a longer line hints at a file of another kind or without line ends.
MAX_LINE_BYTES = 65_536
#: Ids become file names, which most file systems limit to 255 bytes, suffixes included.
MAX_ID_LENGTH = 100
#: Columns that are recognised in any case (`Text`, `TEXT`).
KNOWN_COLUMNS = ("id", "text", "frames", "seconds", "seed", "samples", "tags")
#: Other names of the column `text`, where a table has no column of that name.
TEXT_SYNONYMS = ("prompt", "caption")
#: Columns of numbers: with a separator other than the comma, `2,5` in them is 2.5.
_NUMBER_COLUMNS = ("frames", "seconds", "seed", "samples")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
#: What Excel reads and writes as a first line to name the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
#: Separators tried, after the one of the file's suffix, until the header has a column of texts.
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Rejected:
    """One bad line and why; also one failed item, with its id."""

    file: str
    line: int
    reason: str
    id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {key: value for key, value in asdict(self).items() if value is not None}


#: A line number with its columns, not checked yet, or with the reason why it has none.
RawRecord = tuple[int, "dict[str, Any] | str"]


def parse_records(data: bytes, suffix: str, name: str, needs_text: bool = True) -> Iterator[RawRecord]:
    """Split one file into raw records by its format: `.txt`, `.jsonl`, `.csv` or `.tsv`.

    needs_text: a table must have a column of texts.

    Raises:
        InputError: UTF-16 or UTF-32 text, or a table without a column of texts.
    """
    lines = lines_of(data, name)
    if suffix == ".txt":
        return _text_records(lines)
    if suffix == ".jsonl":
        return _json_records(lines)
    return _table_records(lines, "," if suffix == ".csv" else "\t", name, needs_text)


def _too_long(size: int) -> str:
    return f"is {size:,} bytes long; the limit is {MAX_LINE_BYTES:,}"


def _text_records(lines: list[bytes]) -> Iterator[RawRecord]:
    """One text per line; empty lines and comments (#) are skipped."""
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = decoded_line(line).strip()
        if text and not stripped(text).startswith("#"):
            yield number, {"text": text}


def _json_records(lines: list[bytes]) -> Iterator[RawRecord]:
    """One JSON object per line; empty lines are skipped."""
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = stripped(decoded_line(line))
        if text:
            yield number, json_object(text)


def json_object(text: str) -> dict[str, Any] | str:
    """The JSON object of a text as a record, or the reason why there is none."""
    try:
        check_text(text)
        value = json.loads(text)
    except UnusableLine as error:
        return str(error)
    except (ValueError, RecursionError) as error:
        return f"is not valid JSON ({str(error).splitlines()[0]})"
    return json_record(value)


def json_record(value: Any) -> dict[str, Any] | str:
    """A JSON object as a record, `prompt` and `caption` as `text`; for other values the reason."""
    if not isinstance(value, dict):
        return f'is a JSON {type(value).__name__}; expected an object such as {{"text": "two people bow"}}'
    synonym = _text_synonym(list(value))
    return value if synonym is None else {"text" if k == synonym else k: v for k, v in value.items()}


class _PhysicalLines:
    """Physical lines for csv, counted, so that a broken record can be skipped line by line."""

    def __init__(self, lines: list[bytes]):
        self.lines, self.next, self.size = lines, 0, 0

    def __iter__(self) -> _PhysicalLines:
        return self

    def __next__(self) -> str:
        if self.next >= len(self.lines):
            raise StopIteration
        line = self.lines[self.next]
        self.next += 1
        self.size += len(line)
        if self.size > MAX_LINE_BYTES:
            raise UnusableLine(_too_long(self.size))
        return decoded_line(line) + "\n"


def _table_records(lines: list[bytes], delimiter: str, name: str, needs_text: bool) -> Iterator[RawRecord]:
    """Records of a table; where a record cannot be parsed, only its first line is rejected."""
    header: list[str] | None = None
    physical = _PhysicalLines(lines)
    while physical.next < len(lines):
        first = physical.next
        physical.size = 0
        if header is None:
            opening = decoded_line(lines[first])
            named = _SEPARATOR_LINE.fullmatch(stripped(opening))
            if named is not None:
                delimiter, physical.next = named[1], first + 1
                continue
            delimiter = _separator(opening, delimiter)
        try:
            cells = next(csv.reader(physical, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except (UnusableLine, csv.Error) as error:
            reason = str(error) if isinstance(error, UnusableLine) else f"is not a valid table row ({error})"
            if header is None:
                raise InputError(f"{name}: line {first + 1}: the header {reason}") from error
            physical.next = first + 1
            yield first + 1, reason
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _header(cells, name, needs_text)
        else:
            yield first + 1, _table_record(cells, header, delimiter)


def _separator(opening: str, delimiter: str) -> str:
    """The separator with which a header line has a column of texts; `delimiter` where none has."""
    for candidate in (delimiter, *_SEPARATORS):
        cells = next(csv.reader([opening], delimiter=candidate), [])
        if any(stripped(cell).lower() in ("text", *TEXT_SYNONYMS) for cell in cells):
            return candidate
    return delimiter


def _table_record(cells: list[str], header: list[str], delimiter: str) -> dict[str, Any] | str:
    """Filled cells by column, or the reason why the row cannot be used."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(header):
        counts = f"has {len(cells)} cells, the header has {len(header)}"
        return f"{counts}; quote cells that contain '{delimiter}'"
    if [name for name in _names(cells) if name] == [name for name in header if name]:
        return "repeats the header"
    record = {column: cell for column, cell in zip(header, cells, strict=False) if cell.strip()}
    if "" in record:
        return (
            f"has {record[''].strip()[:40]!r} in a column without a name; "
            f"name the column, or quote cells that contain '{delimiter}'"
        )
    if delimiter != ",":
        for column in _NUMBER_COLUMNS:
            if _DECIMAL_COMMA.fullmatch(record.get(column, "")):
                record[column] = record[column].replace(",", ".")
    return record


def _names(cells: list[str]) -> list[str]:
    """Column names of a header's cells: known ones in lower case, a synonym of `text` as `text`."""
    names = [stripped(cell) for cell in cells]
    names = [name.lower() if name.lower() in (*KNOWN_COLUMNS, *TEXT_SYNONYMS) else name for name in names]
    synonym = _text_synonym(names)
    return ["text" if name == synonym else name for name in names]


def _text_synonym(names: list[str]) -> str | None:
    """The name that stands for `text`, or None where `text` itself is there, or no synonym."""
    if "text" in names:
        return None
    return next((name for name in TEXT_SYNONYMS if name in names), None)


def _header(cells: list[str], name: str, needs_text: bool) -> list[str]:
    """The column names; InputError without a text column, or with a duplicated one. '' has no name."""
    header = _names(cells)
    try:
        check_text("".join(header))
    except UnusableLine as error:
        raise InputError(f"{name}: the header {error}") from error
    if needs_text and "text" not in header:
        raise InputError(
            f"{name}: no 'text' column in the header ({', '.join(header)[:200]}); "
            f"name the column of prompts text, {' or '.join(TEXT_SYNONYMS)}"
        )
    repeated = [cell for i, cell in enumerate(header) if cell and cell in header[:i]]
    if repeated:
        raise InputError(f"{name}: column '{repeated[0]}' is duplicated in the header")
    return header


def safe_id(value: str, fallback: str) -> str:
    """`value` with every run of characters outside [A-Za-z0-9._-] as one '-'; never hidden, empty or long."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", value).lstrip(".-")[:MAX_ID_LENGTH].rstrip("-") or fallback


def clean_text(value: Any) -> str:
    """Prompt text with runs of white space (and so embedded newlines) as one space."""
    if value is None:
        raise UnusableLine("has no text")
    if not isinstance(value, str):
        raise UnusableLine(f"has a {type_name(value)} as text; expected a string")
    check_text(value)
    text = stripped(" ".join(value.replace(BYTE_ORDER_MARK, "").split()))
    if not text:
        raise UnusableLine("has only invisible characters" if value.strip() else "has an empty text")
    return text


def usable_text(value: Any, what: str) -> str:
    """Text as `clean_text` has it; InputError that begins with `what` where it cannot be used."""
    try:
        return clean_text(value)
    except UnusableLine as error:
        raise InputError(f"{what} {error}") from error


def type_name(value: Any) -> str:
    """The name of a value's type in JSON."""
    names = {bool: "boolean", int: "number", float: "number", list: "list", dict: "object", str: "string"}
    return names.get(type(value), type(value).__name__)
