"""`intermask convert`: every pair of formats gives the same motion, and nothing is overwritten by mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.motion_files.bvh import read_bvh
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from tests.helpers.file_skeletons import file_skeleton, with_turned_ends, write_skeleton
from tests.helpers.motion_samples import fk_pair, fk_person
from tests.helpers.paths import SHARED

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Joints (31, 22, 3) of person.bvh (cm, Z up, 60 fps, turned head) in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    joints, local, offsets = fk_person(61)
    skeleton = file_skeleton(with_turned_ends(local), joints[:, 0], offsets, unit=0.01, up="z", fps=60.0)
    write_skeleton(Path("person.bvh"), skeleton)
    return joints[::2]


def largest_mm(a: np.ndarray, b: np.ndarray) -> float:
    return float(1000 * np.linalg.norm(a - b, axis=-1).max())


def test_a_bvh_keeps_its_skeleton(cli: Run, person: np.ndarray) -> None:
    code, out, err = cli("convert", "person.bvh", "copy.bvh")
    assert code == 0, err
    assert "copy.bvh: 22 joints as in the file, 60 fps" in out and "Z up" in err
    (given,), (copied,) = read_bvh(Path("person.bvh")), read_bvh(Path("copy.bvh"))
    assert (copied.names, copied.orders, copied.fps) == (given.names, given.orders, pytest.approx(60.0))
    np.testing.assert_allclose(copied.rotations, given.rotations, atol=1e-6)
    np.testing.assert_allclose(copied.root, given.root, atol=1e-5)


@pytest.mark.parametrize("target", ["npz", "npy", "bvh"])
def test_through_every_format_and_back(cli: Run, person: np.ndarray, target: str) -> None:
    """With other names a BVH gets our 22 joints, in metres here, at the rate of the file."""
    more = ["--names", "mixamo", "--out-units", "m"] if target == "bvh" else []
    code, out, err = cli("convert", "person.bvh", f"made.{target}", *more, "--json")
    assert code == 0, err
    (one,) = json.loads(out)["converted"]
    assert one["files"] == [f"made.{target}"] and one["worst_mm"] < 0.2
    assert largest_mm(read_motion(f"made.{target}").joints, person) < 0.2
    if target != "npy":  # turns that no position shows
        given, made = read_motion("person.bvh"), read_motion(f"made.{target}")
        kept = made.rotations6d if made.of_skeleton is None else made.of_skeleton
        np.testing.assert_allclose(kept, given.of_skeleton, atol=2e-3)


def test_two_people(cli: Run, person: np.ndarray) -> None:
    joints, _ = fk_pair(40)
    np.save("pair.npy", joints)
    assert cli("convert", "pair.npy", "pair.h5")[0] == 0
    code, out, _ = cli("convert", "pair.h5", "pair.bvh")
    assert code == 0 and "pair_person1.bvh, pair_person2.bvh" in out
    for number in (1, 2):
        assert largest_mm(read_motion(f"pair_person{number}.bvh").joints, joints[number - 1]) < 0.2
    code, _, err = cli("convert", "pair_person1.bvh", "again.npy", "--with", "pair_person2.bvh")
    assert code == 0, err
    found = np.stack([one.joints for one in read_people("again.npy")])
    assert largest_mm(found, joints) < 0.2
    code, _, err = cli("convert", "pair_person1.bvh", "one.h5")
    assert code == 2 and "--with FILE" in err and not Path("one.h5").exists()
    assert cli("convert", "pair.npy", "second.npz", "--person", 2)[0] == 0
    assert largest_mm(read_motion("second.npz").joints, joints[1]) < 0.2


def test_nothing_is_overwritten_by_mistake(cli: Run, person: np.ndarray) -> None:
    Path("made.npy").write_bytes(b"precious")
    code, _, err = cli("convert", "person.bvh", "made.npy")
    assert code == 2 and "made.npy: exists" in err and "--overwrite" in err
    assert Path("made.npy").read_bytes() == b"precious"
    assert cli("convert", "person.bvh", "made.npy", "--overwrite")[0] == 0
    assert largest_mm(np.load("made.npy"), person) < 0.2
    before = Path("person.bvh").read_bytes()
    code, _, err = cli("convert", "person.bvh", "person.bvh", "--overwrite")
    assert code == 2 and "is the input" in err
    assert Path("person.bvh").read_bytes() == before


def test_a_folder(cli: Run, person: np.ndarray) -> None:
    Path("in").mkdir()
    Path("person.bvh").rename("in/a.bvh")
    np.save("in/b.npy", person.astype(np.float32))
    Path("in/broken.bvh").write_text("HIERARCHY\n")
    code, out, err = cli("convert", "in", "out", "--to", "npz")
    assert code == 3 and "broken.bvh" in err and "out/a.npz" in out and "out/b.npz" in out
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.npz", "b.npz"]
    code, _, err = cli("convert", "in", "elsewhere")
    assert code == 2 and "give --to" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["made.txt"], "accepted: .bvh"),
        (["made.npz", "--names", "mixamo"], "no effect on npz"),
        (["made.npz", "--with", "nothing.bvh"], "no such file"),
    ],
)
def test_unusable_options(cli: Run, person: np.ndarray, words: list[str], message: str) -> None:
    code, _, err = cli("convert", "person.bvh", *words)
    assert code == 2 and message in err
    assert not Path(words[0]).exists()


def test_mirrored_and_cut(cli: Run, person: np.ndarray) -> None:
    code, _, err = cli("convert", "person.bvh", "half.bvh", "--start", "0.5s", "--mirror")
    assert code == 0, err
    assert read_motion("half.bvh").frames == 16


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")
def test_the_cases(cli: Run, tmp_path: Path) -> None:
    """Two skeletons in one file become a pair; the given files of an animator come back as they are."""
    motion, animator = SHARED / "cases" / "motion", SHARED / "cases" / "animator"
    assert cli("convert", motion / "two-roots" / "two_roots.bvh", tmp_path / "two.h5")[0] == 0
    for number, one in enumerate(read_people(tmp_path / "two.h5"), 1):
        want = np.load(motion / "two-roots" / f"person{number}_want.npy")
        assert largest_mm(one.joints, want) < 1
    for name in ("bvh-head-turn/headturn", "bvh-lafan1-names/lafan1", "bvh-rokoko-names/rokoko"):
        path = animator / f"{name}.bvh"
        assert cli("convert", path, tmp_path / path.name)[0] == 0
        (given,), (copied,) = read_bvh(path), read_bvh(tmp_path / path.name)
        assert largest_mm(copied.positions(), given.positions()) < 0.1


@pytest.mark.parametrize("fps", [24.0, 120.0])
def test_a_body_of_no_usual_unit_is_refused_with_its_height(cli: Run, tmp_path: Path, fps: float) -> None:
    joints, local, offsets = fk_person(40, height_m=1.7)
    skeleton = file_skeleton(local, 0.75 * joints[:, 0], 0.75 * offsets, fps=fps)
    write_skeleton(tmp_path / "small.bvh", skeleton)
    code, _, err = cli("convert", tmp_path / "small.bvh", tmp_path / "made.npz")
    assert code == 2 and "1.275 units tall" in err and "--units m (1.27 m)" in err
    # What the message names works.
    assert cli("convert", tmp_path / "small.bvh", tmp_path / "made.npz", "--units", "m")[0] == 0
    again = tmp_path / "again.npz"
    assert cli("convert", tmp_path / "small.bvh", again, "--units", 1 / 0.75)[0] == 0
    assert largest_mm(read_motion(again).joints[0], joints[0]) < 0.5


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")
def test_the_case_of_a_unit_too_small(cli: Run, tmp_path: Path) -> None:
    path = SHARED / "cases" / "animator" / "bvh-unit-too-small" / "lengths-times-0.75.bvh"
    code, _, err = cli("convert", path, tmp_path / "made.npz")
    assert code == 2 and "1.258 units tall" in err and "--units" in err
