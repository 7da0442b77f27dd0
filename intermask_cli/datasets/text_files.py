"""Caption and split files as the authors of the datasets distribute them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from intermask_cli.errors import InputError, MissingError

UTF8 = "utf-8-sig"  # with or without a byte order mark
FALLBACK = "gb18030"

#: Bytes of the largest text that is read; those of the datasets have less than a megabyte.
LARGEST = 64_000_000
#: Characters of a file's name that messages show.
_LONGEST_NAME = 80

Caption = TypeVar("Caption")


def decoded(path: Path) -> tuple[str, str]:
    """Text of a file and the encoding that worked: UTF-8, else GB18030 (two InterHuman captions need it).

    Raises:
        MissingError: no such file. InputError: neither encoding fits.
    """
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise MissingError(f"{_short(path)}: no such file; is this the root of the dataset?")
        if size > LARGEST:
            raise InputError(f"{path}: {size:,} bytes; a text of a dataset has at most {LARGEST:,}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{_short(path)}: cannot be read ({error.strerror})") from error
    for encoding in (UTF8, FALLBACK):
        try:
            return content.decode(encoding).replace("\r\n", "\n"), encoding
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: neither UTF-8 nor GB18030 text; convert it to UTF-8")


def _short(path: Path) -> str:
    """A path as messages show it: a line of a split file may be any text."""
    name = path.name
    return str(path if len(name) <= _LONGEST_NAME else path.with_name(f"{name[:_LONGEST_NAME]}..."))


def lines(path: Path) -> list[str]:
    """Lines with content, stripped, in file order."""
    return [line.strip() for line in decoded(path)[0].split("\n") if line.strip()]


def terminated_lines(path: Path) -> list[str]:
    """The lines that end with a newline: what the published reader gets from a split file.

    Quirk Q3, docs/reference/data-and-evaluation.md#q3.
    """
    return [line.strip() for line in decoded(path)[0].split("\n")[:-1] if line.strip()]


def captions_or_reason(
    path: Path, read: Callable[[Path], list[Caption]], skipped: list[str]
) -> list[Caption]:
    """read(path), or [] where the file has no usable captions; `skipped` then gets the reason."""
    try:
        captions = read(path)
    except (MissingError, InputError) as error:
        skipped.append(str(error))
        return []
    if not captions:
        skipped.append(f"{path}: no captions")
    return captions
