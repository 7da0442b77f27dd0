"""What Windows lacks is not needed: the packages import and `generate` runs without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tiny_model import TinyModel

#: Takes modules of POSIX away from our packages and from filelock, and functions from all code. Other
#: libraries are installed in the form that this platform needs, so they keep their modules.
WITHOUT_POSIX = """
import builtins, os, sys
LACKING = {"fcntl", "resource", "pwd", "grp", "termios", "pty"}
real_import = builtins.__import__
def import_without_posix(name, globals=None, *arguments, **more):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    if name in LACKING and importer in ("intermask_cli", "evaluators", "filelock"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return real_import(name, globals, *arguments, **more)
builtins.__import__ = import_without_posix
for name in ("fork", "forkpty", "geteuid", "killpg", "setsid", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
"""
IMPORT_ALL = """
import importlib, pkgutil
import intermask_cli, evaluators
for package in (intermask_cli, evaluators):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print("imported")
"""
RUN = """
from intermask_cli.cli import main
if __name__ == "__main__":
    main(sys.argv[1:])
"""


def without_posix(script: Path, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    script.write_text(WITHOUT_POSIX + code)
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=None, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def our_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
@pytest.mark.long
def test_all_modules_import_without_posix(tmp_path: Path) -> None:
    run = without_posix(tmp_path / "script.py", IMPORT_ALL)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "imported\n"


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.long
def test_generate_without_posix(tmp_path: Path, tiny_model: TinyModel, processes: int) -> None:
    """Locks become marker files, which are gone afterwards; the same command then finds the finished run."""
    prompts, out = tmp_path / "p.txt", tmp_path / "run"
    prompts.write_text("".join(f"two people bow {i}\n" for i in range(10)))
    words = ["generate", prompts, "--out", out, *tiny_model.options, "--frames", 8, "--device", "cpu"]
    for _ in range(2):
        run = without_posix(tmp_path / "script.py", RUN, *words, "--processes", processes)
        assert run.returncode == 0, run.stderr
        assert "10 of 10 interactions" in run.stdout
    names = sorted(path.name for path in out.iterdir())
    assert names == ["gallery.html", "index.csv", "interactions.h5", "manifest.json"]
    assert not any(set('<>:"|?*') & set(name) for name in names)
