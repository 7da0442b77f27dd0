"""Tables that benchmarks update inside Markdown files, between two comments."""

from __future__ import annotations

from pathlib import Path


def markers(name: str) -> tuple[str, str]:
    """The comments before and after a block."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def paste(path: Path, name: str, block: str) -> bool:
    """Replace what is between the markers of a file -> whether the file has them."""
    begin, end = markers(name)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if begin not in text or end not in text:
        return False
    before, after = text.split(begin)[0], text.split(end)[1]
    path.write_text(f"{before}{begin}\n{block}\n{end}{after}", encoding="utf-8")
    return True
