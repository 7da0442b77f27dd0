"""Tables of captured pairs: each row has the files of two people, or one file of both, and a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from intermask_cli.datasets.dataset_folder import split_of
from intermask_cli.datasets.interhuman.reader import SPLITS
from intermask_cli.datasets.tables import Rejected, parse_records, safe_id, usable_text
from intermask_cli.errors import InputError

#: Separates the captions in a text.
CAPTION_MARK = "|"
FILE_COLUMNS = ("person1", "person2", "pair")
READING_COLUMNS = ("fps", "up", "units", "skeleton", "start", "end", "flip", "mirror", "persons")
COLUMNS = ("id", "text", "split", *FILE_COLUMNS, *READING_COLUMNS)
DELIMITED = (".csv", ".tsv")


@dataclass(frozen=True)
class PairRow:
    """One clip to write: files and reading options as in the table, captions of all rows of its id."""

    id: str
    lines: tuple[int, ...]
    files: tuple[str, ...]
    reading: Mapping[str, str]
    captions: tuple[str, ...]
    split: str


@dataclass
class PairTable:
    """A table: its clips in the order of their first lines, bad lines, and columns that are not used."""

    path: Path
    rows: list[PairRow] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unused_columns: list[str] = field(default_factory=list)


def read_table(path: Path) -> PairTable:
    """Read the table but none of its files; InputError if no line of it can be used."""
    table = PairTable(path)
    listed: list[PairRow] = []
    unused: dict[str, None] = {}
    for line, record in parse_records(_content(path), path.suffix.lower(), str(path)):
        try:
            if isinstance(record, str):
                raise InputError(record)
            cells = {name.lower(): cell for name, cell in record.items()}
            unused |= dict.fromkeys(name for name in cells if name not in COLUMNS)
            listed.append(_row(line, cells))
        except InputError as error:
            table.rejected.append(Rejected(str(path), line, str(error)))
    rows: dict[str, PairRow] = {}
    for row in _with_ids(listed):
        try:
            earlier = rows.get(row.id)
            rows[row.id] = row if earlier is None else _joined(earlier, row)
        except InputError as error:
            table.rejected.append(Rejected(str(path), row.lines[0], str(error)))
    table.rejected.sort(key=lambda bad: bad.line)
    table.unused_columns = list(unused)
    table.rows = [row if row.split else replace(row, split=split_of(row.id)) for row in rows.values()]
    return table


def _content(table: Path) -> bytes:
    if table.suffix.lower() not in DELIMITED:
        raise InputError(f"{table}: a table of pairs must be a {' or '.join(DELIMITED)} file")
    try:
        return table.read_bytes()
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror or error})") from error


def _row(line: int, cells: Mapping[str, Any]) -> PairRow:
    """One row, checked except for the content of its files."""
    values = {name: _cell(name, cells[name]) for name in COLUMNS if name in cells}
    captions = tuple(
        dict.fromkeys(
            caption for part in values.get("text", "").split(CAPTION_MARK) if (caption := part.strip())
        )
    )
    if not captions:
        raise InputError("has no text; describe what the two people do")
    columns = tuple(name for name in FILE_COLUMNS if name in values)
    if columns not in (("pair",), ("person1", "person2")):
        given = " and ".join(columns) or "neither"
        raise InputError(f"gives {given}; give person1 and person2, or pair (one file that holds both)")
    files = tuple(values[name] for name in columns)
    split = values.get("split", "").lower()
    if split not in ("", *SPLITS):
        raise InputError(f"split {split!r}; accepted: {', '.join(SPLITS)}, or nothing")
    reading = {name: values[name] for name in READING_COLUMNS if name in values}
    id = safe_id(values["id"], "pair") if "id" in values else ""
    return PairRow(id, (line,), files, reading, captions, split)


def _cell(name: str, cell: str) -> str:
    """A usable cell; runs of white space become one space, except in names of files."""
    text, plain = usable_text(cell, f"`{name}`"), cell.strip()
    return plain if name in (*FILE_COLUMNS, "skeleton") and plain.isprintable() else text


def _with_ids(rows: Sequence[PairRow]) -> list[PairRow]:
    """Rows without an id are called after their files, with as many folders as they need to differ.

    Rows of the same files read in another way also have the range of their frames in their names.
    """
    unnamed = [row for row in rows if not row.id]
    names = {files: _name(files, 0) for files in (row.files for row in unnamed)}
    deepest = max((len(PurePath(name).parts) for files in names for name in files), default=0)
    for depth in range(1, deepest):
        holders: dict[str, int] = {}
        for name in names.values():
            holders[name] = holders.get(name, 0) + 1
        names = {files: _name(files, depth) if holders[name] > 1 else name for files, name in names.items()}
    readings: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in unnamed:
        known = readings.setdefault(row.files, [])
        if row.reading not in known:
            known.append(row.reading)

    def id_of(row: PairRow) -> str:
        name = names[row.files]
        if len(readings[row.files]) > 1 and {"start", "end"} & set(row.reading):
            name += f"-{row.reading.get('start', '0')}-{row.reading.get('end', 'end')}"
        return safe_id(name, "pair")

    return [row if row.id else replace(row, id=id_of(row)) for row in rows]


def _name(files: Sequence[str], depth: int) -> str:
    """Names of the files of a row without suffixes, after `depth` folders; common folders are named once."""
    names, folders = [], []
    for name in files:
        path, mark, item = name.partition("#")
        parts = PurePath(path).parts
        names.append(PurePath(path).stem + mark + item)
        folders.append("-".join(parts[max(0, len(parts) - 1 - depth) : -1]))
    if len(set(folders)) == 1:
        return f"{folders[0]}-{'+'.join(names)}"
    return "+".join(f"{folder}-{name}" for folder, name in zip(folders, names, strict=True))


def _joined(first: PairRow, later: PairRow) -> PairRow:
    """Two rows with one id are one clip with the captions of both."""
    if (later.files, later.reading) != (first.files, first.reading):
        raise InputError(
            f"id {later.id!r} has other files, or other ways to read them, on line {first.lines[0]}; "
            "give each pair an id of its own"
        )
    if later.split and first.split and later.split != first.split:
        raise InputError(f"id {later.id!r} is in split {first.split} on line {first.lines[0]}")
    captions = tuple(dict.fromkeys(first.captions + later.captions))
    return replace(
        first, lines=first.lines + later.lines, captions=captions, split=first.split or later.split
    )
