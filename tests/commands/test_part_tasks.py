"""`intermask extend`, `inbetween` and `edit`: what is given stays bit by bit, and new frames join it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import is_rigid
from tests.helpers.motion_samples import fk_pair
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rigid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Motion:
    """A folder with a dataset of two rigid items, `a` and `b`, on the same bodies; the motion of both."""
    monkeypatch.chdir(tmp_path)
    solved = solve_bodies(*fk_pair(40))
    motion = Motion(solved.joints, solved.rotations6d, None, solved.root_rotations6d, solved.bone_lengths)
    items = [Interaction(motion, id=id, text=f"text {id}", rigid=(True, True), seed=1) for id in "ab"]
    write_dataset("run/interactions.h5", items)
    return motion


def items(run: str) -> list[Interaction]:
    with InteractionFile(run) as dataset:
        return list(dataset)


def same(made: Interaction, given: Motion, frames: slice, of_given: slice = slice(None)) -> bool:
    """Whether frames of a result have all arrays of the given ones, bit by bit."""
    return all(
        np.array_equal(getattr(made, name)[:, frames], getattr(given, name)[:, of_given])
        for name in ("joints", "rotations6d", "root_rotations6d")
    )


@pytest.mark.parametrize("options", [(), ("--clean", "smooth"), ("--store", "exact")])
def test_a_run_continues(cli: Run, rigid: Motion, tiny_model: TinyModel, options: tuple[str, ...]) -> None:
    code, _, err = cli("extend", "run", "--frames", 61, *tiny_model.options, "--body", "rigid", *options)
    assert code == 0, err
    made = items("runs/run-extend")
    assert [(item.id, item.text, item.frames) for item in made] == [
        ("a-s0", "text a", 100),
        ("b-s0", "text b", 100),
    ]
    for item in made:
        assert same(item, rigid, slice(0, 40))
        assert item.kept[:, :40].all() and not item.kept[:, 40:].any()
        assert item.rigid == (True, True) and is_rigid(item.motion, 0) and is_rigid(item.motion, 1)
        np.testing.assert_array_equal(item.bone_lengths, rigid.bone_lengths)
        assert item.seams[0].frame == 40
    assert not np.array_equal(made[0].joints[:, 40:], made[1].joints[:, 40:])
    assert cli("extend", "run", "--frames", 61, *tiny_model.options, "--body", "rigid", *options)[0] == 0
    assert "already complete" in cli("extend", "run", "--frames", 61, *tiny_model.options,
                                     "--body", "rigid", *options)[2]  # fmt: skip
    code, _, err = cli("extend", "run", "--frames", 65, *tiny_model.options, "--body", "rigid", *options)
    assert code == 2 and "another run" in err


def test_captured_files_continue_and_are_kept_as_read(cli: Run, rigid: Motion, tiny_model: TinyModel) -> None:
    """42 frames: no whole number of tokens. Joints without rotations are not rounded either."""
    joints, _ = fk_pair(42)
    for person in (0, 1):
        np.save(f"p{person + 1}.npy", joints[person])
    words = ["p1.npy", "--with", "p2.npy", "-p", "two people hug", "--seconds", 0.8, *tiny_model.options]
    code, _, err = cli("extend", *words, "--out", "one")
    assert code == 0, err
    assert "read p1.npy: joints" in err and "p2.npy: joints" in err
    (item,) = items("one")
    assert item.frames == 66 and item.tokens is None
    np.testing.assert_array_equal(item.joints[:, :42], joints)
    assert cli("extend", *words, "--out", "two", "--seed", 1)[0] == 0
    assert not np.array_equal(items("two")[0].joints, item.joints)
    code, _, err = cli("extend", *words, "--out", "three", "--end", "20")
    assert code == 0 and items("three")[0].frames == 44, err


def test_two_clips_are_joined(cli: Run, rigid: Motion, tiny_model: TinyModel) -> None:
    words = ["--start", "run#a", "--end", "run#b", "-p", "hug", *tiny_model.options, "--body", "rigid"]
    code, _, err = cli("inbetween", *words, "--frames", 24)
    assert code == 0, err
    (item,) = items("runs/a-b-inbetween")
    assert item.frames == 104 and item.tokens.shape == (2, 5, 26)
    assert same(item, rigid, slice(0, 40)) and same(item, rigid, slice(64, 104))
    assert item.rigid == (True, True) and is_rigid(item.motion, 1)
    assert [seam.frame + seam.overlap for seam in item.seams][1] == 64 and item.seams[0].frame == 40
    code, _, err = cli("inbetween", *words, "--frames", 56)
    assert code == 2 and "makes between two clips" in err


def test_an_edit_changes_what_was_asked(cli: Run, rigid: Motion, tiny_model: TinyModel) -> None:
    words = ["run#b", "-p", "wave", "--person", 2, "--rows", "3,4", "--from", 0.3, "--to", "31f"]
    code, _, err = cli("edit", *words, *tiny_model.options, "--body", "rigid", "--out", "e")
    assert code == 0, err
    (item,) = items("e")
    np.testing.assert_array_equal(item.joints[0], rigid.joints[0])
    np.testing.assert_array_equal(item.joints[1, :9], rigid.joints[1, :9])
    np.testing.assert_array_equal(item.joints[1, 31:], rigid.joints[1, 31:])
    changed = np.abs(item.joints[1, 9:31] - rigid.joints[1, 9:31])
    assert changed[:, :12].max() < 3e-4 < 1e-2 < changed[:, 18:].max()  # rounded; arms
    assert item.rigid == (True, True) and is_rigid(item.motion, 1)
    with InteractionFile("e") as dataset:
        assert [dataset.column(name)[0] for name in ("motion", "person", "rows", "from", "to")] == [
            "run#b", "2", "3,4", "9f", "31f",
        ]  # fmt: skip


def test_a_table_with_a_bad_line_ends_with_3(cli: Run, rigid: Motion, tiny_model: TinyModel) -> None:
    Path("jobs.csv").write_text("id,motion,text,to\none,run#a,wave,0.6\ntwo,nothing.npy,wave,0.6\n")
    words = ["edit", "jobs.csv", "--rows", 4, *tiny_model.options]
    code, out, _ = cli(*words, "--dry-run", "--json")
    report = json.loads(out)
    assert code == 3 and (report["items"], len(report["rejected"])) == (1, 1)
    assert not Path("runs").exists()
    code, out, err = cli(*words, "--json")
    assert code == 3 and "nothing.npy" in err
    report = json.loads(out)
    assert (report["done"], report["rejected"], report["out"]) == (1, 1, "runs/jobs-edit")
    assert "nothing.npy: no such file" in Path("runs/jobs-edit/rejected.jsonl").read_text()
    code, _, err = cli(*words, "--strict", "--out", "strict")
    assert code == 2 and "1 unusable jobs" in err
