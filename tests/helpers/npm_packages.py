"""Packages of npm that tests use: those in `INTERMASK_NPM` or `build/npm`, else installed in the latter."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def npm_package(name: str, version: str) -> Path:
    """Folder of an installed package; skips the test, with the reason, where there is none to get."""
    folders = [Path(os.environ["INTERMASK_NPM"])] if "INTERMASK_NPM" in os.environ else []
    folders.append(_ROOT / "build" / "npm")
    for folder in folders:
        if (folder / "node_modules" / name / "package.json").is_file():
            return folder / "node_modules" / name
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is not installed, so {name} cannot be had (apt-get install npm)")
    folder = folders[-1]
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        npm,
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        f"{name}@{version}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm install {name} took more than two minutes")
    if done.returncode or not (folder / "node_modules" / name).is_dir():
        pytest.skip(f"npm install {name} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return folder / "node_modules" / name
