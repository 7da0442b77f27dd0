"""Situations that users reported, from ../shared/cases, which no other test of a command covers."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.helpers.interaction_files import write_interactions, write_interx_interactions
from tests.helpers.paths import ROOT, SHARED
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_model import TinyModel

Run = Callable[..., tuple[int, str, str]]
PIPELINE = SHARED / "cases" / "pipeline"
USERS = SHARED / "cases" / "strangers"  # language: ok, a folder
needs_cases = pytest.mark.skipif(not PIPELINE.is_dir(), reason="needs ../shared/cases")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a prompt file."""
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("two people bow\n")
    return tmp_path


# ---------------------------------------------------------------- case csv-formulas


def test_cells_that_a_spreadsheet_would_run_are_text(tiny_model: TinyModel, cli: Run) -> None:
    case = PIPELINE / "csv-formulas" / "formula.csv"
    if case.is_file():
        shutil.copy(case, "formula.csv")
    else:
        Path("formula.csv").write_text('text,note\n"=HYPERLINK(""http://example.org"",""bow"")",@SUM(A1)\n')
    options = (*tiny_model.options, "--frames", 16, "--steps", 1, "--out", "r")
    assert cli("generate", "formula.csv", *options)[0] == 0
    with Path("r/index.csv").open(newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if cell and cell[0] in "=+@\t\r"] == []
    with h5py.File("r/interactions.h5") as file:
        assert any(text.startswith("=HYPERLINK") for text in file["index/prompt"].asstr()[...])
    # The table is a prompt file again, and means the same texts.
    assert cli("generate", "r/index.csv", *options)[0] == 0


# ---------------------------------------------------------------- case evaluate-file-units


@pytest.mark.parametrize("command", ["evaluate", "export", "view", "render"])
def test_a_file_in_centimetres_is_refused(command: str, cli: Run) -> None:
    write_interactions(Path("cm.h5"), count=2)
    with h5py.File("cm.h5", "a") as file:
        file.attrs["units"] = "cm"
        for group in file["interactions"].values():
            group["joints"][...] *= 100
    options = {
        "export": ("--to", "npz", "--out", "e"),
        "view": ("-o", "v.html"),
        "render": ("--out", "v.png"),
    }
    code, _, err = cli(command, "cm.h5", *options.get(command, ()))
    assert code == 2 and "units" in err and "'cm'" in err and "m" in err, err


# ---------------------------------------------------------------- case damaged-training-folders


@needs_cases
def test_damaged_training_folders_are_one_line(folder: Path, cli: Run) -> None:
    script = USERS / "damaged-training-folders" / "make.sh"
    subprocess.run(["bash", str(script), str(folder / "out")], check=True)
    trainings = sorted((folder / "out").iterdir())
    assert len(trainings) == 6
    for training in trainings:
        code, _, err = cli(
            "train", "bundle", "--tokenizer", training, "--transformer", training, "--out", "b"
        )
        last = err.strip().splitlines()[-1]
        assert code in (2, 4) and "--debug" not in err and str(training) in last, err
        assert not Path("b").exists()


# ---------------------------------------------------------------- case interx-what-cannot-be


def test_what_an_interx_model_cannot_do_is_said_before_it_is_loaded(
    tiny_model: TinyModel, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = json.loads((tiny_model.bundle / "config.json").read_text())["text_encoder"]
    bundle = save_tiny(Path("ix"), "interx", text_encoder=encoder)
    np.save("person.npy", np.zeros((30, 22, 3), np.float32))
    monkeypatch.setattr("intermask_cli.inference.model.load_model", lambda *a, **o: pytest.fail("loaded"))
    model = ("--model", bundle, "--text-encoder", tiny_model.encoder, "--out", "r")
    for command, words in (
        (("react", "-i", "person.npy", *model), "needs a model of interhuman motion"),
        (("generate", "p.txt", *model, "--clean", "feet"), "--clean"),
    ):
        code, _, err = cli(*command)
        assert code == 2 and words in err, err
        assert not Path("r", "interactions.h5").exists()


@pytest.mark.parametrize("to", ["bvh", "npz"])
def test_interx_motion_is_exported_or_left_out_by_name(to: str, cli: Run) -> None:
    case = USERS / "interx-exports" / "run" / "interactions.h5"
    if case.is_file():
        shutil.copy(case, "ix.h5")
    else:
        write_interx_interactions(Path("ix.h5"), "two people bow", count=1)
    code, _, err = cli("export", "ix.h5", "--to", to, "--out", "e", "--processes", 1)
    assert code in (0, 3) and "--debug" not in err, err
    assert code == 3 or any(Path("e").glob(f"*.{to}"))


# ---------------------------------------------------------------- case containers-same-process-number


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="process numbers of Linux")
def test_processes_of_one_number_write_one_name(folder: Path) -> None:
    """What the case does in two containers: here both see 1 as their number."""
    race = (
        "import os, sys; from pathlib import Path; os.getpid = lambda: 1\n"
        "from intermask_cli.files import write_bytes\n"
        "for _ in range(300): write_bytes(Path(sys.argv[1], 'manifest.json'), b'x' * 3000)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([sys.executable, "-c", race, str(folder)], env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        assert process.wait(300) == 0, process.stderr and process.stderr.read()
    assert (folder / "manifest.json").read_bytes() == b"x" * 3000
    assert [path.name for path in folder.glob(".tmp*")] == []


# ---------------------------------------------------------------- case more-prompts-later


def test_finished_runs_are_joined_and_more_prompts_say_how(tiny_model: TinyModel, cli: Run) -> None:
    options = (*tiny_model.options, "--frames", 16, "--steps", 1)
    Path("b.txt").write_text("they shake hands\n")
    assert cli("generate", "p.txt", *options, "--out", "a")[0] == 0
    assert cli("generate", "b.txt", *options, "--out", "b")[0] == 0
    assert cli("merge", "a", "b", "--out", "both")[0] == 0
    with h5py.File("both/interactions.h5") as file:
        assert len(file["interactions"]) == 2
    with Path("p.txt").open("a") as stream:
        stream.write("they hug\n")
    code, _, err = cli("generate", "p.txt", *options, "--out", "a")
    assert code == 2 and "--add-to a" in err, err


# ---------------------------------------------------------------- case slurm-array-rerun


def test_a_shard_beyond_the_count_is_explained(cli: Run) -> None:
    code, _, err = cli("generate", "p.txt", "--shard", "7/2", "--out", "r")
    assert code == 2 and "7/2" in err and "n is the same for all shards" in err, err


# ---------------------------------------------------------------- case text-encoder: nothing written before


def test_a_name_of_no_encoder_leaves_no_run_behind(tiny_model: TinyModel, cli: Run) -> None:
    code, _, err = cli(
        "generate", "p.txt", "--model", tiny_model.bundle, "--text-encoder", "nowhere/none", "--out", "r"
    )
    assert code == 4 and "nowhere/none" in err, err
    assert not Path("r").exists() or not any(Path("r").glob("*.json"))
