"""Text files of one record a line: bytes in, raw records and reasons out; a bad line never stops the others.

For prompt files (`generation.prompts`) and tables of pairs (`datasets.interhuman.pairs`).
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from intermask_cli.errors import InputError

#: Far beyond any sentence: a longer line hints at a file of another kind or without line ends.
MAX_LINE_BYTES = 65_536
#: Ids become file names, which most file systems limit to 255 bytes, suffixes included.
MAX_ID_LENGTH = 100
#: Columns that are recognised in any case (`Text`, `TEXT`).
KNOWN_COLUMNS = ("id", "text", "frames", "seconds", "seed", "samples", "tags")

#: What a NUL byte becomes while a line is parsed, since csv of Python 3.10 stops at NUL itself.
_NUL = "\udc00"
#: Control characters that are not white space, and lone surrogates.
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


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


class UnusableLine(Exception):
    """This line is rejected; the message is the reason."""


#: A line number with its columns, not checked yet, or with the reason why it has none.
RawRecord = tuple[int, "dict[str, Any] | str"]


def parse_records(data: bytes, suffix: str, name: str) -> Iterator[RawRecord]:
    """Split one file into raw records by its format."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name}: is UTF-16 text; save it as UTF-8")
    lines = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if suffix == ".txt":
        return _text_records(lines)
    if suffix == ".jsonl":
        return _json_records(lines)
    return _table_records(lines, "," if suffix == ".csv" else "\t", name)


def _decode(line: bytes) -> str:
    """UTF-8; bytes that are not UTF-8 and NULs stay visible as lone surrogates for `check_text`."""
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape").replace("\0", _NUL)


def check_text(value: str) -> None:
    """Raise UnusableLine for NUL, bytes that are not UTF-8, half surrogate pairs and control characters."""
    unusable = _UNUSABLE.search(value)
    if unusable is None:
        return
    code = ord(unusable.group())
    if unusable.group() in ("\0", _NUL):
        raise UnusableLine("contains a NUL byte")
    if 0xDC80 <= code <= 0xDCFF:
        raise UnusableLine(f"is not valid UTF-8 (byte 0x{code - 0xDC00:02x})")
    if code >= 0xD800:
        raise UnusableLine(f"contains half a surrogate pair (U+{code:04X})")
    raise UnusableLine(f"contains a control character (U+{code:04X})")


def _too_long(size: int) -> str:
    return f"is {size:,} bytes long; the limit is {MAX_LINE_BYTES:,}"


def _text_records(lines: list[bytes]) -> Iterator[RawRecord]:
    """One text per line; empty lines and comments (#) are skipped."""
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = _decode(line).strip()
        if text and not text.startswith("#"):
            yield number, {"text": text}


def _json_records(lines: list[bytes]) -> Iterator[RawRecord]:
    """One JSON object per line; empty lines are skipped."""
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = _decode(line).strip()
        if text:
            yield number, _json_object(text)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        check_text(text)
        value = json.loads(text)
    except UnusableLine as error:
        return str(error)
    except (ValueError, RecursionError) as error:
        return f"is not valid JSON ({str(error).splitlines()[0]})"
    if not isinstance(value, dict):
        return f'is a JSON {type(value).__name__}; expected an object such as {{"text": "two people bow"}}'
    return value


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
        return _decode(line) + "\n"


def _table_records(lines: list[bytes], delimiter: str, name: str) -> Iterator[RawRecord]:
    """Records of a table; where a record cannot be parsed, only its first line is rejected."""
    header: list[str] | None = None
    physical = _PhysicalLines(lines)
    while physical.next < len(lines):
        first = physical.next
        physical.size = 0
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
            header = _header(cells, name)
        elif len(cells) > len(header):
            counts = f"has {len(cells)} cells, the header has {len(header)}"
            yield first + 1, f"{counts}; quote cells that contain '{delimiter}'"
        else:
            filled = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
            yield first + 1, filled


def _header(cells: list[str], name: str) -> list[str]:
    """The column names; InputError without a text column or with a duplicated one."""
    header = [cell.strip() for cell in cells]
    header = [cell.lower() if cell.lower() in KNOWN_COLUMNS else cell for cell in header]
    try:
        check_text("".join(header))
    except UnusableLine as error:
        raise InputError(f"{name}: the header {error}") from error
    if "text" not in header:
        raise InputError(f"{name}: no 'text' column in the header ({', '.join(header)[:200]})")
    repeated = [cell for i, cell in enumerate(header) if cell in header[:i]]
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
    text = " ".join(value.split())
    if not text:
        raise UnusableLine("has an empty text")
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
