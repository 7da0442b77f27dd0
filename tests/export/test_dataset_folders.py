"""Exported InterHuman and Inter-X folders against the layouts, read with h5py, NumPy and `open` alone.

Columns, axes and rows are restated from docs/reference/data-and-evaluation.md#interhuman-files and
#inter-x-files; nothing here uses the dataset readers or converters of the package.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from intermask_cli.datasets.dataset_folder import Splits
from intermask_cli.datasets.interhuman.writer import write_interhuman
from intermask_cli.datasets.interx.writer import write_interx
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rotation import sixd_columns_from_matrix
from intermask_cli.motion.skeleton import REST_OFFSETS
from tests.helpers.motion_samples import fk_person

PROMPT = "One person's left-hand  punch\nhits 2 others, don't #1 café"
INTERX_PARENTS = [
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
]  # fmt: skip


@pytest.fixture(scope="module")
def items() -> list[Interaction]:
    """Two of the stand-in body's proportions, so that its skeleton fits their joints."""
    local = np.stack([fk_person(24, seed, heading=2.0 * seed)[1] for seed in (0, 1)])
    root = np.linspace([[0.3, 0.9, 0.2], [1.1, 0.95, -0.4]], [[0.7, 0.9, 0.3], [1.0, 0.9, -0.2]], 24, axis=1)
    joints = forward_kinematics(local, root, REST_OFFSETS)[0].astype(np.float32)
    rotations = sixd_columns_from_matrix(local[:, :, 1:]).astype(np.float32)
    return [Interaction(joints, rotations, text=PROMPT, seed=k, id=f"hit-{k}") for k in range(1, 22)]


#: The 20th of `items` for validation, the first and the last for testing.
STATED = Splits(
    (f"hit-{k}", PROMPT, "val" if k == 20 else "test" if k in (1, 21) else "train") for k in range(1, 22)
)


def files_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_interhuman_on_disk(items: list[Interaction], tmp_path: Path) -> None:
    root = tmp_path / "InterHuman"
    assert write_interhuman(items, root, STATED).splits == {"train": 18, "val": 1, "test": 2}
    numbers = [str(k) for k in range(1, 22)]
    assert files_below(root) == {
        "ids.csv",
        *(f"split/{split}.txt" for split in ("train", "val", "test")),
        *(f"annots/{n}.txt" for n in numbers),
        *(f"motions_processed/person{p}/{n}.npy" for n in numbers for p in (1, 2)),
    }
    lists = {split: (root / f"split/{split}.txt").read_bytes() for split in ("train", "val", "test")}
    assert all(content.endswith(b"\n") for content in lists.values())
    listed = [line for content in lists.values() for line in content.decode("ascii").splitlines()]
    assert sorted(listed, key=int) == numbers
    assert (lists["val"], lists["test"]) == (b"20\n", b"1\n21\n")
    caption = "One person's left-hand punch hits 2 others, don't #1 café\n"
    assert (root / "annots/7.txt").read_bytes() == 3 * caption.encode("utf-8")
    item = items[6]
    assert item.rotations6d is not None
    for person in (0, 1):
        raw = np.load(root / f"motions_processed/person{person + 1}/7.npy", allow_pickle=False)
        assert raw.shape == (24, 492) and raw.dtype == np.float32 and np.isfinite(raw).all()
        positions = raw[:, :186].reshape(24, 62, 3)
        x, y, z = np.moveaxis(positions[:, :22], -1, 0)
        np.testing.assert_array_equal(np.stack([x, z, -y], -1), item.joints[person])
        assert np.ptp(positions[0, :22, 2]) > 1.2  # metres, and a standing body is longest along Z
        # fingers and their tips hang on the wrist of their own side
        for first, last, wrist in ((22, 36, 20), (37, 51, 21), (52, 56, 20), (57, 61, 21)):
            assert (positions[:, first : last + 1] == positions[:, wrist, None]).all()
        np.testing.assert_allclose(
            raw[:, 186:312].reshape(24, 21, 6), item.rotations6d[person], rtol=0, atol=1e-6
        )
        assert (raw[:, 312:].reshape(24, 30, 6) == [1, 0, 0, 1, 0, 0]).all()


