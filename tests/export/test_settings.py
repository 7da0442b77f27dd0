"""Settings of exports: names, units, axes and leaf bones; what has no effect is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.datasets.motion_files.bvh import read_bvh
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.export.bone_names import LEAVES, BoneNames
from intermask_cli.export.dataset import export_dataset
from intermask_cli.export.formats import FORMATS, ExportSettings, export_item, rigs_of, settings_for
from intermask_cli.export.interaction import save_interaction
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body_model import PELVIS_IN_REST, stand_in_body
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation.interx import joints_from_features, person_features
from intermask_cli.motion.rig import rig_in
from intermask_cli.motion.rotation import (
    matrix_from_axis_angle,
    matrix_from_sixd_columns,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import FPS, JOINT, JOINT_NAMES, REST_OFFSETS
from tests.helpers.motion_samples import fk_person, turning_pair
from tests.helpers.paths import SHARED

Run = Callable[..., tuple[int, str, str]]
NEEDS = {"glb": "pygltflib", "usd": "pxr"}
#: Formats that hold rotations and are written without another program.
SKELETONS = ("bvh", "glb", "usd", "npz")


@pytest.fixture(scope="module")
def item() -> Interaction:
    joints = turning_pair(40)
    rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
    return Interaction(joints, rotations, text="two people turn", seed=7, id="turn-1")


@pytest.fixture(scope="module")
def rigid_item() -> Interaction:
    """Two rigid persons, whose heads and wrists turn as no joint shows."""
    joints, sixd, lengths = [], [], []
    for person in (0, 1):
        positions, local, offsets = fk_person(40, seed=person, height_m=1.6 + 0.2 * person)
        turn = np.zeros((40, 3))
        turn[:, 1] = np.linspace(0, 1, 40)
        for joint in ("head", "left_wrist"):
            local[:, JOINT[joint]] = matrix_from_axis_angle(turn)
        joints.append(positions + np.array([0.0, 0.0, 1.2 * person]))
        sixd.append(sixd_columns_from_matrix(local))
        lengths.append(np.linalg.norm(offsets[1:], axis=-1))
    every = np.stack(sixd).astype(np.float32)
    motion = Motion(
        np.stack(joints).astype(np.float32),
        every[:, :, 1:],
        None,
        every[:, :, 0],
        np.stack(lengths).astype(np.float32),
    )
    return Interaction(motion, text="x", seed=1, id="rigid-1", rigid=(True, True))


# ---------------------------------------------------------------- rigid persons, and all others


@pytest.mark.parametrize("name", SKELETONS)
def test_a_rigid_person_is_written_as_it_is(name: str, rigid_item: Interaction, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    written = export_item(rigid_item, name, tmp_path)
    assert written.fit_mm < 0.1 and written.round_trip_mm < 0.1


def test_rotations_that_no_joint_shows_are_in_the_file(rigid_item: Interaction, tmp_path: Path) -> None:
    export_item(rigid_item, "bvh", tmp_path)
    (skeleton,) = read_bvh(tmp_path / "rigid-1_person2.bvh")
    wanted = rig_in(rigid_item.motion, 1).local
    assert np.abs(skeleton.rotations[:, skeleton.names.index("head")] - wanted[:, JOINT["head"]]).max() < 1e-5
    assert rigs_of(rigid_item)[0].fit_error_mm < 0.1


def test_rotations_that_carry_the_bones_are_kept(rigid_item: Interaction) -> None:
    """Those of a given person's file are; those that a model guessed, and that miss the joints, are not."""
    motion = Motion(rigid_item.joints, rigid_item.rotations6d)
    given = Interaction(motion, text="x", id="given")
    assert given.rotations6d is not None
    for person, rig in enumerate(rigs_of(given)):
        kept = matrix_from_sixd_columns(given.rotations6d[person].astype(np.float64))
        assert np.abs(rig.local[:, 1:] - kept).max() < 1e-5
    mixed = Interaction(Motion(motion.joints, given.rotations6d[::-1].copy()), text="x", id="guessed")
    for person, rig in enumerate(rigs_of(mixed)):
        assert rig.fit_error_mm < 1
        assert np.abs(rig.local[:, 1:] - matrix_from_sixd_columns(mixed.rotations6d[person])).max() > 0.1


