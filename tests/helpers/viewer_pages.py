"""Viewer pages: the data written into them, and the pages opened in headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

#: Path of the browser, or None where none is installed.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page_data(page: Path) -> dict[str, Any]:
    """The object that the page's script reads."""
    match = re.search(r"const DATA = (\{.*\});\n", page.read_text(encoding="utf-8"))
    assert match
    return json.loads(match.group(1))


def browse(
    page: Path, fragment: str, *options: str, profile: Path, virtual_ms: int = 3000
) -> subprocess.CompletedProcess[str]:
    """The page at `#fragment` after `virtual_ms` of virtual time; fails if the page writes to the console."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", "--window-size=900,600",
        "--run-all-compositor-stages-before-draw", f"--virtual-time-budget={virtual_ms}",
        "--enable-logging=stderr", *options, f"file://{page}#{fragment}",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    assert not console, console
    return result