def test_interhuman_rotations_are_first_two_columns_row_by_row(
    items: list[Interaction], tmp_path: Path
) -> None:
    """Forward kinematics of the stored body rotations turn every stored limb as the positions do."""
    write_interhuman(items[:1], tmp_path / "tree")
    raw = np.load(tmp_path / "tree/motions_processed/person1/1.npy")
    positions, sixd = raw[:, :66].reshape(24, 22, 3), raw[:, 186:312].reshape(24, 21, 3, 2).astype(float)
    columns = np.concatenate([sixd, np.cross(sixd[..., 0], sixd[..., 1])[..., None]], axis=-1)
    knee = columns[:, 3]  # joint 4, the left knee: no turn of the root enters the angle at the knee
    rest = stand_in_body().rest_joints
    thigh, shin = rest[4] - rest[1], rest[7] - rest[4]
    wanted = np.einsum("i,tij,j->t", thigh, knee, shin)
    seen = ((positions[:, 4] - positions[:, 1]) * (positions[:, 7] - positions[:, 4])).sum(-1)
    np.testing.assert_allclose(seen, wanted, atol=1e-3)


def test_interhuman_rotations_are_proper_where_a_model_s_are_not(
    items: list[Interaction], tmp_path: Path
) -> None:
    exact = items[0].rotations6d
    assert exact is not None
    rng = np.random.default_rng(0)
    skewed = exact.reshape(2, 24, 21, 3, 2) * np.float32([1.3, 0.8])  # columns of other lengths ...
    skewed[..., 1] += 0.3 * skewed[..., 0]  # ... and no longer square to each other
    skewed = skewed.reshape(exact.shape)
    noise = rng.normal(0, 0.1, exact.shape).astype(np.float32)
    for number, given in enumerate((skewed, skewed + noise)):
        write_interhuman([replace(items[0], motion=Motion(items[0].joints, given))], tmp_path / str(number))
        raw = np.load(tmp_path / str(number) / "motions_processed/person2/1.npy")
        columns = raw[:, 186:].reshape(24, 51, 3, 2)
        gram = np.swapaxes(columns, -1, -2) @ columns
        np.testing.assert_allclose(gram, np.broadcast_to(np.eye(2), gram.shape), atol=1e-5)
        if given is skewed:
            np.testing.assert_allclose(raw[:, 186:312].reshape(24, 21, 6), exact[1], atol=1e-5)


def joints_on_stand_in(rows: np.ndarray) -> np.ndarray:
    """(T, 56, 3) -> (T, 55, 3), by SciPy: the stored rotations and translation on our own body."""
    rest = stand_in_body().rest_joints
    joints, turned = np.empty((len(rows), 55, 3)), []
    for joint, parent in enumerate(INTERX_PARENTS):
        local = Rotation.from_rotvec(rows[:, joint])
        turned.append(local if parent < 0 else turned[parent] * local)
        joints[:, joint] = (
            rest[0] + rows[:, 55]
            if parent < 0
            else joints[:, parent] + turned[parent].apply(rest[joint] - rest[parent])
        )
    return joints


