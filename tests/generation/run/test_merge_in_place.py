"""Merging where the disk has room for one copy: parts move into the dataset, and a kill loses none."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import CONTENT_SHA256, FILE_NAME
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.generation.merging import merge_runs
from intermask_cli.generation.run import merged_file
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.journaled_file import JournaledFile
from intermask_cli.generation.run.plan import Plan, Shard
from tests.helpers.generation import info, plan_of, write_all

_Usage = namedtuple("_Usage", "total used free")


def make_parts(folder: Path, plan: Plan) -> None:
    with open_run(folder, info(plan), Shard(), False) as run:
        write_all(run, plan)


def small_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Room for the largest part, not for all of them."""
    largest = max(path.stat().st_size for path in (folder / "parts").glob("*.h5"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(10**9, 0, 2 * largest))


def content(folder: Path) -> tuple[str, list[str], bytes]:
    """Content hash, ids in their order, and the table."""
    with h5py.File(folder / FILE_NAME) as file:
        ids = list(file["interactions"])
        assert all(np.isfinite(file[f"interactions/{id}/joints"][...]).all() for id in ids)
        return file.attrs[CONTENT_SHA256], ids, (folder / "index.csv").read_bytes()


def test_a_merge_in_place_makes_the_same_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(70)
    for name in ("wide", "narrow"):
        make_parts(tmp_path / name, plan)
    assert merge_runs([tmp_path / "wide"], None).merged
    small_disk(monkeypatch, tmp_path / "narrow")
    assert merge_runs([tmp_path / "narrow"], None).done == 70
    assert "merged in place" in capsys.readouterr().err
    assert content(tmp_path / "narrow") == content(tmp_path / "wide")
    left = {path.name for path in (tmp_path / "narrow").iterdir() if not path.name.startswith(".lock")}
    assert left == {path.name for path in (tmp_path / "wide").iterdir() if not path.name.startswith(".lock")}


def test_not_even_room_for_one_part_and_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parts(tmp_path / "r", plan_of(30))
    small_disk(monkeypatch, tmp_path / "r")
    with pytest.raises(IntermaskError, match="merging needs"):  # the parts there are not its own
        merge_runs([tmp_path / "r"], tmp_path / "other")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(10**9, 0, 100))
    with pytest.raises(IntermaskError, match="merging needs"):
        merge_runs([tmp_path / "r"], None)
    monkeypatch.undo()
    assert merge_runs([tmp_path / "r"], None).done == 30


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.long
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(40)
    make_parts(tmp_path / "whole", plan)
    merge_runs([tmp_path / "whole"], None)
    make_parts(tmp_path / "made", plan)
    small_disk(monkeypatch, tmp_path / "made")
    for last in (*range(1, 60, 2), 89, 144):
        folder = tmp_path / f"killed-{last}"
        shutil.copytree(tmp_path / "made", folder)
        child = os.fork()
        if child == 0:
            _dies_at(last)
            merge_runs([folder], None)
            os._exit(0)
        os.waitpid(child, 0)
        assert merge_runs([folder], None).done == 40
        assert content(folder) == content(tmp_path / "whole"), last


def _dies_at(last: int) -> None:
    """This process dies at its `last`-th flush, rename or removal."""
    calls = [0]

    def counting(function):
        def call(*arguments, **options):
            calls[0] += 1
            if calls[0] == last:
                os._exit(9)
            return function(*arguments, **options)

        return call

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counting(getattr(os, name)))


def test_parts_that_have_moved_are_not_merged_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parts(tmp_path / "r", plan_of(40))
    small_disk(monkeypatch, tmp_path / "r")
    monkeypatch.setattr(merged_file, "_complete", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        merge_runs([tmp_path / "r"], None)
    monkeypatch.undo()
    with pytest.raises(InputError, match="without --out"):
        merge_runs([tmp_path / "r"], tmp_path / "other")
    assert merge_runs([tmp_path / "r"], None).done == 40


def test_a_journaled_file_is_what_was_committed_last(tmp_path: Path) -> None:
    """Against plain bytes, with a copy of both files at every moment in place of a crash."""
    rng = np.random.default_rng(0)
    path, journal, copy = tmp_path / "f", tmp_path / "j", tmp_path / "copy"
    committed = expected = b""
    with JournaledFile(path, journal) as file:
        for step in range(300):
            place, length = int(rng.integers(0, len(expected) + 3000)), int(rng.integers(1, 9000))
            data = rng.bytes(length)
            file.seek(place)
            file.write(data)
            expected = expected[:place].ljust(place, b"\0") + data + expected[place + length :]
            if step % 17 == 5:
                expected = expected[: len(expected) // 2]
                file.truncate(len(expected))
            file.seek(0)
            buffer = bytearray(len(expected) + 10)
            assert file.readinto(memoryview(buffer)) == len(expected)
            assert bytes(buffer[:-10]) == expected
            if step % 7 == 3:
                file.commit()
                committed = expected
            file._file.flush()
            shutil.copy(path, copy)
            if journal.exists():
                shutil.copy(journal, tmp_path / "copy-j")
                with JournaledFile(copy, tmp_path / "copy-j") as again:
                    assert again.read() == committed
