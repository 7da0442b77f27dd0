"""`intermask react`: the given person comes out exactly as given, with a partner in the same world."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.config import LONGEST_FRAMES
from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.body_check import height_of
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics, seam_jerk
from intermask_cli.motion.rig import is_rigid
from intermask_cli.motion.skeleton import NUM_JOINTS
from tests.helpers.motion_samples import fk_pair, walking
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """An empty current directory with walk.npy in it."""
    monkeypatch.chdir(tmp_path)
    motion = walking(21)
    np.save("walk.npy", motion)
    return motion


def items(run: Path | str) -> list[Interaction]:
    with InteractionFile(run) as dataset:
        return list(dataset)


@pytest.mark.parametrize(("role", "body"), [(1, "decoded"), (2, "decoded"), (1, "rigid"), (2, "rigid")])
def test_the_given_person_is_bit_exact(
    cli: Run, given: np.ndarray, tiny_model: TinyModel, role: int, body: str
) -> None:
    code, out, err = cli(
        "react",
        "--input",
        "walk.npy",
        "--prompt",
        "two people bow",
        *tiny_model.options,
        "--samples",
        2,
        "--as",
        role,
        "--body",
        body,
    )
    assert code == 0, err
    assert "read walk.npy: " in err and "21 frames at 30 fps (assumed" in err and "1.70 m tall" in err
    assert out.splitlines()[-1].endswith("runs/walk-react/gallery.html")
    made = items("runs/walk-react")
    assert [item.id for item in made] == ["walk-s0", "walk-s1"]
    for item in made:
        assert item.given == role - 1
        assert item.joints.shape == (2, 21, NUM_JOINTS, 3)
        np.testing.assert_array_equal(item.joints[role - 1], given)
        assert np.isfinite(item.joints[2 - role]).all()
        assert item.body == body and not item.rigid[role - 1]
    assert not np.array_equal(made[0].joints[2 - role], made[1].joints[2 - role])


def test_given_rotations_are_kept(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    """From our own dataset, which has rotations: joints and rotations come back as they were."""
    assert cli("react", "-i", "walk.npy", *tiny_model.options)[0] == 0
    rotations = np.random.default_rng(0).normal(size=(2, 21, 21, 6)).astype(np.float32)
    with h5py.File("runs/walk-react/interactions.h5", "r+") as file:
        file["interactions/walk-s0/joints"][...] = np.stack([walking(21, (0.0, 0.0)), given])
        file["interactions/walk-s0/rotations6d"][...] = rotations
    words = ["-i", "runs/walk-react/interactions.h5#walk-s0", "--person", 2, "--as", 2, "-p", "hug"]
    code, _, err = cli("react", *words, *tiny_model.options, "--out", "r")
    assert code == 0, err
    (item,) = items("r")
    assert item.rotations6d is not None
    np.testing.assert_array_equal(item.joints[1], given)
    np.testing.assert_array_equal(item.rotations6d[1], rotations[1])
    assert not np.array_equal(item.joints[0], walking(21, (0.0, 0.0)))


def test_a_given_person_of_a_rigid_dataset_stays_rigid(
    cli: Run, given: np.ndarray, tiny_model: TinyModel
) -> None:
    """Its rotations and bone lengths come back; those of a capture, recovered from joints, are not rigid."""
    solved = solve_bodies(*fk_pair(40))
    motion = Motion(solved.joints, solved.rotations6d, None, solved.root_rotations6d, solved.bone_lengths)
    write_dataset("rigid.h5", Interaction(motion, id="x", rigid=(True, True)))
    words = ["-i", "rigid.h5#x", "--person", 2, "--as", 1, *tiny_model.options, "--body", "rigid"]
    code, _, err = cli("react", *words, "--out", "r", "--height", 1.6)
    assert code == 0, err
    (item,) = items("r")
    assert item.rigid == (True, True)
    np.testing.assert_array_equal(item.joints[0], motion.joints[1])
    np.testing.assert_array_equal(item.rotations6d[0], motion.rotations6d[1])
    np.testing.assert_allclose(item.bone_lengths[0], motion.bone_lengths[1], atol=1e-6)
    assert is_rigid(item.motion, 0) and is_rigid(item.motion, 1)
    assert abs(height_of(item.bone_lengths[1]) - 1.6) < 1e-4  # of the partner only
    code, _, err = cli("react", *words, "--out", "two", "--height", "1.6,1.7")
    assert code == 2 and "the given person does not change; give one height" in err


def test_clips_longer_than_the_model(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    motion = walking(131)
    np.savez("long.npz", positions=motion)
    code, _, err = cli("react", "-i", "long.npz", *tiny_model.options)
    assert code == 0
    (item,) = items("runs/long-react")
    np.testing.assert_array_equal(item.joints[0], motion)
    assert len(item.seams) >= 1
    for frame, overlap, near, elsewhere in item.seams:
        stored = seam_jerk(item.joints[1:], frame, overlap)
        assert (near, elsewhere) == pytest.approx(stored, rel=0.01)  # what was made, before rounding
    assert f"at {len(item.seams)} seams" in err and "of long-s0" in err
    code, _, err = cli("react", "-i", "long.npz", *tiny_model.options, "--clean", "smooth", "-o", "clean")
    (smooth,) = items("clean")
    assert code == 0
    before, after = np.array(item.seams), np.array(smooth.seams)
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert (after[:, 2:] < before[:, 2:]).all()
    assert cli("react", "-i", "walk.npy", *tiny_model.options)[0] == 0
    assert items("runs/walk-react")[0].seams == ()


def test_accept_measures_the_partner_alone(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    options = ["react", "-i", "walk.npy", *tiny_model.options, "--accept", "jerk_m_per_s3 < 0", "--tries", 2]
    code, out, err = cli(*options, "--export", "npz", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["fell_short"], report["tries"], report["exports"][0]["written"]) == (1, 2, 1)
    (item,) = items(report["out"])
    assert item.generated == (1,) and item.accepted is False
    assert item.measured == {"jerk_m_per_s3": physics(item.joints, (1,))["jerk_m_per_s3"]}
    assert item.measured["jerk_m_per_s3"] != physics(item.joints)["jerk_m_per_s3"]


def test_a_prompt_file_gives_a_partner_per_line(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    Path("q.csv").write_text("id,text,frames\na,two people bow,60\nb,hug,\n,,\nc,\n")
    code, out, _ = cli("react", "-i", "walk.npy", "--prompts", "q.csv", *tiny_model.options, "--json")
    assert code == 3
    report = json.loads(out)
    assert (report["done"], report["rejected"]) == (2, 1)
    made = items(report["out"])
    assert [(item.id, item.text, item.frames) for item in made] == [
        ("a-s0", "two people bow", 21),
        ("b-s0", "hug", 21),
    ]


def test_without_a_prompt_and_what_changes_the_result(
    cli: Run, given: np.ndarray, tiny_model: TinyModel
) -> None:
    base = ["react", "-i", "walk.npy", *tiny_model.options]
    for name, options in {"none": [], "prompt": ["-p", "hug"], "seed": ["--seed", 3], "same": []}.items():
        assert cli(*base, *options, "--out", name)[0] == 0
    none = items("none")[0]
    assert none.text == ""
    np.testing.assert_array_equal(items("same")[0].joints, none.joints)
    for name in ("prompt", "seed"):
        assert not np.array_equal(items(name)[0].joints[1], none.joints[1])


def test_another_motion_is_another_run(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    base = ["react", "-i", "walk.npy", *tiny_model.options, "--out", "r"]
    assert cli(*base)[0] == 0
    np.save("walk.npy", walking(21, (0.0, 1.0)))
    code, _, err = cli(*base)
    assert code == 2
    assert "other input" in err
    assert cli(*base, "--as", 2)[0] == 2
    assert cli(*base, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("shape.npy", np.zeros((10, 21, 3)), "shape"),
        ("nan.npy", np.full((10, 22, 3), np.nan), "nan at frame 0"),
        ("short.npy", walking(3), "3 frames"),
        ("objects.npy", np.array([{"a": 1}], dtype=object), "object"),
        ("mm.npy", walking(10) * 1000, "--units mm"),
    ],
)
def test_unusable_motions_are_one_line(
    cli: Run, given: np.ndarray, tiny_model: TinyModel, name: str, array: np.ndarray, message: str
) -> None:
    np.save(name, array, allow_pickle=True)
    code, out, err = cli("react", "-i", name, *tiny_model.options)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "a", "--prompts", "q.csv"], "exclude each other"),
        (["-p", " "], "empty text"),
        (["-p", "they bow |"], "a phase without words"),
        (["--person", "2"], "--person 2"),
        (["--up", "w"], "up axis"),
        (["--fps", "0"], "frames per second"),
    ],
)
def test_unusable_options(
    cli: Run, given: np.ndarray, tiny_model: TinyModel, words: list[str], message: str
) -> None:
    code, _, err = cli("react", "-i", "walk.npy", *tiny_model.options, *words)
    assert code == 2
    assert message in err


def test_many_files_are_one_run(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    """A folder's motions get what each alone would get; unusable ones are listed; resuming makes nothing."""
    Path("moves").mkdir()
    motions = {"a": walking(21), "b": walking(34, (0.0, 1.0)), "c": walking(21, (5.0, 5.0))}
    for name, motion in motions.items():
        np.save(f"moves/{name}.npy", motion)
    np.save("moves/broken.npy", np.zeros((10, 21, 3)))
    Path("moves/readme.txt").write_text("not a motion")
    base = ["react", "-p", "two people bow", *tiny_model.options, "--as", 2]
    code, _, err = cli(*base, "-i", "moves")
    assert code == 3
    assert "broken.npy: shape" in err
    made = items("runs/moves-react")
    assert [item.id for item in made] == ["a-s0", "b-s0", "c-s0"]
    for item, motion in zip(made, motions.values(), strict=True):
        assert item.given == 1
        np.testing.assert_array_equal(item.joints[1], motion)
    with InteractionFile("runs/moves-react") as dataset:
        assert dataset.column("input") == [f"moves/{name}.npy" for name in "abc"]
    assert "broken.npy" in Path("runs/moves-react/rejected.jsonl").read_text()
    assert cli(*base, "-i", "moves/b.npy", "--out", "alone")[0] == 0
    np.testing.assert_array_equal(items("alone")[0].joints, made[1].joints)
    code, _, err = cli(*base, "-i", "moves")
    assert code == 3 and "already complete" in err
    assert cli(*base, "-i", "moves/[ac].npy", "-i", "walk.npy", "--out", "some")[0] == 0
    assert [item.id for item in items("some")] == ["a-s0", "c-s0", "walk-s0"]
    code, _, err = cli(*base, "-i", "moves", "--out", "strict", "--strict")
    assert code == 2 and not Path("strict").exists()


