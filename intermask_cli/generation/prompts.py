"""Reads prompt files into prompts and rejected lines; a bad line does not stop the others.

Formats: `.txt` (one prompt per line, `#` comments), `.csv` / `.tsv` (header with `text`), `.jsonl`
(one object per line) and `-` (standard input, text lines). Known columns: `id text frames seconds seed
samples tags`; others are carried through unchanged. `prompts/README.md` has examples.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from intermask_cli.config import DEFAULT_SECONDS
from intermask_cli.datasets.tables import (
    MAX_ID_LENGTH,
    RawRecord,
    Rejected,
    UnusableLine,
    check_text,
    clean_text,
    parse_records,
    safe_id,
    type_name,
    usable_text,
)
from intermask_cli.errors import InputError
from intermask_cli.generation.seeds import MAX_SEED
from intermask_cli.reading.phases import split_phases

#: Samples of one prompt; a larger number is most likely a seed or a length in the wrong column.
MAX_SAMPLES = 100_000
#: Extra columns of all prompt files together; each becomes a column of the dataset's index.
MAX_CARRIED_COLUMNS = 64
SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl")


@dataclass(frozen=True)
class FrameLimits:
    """Which lengths are accepted; `limit_name` names the longest length in messages."""

    fps: float = 30.0
    shortest: int = 4
    longest: int = 18_000
    limit_name: str = "the limit of one clip"

    def default_length(self, frames: int | None, seconds: float | None) -> int:
        """Frames of prompts that state no length, from --frames or --seconds; without both, 5 seconds."""
        if frames is None and seconds is None:
            return min(round(DEFAULT_SECONDS * self.fps), self.longest)
        try:
            count = _frames(frames, seconds, self)
        except UnusableLine as error:
            raise InputError(f"the command line {error}") from error
        assert count is not None
        return count


@dataclass(frozen=True)
class Prompt:
    """One accepted line: `frames`, `seed` and `samples` are None if the file does not state them.

    Only a prompt from the command line has an empty id.
    """

    id: str
    text: str
    file: str
    line: int
    frames: int | None = None
    seed: int | None = None
    samples: int | None = None
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptSet:
    """All prompts in file and line order, ids unique; and all rejected lines."""

    prompts: list[Prompt]
    rejected: list[Rejected]


def read_prompts(sources: Iterable[str | Path], limits: FrameLimits = FrameLimits()) -> PromptSet:
    """Read all files; `-` is standard input.

    Raises:
        InputError: a file cannot be used at all (missing, unknown suffix, no `text` column, UTF-16).
    """
    collector = _Collector(limits)
    for source in sources:
        name, suffix, data = _read_bytes(source)
        collector.add_file(name, parse_records(data, suffix, name))
    return PromptSet(collector.prompts, collector.rejected)


def react_prompts(text: str | None, file: str | Path | None) -> PromptSet:
    """Prompts of a reaction: one text without an id, a file, or neither (an empty text, so no condition).

    Lengths in the file are dropped, since the given motion has its own.
    """
    if text is not None and file is not None:
        raise InputError("--prompt and --prompts exclude each other; give one")
    if file is not None:
        from_file = read_prompts([file])
        return replace(from_file, prompts=[replace(prompt, frames=None) for prompt in from_file.prompts])
    prompt_text = "" if text is None else usable_text(text, "--prompt")
    split_phases(prompt_text)  # raises InputError for an empty phase
    return PromptSet([Prompt("", prompt_text, "--prompt", 1)], [])


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


class _Collector:
    """Checks raw records and gives every prompt a unique, safe id."""

    def __init__(self, limits: FrameLimits):
        self.limits = limits
        self.prompts: list[Prompt] = []
        self.rejected: list[Rejected] = []
        self.given_ids: dict[str, str] = {}  # id as written -> file and line
        self.taken: set[str] = set()
        self.columns: set[str] = set()

    def add_file(self, name: str, records: Iterable[RawRecord]) -> None:
        stem = safe_id(Path(name).stem, "prompts")
        for line, raw in records:
            try:
                if isinstance(raw, str):
                    raise UnusableLine(raw)
                self.prompts.append(self._prompt(name, stem, line, raw))
            except UnusableLine as error:
                self.rejected.append(Rejected(name, line, str(error)))

    def _prompt(self, name: str, stem: str, line: int, raw: dict[str, Any]) -> Prompt:
        values = {key: value for key, value in raw.items() if value is not None}
        text = clean_text(values.pop("text", None))
        try:
            split_phases(text)
        except InputError as error:
            raise UnusableLine(
                "has a text with an empty phase; give words on both sides of every '|'"
            ) from error
        frames = _frames(values.pop("frames", None), values.pop("seconds", None), self.limits)
        seed = _integer("seed", values.pop("seed", None), 0, MAX_SEED)
        samples = _integer("samples", values.pop("samples", None), 1, MAX_SAMPLES)
        given = _id(values.pop("id", None))
        carried = _carried(values)
        if len(self.columns | carried.keys()) > MAX_CARRIED_COLUMNS:
            raise UnusableLine(f"exceeds the limit of {MAX_CARRIED_COLUMNS} extra columns")
        if given is not None and given in self.given_ids:
            raise UnusableLine(
                f"id '{given[:MAX_ID_LENGTH]}' was already used at {self.given_ids[given]}; ids must differ"
            )
        fallback = f"{stem}-{line}"
        id = _unique(safe_id(given, fallback) if given is not None else fallback, self.taken)
        if given is not None:
            self.given_ids[given] = f"{name} line {line}"
        self.taken.add(id)
        self.columns |= carried.keys()
        return Prompt(id, text, name, line, frames, seed, samples, carried)


def _unique(id: str, taken: set[str]) -> str:
    """`id`, or if an earlier line has it, `id` with the first free suffix '-2', '-3', ..."""
    if id not in taken:
        return id
    number = 2
    while f"{id}-{number}" in taken:
        number += 1
    return f"{id}-{number}"


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableLine(f"has a {type_name(value)} as id; expected a string")
    check_text(value)
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
            check_text(value)
            raise UnusableLine(f"has {name}={value.strip()[:40]!r}; expected a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableLine(f"has a {type_name(value)} as {name}; expected a number")
    return value


def _integer(name: str, value: Any, low: int, high: int) -> int | None:
    if value is None:
        return None
    number = _number(name, value)
    if not low <= number <= high or number != int(number):
        raise UnusableLine(f"has {name}={_short(number)}; expected a whole number from {low} to {high:,}")
    return int(number)


def _frames(frames: Any, seconds: Any, limits: FrameLimits) -> int | None:
    if frames is not None and seconds is not None:
        raise UnusableLine("has both frames and seconds; give one")
    if seconds is not None:
        value = _number("seconds", seconds)
        if not 0 < value < math.inf:
            raise UnusableLine(f"has seconds={_short(value)}; expected a positive, finite number")
        count = round(min(value, 1e9) * limits.fps)
    elif frames is not None:
        number = _integer("frames", frames, 0, MAX_SEED)
        assert number is not None
        count = number
    else:
        return None
    if count < limits.shortest:
        raise UnusableLine(f"asks for {count} frames; the shortest clip has {limits.shortest}")
    if count > limits.longest:
        raise UnusableLine(
            f"asks for {_short(count)} frames ({count / limits.fps:.4g} s); "
            f"{limits.limit_name} is {limits.longest:,} ({limits.longest / limits.fps:g} s)"
        )
    return count


def _carried(values: dict[str, Any]) -> dict[str, str]:
    """Extra columns as text; JSON values other than strings stay JSON."""
    tags = values.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        values["tags"] = ",".join(tags)
    elif tags is not None and not isinstance(tags, str):
        raise UnusableLine(f"has a {type_name(tags)} as tags; expected a string or a list of strings")
    carried = {}
    for key, value in values.items():
        if not key.strip():
            continue
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        check_text(key + plain)
        carried[key.strip()] = plain
    return carried


def _short(value: float | int) -> str:
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    return f"{float(value) if isinstance(value, float) else float(max(-(10**300), min(value, 10**300))):g}"
