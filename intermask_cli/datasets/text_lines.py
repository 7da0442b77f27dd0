"""Text files of any origin as lines: encodings, line ends and characters that cannot be used."""

from __future__ import annotations

import codecs
import re
import unicodedata

from intermask_cli.errors import InputError

#: U+FEFF opens files; joined files have it in the middle, where it says nothing.
BYTE_ORDER_MARK = "\ufeff"
#: What a NUL byte becomes while a line is parsed, since csv of Python 3.10 stops at NUL itself.
_NUL = "\udc00"
#: Control characters that are not white space, and lone surrogates.
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_LINE_END = re.compile(rb"\r\n|\n|\r")
#: The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
#: Bytes looked at to recognise UTF-16 and UTF-32 without a mark.
_LOOKED_AT = 4096
#: Share of NUL bytes above which a file is text of two or four bytes a character: Latin text has 1/2 or 3/4.
_NUL_SHARE = 0.3


class UnusableLine(Exception):
    """This line is rejected; the message is the reason."""


def lines_of(data: bytes, name: str) -> list[bytes]:
    """Lines of UTF-8 text; carriage returns, newlines or both end them, also mixed.

    Raises:
        InputError: UTF-16 or UTF-32, with or without a byte order mark; the message begins with `name`.
    """
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        start = data[:_LOOKED_AT]
        share = start.count(0) / max(len(start), 1)
        # One NUL in a text is a bad character of its line; a NUL in every second byte is an encoding.
        if len(start) >= 8 and share > _NUL_SHARE:
            encoding = "UTF-32" if share > 0.6 else "UTF-16"
    if encoding is not None:
        raise InputError(
            f"{name}: is {encoding} text; save it as UTF-8 (iconv -f {encoding} -t UTF-8 FILE > NEW)"
        )
    return _LINE_END.split(data.removeprefix(codecs.BOM_UTF8))


def decoded_line(line: bytes) -> str:
    """UTF-8; bytes that are not UTF-8 and NULs stay visible as lone surrogates for `check_text`."""
    return line.decode("utf-8", "surrogateescape").replace("\0", _NUL)


def stripped(text: str) -> str:
    """`text` without white space and format characters (category Cf, such as U+200B) at its ends."""
    first, last = 0, len(text)
    while first < last and _is_invisible(text[first]):
        first += 1
    while last > first and _is_invisible(text[last - 1]):
        last -= 1
    return text[first:last]


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def check_text(value: str) -> None:
    """Raise UnusableLine for NUL, bytes that are not UTF-8, half surrogate pairs and control characters."""
    unusable = _UNUSABLE.search(value)
    if unusable is None:
        return
    code = ord(unusable.group())
    if unusable.group() in ("\0", _NUL):
        raise UnusableLine("contains a NUL byte")
    if 0xDC80 <= code <= 0xDCFF:
        raise UnusableLine(f"is not valid UTF-8 ({_byte_in_words(code - 0xDC00)}); save the file as UTF-8")
    if code >= 0xD800:
        raise UnusableLine(f"contains half a surrogate pair (U+{code:04X})")
    raise UnusableLine(f"contains a control character (U+{code:04X})")


def _byte_in_words(byte: int) -> str:
    """A byte that is not UTF-8, and what it is in the encoding it most likely comes from."""
    try:
        return f"byte 0x{byte:02x}, {bytes([byte]).decode('cp1252')!r} in Windows-1252"
    except UnicodeDecodeError:
        return f"byte 0x{byte:02x}"
