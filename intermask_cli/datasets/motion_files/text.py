"""The text of a motion file: encodings and line ends as tools write them."""

from __future__ import annotations

import codecs
from pathlib import Path

from intermask_cli.errors import InputError

#: Larger files are not read.
MAX_BYTES = 1 << 29
#: Larger hierarchies are not read; the largest rigs have a few hundred joints.
MAX_JOINTS = 1000
#: Frames times joints: an hour and a half of sixty joints at 30 frames a second.
MAX_POSES = 10_000_000


def read_text(path: Path) -> str:
    """Text in UTF-8 or UTF-16, lines ended by newlines; else Latin-1, which keeps odd names distinct."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{size} bytes; accepted: up to {MAX_BYTES}")
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
