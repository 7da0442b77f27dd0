"""Bone lengths of a body from tables, arrays and motion files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.body_shapes import read_body_shapes
from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT, MIRROR, REST_OFFSETS
from tests.helpers.motion_samples import fk_pair, fk_person

REST = np.linalg.norm(REST_OFFSETS[1:], axis=-1)


def bone(name: str) -> int:
    return JOINT[name] - 1


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_a_table_names_the_joints_that_bones_end_in(suffix: str, tmp_path: Path) -> None:
    """A name without a side counts for both, unless the side is named itself; other bones stay open."""
    table = {"knee": 0.4, "left_wrist": 0.25, "wrist": 0.26}
    path = tmp_path / f"body{suffix}"
    path.write_text(json.dumps(table))  # JSON is YAML
    (shape,) = read_body_shapes(path)
    assert shape[bone("left_knee")] == shape[bone("right_knee")] == 0.4
    assert (shape[bone("left_wrist")], shape[bone("right_wrist")]) == (0.25, 0.26)
    assert np.isnan(shape).sum() == 21 - 4


def test_two_tables_are_two_persons(tmp_path: Path) -> None:
    path = tmp_path / "bodies.yaml"
    path.write_text("- bone_lengths: {knee: 0.4}\n- {knee: 0.5}\n")
    first, second = read_body_shapes(path)
    assert (first[bone("left_knee")], second[bone("left_knee")]) == (0.4, 0.5)


def test_arrays_of_bone_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", bone_lengths=REST)
    np.savez(tmp_path / "two.npz", bone_lengths=np.stack([REST, 1.1 * REST]).astype(np.float32))
    np.testing.assert_allclose(read_body_shapes(tmp_path / "one.npz"), [REST])
    np.testing.assert_allclose(read_body_shapes(tmp_path / "two.npz"), [REST, 1.1 * REST], rtol=1e-6)


def test_motion_gives_its_typical_lengths_both_sides_alike(tmp_path: Path) -> None:
    joints, _, _ = fk_person(40, height_m=1.85)
    lengths = bone_lengths(joints)[0]
    joints[3, 20] += 0.2  # one bad frame does not count
    np.save(tmp_path / "motion.npy", joints)
    np.savez(tmp_path / "motion.npz", joints=joints)
    write_dataset(tmp_path / "a.h5", Interaction(fk_pair(40)[0], id="x"))
    for name in ("motion.npy", "motion.npz"):
        (shape,) = read_body_shapes(tmp_path / name)
        np.testing.assert_allclose(shape, lengths, atol=1e-5)
        np.testing.assert_array_equal(shape, shape[np.array(MIRROR[1:]) - 1])
    first, second = read_body_shapes(f"{tmp_path / 'a.h5'}#x")
    assert second.sum() > 1.1 * first.sum()  # 1.84 and 1.62 m


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "left_kne: 0.4", "no bone ends in 'left_kne'; did you mean left_knee"),
        ("a.yaml", "pelvis: 0.4", "no bone ends in 'pelvis'"),
        ("a.yaml", "knee: 40", "the bone to left_knee is 40 m long; accepted: 0.005 to 1.5"),
        ("a.yaml", "knee: -0.4", "is -0.4 m long"),
        ("a.yaml", "knee: .nan", "knee is nan; accepted: a length in metres"),
        ("a.yaml", "knee: tall", "knee is 'tall'; accepted: a length in metres"),
        ("a.yaml", "knee: true", "knee is True"),
        ("a.yaml", "0.4", "not a table of bone lengths"),
        ("a.yaml", "", "not a table of bone lengths"),
        ("a.yaml", "a: [", "not a table of bone lengths"),
        ("a.json", "{", "not a table of bone lengths"),
        ("a.json", "[1, 2, 3]", "3 tables; accepted: one, or one for each of two persons"),
        ("a.yaml", "!!python/object/apply:os.system ['echo']", "not a table of bone lengths"),
        ("a.txt", "knee: 0.4", "unknown file type"),
    ],
)
def test_other_tables_are_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        read_body_shapes(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def test_missing_and_odd_files_are_one_line(tmp_path: Path) -> None:
    for name in ("none.yaml", "none.bvh", "none.npz"):
        with pytest.raises(InputError, match=name):
            read_body_shapes(tmp_path / name)
    np.savez(tmp_path / "odd.npz", bone_lengths=np.ones((3, 21)))
    with pytest.raises(InputError, match=r"shape \(3, 21\); accepted: \(21,\)"):
        read_body_shapes(tmp_path / "odd.npz")
    np.savez(tmp_path / "object.npz", bone_lengths=np.array([{}], dtype=object))
    with pytest.raises(InputError):
        read_body_shapes(tmp_path / "object.npz")
