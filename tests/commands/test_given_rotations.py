"""`react` and `export` with a file that has a skeleton: its rotations come out as they went in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.motion_files import skeleton_files
from intermask_cli.datasets.motion_files.bvh import read_bvh
from intermask_cli.motion import joint_rotations
from intermask_cli.motion.rotation import axis_angle_from_matrix
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES
from tests.helpers.file_skeletons import file_skeleton, with_turned_ends, write_skeleton
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
HEAD_TURN = SHARED / "cases" / "animator" / "bvh-head-turn" / "headturn.bvh"


def degrees(rotations: np.ndarray) -> np.ndarray:
    """Angles (...) of rotations (..., 3, 3)."""
    return np.degrees(np.linalg.norm(axis_angle_from_matrix(rotations), axis=-1))


def exported_person(folder: Path, person: int = 1) -> tuple[np.ndarray, float]:
    """Local rotations (T, 22, 3, 3) of our joints in an exported BVH, and its rate."""
    (path,) = folder.glob(f"*person{person}.bvh")
    (skeleton,) = read_bvh(path)
    names = [skeleton.names.index(name) for name in JOINT_NAMES]
    return skeleton.rotations[:, names], skeleton.fps


@pytest.mark.skipif(not HEAD_TURN.exists(), reason="needs ../shared/cases")
def test_the_turned_head_of_the_case(cli: Run, tiny_model: TinyModel, tmp_path: Path) -> None:
    words = ["--up", "z", "--prompt", "two people dance", "--out", tmp_path / "x"]
    code, _, err = cli("react", "--input", HEAD_TURN, *words, *tiny_model.options)
    assert code == 0, err
    assert cli("export", tmp_path / "x", "--to", "bvh", "-o", tmp_path / "bvh")[0] == 0
    local, _ = exported_person(tmp_path / "bvh")
    (given,) = read_bvh(HEAD_TURN)
    for ours, name in (("head", "mixamorig:Head"), ("left_wrist", "mixamorig:LeftHand")):
        true = degrees(given.rotations[:, given.names.index(name)])
        np.testing.assert_allclose(degrees(local[:, JOINT[ours]]), true, atol=0.05)


@pytest.mark.parametrize(("up", "unit", "fps"), [("y", 0.01, 60.0), ("z", 1.0, 24.0), ("y", 1.0, 30.0)])
def test_turns_that_no_position_shows(
    cli: Run, tiny_model: TinyModel, tmp_path: Path, up: str, unit: float, fps: float
) -> None:
    joints, local, offsets = fk_person(60)
    local = with_turned_ends(local)
    skeleton = file_skeleton(local, joints[:, 0], offsets, up=up, unit=unit, fps=fps)
    write_skeleton(tmp_path / "turns.bvh", skeleton)
    words = ["--up", up, "--units", unit, "-p", "bow", "-o", tmp_path / "x"]
    code, _, err = cli("react", "-i", tmp_path / "turns.bvh", *words, *tiny_model.options)
    assert code == 0, err
    with InteractionFile(tmp_path / "x") as dataset:
        source = dataset[0].source
    (given,) = read_bvh(tmp_path / "turns.bvh")
    assert source is not None and (source.names, source.parents) == (given.names, given.parents)
    assert (source.fps, source.metres_per_unit, source.up) == (pytest.approx(fps), unit, up)
    np.testing.assert_allclose(source.rotations, given.rotations, atol=1e-6)
    np.testing.assert_array_equal(source.root, given.root)
    np.testing.assert_array_equal(source.offsets, given.offsets)

    # 22 joints in centimetres and Y up, at the rate of the file; the partner has as many frames.
    assert cli("export", tmp_path / "x", "--to", "bvh", "-o", tmp_path / "bvh")[0] == 0
    found, rate = exported_person(tmp_path / "bvh")
    assert (rate, len(found)) == (pytest.approx(fps), 60)
    assert len(exported_person(tmp_path / "bvh", 2)[0]) == 60
    np.testing.assert_allclose(found[:, 1:], local[:, 1:], atol=2e-4)

    # On its own rig the given person comes out as it went in, and the partner has that rig.
    assert cli("export", tmp_path / "x", "--to", "bvh", "--like", "source", "-o", tmp_path / "rig")[0] == 0
    first, second = (read_bvh(path)[0] for path in sorted((tmp_path / "rig").glob("*.bvh")))
    assert (first.names, second.names) == (given.names, given.names)
    assert (first.fps, second.fps) == (pytest.approx(fps), pytest.approx(fps))
    np.testing.assert_allclose(first.rotations, given.rotations, atol=1e-6)
    np.testing.assert_allclose(first.positions(), given.positions(), atol=1e-4 / unit)
    np.testing.assert_allclose(second.offsets[1:], given.offsets[1:], atol=1e-6)
    # The same with the file itself as the rig.
    words = ["--like", tmp_path / "turns.bvh", "-o", tmp_path / "file"]
    assert cli("export", tmp_path / "x", "--to", "bvh", *words)[0] == 0
    for name in ("rig", "file"):
        texts = [path.read_text() for path in sorted((tmp_path / name).glob("*.bvh"))]
        assert len(set(texts)) == 2


def test_like_takes_everything_from_the_rig(cli: Run, tiny_model: TinyModel, tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", fk_person(20)[0].astype(np.float32))
    run = ["-i", tmp_path / "plain.npy", *tiny_model.options, "-o", tmp_path / "x"]
    assert cli("react", *run)[0] == 0
    export = ["export", tmp_path / "x", "--to", "bvh", "-o", tmp_path / "bvh"]
    code, _, err = cli(*export, "--like", "source")
    assert code == 3 and "no given person from a file with a skeleton" in err
    code, _, err = cli(*export, "--like", "source", "--names", "mixamo")
    assert code == 2 and "leave out --names" in err
    code, _, err = cli(*export, "--like", tmp_path / "plain.npy")
    assert code in (2, 3) and "a file with a skeleton is needed" in err


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How often a BVH is read and rotations of a clip are recovered."""
    counts = {"read": 0, "recovered": 0}
    recover, read_file = joint_rotations.rotations_from_joints, skeleton_files.read_bvh

    def counting(positions: np.ndarray) -> joint_rotations.RecoveredRotations:
        counts["recovered"] += len(positions) > 1
        return recover(positions)

    def reading(*arguments: object) -> object:
        counts["read"] += 1
        return read_file(*arguments)  # type: ignore[arg-type]

    for module in [m for name, m in sys.modules.items() if name.startswith("intermask_cli")]:
        if getattr(module, "rotations_from_joints", None) is recover:
            monkeypatch.setattr(module, "rotations_from_joints", counting)
    monkeypatch.setattr(skeleton_files, "read_bvh", reading)
    yield counts


def test_a_file_is_read_and_its_rotations_are_recovered_once(
    cli: Run, tiny_model: TinyModel, tmp_path: Path, counted: dict[str, int]
) -> None:
    joints, local, offsets = fk_person(40)
    for name in ("a", "b", "c"):
        write_skeleton(tmp_path / "in" / f"{name}.bvh", file_skeleton(local, joints[:, 0], offsets))
    options = [*tiny_model.options, "--samples", 2, "-o", tmp_path / "x"]
    code, _, err = cli("react", "-i", tmp_path / "in", "-p", "bow", *options)
    assert code == 0, err
    assert counted == {"read": 3, "recovered": 3}
