"""Exports read back: by our readers, and by bvhio for BVH; no flips where people turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.dataset_folder import Splits
from intermask_cli.datasets.interhuman.writer import raw492, write_interhuman
from intermask_cli.errors import InputError
from intermask_cli.export.bvh import euler_from_matrix
from intermask_cli.export.formats import FORMATS, export_item, paths_of
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.representation.interhuman import loaded_from_raw492, motion_from_loaded
from intermask_cli.motion.rig import rig_of
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES
from tests.helpers.motion_samples import turning_pair


@pytest.fixture(scope="module")
def item() -> Interaction:
    joints = turning_pair()
    rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
    return Interaction(joints, rotations, text="two people  turn\nround", seed=7, id="turn-1")


#: The package that a format needs.
NEEDS = {"glb": "pygltflib", "usd": "pxr"}


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"fbx"}))
def test_every_format_reads_back(name: str, item: Interaction, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    written = export_item(item, name, tmp_path)
    assert written.round_trip_mm <= FORMATS[name].bound_mm
    assert written.fit_mm < 30
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        p.name for p in paths_of(item.id, FORMATS[name], tmp_path)
    )


def test_bvh_as_an_independent_reader_sees_it(item: Interaction, tmp_path: Path) -> None:
    bvhio = pytest.importorskip("bvhio")
    export_item(item, "bvh", tmp_path)
    rig = rig_of(item.joints[1])
    root = bvhio.readAsHierarchy(str(tmp_path / "turn-1_person2.bvh"))
    for frame in (0, 74, 149):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            if joint.Name in JOINT_NAMES:
                seen = np.array(joint.PositionWorld) / 100
                assert np.abs(seen - rig.joints[frame, JOINT_NAMES.index(joint.Name)]).max() < 1e-4


def test_euler_angles_do_not_jump_when_a_person_turns_past_half_a_turn() -> None:
    yaw = np.linspace(0, 6 * np.pi, 400)
    angles = euler_from_matrix(matrix_about_y(yaw), "ZXY")
    assert np.abs(np.diff(angles, axis=0)).max() < 0.1


@pytest.mark.slow
def test_glb_rotations_stay_in_one_hemisphere(item: Interaction, tmp_path: Path) -> None:
    gltf = pytest.importorskip("pygltflib")
    export_item(item, "glb", tmp_path)
    document = gltf.GLTF2().load(str(tmp_path / "turn-1.glb"))
    blob = document.binary_blob()
    animation = document.animations[0]
    for channel in animation.channels:
        if channel.target.path != "rotation":
            continue
        accessor = document.accessors[animation.samplers[channel.sampler].output]
        start = document.bufferViews[accessor.bufferView].byteOffset
        values = np.frombuffer(blob, np.float32, accessor.count * 4, start).reshape(-1, 4)
        assert np.abs(np.linalg.norm(values, axis=1) - 1).max() < 1e-5
        assert (values[1:] * values[:-1]).sum(1).min() > 0
    times = document.accessors[animation.samplers[0].input]
    assert times.max[0] == pytest.approx((150 - 1) / FPS)


def test_interhuman_rows_lead_back_to_the_motion(item: Interaction) -> None:
    assert item.rotations6d is not None
    positions, rotations = motion_from_loaded(loaded_from_raw492(raw492(item.joints[0], item.rotations6d[0])))
    assert np.abs(positions - item.joints[0]).max() < 1e-6
    assert np.abs(rotations - item.rotations6d[0]).max() < 1e-6


@pytest.mark.slow
def test_interhuman_tree(item: Interaction, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    made = [replace(item, id=f"t-{k}") for k in range(1, 42)]
    names = ("train", "val", "test")
    stated = Splits((one.id, one.text, names[k % 3]) for k, one in enumerate(made, 1))
    assert write_interhuman(made, root, stated).count == 41
    assert (root / "annots/3.txt").read_text() == "two people turn round\n" * 3
    splits = {name: (root / f"split/{name}.txt").read_text().split() for name in names}
    assert splits == {name: [str(k) for k in range(1, 42) if k % 3 == i] for i, name in enumerate(names)}
    with pytest.raises(InputError, match="not empty"):
        write_interhuman([item], root)


@pytest.mark.slow
def test_interx_tree_read_by_our_own_reader(item: Interaction, tmp_path: Path) -> None:
    """Split files, motion and captions come back; rotations and the two persons' places are the dataset's."""
    from intermask_cli.datasets.interx.reader import InterX, caption_path, read_captions
    from intermask_cli.datasets.interx.writer import write_interx
    from intermask_cli.motion.body_model import stand_in_body
    from intermask_cli.motion.representation.interx import joints_from_features, persons_from_processed
    from intermask_cli.motion.representation.interx import person_features as interx_features

    root = tmp_path / "tree"
    names = ("test", "val", "train", "train")
    stated = Splits((f"t-{k}", item.text, name) for k, name in enumerate(names))
    written = write_interx([replace(item, id=f"t-{k}") for k in range(4)], root, stated)
    assert written.count == 4 and written.fit_mm < 5
    data = {split: InterX(root, split) for split in ("train", "val", "test")}
    assert [len(part.clips) for part in data.values()] == [2, 1, 1]
    assert not any(part.skipped for part in data.values())
    clip = data["test"].clips[0]
    assert clip.frames == item.frames
    caption = read_captions(caption_path(root, clip.name))[2]
    assert caption.text == "two people turn round"
    assert caption.tokens == ("two/OTHER", "people/OTHER", "turn/OTHER", "round/OTHER")
    people = [
        joints_from_features(interx_features(person), stand_in_body())[:, :22]
        for person in persons_from_processed(data["test"].processed(clip))
    ]
    for seen, wanted in zip(people, item.joints, strict=True):
        assert np.abs((seen - seen[:, :1]) - (wanted - wanted[:, :1])).max() < 0.02
    apart = (people[1] - people[0])[:, 0] - (item.joints[1] - item.joints[0])[:, 0]
    assert np.abs(apart[:, (0, 2)]).max() < 1e-4
    with pytest.raises(InputError, match="not empty"):
        write_interx([item], root)
