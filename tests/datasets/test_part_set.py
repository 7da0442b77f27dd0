"""Reading a dataset in parts: what is missing, mixed up or hostile ends in one line."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from intermask_cli.datasets import part_set
from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.plan import Shard
from tests.helpers.generation import info, plan_of, write_all


@pytest.fixture
def run(tmp_path: Path) -> Path:
    plan = plan_of(30)
    with open_run(tmp_path / "run", replace(info(plan), layout="parts"), Shard(), False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    return tmp_path / "run"


def first_item(run: Path, part: int) -> str:
    with h5py.File(part_set.part_files_in(run)[part]) as file:
        return next(iter(file["interactions"]))


def test_few_files_are_open_at_a_time(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_set, "_MOST_OPEN", 2)
    with InteractionFile(run) as dataset:
        items = [item.joints for item in dataset]
        assert dataset._parts is not None and len(dataset._parts._open) == 2
        again = pickle.loads(pickle.dumps(dataset))
    assert (again[7].joints == items[7]).all()
    assert not dataset._parts._open


def test_a_part_alone_says_what_to_open(run: Path) -> None:
    with pytest.raises(InputError, match=r"one part of a dataset; give the interactions.h5 next to it"):
        InteractionFile(part_set.part_files_in(run)[0])


def test_of_a_missing_part_only_its_items_cannot_be_read(run: Path) -> None:
    lost = first_item(run, 1)
    part_set.part_files_in(run)[1].unlink()
    with InteractionFile(run) as dataset:
        with pytest.raises(InputError, match=r"interactions-00002-of-\d+.h5: no such file; .*copy all"):
            dataset.read(lost)
        assert dataset.read(first_item(run, 0)).joints.size
        with pytest.raises(InputError, match="no complete interaction 'no-such'"):
            dataset.read("no-such")
        with pytest.raises(InputError, match="no complete interaction"):
            dataset.seams("no-such")


def test_damaged_and_exchanged_parts(run: Path, tmp_path: Path) -> None:
    one, two, three = part_set.part_files_in(run)[:3]
    ids = [first_item(run, part) for part in range(3)]
    shutil.copy(two, one)
    two.write_bytes(b"no HDF5")
    with h5py.File(three, "r+") as file:
        file.attrs["fingerprint"] = "0" * 64
    with InteractionFile(run) as dataset:
        for id, message in zip(
            ids, ("no complete interaction", "not a readable HDF5", "part of another run"), strict=True
        ):
            with pytest.raises(InputError, match=message) as error:
                dataset.read(id)
            assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("/etc/secret.h5", "/interactions/x"),
        ("../other.h5", "/interactions/x"),
        ("interactions-00009-of-00009.h5", "/interactions/x"),
        (None, "/elsewhere/x"),
        (None, "/interactions/x/y"),
    ],
)
def test_links_to_other_files_are_not_followed(run: Path, file: str | None, path: str) -> None:
    with h5py.File(run / FILE_NAME, "r+") as index:
        id = index["index/id"].asstr()[0]
        link = index["interactions"].get(id, getlink=True)
        del index["interactions"][id]
        index["interactions"][id] = h5py.ExternalLink(file or link.filename, path)
    with (
        InteractionFile(run) as dataset,
        pytest.raises(InputError, match=r"in none of the files|is a link to"),
    ):
        dataset.read(id)


@pytest.mark.parametrize("names", [["../a.h5"], []])
def test_lists_of_other_files_are_refused(run: Path, names: list[str]) -> None:
    with h5py.File(run / FILE_NAME, "r+") as index:
        for name in ("file", "fingerprint"):
            del index["parts"][name]
            index["parts"].create_dataset(name, data=names, dtype=h5py.string_dtype(), shape=(len(names),))
    with pytest.raises(InputError, match="does not list the files"):
        InteractionFile(run)
