"""Prompt files: bytes in, prompts and rejected lines out; a bad line never stops the others.

Formats: `.txt` (one prompt a line, `#` comments), `.csv` / `.tsv` (header with `text`), `.jsonl`
(one object a line) and `-` (standard input, text lines). Known columns: `id text frames seconds seed
samples tags`; others are carried through unchanged. `prompts/README.md` has examples.
"""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from intermask_cli.config import DEFAULT_SECONDS
from intermask_cli.errors import InputError
from intermask_cli.generation.seeds import MAX_SEED
from intermask_cli.reading.phases import split_phases

MAX_LINE_BYTES = 65_536
MAX_SAMPLES = 100_000
MAX_ID_LENGTH = 100
MAX_CARRIED_COLUMNS = 64
SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl")
KNOWN_COLUMNS = ("id", "text", "frames", "seconds", "seed", "samples", "tags")

#: What a NUL byte becomes while a line is parsed, since csv of Python 3.10 stops at NUL itself.
_NUL = "\udc00"
#: Control characters that are not white space, and lone surrogates.
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class FrameLimits:
    """Which lengths are accepted; `why` ends the sentence that refuses a longer one."""

    fps: float = 30.0
    shortest: int = 4
    longest: int = 18_000
    why: str = "the limit of one clip"

    def default_length(self, frames: int | None, seconds: float | None) -> int:
        """Frames of prompts that give none, from --frames or --seconds; 5 seconds if neither is given."""
        if frames is None and seconds is None:
            return min(round(DEFAULT_SECONDS * self.fps), self.longest)
        try:
            count = _frames(frames, seconds, self)
        except _BadLine as error:
            raise InputError(f"the command line {error}") from error
        assert count is not None
        return count


@dataclass(frozen=True)
class Prompt:
    """One good line: `frames`, `seed` and `samples` are None where the file does not say."""

    id: str
    text: str
    file: str
    line: int
    frames: int | None = None
    seed: int | None = None
    samples: int | None = None
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rejected:
    """One bad line and why; also one failed item, with its id."""

    file: str
    line: int
    reason: str
    id: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class PromptSet:
    """All prompts in file and line order, ids unique; and all rejected lines."""

    prompts: list[Prompt]
    rejected: list[Rejected]


class _BadLine(Exception):
    """Internal: this line is rejected for this reason."""


# A raw record is (line number, columns) or (line number, reason) before anything is checked.
_Raw = tuple[int, "dict[str, Any] | str"]


def read_prompts(sources: Iterable[str | Path], limits: FrameLimits = FrameLimits()) -> PromptSet:
    """Read all files; `-` is standard input.

    Raises:
        InputError: a file is unusable as a whole (not there, unknown suffix, no `text` column, UTF-16).
    """
    collector = _Collector(limits)
    for source in sources:
        name, suffix, data = _read_bytes(source)
        collector.add_file(name, parse(data, suffix, name))
    return PromptSet(collector.prompts, collector.rejected)


def react_prompts(text: str | None, file: str | Path | None, name: str) -> PromptSet:
    """Prompts of a reaction: one text, a file, or none at all (an empty text: no condition).

    Lengths in the file are dropped, since the given motion has its own.
    """
    if text is not None and file is not None:
        raise InputError("--prompt and --prompts exclude each other; give one")
    if file is not None:
        found = read_prompts([file])
        return replace(found, prompts=[replace(prompt, frames=None) for prompt in found.prompts])
    words = "" if text is None else usable_text(text, "--prompt")
    split_phases(words)
    return PromptSet([Prompt(name, words, "--prompt", 1)], [])


def default_run_name(sources: Sequence[str | Path]) -> str:
    """Name of the run directory: the prompt file's, or that of the folder of several files."""
    if len(sources) == 1:
        return "stdin" if str(sources[0]) == "-" else safe_id(Path(sources[0]).stem, "prompts")
    parents = {Path(source).resolve().parent for source in sources}
    return safe_id(parents.pop().name, "prompts") if len(parents) == 1 else "prompts"


def _read_bytes(source: str | Path) -> tuple[str, str, bytes]:
    if str(source) == "-":
        return "stdin", ".txt", sys.stdin.buffer.read()
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: unknown prompt file type '{suffix}'; accepted: {' '.join(SUFFIXES)} or - for stdin"
        )
    try:
        return str(source), suffix, path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such prompt file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def parse(data: bytes, suffix: str, name: str) -> Iterator[_Raw]:
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
    """UTF-8; bytes that are not UTF-8 and NULs stay visible as lone surrogates for `_check_text`."""
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape").replace("\0", _NUL)


