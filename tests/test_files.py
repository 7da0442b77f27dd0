"""Files and folders that are complete or absent, locks, and disk errors in one line."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from threading import Thread

import filelock
import numpy as np
import pytest

from intermask_cli import files
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import (
    Replacements,
    disk_errors,
    held_locks,
    is_locked,
    locked,
    remove_leftovers,
    replacing,
    replacing_folder,
    set_aside,
    write_bytes,
    write_json,
    write_text,
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device.*free some space"),
        (OSError(30, "Read-only file system"), "Read-only file system.*another --out"),
        (
            OSError("Can't write data (file write failed: errno = 28, error message = 'No space')"),
            "No space left",
        ),
        (RuntimeError("Unable to close (file write failed: errno = 28)"), "No space left"),
    ],
)
def test_disk_errors_are_one_line(error: Exception, words: str) -> None:
    with pytest.raises(IntermaskError, match=words) as caught, disk_errors(Path("run/file")):
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_other_runtime_errors_are_not_disk_errors() -> None:
    with pytest.raises(RuntimeError, match="a bug"), disk_errors(Path("x")):
        raise RuntimeError("a bug")


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(IntermaskError, match="file size limit"):
            write_bytes(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_json_and_tables_as_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "🤝\nb\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "🤝\nb\n".encode()
    write_json(tmp_path / "a.json", {"é": [1]})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "é": [\n    1\n  ]\n}\n'
    write_csv(tmp_path / "a.csv", ["id", "text"], [["1", "a, b"], ["2", 'say "hi"']])
    assert (tmp_path / "a.csv").read_bytes() == b'id,text\n1,"a, b"\n2,"say ""hi"""\n'
    write_csv(tmp_path / "b.csv", ["id"], [[1]], line_end="\r\n")
    assert (tmp_path / "b.csv").read_bytes() == b"id\r\n1\r\n"


def test_a_writer_that_goes_by_the_suffix_gets_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.npz") as temporary:
        np.savez(temporary, x=np.ones(3))  # would append .npz to any other name
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def write_number(folder: Path, number: int) -> None:
    with replacing_folder(folder) as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "state.json").write_text(str(number))


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        write_number(tmp_path / "last", number)
        assert json.loads((tmp_path / "last/sub/state.json").read_text()) == number
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_kill_while_a_folder_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_number(tmp_path / "last", 1)
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "last"):
        raise KeyboardInterrupt
    assert (tmp_path / "last/sub/state.json").read_text() == "1"


def test_a_kill_between_the_renames_of_a_folder_leaves_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_number(tmp_path / "last", 1)
    replace = files.os.replace

    def killed(source: Path, target: Path) -> None:
        if target == tmp_path / "last":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_number(tmp_path / "last", 2)
    assert not (tmp_path / "last").exists()
    assert (set_aside(tmp_path / "last") / "sub/state.json").read_text() == "1"
    write_number(tmp_path / "last", 3)
    assert [path.name for path in tmp_path.glob("last*")] == ["last"]


def test_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".tmp-1-part.h5").write_bytes(b"half")
    (tmp_path / ".tmp-1-folder").mkdir()
    (tmp_path / ".tmp-1-folder" / "x").write_bytes(b"half")
    (tmp_path / "kept").write_bytes(b"")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_locks_end_with_the_process(tmp_path: Path) -> None:
    code = "import sys\nfrom pathlib import Path\nfrom intermask_cli.files import locked\n"
    code += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None and child.stdout is not None
    child.stdout.readline()
    with pytest.raises(InputError, match="another run"), locked(tmp_path / ".lock"):
        pass
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    with locked(tmp_path / ".lock"):
        pass


def test_several_files_take_their_places_together(tmp_path: Path) -> None:
    """At the end of the context, each atomically; a file whose block failed leaves nothing."""
    (tmp_path / "a.txt").write_text("old")
    with Replacements() as together:
        with together.add(tmp_path / "a.txt", tmp_path / "sub" / "b.txt") as drafts:
            for draft in drafts:
                draft.write_text("new")
        with pytest.raises(InputError), together.add(tmp_path / "c.txt") as (draft,):
            draft.write_text("half")
            raise InputError("cannot be represented")
        assert (tmp_path / "a.txt").read_text() == "old" and not (tmp_path / "sub" / "b.txt").exists()
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "sub" / "b.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "b.txt", "sub"]


def test_complete_files_take_their_places_before_an_error_continues(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Replacements() as together:
        with together.add(tmp_path / "a.txt") as (draft,):
            draft.write_text("done")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "done"


def test_a_disk_that_fills_up_while_files_take_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_sync_file", full)
    refused = pytest.raises(IntermaskError, match="free some space")
    with refused, Replacements() as together, together.add(tmp_path / "a.txt") as (draft,):
        draft.write_text("new")
    assert not list(tmp_path.iterdir())


def test_who_holds_what(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock-1-of-2"), locked(tmp_path / ".lock-2-of-2"):
        assert is_locked(tmp_path / ".lock-1-of-2") and not is_locked(tmp_path / ".lock")
        held = held_locks(tmp_path, ".lock-*-of-*")
        assert [path.name for path in held] == [".lock-1-of-2", ".lock-2-of-2"]
    assert held_locks(tmp_path, ".lock*") == []


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that answers every lock with an error, as some network file systems do."""

    def acquire(self: filelock.BaseFileLock) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "_acquire", acquire)
    files._warn_of_markers.cache_clear()


def test_marker_files_where_there_are_no_locks(
    tmp_path: Path, no_locks: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / ".lock-1-of-2"):
        refused = pytest.raises(InputError, match=r"another run.*delete .*\.lock-1-of-2\.held")
        with refused, locked(tmp_path / ".lock-1-of-2"):
            pass
        assert [path.name for path in held_locks(tmp_path, ".lock-*")] == [".lock-1-of-2"]
    assert held_locks(tmp_path, ".lock-*") == []
    err = capfd.readouterr().err
    assert err.count("warning:") == err.count("\n") == 1 and "has no locks" in err


def test_the_marker_of_a_dead_process_is_removed(tmp_path: Path, no_locks: None) -> None:
    code = "import os, sys\nfrom filelock import SoftFileLock\nlock = SoftFileLock(sys.argv[1])\n"
    code += "lock.acquire()\nos._exit(0)"
    marker = tmp_path / ".lock.held"
    subprocess.run([sys.executable, "-c", code, str(marker)], check=True)
    assert marker.exists()
    with locked(tmp_path / ".lock", wait=True):
        pass


def test_other_errors_of_a_lock_are_disk_errors(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(IntermaskError, match="cannot be written"), locked(tmp_path / ".lock"):
        pass


def test_processes_of_one_number_write_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers, where the first process of each has the number 1."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    path = tmp_path / "manifest.json"
    errors: list[BaseException] = []

    def write(letter: bytes) -> None:
        try:
            for _ in range(200):
                write_bytes(path, letter * 20_000)
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and path.read_bytes() in {letter * 20_000 for letter in (b"a", b"b", b"c")}
    assert list(tmp_path.iterdir()) == [path]
