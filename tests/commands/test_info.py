"""`intermask info` and `intermask doctor`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from evaluators.networks.bundle_info import evaluator_sha256
from intermask_cli import config
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.models import bundle_info as bundles
from tests.helpers.dataset_trees import interx_clip
from tests.helpers.motion_samples import walking
from tests.helpers.skeleton_files import Rig, rig_bvh
from tests.helpers.tiny_model import TinyModel
from tests.helpers.tool_skeletons import TOOL_RIGS, without_names

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model: TinyModel) -> Path:
    from intermask_cli.cli import main

    folder = tmp_path_factory.mktemp("info")
    (folder / "p.csv").write_text("text,frames,kind\ntwo people bow,12,polite\ntwo people bow,8,\n")
    with pytest.raises(SystemExit) as ended:
        main(["generate", str(folder / "p.csv"), *tiny_model.options, "--out", str(folder / "run")])
    assert ended.value.code == 0
    return folder / "run"


def test_info_of_a_run_and_its_dataset(cli: Run, run: Path) -> None:
    code, out, _ = cli("info", run, "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["kind"] == "run"
    assert facts["status"] == "finished"
    assert facts["interactions"] == 2
    assert facts["prompts"] == 1
    assert facts["frames"] == {"shortest": 8, "longest": 12}
    assert facts["seconds"] == pytest.approx(20 / 30, abs=1e-3)
    assert facts["arrays"]["joints"] == [2, 12, 22, 3]
    assert facts["columns"] == ["id", "prompt", "sample", "seed", "frames", "kind"]
    dataset = json.loads(cli("info", run / "interactions.h5", "--json")[1])
    assert dataset["kind"] == "dataset"
    assert dataset["model_sha256"] == facts["model_sha256"]
    code, text, _ = cli("info", run)
    assert code == 0
    assert "joints 2x12x22x3" in text


def test_info_of_a_bundle(cli: Run, tiny_model: TinyModel) -> None:
    facts = json.loads(cli("info", tiny_model.bundle, "--json")[1])
    assert facts["kind"] == "bundle"
    assert facts["sha256"] == bundles.bundle_sha256(tiny_model.bundle)
    assert facts["files"]["transformer.safetensors"] > 0
    assert facts["licence"] == "MIT"


def test_info_of_the_bundled_evaluator(cli: Run) -> None:
    facts = json.loads(cli("info", "duet-eval", "--json")[1])
    assert (facts["bundle_kind"], facts["name"]) == ("evaluator", "duet-eval")
    assert facts["sha256"] == evaluator_sha256(Path(facts["path"]))


def test_info_of_a_motion_file(cli: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", walking(30))
    facts = json.loads(cli("info", tmp_path / "walk.npy", "--json")[1])
    assert facts["kind"] == "motion"
    assert facts["seconds"] == 1.0
    assert facts["body_height_m"] == pytest.approx(1.70, abs=0.01)


def test_info_of_everybody_in_a_file_and_what_is_odd(cli: Run, tmp_path: Path) -> None:
    left_handed = np.stack([walking(30), walking(30, (0.0, 1.0))]) * np.float32([-1, 1, 1])
    np.save(tmp_path / "pair.npy", left_handed)
    facts = json.loads(cli("info", tmp_path / "pair.npy", "--json")[1])
    assert facts["persons"] == 2 and "person 2 of 2" in facts["person_2"]
    assert [text[:9] for text in facts["warnings"]] == ["person 1:", "person 2:"]
    assert "--flip x" in facts["warnings"][0]
    facts = json.loads(cli("info", tmp_path / "pair.npy", "--flip", "x", "--person", "2", "--json")[1])
    assert facts["persons"] == 1 and "warnings" not in facts


def test_info_of_clips_of_inter_x(cli: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "train.h5", "w") as file:
        for name, frames in (("G1", 30), ("G2", 45)):
            file[name] = interx_clip(frames, seed=1)
    facts = json.loads(cli("info", tmp_path / "train.h5", "--json")[1])
    assert (facts["kind"], facts["clips"], facts["frames"]) == (
        "Inter-X clips",
        2,
        {"shortest": 30, "longest": 45},
    )
    code, _, err = cli("info", f"{tmp_path}/train.h5#G3")
    assert code == 2 and "it holds 2: G1, G2; choose one as FILE.h5#NAME" in err
    facts = json.loads(cli("info", facts["note"].rpartition(" ")[2], "--json")[1])
    assert (facts["kind"], facts["persons"], facts["original_frames"]) == ("motion", 2, 30)


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("x.h5", b"junk", 2, "not a readable HDF5"),
        ("x.docx", b"junk", 2, "not a run directory"),
        ("x.npy", b"junk", 2, "x.npy"),
        ("x.pkl", b"junk", 2, "never loaded"),
        ("nothing", None, 4, "neither bundled"),
    ],
)
def test_info_of_anything_else_is_one_line(
    cli: Run, tmp_path: Path, name: str, content: bytes | None, code: int, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    found, out, err = cli("info", tmp_path / name)
    assert (found, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_doctor_finds_a_model_and_uses_no_network(
    cli: Run, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object, **named: object) -> None:
        raise AssertionError("doctor used the network")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(bundles, "ASSETS", tiny_model.bundle.parent)
    monkeypatch.setattr(config, "DEFAULT_MODEL", "bundle")
    code, out, err = cli("doctor", "--json")
    report = json.loads(out)
    assert (code, report["ok"]) == (0, True), err
    checks = {check["name"]: check for check in report["checks"]}
    assert bundles.bundle_sha256(tiny_model.bundle) in checks["bundled models"]["detail"]
    assert "torch" in checks["versions"]["detail"]
    assert "hub" not in checks


@pytest.mark.slow
def test_doctor_says_what_is_missing(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "ASSETS", tmp_path)
    code, out, _ = cli("doctor")
    assert code == 4
    assert "missing  bundled models" in out


def test_doctor_tries_the_hub_only_when_asked(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "hub" in cli("doctor", "--hub")[1]


def test_info_prints_a_skeleton_map_that_reads_the_file(cli: Run, tmp_path: Path) -> None:
    rig, options = TOOL_RIGS["Biped"]
    (tmp_path / "clip.bvh").write_text(rig_bvh(without_names(rig), **options)[0])
    code, out, _ = cli("info", tmp_path / "clip.bvh", "--skeleton-map")
    assert code == 0
    (tmp_path / "map.yaml").write_text(out)
    found = read_motion(tmp_path / "clip.bvh")
    again = read_motion(tmp_path / "clip.bvh", skeleton=tmp_path / "map.yaml")
    assert np.array_equal(again.joints, found.joints)


def test_info_completes_a_given_map(cli: Run, tmp_path: Path) -> None:
    rig, options = TOOL_RIGS["Unity"]
    (tmp_path / "clip.bvh").write_text(rig_bvh(rig, **options)[0])
    found = read_motion(tmp_path / "clip.bvh")
    lines = found.match.map_text.splitlines(keepends=True)
    (tmp_path / "part.yaml").write_text("".join(line for line in lines if "spine2" not in line))
    arguments = ("info", tmp_path / "clip.bvh", "--skeleton-map", "--skeleton", tmp_path / "part.yaml")
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "joints by the given map" in out and "\nspine2: {" in out
    (tmp_path / "part.yaml").write_text("pelvis: Absent\n" + "".join(lines[1:]))
    code, _, err = cli(*arguments)
    assert code == 2
    assert "the file has no Absent" in err


def test_info_prints_a_map_to_fill_in(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "clip.bvh").write_text(rig_bvh(Rig("Root > [Left Arm | Tail > Tip]", {}))[0])
    code, out, _ = cli("info", tmp_path / "clip.bvh", "--skeleton-map")
    assert code == 0
    assert "#     Left Arm\n#     Tail\n#       Tip\n" in out
    assert "\nleft_hip:\n" in out and "\n# neck:\n" in out
    code, _, err = cli("info", tmp_path / "clip.bvh")
    assert code == 2
    assert "--skeleton-map" in err


def test_a_skeleton_map_is_of_one_skeleton(cli: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", walking(12))
    code, _, err = cli("info", tmp_path / "a.npy", "--skeleton-map")
    assert code == 2
    assert "not a file of a skeleton" in err
