"""Golden arrays of the published system: where they are, skipping by name what a folder lacks, the report.

The folder is `INTERMASK_PARITY` if set, else `../shared/parity` next to the repository, else the copied
subset in `tests/golden`. It has the sub-folders `evaluation` and `model`; every size is read from the files.
A chosen folder in which nothing could be checked fails the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import parity_comparing as comparing
from tests.helpers import parity_reporting as reporting

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

PARTS = ("model", "evaluation")
STAGES = {"tokenizer": "vq_reduced", "transformer": "trans_reduced"}


def parity_folder() -> Path | None:
    """The folder in use; None when there is none. A wrong INTERMASK_PARITY is an error, not a skip."""
    chosen = os.environ.get("INTERMASK_PARITY")
    if chosen:
        if not any((Path(chosen) / part).is_dir() for part in PARTS):
            raise pytest.UsageError(
                f"INTERMASK_PARITY={chosen}: no such folder, or neither model/ nor evaluation/ in it; "
                "expected the layout of tests/golden"
            )
        return Path(chosen)
    for folder in (ROOT.parent / "shared" / "parity", ROOT / "tests" / "golden"):
        if any((folder / part).is_dir() for part in PARTS):
            return folder
    return None


class Golden(Mapping[str, np.ndarray]):
    """One npz file; a missing array skips the test and names it."""

    def __init__(self, path: Path):
        self.path, self.name = path, f"{path.parent.name}/{path.name}"
        with np.load(path, allow_pickle=False) as archive:
            self._arrays = {name: archive[name] for name in archive.files}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            pytest.skip(f"{self.name} has no array {name!r}")
        comparing.was_read(self.name, name)
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class GoldenJson(dict):
    """One JSON object; a missing key skips the test and names it. `in` and `get` ask without skipping."""

    file = ""

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            pytest.skip(f"{self.file} has no {name!r}")
        comparing.was_read(self.file, name)
        return super().__getitem__(name)


def read_json(path: Path) -> Any:
    """A JSON file whose objects are `GoldenJson`."""
    kind = type("GoldenJson", (GoldenJson,), {"file": f"{path.parent.name}/{path.name}"})
    return json.loads(path.read_text(encoding="utf-8"), object_hook=kind)


@pytest.fixture(scope="session")
def parity_dir() -> Path:
    """Folder with `evaluation/` and `model/`."""
    folder = parity_folder()
    if folder is None:
        pytest.skip("no golden arrays: set INTERMASK_PARITY to a folder in the format of tests/golden")
    return folder


@pytest.fixture(scope="session")
def parity_file(parity_dir: Path) -> Callable[[str], Path]:
    """`parity_file("model/vq_losses.npz")` -> existing path, or a skip naming it."""

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
            cache[relative] = read_json(path) if path.suffix == ".json" else Golden(path)
        return cache[relative]

    return read


@pytest.fixture(scope="session")
def checkpoint(parity_file: Callable[[str], Path]) -> Callable[[str, str], Path]:
    """`checkpoint("interhuman", "tokenizer")` -> folder with opt.txt and weights, or a skip."""

    def find(dataset: str, stage: str) -> Path:
        home = parity_file(f"model/checkpoints/{dataset}")
        usual = home / STAGES[stage]
        for folder in [usual, *sorted(set(home.iterdir()) - {usual})]:
            options = folder / "opt.txt"
            if not options.is_file() or not list((folder / "model").glob("*.tar")):
                continue
            # Only a transformer's options name the tokenizer that belongs to it.
            if ("\nvq_name: " in options.read_text(encoding="utf-8")) == (stage == "transformer"):
                return folder
        pytest.skip(f"{home} has no {stage} with opt.txt and model/*.tar")

    return find


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`trace_name` and `pass_name` run over the known file names and any further ones of the folder."""
    folder = parity_folder()
    for argument, pattern in (("trace_name", "sample_*.npz"), ("pass_name", "train_*.npz")):
        if argument in metafunc.fixturenames:
            found = [path.stem for path in sorted(folder.glob(f"model/{pattern}"))] if folder else []
            known: tuple[str, ...] = getattr(metafunc.module, "KNOWN", ())
            metafunc.parametrize(argument, sorted({*known, *found}))


@pytest.fixture(autouse=True)
def _noted(request: pytest.FixtureRequest) -> Iterator[None]:
    with comparing.noting() as (notes, read):
        # Filled while the test runs; pytest hands it to whoever prints the summary.
        request.node.user_properties += [(reporting.NOTES, notes), (reporting.READ, read)]
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    parity_folder()
    config.stash[reporting.ALONE] = all(HERE in item.path.parents for item in items)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A folder chosen by hand in which nothing applied must not look like a success."""
    if os.environ.get("INTERMASK_PARITY") and exitstatus == pytest.ExitCode.OK:
        reports = reporting.reports_of(session.config)
        if reports and not any(report.passed for report in reports):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = reporting.reports_of(config)
    if reports and config.stash.get(reporting.ALONE, False):
        for line in reporting.lines(reports, parity_folder()):
            terminalreporter.write_line(line)
    elif reports and not any(report.passed for report in reports):
        terminalreporter.write_line("parity: nothing was compared; see the skips above (-rs)")
