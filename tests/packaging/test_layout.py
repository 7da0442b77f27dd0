"""The layout: folders of tests mirror the packages, tests import only helpers, class names are unique."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

TESTS, PACKAGES = ROOT / "tests", (ROOT / "intermask_cli", ROOT / "evaluators")
#: What may lie directly in `intermask_cli/`: entry points and basics.
BASICS = {
    "__init__",
    "__main__",
    "cli",
    "version",
    "config",
    "errors",
    "console",
    "files",
    "devices",
    "plugins",
}
#: Folders of tests that are not those of a package.
OTHER_FOLDERS = {
    "helpers",
    "oracles",
    "golden",
    "parity",
    "benchmarks",
    "evaluators",
    "docs",
    "packaging",
    "api",
    "fuzz",
}


def modules(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_folder_of_tests_is_one_of_the_package():
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    package = {path.name for path in PACKAGES[0].iterdir() if path.is_dir()}
    assert folders - OTHER_FOLDERS <= package
    assert {path.stem for path in TESTS.glob("test_*.py")} <= {f"test_{name}" for name in BASICS}


@pytest.mark.slow
def test_no_test_imports_another():
    found = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path, module in modules(TESTS)
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        and any(part.startswith("test_") for part in f"{node.module}.{node.names[0].name}".split("."))
        and (node.module or "").startswith("tests")
    ]
    assert not found


@pytest.mark.slow
def test_class_names_are_unique_across_the_packages():
    homes: dict[str, list[str]] = defaultdict(list)
    for path, module in modules(*PACKAGES):
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: files for name, files in homes.items() if len(files) > 1}


def test_nothing_lies_loose_in_the_package():
    assert {path.stem for path in PACKAGES[0].glob("*.py")} <= BASICS
