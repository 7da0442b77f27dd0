"""Small inputs that claim much are refused in little time and memory, by every command that reads them."""

from __future__ import annotations

import io
import json
import runpy
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import FILE_NAME, write_dataset
from intermask_cli.inference.interaction import Interaction
from tests.helpers.limited_process import Ended, run_limited
from tests.helpers.motion_samples import fk_pair
from tests.helpers.paths import SHARED
from tests.helpers.tiny import save_tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux"),
]
CASES = SHARED / "cases" / "strangers"  # language: ok, a folder
GB = 10**9
#: No input may take more: memory, and processor time, which other processes on the machine do not change.
MOST_BYTES, MOST_SECONDS = 2 * GB, 20.0


def refused(commands: list[list[object]], folder: Path, codes: tuple[int, ...] = (2, 3, 4)) -> list[Ended]:
    """Every command ends with one of the codes, in an error of one line, within the limits."""
    ended = run_limited(commands, folder, MOST_BYTES)
    for one in ended:
        last = one.stderr.strip().splitlines()[-1] if one.stderr.strip() else ""
        assert one.code in codes, (one.command, one.code, one.stderr[-800:])
        assert "--debug" not in one.stderr and "Traceback" not in one.stderr, (one.command, one.stderr[-800:])
        assert len(last) < 1000, one.command
        assert one.processor_seconds < MOST_SECONDS and one.peak < MOST_BYTES, one
    return ended


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a prompt, a model and a run of one interaction."""
    (tmp_path / "p.txt").write_text("two people bow\n")
    (tmp_path / "run").mkdir()
    joints, rotations = fk_pair(20)
    item = Interaction(joints.astype(np.float32), rotations.astype(np.float32), id="a", text="x", seed=1)
    write_dataset(tmp_path / "run" / FILE_NAME, [item])
    return tmp_path


# ---------------------------------------------------------------- case slow-rate-memory


@pytest.mark.parametrize("fps", [0.0005, 0.00005, 1e-9, 0.0, -30.0, float("nan"), 1e300])
def test_rates_that_make_clips_of_hours(fps: float, folder: Path) -> None:
    joints = fk_pair(50)[0].astype(np.float32)
    np.savez(folder / "slow.npz", joints=joints, fps=fps)
    case = CASES / "slow-rate-memory" / "slow.npz"
    if fps == 0.0005 and case.is_file():
        (folder / "slow.npz").write_bytes(case.read_bytes())
    np.save(folder / "slow.npy", joints[0])
    (folder / "pairs.csv").write_text("pair,text\nslow.npz,two people bow\n")
    ended = refused(
        [
            ["info", "slow.npz"],
            ["react", "--input", "slow.npz", "--out", "r"],
            ["react", "--input", "slow.npy", f"--fps={fps}", "--out", "r"],
            ["data", "pairs", "pairs.csv", "--out", "tree"],
            ["convert", "slow.npz", "out.bvh"],
        ],
        folder,
    )
    assert ended[0].peak < 0.4 * GB  # before anything is made
    assert not (folder / "r" / FILE_NAME).exists() and not (folder / "tree").exists()


# ---------------------------------------------------------------- case long-h5-memory


def claim_frames(source: Path, target: Path, frames: int, written: bool) -> None:
    """A copy whose first item claims `frames` frames that no chunk holds, or holds as zeros."""
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "a") as file:
        group = file["interactions/a"]
        for name in list(group):
            del group[name]
        shape = (2, frames, 22, 3)
        chunks = (2, min(frames, 4096), 22, 3)
        arrays = group.create_dataset("joints", shape, "f4", chunks=chunks, compression="gzip")
        if written:
            arrays[:, :1] = 1.0
        group.attrs["frames"] = frames
        file["index/frames"][...] = frames


@pytest.mark.parametrize(
    ("frames", "written"), [(999_996, False), (999_996, True), (10**9, False), (600, False)]
)
def test_datasets_that_claim_hours(frames: int, written: bool, folder: Path) -> None:
    claim_frames(folder / "run" / FILE_NAME, folder / "long.h5", frames, written)
    if frames == 999_996 and not written and CASES.is_dir():
        sys_argv, sys.argv = sys.argv, ["make.py", str(folder / "run" / FILE_NAME), str(folder / "long.h5")]
        try:
            runpy.run_path(str(CASES / "long-h5-memory" / "make.py"), run_name="__main__")
        finally:
            sys.argv = sys_argv
    assert (folder / "long.h5").stat().st_size < 200_000
    ended = refused(
        [
            ["view", "long.h5", "-o", "v.html"],
            ["render", "long.h5", "--out", "v"],
            *(
                ["export", "long.h5", "--to", to, "--processes", 1, "--out", to]
                for to in ("npz", "bvh", "interhuman")
            ),
            ["evaluate", "long.h5", "--clips", 1],
            ["react", "--input", "long.h5#a", "--out", "r"],
            ["info", "long.h5"],
        ],
        folder,
        codes=(0, 2, 3, 4),
    )
    for one in ended[:-1]:
        assert one.code != 0 and "a" in one.stderr, one


# ---------------------------------------------------------------- sizes of models


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("transformer", "layers"),
        ("transformer", "latent_dim"),
        ("tokenizer", "width"),
        ("tokenizer", "codebook_size"),
    ],
)
@pytest.mark.long
def test_bundles_that_claim_a_billion(section: str, key: str, folder: Path) -> None:
    config = save_tiny(folder / "b") / "config.json"
    values = json.loads(config.read_text())
    values[section][key] = 10**9
    config.write_text(json.dumps(values))
    commands = [["generate", "p.txt", "--model", "b", "--out", "r"],
                ["train", "transformer", "--data", "x", "--tokenizer", "b", "--out", "t"]]  # fmt: skip
    for one in refused([*commands, ["info", "b"]], folder, codes=(0, 2, 4))[:-1]:
        assert one.code != 0, one


# ---------------------------------------------------------------- files without an end, archives, headers


def npy_header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.long
def test_motion_files_that_claim_much(folder: Path) -> None:
    (folder / "claims.npy").write_bytes(npy_header((10**7, 22, 3)) + bytes(100))
    with zipfile.ZipFile(folder / "claims.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joints.npy", npy_header((10**8, 22, 3)) + bytes(1000))
    with (
        zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("joints.npy", "w") as out,
    ):
        out.write(npy_header((2_000_000, 22, 3)))
        for _ in range(2_000):
            out.write(bytes(22 * 3 * 4 * 1000))
    (folder / "claims.bvh").write_text(
        "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n"
        "End Site\n{\nOFFSET 0 1 0\n}\n}\nMOTION\nFrames: 1000000000\nFrame Time: 0.0333\n0 0 0\n"
    )
    (folder / "deep.bvh").write_text("HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n" * 20_000)
    (folder / "claims.json").write_text("[" * 100_000)
    files = ["claims.npy", "claims.npz", "bomb.npz", "claims.bvh", "deep.bvh", "claims.json"]
    if Path("/dev/zero").exists():
        for suffix in ("npy", "npz", "bvh", "h5", "glb", "fbx", "json", "c3d", "pt", "trc", "amc", "csv"):
            (folder / f"endless.{suffix}").symlink_to("/dev/zero")
            files.append(f"endless.{suffix}")
    refused([command for name in files for command in (
        ["info", name], ["convert", name, "out.bvh"], ["react", "--input", name, "--out", "r"],
    )], folder)  # fmt: skip


@pytest.mark.long
def test_prompts_and_recipes_that_claim_much(folder: Path) -> None:
    (folder / "many.csv").write_text("text,samples\ntwo people bow,1000000000000\n")
    (folder / "long.csv").write_text("text,seconds\ntwo people bow,1e12\n")
    (folder / "deep.json").write_text('{"prompts":' * 50_000)
    (folder / "wide.txt").write_text("bow " * 2_000_000 + "\n")
    levels = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    levels += [f"{new}: &{new} [{', '.join(['*' + old] * 9)}]" for old, new in pairwise("abcdefghi")]
    (folder / "bomb.yaml").write_text("\n".join(levels) + "\n")
    names = ["many.csv", "long.csv", "deep.json", "wide.txt"]
    recipes = ["bomb.yaml"]
    if Path("/dev/zero").exists():
        for suffix in ("txt", "csv", "json", "jsonl", "tsv", "yaml"):
            (folder / f"endless.{suffix}").symlink_to("/dev/zero")
        names += [f"endless.{suffix}" for suffix in ("txt", "csv", "json", "jsonl", "tsv")]
        recipes.append("endless.yaml")
    refused(
        [
            *(["generate", name, "--dry-run", "--out", "r"] for name in names),
            *(["train", "tokenizer", "--config", name, "--data", "x", "--out", "t"] for name in recipes),
        ],
        folder,
    )
