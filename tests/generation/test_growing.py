"""`generate --add-to` with a stand-in for the model: what is new, and that a kill loses nothing."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest

from intermask_cli.datasets.interactions import InteractionFile, item_sha256
from intermask_cli.datasets.part_set import part_files_in
from intermask_cli.errors import InputError, InterruptedRun
from intermask_cli.generation import growing
from intermask_cli.generation.growing import GrowingRun, add_to_run
from intermask_cli.generation.job import Execution, Job, Summary, run_job
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run import contents
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.directory import ADDING
from intermask_cli.generation.run.manifest import RunInfo, read_manifest, versions
from intermask_cli.generation.run.plan import Plan, WorkItem, make_plan
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.loaders import AcceptingLoader
from intermask_cli.inference.interaction import Interaction
from tests.helpers.generation import ALL, make_all

pytestmark = pytest.mark.slow


def prompts(*texts: str, stem: str = "p", **values: Any) -> list[Prompt]:
    return [Prompt(f"{stem}-{i}", text, "p.txt", i, frames=8, **values) for i, text in enumerate(texts, 1)]


def job(
    folder: Path,
    plan: Plan,
    make_batch=make_all,
    drop: str | None = None,
    layout: str = "auto",
    **identity: str,
) -> Job:
    dataset = {"fps": 30.0, "sampling": {}, "versions": versions(), "licence": "MIT"}
    values = {"prompts": plan.fingerprint(), "model": "a", **identity}
    items = len(plan.items)
    info = RunInfo("generate", items, items, values, dataset, {"seed": 0}, layout=layout)
    acceptance = Acceptance.parse(drop, 1, "drop", "exact") if drop else None
    load = AcceptingLoader.around(lambda worker: Engine(make_batch, 4), acceptance)
    return Job(folder, info, plan, load, execution=Execution("cpu", 1, ALL))


def start(folder: Path, lines: list[Prompt], samples: int = 1, **more: Any) -> Path:
    run_job(job(folder, make_plan(lines, 0, samples, 60), **more))
    return folder


def add(folder: Path, lines: list[Prompt], samples: int = 1, **more: Any) -> Summary:
    run = GrowingRun.open(folder)
    new = job(folder / ADDING, run.plan(lines, run.seed(0), samples, 60), **more)
    run.check_settings(new.info)
    summary = add_to_run(new)
    assert summary is not None
    return summary


def hashes(folder: Path) -> dict[str, str]:
    with InteractionFile(folder) as dataset:
        return {item.id: item_sha256(item) for item in dataset}


def test_more_prompts_and_samples_are_those_of_a_run_made_at_once(tmp_path: Path) -> None:
    start(tmp_path / "a", prompts("bow", "hug", "bow"))
    before = hashes(tmp_path / "a")
    summary = add(tmp_path / "a", prompts("bow", "hug", "bow", "bow", "kick"), samples=2)
    assert (summary.made, summary.done, summary.total, summary.exit_code) == (7, 10, 10, 0)
    start(tmp_path / "whole", prompts("bow", "hug", "bow", "bow", "kick"), samples=2)
    grown = hashes(tmp_path / "a")
    assert grown == hashes(tmp_path / "whole")
    assert list(grown)[:3] == list(before) and not (tmp_path / "a" / ADDING).exists()
    with open(tmp_path / "a" / "index.csv", newline="") as table:
        assert [row["id"] for row in csv.DictReader(table)] == list(grown)
    manifest = read_manifest(tmp_path / "a")
    assert manifest is not None and manifest["status"] == "finished"
    assert (manifest["counts"]["items"], manifest["counts"]["prompts"]) == (10, 5)
    assert [entry["items"] for entry in manifest["about"]["added"]] == [7]


def test_old_items_are_copied_byte_for_byte(tmp_path: Path) -> None:
    def stored(folder: Path, id: str) -> list[bytes]:
        with h5py.File(folder / "interactions.h5") as file:
            arrays = [file[f"interactions/{id}/{name}"] for name in file[f"interactions/{id}"]]
            return [array.id.read_direct_chunk((0,) * array.ndim)[1] for array in arrays if array.chunks]

    folder = start(tmp_path, prompts("bow", "hug"))
    before = [stored(folder, id) for id in ("p-1-s0", "p-2-s0")]
    add(folder, prompts("kick", stem="q"))
    assert before[0] and [stored(folder, id) for id in ("p-1-s0", "p-2-s0")] == before


def test_new_prompts_under_old_ids_and_with_old_texts(tmp_path: Path) -> None:
    folder = start(tmp_path, prompts("bow", "hug"))
    add(folder, prompts("kick", "hug"))
    add(folder, prompts("bow", stem="q"))
    with InteractionFile(folder) as dataset:
        assert dataset.ids == ["p-1-s0", "p-2-s0", "p-1-2-s0", "q-1-s0"]
        assert dataset.column("prompt") == ["bow", "hug", "kick", "bow"]
        assert len(set(dataset.column("seed"))) == 4  # the second "bow" is not the first one again
    assert add(folder, prompts("kick", "hug")).finished_before
    with pytest.raises(InputError, match="has p-1-s0 with 8 frames, not 12; give the same length"):
        add(folder, [replace(prompts("bow")[0], frames=12)])


def test_columns_that_only_some_have(tmp_path: Path) -> None:
    folder = start(tmp_path, prompts("bow", carried={"kind": "x"}))
    add(folder, prompts("hug", stem="q", carried={"tag": "y"}))
    with InteractionFile(folder) as dataset:
        assert (dataset.column("kind"), dataset.column("tag")) == (["x", ""], ["", "y"])


@pytest.mark.parametrize("step", ["_join_lines", "shutil.rmtree"])
def test_a_kill_while_the_dataset_is_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder = start(tmp_path / "a", prompts("bow", "hug"))

    remove = shutil.rmtree

    def killed(path: Path, *more: object) -> None:
        if not more and path.name != ADDING:  # the parts
            return remove(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"{growing.__name__}.{step}", killed)
        with pytest.raises(InterruptedRun):
            add(folder, prompts("kick", "kiss", stem="q"))
        hashes(folder)  # readable
    summary = add(folder, prompts("kick", "kiss", stem="q"))
    assert summary.done == 4 and not (folder / ADDING).exists()
    whole = start(tmp_path / "b", prompts("bow", "hug"))
    add(whole, prompts("kick", "kiss", stem="q"))
    assert hashes(folder) == hashes(whole)
    assert (folder / "index.csv").read_bytes() == (whole / "index.csv").read_bytes()
    manifests = [read_manifest(run) for run in (folder, whole)]
    assert all(m is not None for m in manifests)
    assert manifests[0]["counts"] == manifests[1]["counts"]  # type: ignore[index]
    assert len(manifests[0]["about"]["added"]) == 1  # type: ignore[index]


def test_an_interrupted_addition_continues_and_no_other_begins(tmp_path: Path) -> None:
    folder = start(tmp_path, prompts("bow"))
    texts = [f"text {i}" for i in range(20)]
    calls: list[Sequence[WorkItem]] = []

    def stopping(batch: Sequence[WorkItem]) -> list[Interaction]:
        calls.append(batch)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return make_all(batch)

    with pytest.raises(InterruptedRun):
        add(folder, prompts(*texts, stem="q"), make_batch=stopping)
    assert list(hashes(folder)) == ["p-1-s0"]
    with pytest.raises(InputError, match=r"other prompts are being added \(.* of 20 interactions"):
        add(folder, prompts("other", stem="r"))
    summary = add(folder, prompts(*texts, stem="q"))
    assert summary.done == 21 and summary.made < 20


def test_failures_are_made_by_the_same_command_and_drops_are_not(tmp_path: Path) -> None:
    folder = start(tmp_path / "a", prompts("bow"))

    def failing(batch: Sequence[WorkItem]) -> list[Interaction]:
        if any(item.text == "kick" for item in batch):
            raise ValueError("no")
        return make_all(batch)

    summary = add(folder, prompts("hug", "kick", stem="q"), make_batch=failing)
    assert (summary.exit_code, summary.done) == (3, 2)
    assert "q-2-s0" in (folder / "rejected.jsonl").read_text()
    assert add(folder, prompts("hug", "kick", stem="q")).done == 3
    assert not (folder / "rejected.jsonl").exists()

    folder = start(tmp_path / "b", prompts("bow"), drop="jerk_m_per_s3 > 0")
    summary = add(folder, prompts("hug", "kick", stem="q"), drop="prompt != 'kick' and jerk_m_per_s3 > 0")
    assert summary.acceptance is not None
    assert (summary.exit_code, summary.done, summary.acceptance.dropped) == (3, 2, 1)
    assert add(folder, prompts("hug", "kick", stem="q"), drop="x > 0").finished_before
    (line,) = (folder / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "q-2-s0"


def test_what_cannot_grow(tmp_path: Path) -> None:
    folder = start(tmp_path / "a", prompts("bow"))
    with pytest.raises(InputError, match=r"other model; a run grows with the same model and settings"):
        add(folder, prompts("hug", stem="q"), model="b")
    with pytest.raises(InputError, match=r"other clean; a run grows"):
        add(folder, prompts("hug", stem="q"), clean="feet")
    with pytest.raises(InputError, match=r"no manifest.json; --add-to takes"):
        GrowingRun.open(tmp_path)
    with pytest.raises(InputError, match=r"--seed 3: .* has the run seed 0; leave --seed out"):
        GrowingRun.open(folder).seed(3)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "command": "merge"}))
    with pytest.raises(InputError, match="made by 'intermask merge'; runs of intermask generate can grow"):
        GrowingRun.open(folder)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "versions": {"intermask": "0.1.0"}}))
    with pytest.raises(InputError, match=r"made by intermask 0\.1\.0, this is"):
        add(folder, prompts("hug", stem="q"))


def test_a_run_in_parts_grows_by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {i % 9}" for i in range(40)]
    folder = start(tmp_path / "a", prompts(*texts[:20]), layout="parts")
    before = part_files_in(folder)
    untouched = {path.stat().st_ino for path in before}
    with pytest.raises(InputError, match=r"--layout single: .* is in parts, and stays so"):
        add(folder, prompts(*texts), layout="single")
    with monkeypatch.context() as patch:  # killed when the index has been written
        patch.setattr(contents, "write_csv", lambda *arguments, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add(folder, prompts(*texts))
    assert add(folder, prompts(*texts)).done == 40
    assert hashes(folder) == hashes(start(tmp_path / "whole", prompts(*texts)))
    after = part_files_in(folder)
    assert len(after) > len(before) and untouched <= {path.stat().st_ino for path in after}
    with InteractionFile(folder) as grown, InteractionFile(tmp_path / "whole") as whole:
        assert grown.files[1:] == after
        assert grown.attributes["content_sha256"] == whole.attributes["content_sha256"]