def test_shards_of_reactions_share_a_directory(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    base = ["react", "-i", "walk.npy", *tiny_model.options, "--samples", 12]
    assert cli(*base, "--out", "whole")[0] == 0
    code, out, _ = cli(*base, "--out", "shards", "--shard", "2/2")
    assert code == 0 and "other shards are missing" in out
    assert cli(*base, "--out", "shards", "--shard", "1/2")[0] == 0
    whole, shards = items("whole"), items("shards")
    assert [item.id for item in shards] == [item.id for item in whole] and len(whole) == 12
    for a, b in zip(whole, shards, strict=True):
        np.testing.assert_array_equal(a.joints, b.joints)
    assert cli(*base, "--shard", "3/2")[0] == 2


def test_many_files_with_a_prompt_file(cli: Run, given: np.ndarray, tiny_model: TinyModel) -> None:
    np.save("run.npy", walking(24))
    Path("q.csv").write_text("id,text\nx,two people bow\ny,hug\n")
    assert (
        cli("react", "-i", "walk.npy", "-i", "run.npy", "--prompts", "q.csv", *tiny_model.options, "-o", "r")[
            0
        ]
        == 0
    )
    assert [(item.id, item.text, item.frames) for item in items("r")] == [
        ("walk-x-s0", "two people bow", 21),
        ("walk-y-s0", "hug", 21),
        ("run-x-s0", "two people bow", 24),
        ("run-y-s0", "hug", 24),
    ]


def test_a_motion_that_no_dataset_could_hold_is_refused_before_sampling(
    cli: Run, given: np.ndarray, tiny_model: TinyModel
) -> None:
    """18,000 frames are the most of one interaction: a longer motion is rejected, the others are made."""
    np.save("long.npy", np.resize(given, (LONGEST_FRAMES + 1, NUM_JOINTS, 3)))
    code, _, err = cli("react", "-i", "long.npy", "-i", "walk.npy", *tiny_model.options, "--out", "out")
    assert code == 3 and "18,001 frames" in err
    assert [item.id for item in items("out")] == ["walk-s0"]
    code, _, err = cli("react", "-i", "long.npy", *tiny_model.options, "--out", "alone")
    assert code == 2 and "--start" in err and not Path("alone").exists()


@pytest.mark.parametrize(("name", "message"), [("empty", "no motion file"), ("*.none", "no file matches")])
def test_nothing_to_react_to(
    cli: Run, given: np.ndarray, tiny_model: TinyModel, name: str, message: str
) -> None:
    Path("empty").mkdir()
    code, _, err = cli("react", "-i", name, *tiny_model.options)
    assert code == 2 and message in err


def test_prompts_from_standard_input_are_for_every_motion(
    cli: Run, given: np.ndarray, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("run.npy", walking(24))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"hug\nbow\n")))
    words = ["react", "-i", "walk.npy", "-i", "run.npy", "--prompts", "-", *tiny_model.options, "-o", "r"]
    assert cli(*words)[0] == 0
    assert [item.text for item in items("r")] == ["hug", "bow"] * 2
