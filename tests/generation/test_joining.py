"""`intermask merge` of finished runs: one dataset, the origin of every item, no id twice."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import h5py
import pytest

from intermask_cli.datasets.interactions import InteractionFile, item_sha256
from intermask_cli.errors import InputError
from intermask_cli.generation.merging import merge_runs
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.manifest import RunInfo, read_manifest
from intermask_cli.generation.run.plan import Plan, make_plan
from tests.helpers.generation import ALL, plan_of, write_all


def plan(texts: list[str], seed: int = 0, carried: dict[str, str] | None = None) -> Plan:
    lines = [
        Prompt(f"p-{i}", text, "p.txt", i, frames=8, carried=carried or {}) for i, text in enumerate(texts, 1)
    ]
    return make_plan(lines, seed, 1, 60)


def finish(folder: Path, plan: Plan, **dataset: Any) -> Path:
    """A finished run of random joints."""
    values = {"fps": 30.0, "units": "m", "sampling": {}, "versions": {}, "licence": "MIT", **dataset}
    identity = {"prompts": plan.fingerprint(), "model": values.get("model_id", "a")}
    info = RunInfo("generate", len(plan.items), len(plan.items), identity, values, {})
    with open_run(folder, info, ALL, overwrite=False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    return folder


def test_finished_runs_become_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = finish(tmp_path / "a", plan(["bow", "hug"], carried={"kind": "x"}), model_id="one")
    b = finish(tmp_path / "b", plan(["wave", "hug", "kick"]), model_id="two", licence="CC-BY")
    summary = merge_runs([a, b], tmp_path / "both")
    assert (summary.done, summary.total, summary.exit_code) == (5, 5, 0)
    assert "several times in the result" not in capsys.readouterr().err  # another model
    with (
        InteractionFile(tmp_path / "both") as dataset,
        InteractionFile(a) as first,
        InteractionFile(b) as second,
    ):
        assert dataset.ids == ["a-p-1-s0", "a-p-2-s0", "b-p-1-s0", "b-p-2-s0", "p-3-s0"]
        assert dataset.column("run") == ["a", "a", "b", "b", "b"]
        assert dataset.column("kind") == ["x", "x", "", "", ""]
        assert dataset.column("model_id") == ["one", "one", "two", "two", "two"]
        for item, given in zip(dataset, [*first, *second], strict=True):
            assert item_sha256(item) == item_sha256(given)
        joined = dataset.joined_runs()
        assert {name: (run["model_id"], run["licence"]) for name, run in joined.items()} == {
            "a": ("one", "MIT"), "b": ("two", "CC-BY"),
        }  # fmt: skip
        assert dataset.attributes["licence"] == "MIT; CC-BY" and dataset.attributes["fps"] == 30
        assert len(dataset.attributes["content_sha256"]) == 64
    with (tmp_path / "both" / "index.csv").open() as stream:
        assert [row["run"] for row in csv.DictReader(stream)] == ["a", "a", "b", "b", "b"]
    assert (read_manifest(tmp_path / "both") or {})["status"] == "finished"
    assert sorted(path.name for path in (tmp_path / "both").iterdir() if path.name[0] != ".") == [
        "index.csv", "interactions.h5", "manifest.json",
    ]  # fmt: skip
    assert merge_runs([a, b], tmp_path / "both").finished_before
    assert {path.name for path in a.iterdir()} >= {"interactions.h5", "manifest.json"}


def test_ids_do_not_depend_on_the_order_of_the_runs(tmp_path: Path) -> None:
    texts = [f"text {k}" for k in range(30)]
    runs = [finish(tmp_path / name / "run", plan(texts[k * 5 :], k)) for k, name in enumerate("xyz")]
    found = []
    for number in range(2):
        merge_runs(runs, tmp_path / f"out{number}")
        with InteractionFile(tmp_path / f"out{number}") as dataset:
            found.append(dict(zip(dataset.ids, dataset.column("seed"), strict=True)))
        random.Random(1).shuffle(runs)
    assert found[0] == found[1] and len(found[0]) == 30 + 25 + 20


def test_long_ids_and_ids_that_are_made_alike(tmp_path: Path) -> None:
    ids = ["x" * 98, "a-q", "q"]

    def run(name: str, used: list[str], seed: int) -> Path:
        lines = [Prompt(id, "bow", "p.txt", i, frames=4) for i, id in enumerate(used)]
        return finish(tmp_path / name, make_plan(lines, seed, 1, 60))

    merge_runs([run("a", ids, 0), run("b", [ids[0], ids[2]], 1)], tmp_path / "out")
    with InteractionFile(tmp_path / "out") as dataset:
        assert len(set(dataset.ids)) == 5 and all(len(id) <= 100 for id in dataset.ids)
        assert all(id.endswith("-s0") for id in dataset.ids) and "a-q-s0" in dataset.ids


def test_joined_runs_are_joined_again(tmp_path: Path) -> None:
    a, b, c = (finish(tmp_path / name, plan([name])) for name in "abc")
    merge_runs([a, b], tmp_path / "ab")
    merge_runs([tmp_path / "ab", c], tmp_path / "abc")
    with InteractionFile(tmp_path / "abc") as dataset:
        assert dataset.column("run") == ["ab-a", "ab-b", "c"]
        assert set(dataset.joined_runs()) == {"ab-a", "ab-b", "c"}


def test_equal_items_are_named_and_the_same_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = finish(tmp_path / "a", plan(["bow", "hug"])), finish(tmp_path / "b", plan(["hug", "wave"]))
    merge_runs([a, b], tmp_path / "both")
    assert "several times in the result: 1 interactions" in capsys.readouterr().err.replace("\n", " ")
    again = finish(tmp_path / "again", plan(["bow", "hug"]))
    with pytest.raises(InputError, match=r"a and .*again are the same run; give one of them"):
        merge_runs([a, again], tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_runs_that_cannot_be_joined(tmp_path: Path) -> None:
    a, b = finish(tmp_path / "a", plan(["bow"])), finish(tmp_path / "b", plan(["hug"]), fps=20.0)
    with pytest.raises(InputError, match=r"are not one dataset: other fps, 20.0 and 30.0"):
        merge_runs([a, b], tmp_path / "out")
    with pytest.raises(InputError, match="is one of the runs"):
        merge_runs([a, b], a)
    half = plan_of(20)
    info = RunInfo("generate", 20, 20, {"prompts": half.fingerprint()}, {"fps": 30.0}, {})
    with open_run(tmp_path / "half", info, ALL, overwrite=False):
        pass
    with pytest.raises(
        InputError, match=r"half: 0 of 20 interactions, incomplete.*finished runs can be joined"
    ):
        merge_runs([a, tmp_path / "half"], tmp_path / "out")
    assert merge_runs([a], None).finished_before


def test_a_damaged_run_ends_the_join_and_leaves_nothing(tmp_path: Path) -> None:
    a, b = finish(tmp_path / "a", plan(["bow"])), finish(tmp_path / "b", plan(["hug"]))
    with h5py.File(b / "interactions.h5", "r+") as file:
        del file["interactions/p-1-s0/joints"]
    with pytest.raises(InputError, match="no complete interaction 'p-1-s0'"):
        merge_runs([a, b], tmp_path / "out")
    assert not (tmp_path / "out" / "interactions.h5").exists()
    (b / "interactions.h5").write_bytes(
        (finish(tmp_path / "c", plan(["hug"])) / "interactions.h5").read_bytes()
    )
    assert merge_runs([a, b], tmp_path / "out").done == 2
