"""`intermask view`, `render` and `export` on a run of the tiny model."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.helpers.tiny_model import TinyModel
from tests.helpers.viewer_pages import page_data

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_model: TinyModel) -> Path:
    """A finished run of three interactions."""
    from intermask_cli.cli import main

    folder = tmp_path_factory.mktemp("look")
    prompts = folder / "p.txt"
    prompts.write_text("two people bow\ntwo people shake hands\nthe first person wave\n")
    with pytest.raises(SystemExit) as ended:
        main(["generate", str(prompts), *tiny_model.options, "--frames", "12", "--out", str(folder / "run")])
    assert ended.value.code == 0
    return folder / "run"


def items_of(page: Path) -> list[dict[str, Any]]:
    return page_data(page)["items"]


def test_generate_leaves_a_gallery(run_folder: Path) -> None:
    assert [item["id"] for item in items_of(run_folder / "gallery.html")] == ["p-1-s0", "p-2-s0", "p-3-s0"]


def test_view_chooses_items_and_joins_scores(cli: Run, run_folder: Path, tmp_path: Path) -> None:
    scores = tmp_path / "per_prompt.csv"
    scores.write_text("id,rank,note\np-2-s0,7,far\n")
    page = tmp_path / "page.html"
    code, out, _ = cli("view", run_folder, "--out", page, "--id", "p-2-s0", "--scores", scores)
    assert code == 0 and out.strip() == str(page)
    (item,) = items_of(page)
    assert item["fields"]["rank"] == 7 and item["fields"]["note"] == "far" and item["fields"]["frames"] == 12
    assert item["fields"]["seed"].isdigit(), "seeds are text: a browser's numbers would round them"


def test_other_suffixes_and_ids_are_one_line(cli: Run, run_folder: Path, tmp_path: Path) -> None:
    code, _, err = cli("render", run_folder, "--out", tmp_path / "x.avi")
    assert code == 2 and ".png" in err and err.count("\n") == 1
    code, _, err = cli("view", run_folder, "--id", "unknown")
    assert code == 2 and "p-1-s0" in err and err.count("\n") == 1


def test_export_writes_once_and_states_its_errors(cli: Run, run_folder: Path, tmp_path: Path) -> None:
    code, _, err = cli("export", run_folder, "--to", "npy", "--out", tmp_path / "npy", "--json")
    assert code == 0, err
    names = sorted(path.name for path in (tmp_path / "npy").iterdir() if path.suffix == ".npy")
    assert names == [f"p-{k}-s0_person{p}.npy" for k in (1, 2, 3) for p in (1, 2)]
    assert np.load(tmp_path / "npy" / names[0]).shape == (12, 22, 9)
    code, out, _ = cli("export", run_folder, "--to", "npy", "--out", tmp_path / "npy", "--json")
    assert code == 0 and json.loads(out)["skipped"] == 3
    code, out, err = cli("export", run_folder, "--to", "bvh", "--out", tmp_path / "bvh", "--processes", 2)
    assert code == 0 and "file round trip, largest" in out and "skeleton fit, mean" in out, err
    assert len(list((tmp_path / "bvh").glob("*.bvh"))) == 6


def test_a_full_disk_ends_an_export_in_one_line(
    cli: Run, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("intermask_cli.export.formats.np.save", full)
    out = tmp_path / "npy"
    code, _, err = cli("export", run_folder, "--to", "npy", "--out", out, "--processes", 1)
    assert code == 1 and "cannot be written" in err and "free some space" in err and err.count("\n") == 1
    assert [path.name for path in out.iterdir()] == [".export-npy.json"]


def test_view_shows_another_run_for_comparison(cli: Run, run_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _, err = cli("view", run_folder, "--truth", run_folder, "--out", page)
    assert code == 0, err
    shown = items_of(page)
    assert all(item["truth"]["data"] == item["data"] for item in shown)
    other = tmp_path / "other.h5"
    with h5py.File(run_folder / "interactions.h5") as source, h5py.File(other, "w") as target:
        for name, value in source.attrs.items():
            target.attrs[name] = value
        id = source["index/id"].asstr()[0]
        source.copy(f"interactions/{id}", target.create_group("interactions"), "truth-of-it")
        for name in ("prompt", "sample", "seed", "frames"):
            target[f"index/{name}"] = source[f"index/{name}"][:1]
        target["index/id"] = ["truth-of-it"]
    code, _, err = cli("view", run_folder, "--truth", other, "--out", page)  # by prompt
    shown = items_of(page)
    assert code == 0 and "truth" in shown[0] and "truth" not in shown[-1]
    with h5py.File(other, "r+") as target:
        target["index/prompt"][0] = "something else"
    code, _, err = cli("view", run_folder, "--truth", other, "--out", page)
    assert code == 2 and "no interaction has the id or the prompt" in err


@pytest.mark.parametrize("target", ["bvh", "interx"])
def test_one_bad_interaction_does_not_stop_an_export(
    cli: Run, run_folder: Path, tmp_path: Path, target: str
) -> None:
    source = tmp_path / "some.h5"
    shutil.copy(run_folder / "interactions.h5", source)
    with h5py.File(source, "r+") as file:
        id = file["index/id"].asstr()[1]
        joints = file[f"interactions/{id}/joints"]
        joints[0, 3] = np.nan
    out = tmp_path / "out"
    code, text, err = cli("export", source, "--to", target, "--out", out, "--json")
    assert text, err
    report = json.loads(text)
    assert code == 3 and report["written"] == 2 and list(report["failed"]) == [id]
    assert id in err and "NaN" in err
    assert not [path for path in out.rglob("*") if id in path.name]
    code, text, _ = cli("export", source, "--to", target, "--out", tmp_path / "again", "--id", id)
    assert code == 3 and "0 written" in text and "1 failed" in text