@pytest.mark.slow
def test_interx_on_disk(items: list[Interaction], tmp_path: Path) -> None:
    root = tmp_path / "InterX"
    assert write_interx(items, root, STATED).splits == {"train": 18, "val": 1, "test": 2}
    names = [f"G000T{k:03d}A000R000" for k in range(1, 22)]
    assert files_below(root) == {
        "ids.csv",
        *(f"{part}/{split}.{kind}" for part, kind in (("splits", "txt"), ("motions", "h5"))
          for split in ("train", "val", "test")),
        *(f"texts_processed/{name}.txt" for name in names),
    }  # fmt: skip
    listed = []
    for split in ("train", "val", "test"):
        own = (root / f"splits/{split}.txt").read_bytes().decode("ascii")
        assert own.endswith("\n")
        listed += own.splitlines()
        with h5py.File(root / f"motions/{split}.h5", "r") as file:
            assert sorted(file) == sorted(own.splitlines())
            for dataset in file.values():
                assert dataset.shape == (24, 56, 6) and dataset.dtype == np.float32
    assert sorted(listed) == names
    line = (
        "One person's left-hand punch hits 2 others, don't 1 café#"
        "One/OTHER person/OTHER lefthand/OTHER punch/OTHER hits/OTHER others/OTHER do/OTHER café/OTHER"
        "#0.0#0.0\n"
    )
    assert (root / f"texts_processed/{names[6]}.txt").read_bytes() == 3 * line.encode("utf-8")
    with (root / "ids.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == [item.id for item in items]
    with h5py.File(root / "motions/train.h5", "r") as file:
        clip = file[names[6]][...].astype(np.float64)
    assert (clip[0, 55, :3] == 0).all()  # person 1 starts at the origin, height included
    assert (clip[:, 22:55] == 0).all()
    assert (np.linalg.norm(clip[:, :55].reshape(24, 55, 2, 3), axis=-1) <= np.pi + 1e-6).all()
    people = [joints_on_stand_in(clip[..., part]) for part in (slice(0, 3), slice(3, 6))]
    floors = [person[..., 1].min() for person in people]
    assert floors[0] == pytest.approx(floors[1], abs=1e-4)  # each on the floor, then moved together
    for seen, wanted in zip(people, items[6].joints, strict=True):
        bodies = [person[:, :22] - person[:, :1] for person in (seen, wanted)]
        assert np.abs(bodies[0] - bodies[1]).max() < 0.02


def test_interx_floor_is_under_all_joints_and_faces_rest(tmp_path: Path) -> None:
    """Of two people upside down the eyes are lowest; a model's jaw and eye rotations are not passed on."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(0, 0.1, (2, 8, 55, 3))
    vectors[:, :, 0] = [np.pi - 0.1, 0, 0]
    vectors[0, :, 15] = vectors[1, :, 12] = [-0.4, 0, 0]
    features = np.zeros((2, 8, 56, 6), dtype=np.float32)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(2, 8, 55, 3, 3)
    features[:, :, :55] = matrices[..., :2, :].reshape(2, 8, 55, 6)
    features[..., 55, :3] = rng.normal(0, 1, (2, 1, 3))
    item = Interaction(np.zeros((2, 8, 55, 3), np.float32), text="12 !", seed=0, features=features, id="x")
    write_interx([item], tmp_path / "tree", Splits([("x", item.text, "test")]))
    with h5py.File(tmp_path / "tree/motions/test.h5", "r") as file:
        clip = file["G000T001A000R000"][...].astype(np.float64)
    assert (clip[:, 22:25] == 0).all()
    np.testing.assert_allclose(clip[:, 25:55, :3], vectors[0, :, 25:], atol=1e-5)
    lowest = [joints_on_stand_in(clip[..., p])[..., 1].min(axis=0) for p in (slice(0, 3), slice(3, 6))]
    assert all(low.argmin() >= 22 for low in lowest)
    assert lowest[0].min() == pytest.approx(lowest[1].min(), abs=1e-4)
    text = (tmp_path / "tree/texts_processed/G000T001A000R000.txt").read_text()
    assert text == "12 !#unk/OTHER#0.0#0.0\n" * 3


@pytest.mark.parametrize("write", [write_interhuman, write_interx])
def test_a_folder_in_use_is_left_alone(write, items: list[Interaction], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        write(items[:1], tmp_path)
    assert files_below(tmp_path) == {"mine.txt"}


@pytest.mark.parametrize("write", [write_interhuman, write_interx])
def test_a_tree_states_its_round_trip_and_appears_whole(
    write, items: list[Interaction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write(items[:3], tmp_path / "tree")
    assert written.count == 3 and not written.failed and 0 <= written.round_trip_mm < 0.01

    def fails():
        yield items[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(fails(), tmp_path / "cut")
    monkeypatch.setattr("intermask_cli.datasets.dataset_folder.BOUND_MM", -1.0)  # no file is that good
    with pytest.raises(IntermaskError, match="hit-1: read back from the folder"):
        write(items[:3], tmp_path / "off")
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_what_fits_no_tree_is_listed_and_the_others_are_written(
    items: list[Interaction], tmp_path: Path
) -> None:
    bare = replace(items[1], motion=Motion(items[1].joints))
    written = write_interhuman([items[0], bare, items[2]], tmp_path / "interhuman")
    assert written.count == 2 and written.failed == [
        ("hit-2", "no rotations6d; the InterHuman layout needs them")
    ]
    lines = (tmp_path / "interhuman/ids.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["1", "hit-1"], ["2", "hit-3"]]


def test_all_samples_of_a_text_are_in_one_split() -> None:
    """By the text alone: neither numbers nor ids, blanks, case or other interactions matter."""
    made = [
        Interaction(np.zeros((2, 4, 22, 3)), text=f"text {k % 300}", id=f"{k}", sample=k // 300)
        for k in range(900)
    ]
    splits = [Splits().of(item) for item in made]
    assert splits[:300] == splits[300:600] == splits[600:]
    assert all(3 <= splits[:300].count(name) <= 30 for name in ("val", "test"))
    turned = replace(made[7], text=made[7].text.upper().replace(" ", "  "), id="other")
    assert Splits().of(turned) == splits[7]
    untitled = {Splits().of(replace(item, text="")) for item in made}
    assert untitled == {"train", "val", "test"}


def test_a_stated_split_holds_for_the_other_samples_of_its_text() -> None:
    made = [Interaction(np.zeros((2, 4, 22, 3)), text=text, id=text[0]) for text in ("bow", "Bow", "wave")]
    splits = Splits([("b", "bow", " Validation "), ("w", "wave", "")])
    assert [splits.of(item) for item in made[:2]] == ["val", "val"]
    assert splits.of(made[2]) == Splits().of(made[2])
    with pytest.raises(InputError, match="x: split is 'holdout'; accepted: train, val, test, or nothing"):
        Splits([("x", "bow", "holdout")])
