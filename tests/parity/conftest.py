"""Golden arrays of the published system: where they are, and skipping by name what a folder lacks.

The folder is `INTERMASK_PARITY` if set, else `../shared/parity` beside the repository, else the copied
subset in `tests/golden`. It has the sub-folders `evaluation` and `model`; every size is read from the files.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Helpers shared with the other tests (motion_samples, dataset_trees).
sys.path.insert(0, str(ROOT / "tests"))


def parity_folder() -> Path | None:
    """The folder in use; None when there is none. A wrong INTERMASK_PARITY is an error, not a skip."""
    chosen = os.environ.get("INTERMASK_PARITY")
    if chosen:
        if not Path(chosen).is_dir():
            raise pytest.UsageError(f"INTERMASK_PARITY={chosen} is not a folder")
        return Path(chosen)
    for folder in (ROOT.parent / "shared" / "parity", ROOT / "tests" / "golden"):
        if (folder / "evaluation").is_dir() or (folder / "model").is_dir():
            return folder
    return None


class Golden(Mapping[str, np.ndarray]):
    """One npz file; a missing array skips the test and names it."""

    def __init__(self, path: Path):
        self.path = path
        with np.load(path, allow_pickle=False) as archive:
            self._arrays = {name: archive[name] for name in archive.files}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            pytest.skip(f"{self.path.name} has no array {name!r}")
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class GoldenJson(dict):
    """One JSON object; a missing key skips the test and names it. `in` and `get` ask without skipping."""

    def __missing__(self, name: str) -> Any:
        pytest.skip(f"the golden JSON has no {name!r}")


@pytest.fixture(scope="session")
def parity_dir() -> Path:
    """Folder with `evaluation/` and `model/`."""
    folder = parity_folder()
    if folder is None:
        pytest.skip("no golden arrays: set INTERMASK_PARITY to a folder in the format of shared/parity")
    return folder


@pytest.fixture(scope="session")
def parity_file(parity_dir: Path) -> Callable[[str], Path]:
    """`parity_file("model/checkpoints")` -> existing path, or a skip naming it."""

    def find(relative: str) -> Path:
        path = parity_dir / relative
        if not path.exists():
            pytest.skip(f"{parity_dir} has no {relative}")
        return path

    return find


@pytest.fixture(scope="session")
def load(parity_file: Callable[[str], Path]) -> Callable[[str], Any]:
    """`load("evaluation/metrics.npz")` -> Golden arrays; `.json` -> GoldenJson; missing -> skip."""
    cache: dict[str, Any] = {}

    def read(relative: str) -> Any:
        path = parity_file(relative)
        if relative not in cache:
            is_json = path.suffix == ".json"
            cache[relative] = (
                json.loads(path.read_text(), object_hook=GoldenJson) if is_json else Golden(path)
            )
        return cache[relative]

    return read