def test_rotations_of_inter_x_features_are_kept(tmp_path: Path) -> None:
    """55 joints: the 22 of the body, and turns of the head that no joint of these shows."""
    rows = np.zeros((2, 24, 56, 3))
    rows[:, :, :22] = np.random.default_rng(3).normal(0, 0.2, (2, 1, 22, 3))
    rows[:, :, 0, 1] = np.linspace(0, 1, 24)
    rows[:, :, JOINT["head"], 1] = np.linspace(-0.5, 0.5, 24)
    rows[:, :, 55] = (0.0, 1.3, 0.0)
    features = np.stack([person_features(person) for person in rows])
    joints = joints_from_features(features, stand_in_body())
    item = Interaction(Motion(joints, None, features), text="x", id="interx")
    for rig, person in zip(rigs_of(item), rows, strict=True):
        head = matrix_from_axis_angle(person[:, JOINT["head"]])
        assert np.abs(rig.local[:, JOINT["head"]] - head).max() < 1e-4
    assert export_item(item, "bvh", tmp_path).fit_mm < 0.1


@pytest.mark.parametrize("name", SKELETONS)
def test_bones_that_stretch_are_exported_too(name: str, item: Interaction, tmp_path: Path) -> None:
    """Bones that stretch by decimetres: a file, with the distance to the dataset's joints."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    noise = np.random.default_rng(0).normal(0, 0.3, item.joints.shape).astype(np.float32)
    written = export_item(Interaction(item.joints + noise, text="x", id="noise"), name, tmp_path)
    assert written.fit_mm > 60 and written.round_trip_mm < 0.1


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"fbx", "npy"}))
def test_nan_is_refused(name: str, item: Interaction, tmp_path: Path) -> None:
    joints = item.joints.copy()
    joints[1, 7, 3] = np.nan
    with pytest.raises(InputError, match="first in frame 7"):
        export_item(Interaction(joints, text="x", id="nan"), name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_case_that_was_refused(tmp_path: Path) -> None:
    source = SHARED / "cases/animator/export-refused/tap_shoulder.h5"
    if not source.exists():
        pytest.skip(f"{source} is absent")
    with InteractionFile(source) as dataset:
        item = dataset.read(dataset.ids[0])
    written = export_item(item, "bvh", tmp_path)
    assert written.round_trip_mm < 0.1 and written.fit_mm < 60
    for person, rig in enumerate(rigs_of(item)):
        off = np.linalg.norm(rig.joints - item.joints[person], axis=-1)  # (T, 22)
        for limb_end in ("wrist", "ankle"):  # in some frames person 2 is not a body
            ends = [JOINT[f"left_{limb_end}"], JOINT[f"right_{limb_end}"]]
            assert np.median(off[:, ends]) < 5e-3


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("names", list(BoneNames))
def test_names_are_one_each_and_their_sides_can_be_read(names: BoneNames) -> None:
    assert len(set(names.joints)) == len(JOINT_NAMES)
    for ours, theirs in zip(JOINT_NAMES, names.joints, strict=True):
        left = any(theirs.startswith(part) or theirs.endswith(part) for part in ("left", "Left", "L_", "_l"))
        assert left == ours.startswith("left_")
    assert set(names.ends) == set(LEAVES) == {j for j in range(22) if JOINT_NAMES[j] in
        ("head", "left_foot", "right_foot", "left_wrist", "right_wrist")}  # fmt: skip


def test_names_that_everybody_knows() -> None:
    where = {name: JOINT_NAMES.index(name) for name in ("left_hip", "left_collar", "left_wrist", "spine3")}
    known = {
        BoneNames.mixamo: ("LeftUpLeg", "LeftShoulder", "LeftHand", "Spine2"),
        BoneNames.smpl: ("L_Hip", "L_Collar", "L_Wrist", "Spine3"),
        BoneNames.unreal: ("thigh_l", "clavicle_l", "hand_l", "spine_03"),
    }
    for names, expected in known.items():
        assert tuple(names.joints[joint] for joint in where.values()) == expected


@pytest.mark.parametrize("names", list(BoneNames))
@pytest.mark.parametrize("units", ["cm", "m"])
def test_bvh_is_read_again_without_options(
    names: BoneNames, units: str, rigid_item: Interaction, tmp_path: Path
) -> None:
    export_item(rigid_item, "bvh", tmp_path, ExportSettings(names=names, units=units))
    for person in (0, 1):
        path = tmp_path / f"rigid-1_person{person + 1}.bvh"
        given = read_motion(path)
        assert np.linalg.norm(given.joints - rigid_item.joints[person], axis=-1).max() < 1e-4
        (skeleton,) = read_bvh(path)
        assert skeleton.fps == FPS and set(skeleton.names) == set(names.joints)
        scale = {"cm": 100, "m": 1}[units]
        rest = rig_in(rigid_item.motion, person).offsets * scale
        columns = [skeleton.names.index(name) for name in names.joints]
        assert np.abs(skeleton.offsets[columns][1:] - rest[1:]).max() < 1e-5 * scale
        assert len(skeleton.end_sites) == 5


@pytest.mark.slow
def test_glb_names_persons_and_leaf_bones(item: Interaction, tmp_path: Path) -> None:
    gltf = pytest.importorskip("pygltflib")
    for leaf_bones, bones in ((False, 22), (True, 27)):
        settings = ExportSettings(names=BoneNames.mixamo, leaf_bones=leaf_bones)
        export_item(item, "glb", tmp_path, settings)
        document = gltf.GLTF2().load(str(tmp_path / "turn-1.glb"))
        roots = [document.nodes[node] for node in document.scenes[0].nodes]
        assert [root.name for root in roots] == ["person1", "person1_body", "person2", "person2_body"]
        assert [document.nodes[root.children[0]].name for root in roots[::2]] == ["Hips", "Hips"]
        assert [len(skin.joints) for skin in document.skins] == [bones, bones]
        ends = {document.nodes[joint].name for joint in document.skins[0].joints[22:]}
        assert ends == (set(BoneNames.mixamo.ends.values()) if leaf_bones else set())
        colours = {m.name: m.pbrMetallicRoughness.baseColorFactor for m in document.materials}
        assert colours["person1"] == pytest.approx([0, 0.168, 0.445, 1], abs=2e-3)
        assert colours["person2"] == pytest.approx([0.665, 0.112, 0, 1], abs=2e-3)


# ---------------------------------------------------------------- NPZ


@pytest.mark.parametrize("up", ["z", "y"])
def test_npz_as_tools_for_smpl_read_it(up: str, rigid_item: Interaction, tmp_path: Path) -> None:
    """What AMASS readers and the SMPL-X add-on take: poses, trans without the rest pelvis, the rate twice."""
    export_item(rigid_item, "npz", tmp_path, settings_for("npz", up=up))
    for person in (0, 1):
        path = tmp_path / f"rigid-1_person{person + 1}.npz"
        with np.load(path, allow_pickle=False) as file:
            data = dict(file)
        assert data["poses"].shape == (40, 165) and not data["poses"][:, 66:].any()
        assert np.array_equal(data["poses"][:, :3], data["root_orient"])
        assert np.array_equal(data["poses"][:, 3:66], data["pose_body"])
        assert float(data["mocap_frame_rate"]) == float(data["mocap_framerate"]) == FPS
        assert str(data["gender"]) == "neutral" and str(data["surface_model_type"]) == "smplx"
        assert data["betas"].shape == (16,) and str(data["up_axis"]) == up
        # A plain SMPL reader: pelvis = trans + rest pelvis, rotations from the axis-angles.
        local = matrix_from_axis_angle(data["poses"][:, :66].reshape(-1, 22, 3).astype(np.float64))
        pelvis = data["trans"] + np.array(PELVIS_IN_REST)
        rig = rig_in(rigid_item.motion, person)
        joints = forward_kinematics(local, pelvis, rig.offsets)[0]
        if up == "z":
            joints = np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
        assert np.linalg.norm(joints - rigid_item.joints[person], axis=-1).max() < 1e-4
        heights = data["joints"][..., "xyz".index(up)]
        assert (heights[:, JOINT["head"]] - heights[:, JOINT["left_ankle"]]).min() > 0.8
        assert np.linalg.norm(read_motion(path).joints - rigid_item.joints[person], axis=-1).max() < 1e-4


def test_npz_without_its_joints_is_read_by_its_rotations(item: Interaction, tmp_path: Path) -> None:
    body = Interaction(turning_pair(40), text="x", id="own")  # on our own body, as the reader poses SMPL
    export_item(body, "npz", tmp_path)
    with np.load(tmp_path / "own_person1.npz", allow_pickle=False) as file:
        fields = {name: file[name] for name in file.files if name != "joints"}
    np.savez(tmp_path / "fields.npz", **fields)
    given = read_motion(tmp_path / "fields.npz")
    assert np.linalg.norm(given.joints - body.joints[0], axis=-1).max() < 1e-3
    assert np.abs(fields["offsets"] - REST_OFFSETS).max() < 1e-3


# ---------------------------------------------------------------- what has no effect


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        ("npz", {"names": "mixamo"}, "names has no effect on npz; it is for bvh, glb, fbx, usd"),
        ("glb", {"units": "m"}, "units has no effect on glb; it is for bvh"),
        ("bvh", {"up": "y"}, "up has no effect on bvh; it is for npz"),
        ("bvh", {"leaf_bones": True}, "leaf-bones has no effect on bvh; it is for glb, fbx"),
        ("interx", {"names": "smpl"}, "names has no effect on interx"),
        ("bvh", {"colour": "red"}, "there is no such setting"),
        ("bvh", {"names": "rokoko"}, "accepted: intermask, mixamo, smpl, unreal"),
        ("bvh", {"units": "mm"}, "accepted: cm, m"),
    ],
)
def test_settings_without_effect_are_refused(target: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_for(target, **given)


@pytest.mark.slow
def test_files_of_other_settings_are_not_mixed(cli: Run, item: Interaction, tmp_path: Path) -> None:
    source, out = tmp_path / "run.h5", tmp_path / "out"
    write_dataset(source, [item])
    assert cli("export", source, "--to", "bvh", "--out", out, "--names", "mixamo")[0] == 0
    assert json.loads((out / ".export-bvh.json").read_text())["settings"] == {"names": "mixamo"}
    code, _, err = cli("export", source, "--to", "bvh", "--out", out)
    assert code == 2 and "names mixamo; now requested: default settings" in err
    code, text, _ = cli("export", source, "--to", "bvh", "--out", out, "--names", "mixamo")
    assert code == 0 and "1 existing kept" in text
    assert cli("export", source, "--to", "bvh", "--out", out, "--overwrite")[0] == 0
    assert json.loads((out / ".export-bvh.json").read_text())["settings"] == {}
    code, _, err = cli("export", source, "--to", "npz", "--out", out, "--units", "m")
    assert code == 2 and "units has no effect on npz" in err


def test_save_interaction_takes_the_same_settings(item: Interaction, tmp_path: Path) -> None:
    save_interaction(item, tmp_path / "a.bvh", names="mixamo", units="m")
    (skeleton,) = read_bvh(tmp_path / "a_person1.bvh")
    assert skeleton.names[0] == "Hips" and np.ptp(skeleton.positions()[0, :, 1]) < 3
    for name in ("a.png", "a.h5"):
        with pytest.raises(InputError, match="has no effect"):
            save_interaction(item, tmp_path / name, names="mixamo")


INTERX_RUN = SHARED / "cases" / "strangers" / "interx-exports" / "run"  # language: ok, a folder


@pytest.mark.skipif(not INTERX_RUN.is_dir(), reason=f"{INTERX_RUN} does not exist")
@pytest.mark.parametrize("name", ["bvh", "glb", "npz"])
def test_the_case_of_an_inter_x_model_is_exported(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    summary = export_dataset(INTERX_RUN, name, tmp_path)
    assert (summary.written, summary.failed, summary.exit_code) == (1, {}, 0)
    assert summary.errors_mm["file round trip, largest"] < 0.1