def _check_text(value: str) -> None:
    found = _UNUSABLE.search(value)
    if found is None:
        return
    code = ord(found.group())
    if found.group() in ("\0", _NUL):
        raise _BadLine("contains a NUL byte")
    if 0xDC80 <= code <= 0xDCFF:
        raise _BadLine(f"is not valid UTF-8 (byte 0x{code - 0xDC00:02x})")
    if code >= 0xD800:
        raise _BadLine(f"contains half a surrogate pair (U+{code:04X})")
    raise _BadLine(f"contains a control character (U+{code:04X})")


def _too_long(size: int) -> str:
    return f"is {size:,} bytes long; the limit is {MAX_LINE_BYTES:,}"


def _text_records(lines: list[bytes]) -> Iterator[_Raw]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = _decode(line).strip()
        if text and not text.startswith("#"):
            yield number, {"text": text}


def _json_records(lines: list[bytes]) -> Iterator[_Raw]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            yield number, _too_long(len(line))
            continue
        text = _decode(line).strip()
        if text:
            yield number, _json_object(text)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        _check_text(text)
        value = json.loads(text)
    except _BadLine as error:
        return str(error)
    except (ValueError, RecursionError) as error:
        return f"is not valid JSON ({str(error).splitlines()[0]})"
    if not isinstance(value, dict):
        return f'is a JSON {type(value).__name__}; expected an object such as {{"text": "two people bow"}}'
    return value


class _Physical:
    """Physical lines for csv, counted, so that a broken record can be skipped line by line."""

    def __init__(self, lines: list[bytes]):
        self.lines, self.next, self.size = lines, 0, 0

    def __iter__(self) -> _Physical:
        return self

    def __next__(self) -> str:
        if self.next >= len(self.lines):
            raise StopIteration
        line = self.lines[self.next]
        self.next += 1
        self.size += len(line)
        if self.size > MAX_LINE_BYTES:
            raise _BadLine(_too_long(self.size))
        return _decode(line) + "\n"


