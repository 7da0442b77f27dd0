"""Runs on machines that lack something: locks, flushes of folders, UTF-8, or the other processes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

#: A library whose calls fail as there: flock with FLOCK_ERR, fsync of a folder with FSYNCDIR_ERR.
_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
int flock(int fd, int operation) {
  static int (*real)(int, int);
  char *fail = getenv("FLOCK_ERR");
  if (fail) { errno = atoi(fail); return -1; }
  if (!real) real = dlsym(RTLD_NEXT, "flock");
  return real(fd, operation);
}
int fsync(int fd) {
  static int (*real)(int);
  struct stat s;
  char *fail = getenv("FSYNCDIR_ERR");
  if (fail && !fstat(fd, &s) && S_ISDIR(s.st_mode)) { errno = atoi(fail); return -1; }
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  return real(fd);
}
"""


@pytest.fixture
def command(tmp_path: Path, tiny_model: TinyModel) -> list[str]:
    (tmp_path / "p.csv").write_text("text,frames\ntwo people bow,8\n")
    program = "from intermask_cli.cli import main; main()"
    return [sys.executable, "-c", program, "generate", "p.csv", *map(str, tiny_model.options)]


def run(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(arguments, cwd=folder, env=variables, capture_output=True, timeout=300)


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("gcc"), reason="needs gcc on Linux")
@pytest.mark.parametrize(
    ("variable", "number", "warnings"),
    [("FLOCK_ERR", 38, 1), ("FLOCK_ERR", 37, 1), ("FSYNCDIR_ERR", 22, 0), ("FSYNCDIR_ERR", 95, 0)],
)
@pytest.mark.long
def test_file_systems_without_locks_or_flushed_folders(
    tmp_path: Path, command: list[str], variable: str, number: int, warnings: int
) -> None:
    (tmp_path / "fs.c").write_text(_SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "fs.so", "fs.c", "-ldl"], cwd=tmp_path, check=True)
    shim = {"LD_PRELOAD": str(tmp_path / "fs.so"), variable: str(number)}
    done = run([*command, "--out", "r"], tmp_path, **shim)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"no locks") == warnings and b"UserWarning" not in done.stderr
    with h5py.File(tmp_path / "r" / "interactions.h5") as file:
        assert len(file["interactions"]) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.long
def test_an_out_that_is_not_utf8(tmp_path: Path, command: list[str]) -> None:
    done = run([*command, "--out", os.fsdecode(b"r\xe9")], tmp_path)
    assert done.returncode == 0, done.stderr
    name = os.fsdecode(b"r\xe9")
    manifest = json.loads((tmp_path / name / "manifest.json").read_text())
    assert manifest["status"] == "finished" and name in manifest["command_line"]


