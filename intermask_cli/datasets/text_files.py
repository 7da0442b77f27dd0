"""Lines of caption and split files as dataset authors distribute them."""

from __future__ import annotations

from pathlib import Path

from intermask_cli.errors import InputError, MissingError

UTF8 = "utf-8-sig"  # with or without a byte order mark
FALLBACK = "gb18030"


def decoded(path: Path) -> tuple[str, str]:
    """Text of a file and the encoding that worked: UTF-8, else GB18030 (two InterHuman captions need it).

    Raises:
        MissingError: no such file. InputError: neither encoding fits.
    """
    if not path.is_file():
        raise MissingError(f"{path}: no such file; is this the root of the dataset?")
    content = path.read_bytes()
    for encoding in (UTF8, FALLBACK):
        try:
            return content.decode(encoding).replace("\r\n", "\n"), encoding
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: neither UTF-8 nor GB18030 text; convert it to UTF-8")


def lines(path: Path) -> list[str]:
    """Lines with content, stripped, in file order."""
    return [line.strip() for line in decoded(path)[0].split("\n") if line.strip()]


def terminated_lines(path: Path) -> list[str]:
    """The lines that end with a newline: what the published reader finds in a split file (quirk Q3)."""
    return [line.strip() for line in decoded(path)[0].split("\n")[:-1] if line.strip()]
