"""Runs that stay in parts: the same dataset as one file, for every reader, whatever kills or fails."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import CONTENT_SHA256, FILE_NAME, InteractionFile
from intermask_cli.datasets.part_set import part_files_in
from intermask_cli.errors import InputError
from intermask_cli.generation.merging import merge_runs
from intermask_cli.generation.run import disk_space
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.disk_space import space_for
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.run.plan import Plan, Shard
from tests.helpers.generation import info, plan_of, write_all


def in_parts(plan: Plan) -> RunInfo:
    return replace(info(plan), layout="parts")


def finished(folder: Path, plan: Plan, about: RunInfo) -> Path:
    with open_run(folder, about, Shard(), False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    return folder


def hashes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


def test_parts_are_the_dataset_of_one_file(tmp_path: Path) -> None:
    plan = plan_of(50)
    single = finished(tmp_path / "single", plan, info(plan))
    parts = finished(tmp_path / "parts", plan, in_parts(plan))
    names = [path.name for path in part_files_in(parts)]
    assert names == [f"interactions-{k:05d}-of-{len(plan.parts):05d}.h5" for k in range(1, len(names) + 1)]
    assert len(names) == len(plan.parts) > 3 and not part_files_in(single) and not (parts / "parts").exists()
    assert (single / "index.csv").read_bytes() == (parts / "index.csv").read_bytes()
    with InteractionFile(single) as one, InteractionFile(parts) as many:
        assert one.attributes == many.attributes and one.ids == many.ids and one.columns == many.columns
        for id in one.ids:
            np.testing.assert_array_equal(one.read(id).joints, many.read(id).joints)
            assert one.shapes(id) == many.shapes(id) and one.seams(id) == many.seams(id)
        assert many.stored_bytes() == sum(len(data) for data in hashes(parts).values())
    with h5py.File(parts / FILE_NAME) as file:  # by HDF5 alone, in the order of the plan
        assert list(file["interactions"]) == [item.id for item in plan.items]
        for item in plan.items:
            assert file[f"interactions/{item.id}/joints"].shape == (2, item.frames, 22, 3)


def test_a_moved_folder_and_another_time_of_writing(tmp_path: Path) -> None:
    plan = plan_of(30)
    first = finished(tmp_path / "a", plan, in_parts(plan))
    second = finished(tmp_path / "b", plan, in_parts(plan))
    assert hashes(first) == hashes(second)
    moved = shutil.move(first, tmp_path / "elsewhere")
    with InteractionFile(moved) as dataset:
        assert len([item.joints for item in dataset]) == 30


def test_auto_goes_by_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(30)
    assert not part_files_in(finished(tmp_path / "small", plan, info(plan)))
    assert "files keep the interactions" not in capsys.readouterr().err
    monkeypatch.setattr(disk_space, "SINGLE_FILE_BYTES", 1000)
    assert part_files_in(finished(tmp_path / "large", plan, info(plan)))
    assert f"{len(plan.parts)} files keep the interactions, interactions.h5 is" in capsys.readouterr().err
    assert not part_files_in(finished(tmp_path / "single", plan, replace(info(plan), layout="single")))
    twice, once = (space_for(tmp_path, plan.parts, 10**6, 22, "exact", name) for name in ("single", "auto"))
    assert float(twice.split()[1].replace(",", "")) > 1.9 * float(once.split()[1].replace(",", ""))


def test_failures_are_made_again(tmp_path: Path) -> None:
    plan = plan_of(40)
    folder = tmp_path / "r"
    with open_run(folder, in_parts(plan), Shard(), False) as run:
        write_all(run, plan, failing=[3, 17])
        assert len(run.merge(plan.parts, []).failed) == 2
    with InteractionFile(folder) as dataset:
        assert len([item for item in dataset]) == 38
    with open_run(folder, in_parts(plan), Shard(), False) as run:
        run.drop_failed(plan.parts)
        with InteractionFile(folder) as dataset:  # what was published stays readable meanwhile
            assert len([item for item in dataset]) == 38
        write_all(run, plan)
        assert not run.merge(plan.parts, []).failed
    assert hashes(folder) == hashes(finished(tmp_path / "whole", plan, in_parts(plan)))


def test_another_layout_after_failures_leaves_no_parts_behind(tmp_path: Path) -> None:
    plan = plan_of(20)
    with open_run(tmp_path / "r", in_parts(plan), Shard(), False) as run:
        write_all(run, plan, failing=[3])
        run.merge(plan.parts, [])
    with open_run(tmp_path / "r", replace(info(plan), layout="single"), Shard(), False) as run:
        run.drop_failed(plan.parts)
        write_all(run, plan)
        run.merge(plan.parts, [])
    assert not part_files_in(tmp_path / "r")
    with InteractionFile(tmp_path / "r") as dataset:
        assert len([item for item in dataset]) == 20


@pytest.mark.parametrize("links", [True, False])
def test_shards_in_folders_of_their_own(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:  # as on exFAT, and between disks

        def refused(*arguments: object) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)
    plan = plan_of(40)
    folders = []
    for index in (1, 2):
        shard = Shard(index, 2)
        with open_run(tmp_path / f"s{index}", in_parts(plan), shard, False) as run:
            own = Plan(plan.items, shard.deal(plan.parts))
            write_all(run, own)
        folders.append(tmp_path / f"s{index}")
    merge_runs(folders, tmp_path / "all")  # the layout is that of the shards
    assert hashes(tmp_path / "all") == hashes(finished(tmp_path / "whole", plan, in_parts(plan)))
    with InteractionFile(tmp_path / "all") as dataset:
        assert len([item for item in dataset]) == 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    plan = plan_of(20)
    whole = finished(tmp_path / "whole", plan, in_parts(plan))
    with open_run(tmp_path / "made", in_parts(plan), Shard(), False) as run:
        write_all(run, plan)
    for last in range(1, 40):
        folder = tmp_path / f"killed-{last}"
        shutil.copytree(tmp_path / "made", folder)
        child = os.fork()
        if child == 0:
            calls = [0]
            for name in ("fsync", "replace", "unlink", "link"):
                setattr(os, name, _dying(getattr(os, name), calls, last))
            merge_runs([folder], None)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if last == 1:
            assert os.waitstatus_to_exitcode(status) == 9
        assert merge_runs([folder], None).done == 20
        assert hashes(folder) == hashes(whole), last


def _dying(function, calls: list[int], last: int):
    """The function, which ends the process at its `last`-th call."""

    def call(*arguments, **options):
        calls[0] += 1
        if calls[0] == last:
            os._exit(9)
        return function(*arguments, **options)

    return call


def test_joining_takes_parts_like_one_file(tmp_path: Path) -> None:
    small, large = plan_of(10), plan_of(25)
    folders = [finished(tmp_path / "a", small, in_parts(small)), finished(tmp_path / "b", large, info(large))]
    merge_runs(folders, tmp_path / "both")
    with InteractionFile(tmp_path / "both") as both, InteractionFile(folders[0]) as first:
        assert len(both) == 35
        np.testing.assert_array_equal(both[3].joints, first[3].joints)
        assert CONTENT_SHA256 in both.attributes


def test_runs_in_parts_are_joined_by_an_index(tmp_path: Path) -> None:
    small, large = plan_of(10), plan_of(25)  # ids that both have
    joined = {}
    for name, about in (("single", info), ("parts", in_parts)):
        folders = [
            finished(tmp_path / f"{name}-{plan}" / "abcd"[i], of, about(of))
            for i, (plan, of) in enumerate((("small", small), ("large", large)))
        ]
        merge_runs(folders, tmp_path / name / "both")
        with InteractionFile(tmp_path / name / "both") as both:
            arrays = {item.id: item.joints.tobytes() for item in both}
            joined[name] = arrays, both.attributes[CONTENT_SHA256], both.column("run"), both.joined_runs()
        index = (tmp_path / name / "both" / "index.csv").read_text()
        joined[name] = (*joined[name], index)
    assert joined["single"] == joined["parts"] and len(joined["parts"][0]) == 35
    files = part_files_in(tmp_path / "parts" / "both")
    assert len(files) == len(small.parts) + len(large.parts)
    assert not part_files_in(tmp_path / "single" / "both")
    assert all(path.stat().st_nlink == 2 for path in files)  # nothing was copied


def test_parts_of_an_earlier_version_without_hashes_are_joined(tmp_path: Path) -> None:
    small, large = plan_of(10), plan_of(25)
    folders = [finished(tmp_path / name, of, in_parts(of)) for name, of in (("a", small), ("b", large))]
    for part in part_files_in(folders[0]):
        with h5py.File(part, "r+") as file:
            rows = json.loads(file.attrs["rows"])
            file.attrs["rows"] = json.dumps([{k: v for k, v in row.items() if k != "sha256"} for row in rows])
    merge_runs(folders, tmp_path / "both")
    with InteractionFile(tmp_path / "both") as both:
        assert len([item for item in both]) == 35
        assert CONTENT_SHA256 not in both.attributes  # rather than one of some of the items


def test_overwrite_removes_parts_and_files_of_others_are_kept(tmp_path: Path) -> None:
    plan, other = plan_of(20), plan_of(5)
    finished(tmp_path / "r", plan, in_parts(plan))
    with open_run(tmp_path / "r", info(other), Shard(), overwrite=True):
        assert not part_files_in(tmp_path / "r")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "interactions-00001-of-00002.h5").write_bytes(b"x")
    refused = pytest.raises(InputError, match=r"interactions-00001-of-00002.h5 and no manifest.json")
    with refused, open_run(tmp_path / "foreign", info(plan), Shard(), True):
        pass


def test_the_manifest_says_how(tmp_path: Path) -> None:
    plan = plan_of(10)
    folder = finished(tmp_path / "r", plan, in_parts(plan))
    assert json.loads((folder / "manifest.json").read_text())["layout"] == "parts"
