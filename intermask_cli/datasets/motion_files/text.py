"""The text of a motion file: encodings and line ends as tools write them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from intermask_cli.errors import InputError

#: Larger files are not read.
MAX_BYTES = 1 << 29
#: Larger hierarchies are not read; the largest rigs have a few hundred joints.
MAX_JOINTS = 1000
#: Frames times joints: an hour and a half of sixty joints at 30 frames a second.
MAX_POSES = 10_000_000
_TWO_HIGH_BYTES = re.compile(rb"[\x80-\xff]{2}")


def read_text(path: Path) -> str:
    """Text with lines ended by newlines, in any encoding that tools write names in."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{size} bytes; accepted: up to {MAX_BYTES}")
    return _decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    encodings = ["utf-8-sig"]
    if _TWO_HIGH_BYTES.search(content):  # letters of several bytes, some of which are braces in ASCII
        encodings += ["cp932", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