@pytest.mark.long
def test_a_terminal_that_cannot_show_the_path(tmp_path: Path, command: list[str]) -> None:
    done = run([*command, "--out", "\xfcn"], tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"\\xfcn" in done.stdout
    again = run([*command, "--out", "\xfcn", "--json"], tmp_path, PYTHONIOENCODING="ascii")
    assert json.loads(again.stdout)["out"] == "\xfcn"


def test_variables_of_a_launcher_left_over(tmp_path: Path, command: list[str]) -> None:
    left = {"WORLD_SIZE": "3", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29763"}
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **left}
    process = subprocess.Popen([*command, "--out", "r"], cwd=tmp_path, env=variables, stderr=subprocess.PIPE)
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    assert "waiting for 2 other processes (WORLD_SIZE=3 is set; unset it to run alone)" in line
    time.sleep(0.5)
    process.terminate()  # ends it although it waits inside torch
    process.wait(60)
    process.stderr.close()


@pytest.mark.long
def test_a_dataset_that_another_program_holds_open(tmp_path: Path, command: list[str]) -> None:
    assert run([*command, "--out", "r"], tmp_path).returncode == 0
    hold = (
        "import h5py, sys; f = h5py.File('r/interactions.h5', 'r+'); print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = run([*command[:3], "info", "r"], tmp_path)
        holder.terminate()
    assert done.returncode == 2
    assert b"open for writing in another program; close it there" in done.stderr


@pytest.mark.long
def test_info_of_a_run_that_is_not_finished(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "p.csv").write_text("text,frames\n" + "two people bow,8\n" * 20)
    assert run([*command, "--out", "r", "--shard", "1/2"], tmp_path).returncode == 0
    facts = json.loads(run([*command[:3], "info", "r", "--json"], tmp_path).stdout)
    assert 0 < facts["items_made"] < facts["items_planned"] == 20 and facts["running"] is False
    assert "incomplete; the same command, or intermask merge, finishes it" in facts["progress"]


@pytest.mark.long
def test_nothing_foreign_is_overwritten(tmp_path: Path, command: list[str]) -> None:
    kept = tmp_path / "kept"
    (kept / "parts").mkdir(parents=True)
    (kept / "parts" / "cad.txt").write_text("precious")
    (kept / "index.csv").write_text("a,b\n")
    for more in ([], ["--overwrite"]):
        done = run([*command, "--out", "kept", *more], tmp_path)
        assert done.returncode == 2 and b"index.csv, parts, parts/cad.txt" in done.stderr
        assert b"--overwrite" not in done.stderr
    assert (kept / "parts" / "cad.txt").read_text() == "precious" and (kept / "index.csv").exists()
    (kept / "index.csv").unlink()
    shutil.rmtree(kept / "parts")
    (kept / "notes.txt").write_text("keep")
    assert run([*command, "--out", "kept"], tmp_path).returncode == 0
    (kept / "parts").mkdir()
    (kept / "parts" / "cad.txt").write_text("precious")
    done = run([*command, "--out", "kept", "--overwrite", "--seed", "1"], tmp_path)
    assert done.returncode == 2 and (kept / "interactions.h5").exists()
    shutil.rmtree(kept / "parts")
    assert run([*command, "--out", "kept", "--overwrite", "--seed", "1"], tmp_path).returncode == 0
    assert (kept / "notes.txt").read_text() == "keep"


@pytest.mark.long
def test_a_run_names_no_machine_and_no_absolute_path(tmp_path: Path, command: list[str]) -> None:
    inputs = [str(tmp_path / word) if word == "p.csv" else word for word in command]
    assert run([*inputs, "--out", str(tmp_path / "r")], tmp_path).returncode == 0
    content = (tmp_path / "r" / "manifest.json").read_text() + (tmp_path / "r" / "index.csv").read_text()
    with h5py.File(tmp_path / "r" / "interactions.h5") as file:
        file.visititems(lambda name, node: None)
        content += str(dict(file.attrs))
        content += str([dict(group.attrs) for group in file["interactions"].values()])
    assert str(tmp_path) not in content and platform.node() not in content.split('"')
    full = run([*inputs, "--out", str(tmp_path / "f"), "--provenance", "full"], tmp_path)
    assert full.returncode == 0
    manifest = json.loads((tmp_path / "f" / "manifest.json").read_text())
    assert manifest["host"] == platform.node() and str(tmp_path / "p.csv") in manifest["command_line"]


@pytest.mark.long
def test_equal_content_has_an_equal_hash(tmp_path: Path, command: list[str]) -> None:
    found = []
    for name, more in (("a", []), ("b", ["--batch-size", "1"]), ("c", ["--seed", "1"])):
        assert run([*command, "--out", name, *more], tmp_path).returncode == 0
        facts = json.loads(run([*command[:3], "info", name, "--json"], tmp_path).stdout)
        found.append(facts["content_sha256"])
    assert found[0] == found[1] != found[2] and len(found[0]) == 64


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.long
def test_files_have_the_permissions_that_the_umask_gives(tmp_path: Path, command: list[str]) -> None:
    before = os.umask(0o027)
    try:
        assert run([*command, "--out", "r"], tmp_path).returncode == 0
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "r").iterdir() if path.suffix}
    assert modes == {0o640}
