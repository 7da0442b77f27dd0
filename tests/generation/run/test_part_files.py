"""Part files, merge, resume records, locks and disk errors, without any model."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.manifest import RunInfo, read_manifest
from intermask_cli.generation.run.part_files import read_part, write_part
from intermask_cli.generation.run.plan import Plan, Shard, WorkItem, make_plan
from intermask_cli.inference.interaction import Interaction
from tests.helpers import generation as helpers
from tests.helpers.generation import write_all as write_all_of
from tests.helpers.paths import ROOT


def plan_of(count: int, carried: dict[str, str] | None = None) -> Plan:
    lines = [
        Prompt(
            f"p-{i}",
            f"two people bow {i % 4} 🤝",
            "p.txt",
            i + 1,
            frames=8 + 4 * (i % 3),
            carried=carried or {},
        )
        for i in range(count)
    ]
    return make_plan(lines, 0, 1, 60)


def result(item: WorkItem) -> Interaction:
    rng = np.random.default_rng(item.seed)
    return Interaction(
        rng.normal(size=(2, item.frames, 22, 3)).astype(np.float32),
        rotations6d=rng.normal(size=(2, item.frames, 21, 6)).astype(np.float32),
        tokens=rng.integers(0, 99, (2, 5, item.tokens)),
        text=item.text,
        seed=item.seed,
        id=item.id,
        sample=item.sample,
    )


def info(plan: Plan, **identity: object) -> RunInfo:
    dataset = {
        "fps": 30.0,
        "units": "m",
        "sampling": {"steps": 20},
        "versions": {},
        "joint_names": ["a", "b"],
    }
    return RunInfo(
        "generate",
        len(plan.items),
        len(plan.items),
        {"plan": plan.fingerprint(), **identity},
        dataset,
        {"seed": 0},
    )


write_all = partial(write_all_of, make=result)


def test_a_run_from_parts_to_dataset(tmp_path: Path) -> None:
    plan = plan_of(70, {"kind": "polite, very", "index/x": "1"})
    out = tmp_path / "run"
    with open_run(out, info(plan), Shard(), False) as run:
        assert run.merge(plan.parts, []).merged is False
        write_all(run, plan)
        merged = run.merge(plan.parts, [Rejected("p.txt", 99, "has no text")])
    assert (merged.merged, merged.done, merged.failed) == (True, 70, [])
    with InteractionFile(out) as dataset:
        assert dataset.ids == [item.id for item in plan.items]
        assert len(dataset) == 70
        assert dataset.attributes["sampling"] == {"steps": 20}
        assert dataset.attributes["joint_names"] == ["a", "b"]
        assert dataset.column("kind") == ["polite, very"] * 70
        assert dataset.column("index_x") == ["1"] * 70
        assert dataset.column("seed") == [item.seed for item in plan.items]
        for item, stored in zip(plan.items, dataset, strict=True):
            expected = result(item)
            np.testing.assert_array_equal(stored.joints, expected.joints)
            np.testing.assert_array_equal(stored.rotations6d, expected.rotations6d)
            np.testing.assert_array_equal(stored.tokens, expected.tokens)
            assert (stored.text, stored.seed, stored.frames) == (item.text, item.seed, item.frames)
    with open(out / "index.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [item.id for item in plan.items]
    assert rows[0]["kind"] == "polite, very"
    assert not (out / "parts").exists()
    assert json.loads((out / "rejected.jsonl").read_text()) == {
        "file": "p.txt",
        "line": 99,
        "reason": "has no text",
    }
    manifest = read_manifest(out)
    assert manifest is not None
    assert manifest["status"] == "finished"
    assert manifest["counts"] == {
        "prompts": 70,
        "items": 70,
        "done": 70,
        "failed": 0,
        "rejected": 1,
        "no_body": 0,
    }


def test_the_file_is_plain_hdf5(tmp_path: Path) -> None:
    """What docs/reference/formats.md promises, read with h5py alone."""
    plan = plan_of(3)
    with open_run(tmp_path, info(plan), Shard(), False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    with h5py.File(tmp_path / "interactions.h5") as file:
        assert file.attrs["format"] == "intermask-interactions"
        assert list(file["interactions"]) == [item.id for item in plan.items]  # plan order, not by name
        joints = file["interactions/p-0-s0/joints"]
        assert joints.dtype == np.float32
        assert (joints.chunks, joints.shuffle, joints.compression) == (joints.shape, True, "gzip")
        assert file["interactions/p-0-s0"].attrs["prompt"] == "two people bow 0 🤝"
        assert file["index/prompt"].asstr()[1] == "two people bow 1 🤝"
        assert set(file["index"]) == {"id", "prompt", "sample", "seed", "frames"}


def test_content_does_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    plan = plan_of(70)
    files = []
    for name, order in (("a", 1), ("b", -1)):
        with open_run(tmp_path / name, info(plan), Shard(), False) as run:
            for part in run.pending(plan.parts)[::order]:
                write_part(
                    run.parts_folder / part.name, run.info.fingerprint, [(i, result(i)) for i in part.items]
                )
            run.merge(plan.parts, [])
        files.append((tmp_path / name / "interactions.h5").read_bytes())
    assert files[0] == files[1]


def test_resume_skips_what_is_done_and_retries_what_failed(tmp_path: Path) -> None:
    plan = plan_of(70)
    with open_run(tmp_path, info(plan), Shard(), False) as run:
        write_all(run, plan, failing=[40])
        merged = run.merge(plan.parts, [])
        assert (merged.merged, merged.done) == (True, 69)
        assert [(f.id, f.reason) for f in merged.failed] == [("p-40-s0", "broke")]
        assert run.finished() is None
    with open_run(tmp_path, info(plan), Shard(), False) as run:
        assert run.pending(plan.parts) == []
        run.drop_failed(plan.parts)
        assert [any(item.position == 40 for item in part.items) for part in run.pending(plan.parts)] == [True]
        write_all(run, plan)
        assert run.merge(plan.parts, []).done == 70
        assert run.finished() is not None
        assert not (tmp_path / "rejected.jsonl").exists()


def test_temporary_files_of_killed_runs_are_removed(tmp_path: Path) -> None:
    plan = plan_of(3)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / ".tmp-1-part-0.h5").write_bytes(b"half")
    with open_run(tmp_path, info(plan), Shard(), True) as run:
        assert list(run.parts_folder.iterdir()) == []


def test_another_run_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    plan = plan_of(3)
    with open_run(tmp_path, info(plan, model="a"), Shard(), False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        pytest.raises(InputError, match="other model"),
        open_run(tmp_path, info(plan, model="b"), Shard(), False),
    ):
        pass
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with open_run(tmp_path, info(plan, model="b"), Shard(), True) as run:
        assert not (tmp_path / "interactions.h5").exists()
        assert len(run.pending(plan.parts)) == 1


def test_foreign_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "interactions.h5").write_bytes(b"mine")
    with (
        pytest.raises(InputError, match=r"holds interactions\.h5"),
        open_run(tmp_path, info(plan_of(1)), Shard(), False),
    ):
        pass
    (tmp_path / "manifest.json").write_text('{"name": "of another program"}')
    with (
        pytest.raises(InputError, match="not the manifest"),
        open_run(tmp_path, info(plan_of(1)), Shard(), False),
    ):
        pass
    assert (tmp_path / "interactions.h5").read_bytes() == b"mine"


def test_out_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with (
        pytest.raises(InputError, match="is a file"),
        open_run(tmp_path / "f", info(plan_of(1)), Shard(), False),
    ):
        pass


def test_two_runs_on_one_directory(tmp_path: Path) -> None:
    plan = plan_of(1)
    with open_run(tmp_path, info(plan), Shard(), False):
        with pytest.raises(InputError, match="another run"), open_run(tmp_path, info(plan), Shard(), False):
            pass
        with (
            pytest.raises(InputError, match="another run"),
            open_run(tmp_path, info(plan), Shard(1, 2), False),
        ):
            pass


def test_shards_share_a_directory_but_not_a_number(tmp_path: Path) -> None:
    plan = plan_of(70)
    with (
        open_run(tmp_path, info(plan), Shard(1, 2), False) as one,
        open_run(tmp_path, info(plan), Shard(2, 2), False) as two,
    ):
        with (
            pytest.raises(InputError, match="another run"),
            open_run(tmp_path, info(plan), Shard(2, 2), False),
        ):
            pass
        for run, shard in ((one, Shard(1, 2)), (two, Shard(2, 2))):
            for part in shard.deal(plan.parts):
                write_part(
                    run.parts_folder / part.name, run.info.fingerprint, [(i, result(i)) for i in part.items]
                )
        assert two.merge(plan.parts, []).done == 70
    with pytest.raises(InputError, match="--overwrite"), open_run(tmp_path, info(plan), Shard(1, 2), True):
        pass


def test_damaged_and_foreign_parts_are_named(tmp_path: Path) -> None:
    plan = plan_of(3)
    with open_run(tmp_path, info(plan), Shard(), False) as run:
        path = run.parts_folder / plan.parts[0].name
        path.write_bytes(b"\x89HDF\r\n\x1a\n cut")
        with pytest.raises(IntermaskError, match="damaged part file"):
            run.drop_failed(plan.parts)
        write_part(path, "another fingerprint", [])
        with pytest.raises(IntermaskError, match="belongs to another run"):
            run.drop_failed(plan.parts)


def test_long_prompts_and_many_rows_fit_into_a_part(tmp_path: Path) -> None:
    lines = [Prompt(f"p-{i}", "x" * 65_000, "p.txt", i, frames=4) for i in range(128)]
    plan = make_plan(lines, 0, 1, 60)
    path = tmp_path / "part.h5"
    write_part(path, "f", [(item, result(item)) for item in plan.items])
    assert [row["prompt"] for row in read_part(path).rows] == ["x" * 65_000] * 128


MERGE_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.run.directory import (open_run)
from tests.helpers.generation import ALL, info, plan_of, write_all
plan = plan_of(70)
try:
    with open_run(Path(sys.argv[1]), info(plan), ALL, False) as run:
        write_all(run, plan)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        run.merge(plan.parts, [])
except IntermaskError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.slow
def test_a_merge_that_runs_out_of_space_loses_nothing(tmp_path: Path) -> None:
    """In a process of its own, since HDF5 keeps a file it could not close."""
    run = subprocess.run(
        [sys.executable, "-c", MERGE_ON_A_FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 1, run.stderr
    assert "cannot be written" in run.stdout
    assert not (tmp_path / "interactions.h5").exists()
    plan = helpers.plan_of(70)
    with open_run(tmp_path, helpers.info(plan), Shard(), False) as again:
        assert again.pending(plan.parts) == []
        assert again.merge(plan.parts, []).done == 70


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        pytest.raises(IntermaskError, match="permissions"),
        open_run(tmp_path / "x", info(plan_of(1)), Shard(), False),
    ):
        pass


def reader_cases(tmp_path: Path) -> dict[str, Path]:
    plan = plan_of(2)
    with open_run(tmp_path / "run", info(plan), Shard(), False) as run:
        write_all(run, plan)
        run.merge(plan.parts, [])
    good = tmp_path / "run" / "interactions.h5"
    cases = {name: tmp_path / f"{name}.h5" for name in ("truncated", "text", "foreign", "newer", "partial")}
    cases["truncated"].write_bytes(good.read_bytes()[:3000])
    cases["text"].write_text("hello")
    with h5py.File(cases["foreign"], "w") as file:
        file["x"] = 1
    for name in ("newer", "partial"):
        cases[name].write_bytes(good.read_bytes())
    with h5py.File(cases["newer"], "a") as file:
        file.attrs["format_version"] = 99
    with h5py.File(cases["partial"], "a") as file:
        del file["index/id"]
    cases["missing"] = tmp_path / "missing.h5"
    cases["good"] = good
    return cases


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("truncated", "not a readable HDF5"),
        ("text", "not a readable HDF5"),
        ("foreign", "no format attribute"),
        ("newer", "version 99 is newer"),
        ("partial", "incomplete, no 'index/id'"),
        ("missing", "no such file"),
    ],
)
def test_unusable_datasets_are_refused_in_one_line(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        InteractionFile(reader_cases(tmp_path)[name])
    assert "\n" not in str(caught.value)


def test_an_unknown_id_is_an_input_error(tmp_path: Path) -> None:
    with (
        InteractionFile(reader_cases(tmp_path)["good"]) as dataset,
        pytest.raises(InputError, match="'unknown'"),
    ):
        dataset.read("unknown")