def _table_records(lines: list[bytes], delimiter: str, name: str) -> Iterator[_Raw]:
    """Records of a table; a record that cannot be parsed costs its first line only."""
    header: list[str] | None = None
    physical = _Physical(lines)
    while physical.next < len(lines):
        first = physical.next
        physical.size = 0
        try:
            cells = next(csv.reader(physical, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except (_BadLine, csv.Error) as error:
            reason = str(error) if isinstance(error, _BadLine) else f"is not a valid table row ({error})"
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
    header = [cell.strip() for cell in cells]
    header = [cell.lower() if cell.lower() in KNOWN_COLUMNS else cell for cell in header]
    try:
        _check_text("".join(header))
    except _BadLine as error:
        raise InputError(f"{name}: the header {error}") from error
    if "text" not in header:
        raise InputError(f"{name}: no 'text' column in the header ({', '.join(header)[:200]})")
    repeated = [cell for i, cell in enumerate(header) if cell in header[:i]]
    if repeated:
        raise InputError(f"{name}: column '{repeated[0]}' stands twice in the header")
    return header


class _Collector:
    """Checks raw records and gives every prompt a unique, safe id."""

    def __init__(self, limits: FrameLimits):
        self.limits = limits
        self.prompts: list[Prompt] = []
        self.rejected: list[Rejected] = []
        self.given_ids: dict[str, str] = {}  # id as written -> where
        self.taken: set[str] = set()
        self.columns: set[str] = set()

    def add_file(self, name: str, records: Iterable[_Raw]) -> None:
        stem = safe_id(Path(name).stem, "prompts")
        for line, raw in records:
            try:
                if isinstance(raw, str):
                    raise _BadLine(raw)
                self.prompts.append(self._prompt(name, stem, line, raw))
            except _BadLine as error:
                self.rejected.append(Rejected(name, line, str(error)))

    def _prompt(self, name: str, stem: str, line: int, raw: dict[str, Any]) -> Prompt:
        values = {key: value for key, value in raw.items() if value is not None}
        text = _text(values.pop("text", None))
        try:
            split_phases(text)
        except InputError as error:
            raise _BadLine("has a text with an empty phase; give words on both sides of every '|'") from error
        frames = _frames(values.pop("frames", None), values.pop("seconds", None), self.limits)
        seed = _integer("seed", values.pop("seed", None), 0, MAX_SEED)
        samples = _integer("samples", values.pop("samples", None), 1, MAX_SAMPLES)
        given = _id(values.pop("id", None))
        carried = _carried(values)
        if len(self.columns | carried.keys()) > MAX_CARRIED_COLUMNS:
            raise _BadLine(f"brings the number of extra columns above {MAX_CARRIED_COLUMNS}")
        if given is not None and given in self.given_ids:
            raise _BadLine(
                f"id '{given[:MAX_ID_LENGTH]}' was already used at {self.given_ids[given]}; ids must differ"
            )
        fallback = f"{stem}-{line}"
        id = _unique(safe_id(given, fallback) if given is not None else fallback, self.taken)
        if given is not None:
            self.given_ids[given] = f"{name} line {line}"
        self.taken.add(id)
        self.columns |= carried.keys()
        return Prompt(id, text, name, line, frames, seed, samples, carried)


def safe_id(value: str, fallback: str) -> str:
    """`value` with every run of characters outside [A-Za-z0-9._-] as one '-'; never hidden, empty or long."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", value).lstrip(".-")[:MAX_ID_LENGTH].rstrip("-") or fallback


def _unique(id: str, taken: set[str]) -> str:
    """`id`, or with the first free '-2', '-3', ... where an earlier line has it already."""
    if id not in taken:
        return id
    number = 2
    while f"{id}-{number}" in taken:
        number += 1
    return f"{id}-{number}"


def _text(value: Any) -> str:
    """Prompt text with runs of white space (and so embedded newlines) as one space."""
    if value is None:
        raise _BadLine("has no text")
    if not isinstance(value, str):
        raise _BadLine(f"has a {_type(value)} as text; expected a string")
    _check_text(value)
    text = " ".join(value.split())
    if not text:
        raise _BadLine("has an empty text")
    return text


def usable_text(value: Any, what: str) -> str:
    """Text as `_text` has it; InputError that begins with `what` where it cannot be used."""
    try:
        return _text(value)
    except _BadLine as error:
        raise InputError(f"{what} {error}") from error


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _BadLine(f"has a {_type(value)} as id; expected a string")
    _check_text(value)
    return value.strip() or None


def _number(name: str, value: Any) -> float | int:
    """A number from a cell or a JSON value; integers of any size stay exact."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            _check_text(value)
            raise _BadLine(f"has {name}={value.strip()[:40]!r}; expected a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadLine(f"has a {_type(value)} as {name}; expected a number")
    return value


def _integer(name: str, value: Any, low: int, high: int) -> int | None:
    if value is None:
        return None
    number = _number(name, value)
    if not low <= number <= high or number != int(number):
        raise _BadLine(f"has {name}={_short(number)}; expected a whole number from {low} to {high:,}")
    return int(number)


def _frames(frames: Any, seconds: Any, limits: FrameLimits) -> int | None:
    if frames is not None and seconds is not None:
        raise _BadLine("has both frames and seconds; give one")
    if seconds is not None:
        value = _number("seconds", seconds)
        if not 0 < value < math.inf:
            raise _BadLine(f"has seconds={_short(value)}; expected a positive, finite number")
        count = round(min(value, 1e9) * limits.fps)
    elif frames is not None:
        number = _integer("frames", frames, 0, MAX_SEED)
        assert number is not None
        count = number
    else:
        return None
    if count < limits.shortest:
        raise _BadLine(f"asks for {count} frames; the shortest clip has {limits.shortest}")
    if count > limits.longest:
        raise _BadLine(
            f"asks for {_short(count)} frames ({count / limits.fps:.4g} s); "
            f"{limits.why} is {limits.longest:,} ({limits.longest / limits.fps:g} s)"
        )
    return count


def _carried(values: dict[str, Any]) -> dict[str, str]:
    """Extra columns as text; JSON values other than strings stay JSON."""
    tags = values.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        values["tags"] = ",".join(tags)
    elif tags is not None and not isinstance(tags, str):
        raise _BadLine(f"has a {_type(tags)} as tags; expected a string or a list of strings")
    carried = {}
    for key, value in values.items():
        if not key.strip():
            continue
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        _check_text(key + plain)
        carried[key.strip()] = plain
    return carried


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", list: "list", dict: "object", str: "string"}
    return names.get(type(value), type(value).__name__)


def _short(value: float | int) -> str:
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    return f"{float(value) if isinstance(value, float) else float(max(-(10**300), min(value, 10**300))):g}"
