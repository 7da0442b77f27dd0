"""The data written into viewer pages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def page_data(page: Path) -> dict[str, Any]:
    """The object that the page's script reads."""
    match = re.search(r"const DATA = (\{.*\});\n", page.read_text(encoding="utf-8"))
    assert match
    return json.loads(match.group(1))


def part_data(page: Path, number: int) -> list[dict[str, Any]]:
    """The clips in a data file of a large page."""
    text = page.with_name(f"{page.stem}_data").joinpath(f"{number}.js").read_text(encoding="ascii")
    match = re.fullmatch(rf"interactionPart\({number},(\[.*\])\);\n", text)
    assert match
    return json.loads(match.group(1))
