"""`import-checkpoint` on what users have instead of the published files, and models with another encoder."""

from __future__ import annotations

import csv
import json
import os
import runpy
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.paths import SHARED
from tests.helpers.published_checkpoint import VARIANTS, PublishedCheckpoint

Run = Callable[..., tuple[int, str, str]]
CASES = SHARED / "cases" / "pipeline"
REPORTED = SHARED / "cases" / "strangers"  # language: ok, the name of the folder
CHECKPOINTS = SHARED / "parity" / "model" / "checkpoints"
needs_cases = pytest.mark.skipif(not (CASES.is_dir() and CHECKPOINTS.is_dir()), reason="needs ../shared")


class Download:
    """A published checkpoint folder `m`, its statistics, and the bundle `plain` made from it as it is."""

    def __init__(self, folder: Path, cli: Run, monkeypatch: pytest.MonkeyPatch):
        self.folder, self._cli, self._monkeypatch = folder, cli, monkeypatch

    def make(self, prefix: str = "", out: str = "m") -> Path:
        """The case's own copy of the reduced published checkpoint where it is there, else a random one."""
        folder = self.folder / out
        if CHECKPOINTS.is_dir() and CASES.is_dir():
            self._monkeypatch.setattr(sys, "argv", ["make.py", str(CHECKPOINTS), str(folder), prefix])
            runpy.run_path(str(CASES / "import-prefixes" / "make.py"), run_name="__main__")
            return folder / "interhuman" / "trans_reduced"
        checkpoint = PublishedCheckpoint(folder, VARIANTS["graph"])
        for path in checkpoint.trans.parent.rglob("*.tar"):
            content = torch.load(path, weights_only=True)
            renamed = {
                part: {prefix + name: value for name, value in state.items()}
                if isinstance(state, dict)
                else state
                for part, state in content.items()
            }
            torch.save(renamed, path)
        np.save(folder / "mean.npy", np.linspace(-1, 1, 262, dtype=np.float32))
        np.save(folder / "std.npy", np.linspace(0.1, 1, 262, dtype=np.float32))
        return checkpoint.trans

    def load(self, transformer: Path, out: str, files: tuple[str, str] = ("mean.npy", "std.npy")) -> tuple:
        """Run the command -> exit code and stderr."""
        stats = [self.folder / "m" / name for name in files]
        code, _, err = self._cli(
            "import-checkpoint", transformer, "--out", self.folder / out, "--stats", *stats
        )
        return code, err


@pytest.fixture
def download(tmp_path: Path, cli: Run, monkeypatch: pytest.MonkeyPatch) -> Download:
    return Download(tmp_path, cli, monkeypatch)


def weights_of(bundle: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bundle.glob("*.safetensors")}


# ---------------------------------------------------------------- case import-prefixes


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrapped_models_are_left_out_and_said(prefix: str, download: Download) -> None:
    assert download.load(download.make(), "plain")[0] == 0
    code, err = download.load(download.make(prefix, "wrapped"), "bundle")
    assert code == 0 and f"names begin with '{prefix}', left out" in err, err
    assert weights_of(download.folder / "bundle") == weights_of(download.folder / "plain")


def test_weights_saved_again_as_safetensors(download: Download) -> None:
    transformer = download.make()
    assert download.load(transformer, "plain")[0] == 0
    for path in transformer.parent.rglob("best_fid.tar"):
        content = torch.load(path, weights_only=True)
        states = {
            f"{part}.{name}": value.contiguous().clone()
            for part, state in content.items()
            if isinstance(state, dict)
            for name, value in state.items()
            if isinstance(value, torch.Tensor)
        }
        save_file(states, path.with_suffix(".safetensors"))
        path.unlink()
    assert download.load(transformer, "bundle")[0] == 0
    assert weights_of(download.folder / "bundle") == weights_of(download.folder / "plain")


# ---------------------------------------------------------------- case import-files-that-are-no-weights


def web_page() -> bytes:
    case = CASES / "import-files-that-are-no-weights" / "quota.html"
    return (
        case.read_bytes() if case.is_file() else b"<!DOCTYPE html><html><title>Quota exceeded</title></html>"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (web_page(), "is an HTML page, not the data: the download failed; get it again"),
        (b"\xef\xbb\xbf\n <HTML>\n" + web_page(), "is an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "is a Git LFS pointer"),
        (b"", "is an empty file"),
        (b"PK\x03\x04 no weights at all", "not a readable weights file"),
    ],
)
def test_what_lies_there_instead_of_weights(content: bytes, what: str, download: Download) -> None:
    transformer = download.make()
    (transformer / "model" / "best_fid.tar").write_bytes(content)
    code, err = download.load(transformer, "bundle")
    assert code == 2 and what in err and "best_fid.tar" in err, err
    assert "weights_only" not in err and "pickle" not in err  # no advice to run what is in the file
    assert not (download.folder / "bundle").exists()


def test_a_folder_too_high_or_too_low_names_the_right_one(download: Download) -> None:
    transformer = download.make()
    for folder in (transformer.parent, transformer.parent.parent, transformer / "model"):
        code, err = download.load(folder, "bundle")
        assert code == 4 and str(transformer) in err, err
        assert download.load(Path(err.rsplit(None, 1)[1]), f"by-{folder.name}")[0] == 0  # the advice works


def test_exchanged_statistics_are_called_so(download: Download) -> None:
    transformer = download.make()
    code, err = download.load(transformer, "bundle", ("std.npy", "mean.npy"))
    assert code == 2 and "mean.npy: deviations must be above 0" in err and "exchange the two" in err


# ---------------------------------------------------------------- cases bundle-overwritten, weights-only-...


def test_another_bundle_is_replaced_only_on_request_and_a_folder_with_more_never(
    download: Download, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformer, folder = download.make(), download.folder
    assert download.load(transformer, "mine")[0] == 0
    before = {path.name: path.read_bytes() for path in (folder / "mine").iterdir()}
    monkeypatch.chdir(folder)
    foreign: list[tuple[object, ...]] = [("import-checkpoint", transformer, "--out", "mine", "--stats",
                                          folder / "m" / "mean.npy", folder / "m" / "std.npy")]  # fmt: skip
    golden = SHARED / "parity" / "evaluation" / "interclip_reduced.safetensors"
    if REPORTED.is_dir() and golden.is_file():
        monkeypatch.setattr(sys, "argv", ["make_interclip.py", str(golden)])
        runpy.run_path(str(REPORTED / "bundle-overwritten" / "make_interclip.py"))
        foreign.append(("import-checkpoint", "eval_model", "--out", "mine"))
    for command in foreign:
        code, _, err = cli(*command)
        assert code == 2 and "mine: holds the model" in err and "--overwrite" in err, err
        (folder / "mine" / "thesis.tex").write_text("mine")
        code, _, err = cli(*command, "--overwrite")
        assert code == 2 and "thesis.tex" in err, err
        (folder / "mine" / "thesis.tex").unlink()
        assert {path.name: path.read_bytes() for path in (folder / "mine").iterdir()} == before
    code, _, err = cli(*foreign[-1], "--overwrite")
    assert code == 0, err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_bundles_are_readable_as_the_umask_says(umask: int, mode: int, download: Download) -> None:
    transformer = download.make()
    before = os.umask(umask)
    try:
        assert download.load(transformer, "bundle")[0] == 0
    finally:
        os.umask(before)
    files = list((download.folder / "bundle").iterdir())
    assert len(files) >= 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {mode}


# ---------------------------------------------------------------- case text-encoder-of-published-weights


@needs_cases
@pytest.mark.slow
def test_the_text_encoder_of_imported_weights(
    download: Download, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert download.load(download.make(), "bundle")[0] == 0
    monkeypatch.chdir(download.folder)
    monkeypatch.setattr(sys, "argv", ["tiny_clip.py", "40"])
    runpy.run_path(str(CASES / "text-encoder-of-published-weights" / "tiny_clip.py"), run_name="__main__")
    Path("p.txt").write_text("two people bow\n" + "they shake hands and turn around, " * 20 + "\n")
    common = ("generate", "p.txt", "--model", "bundle", "--seconds", 1, "--steps", 1, "--device", "cpu")
    code, _, err = cli(*common, "--out", "r")
    assert code == 4 and "--text-encoder PATH|HUB_ID" in err, err
    code, _, err = cli(*common, "--out", "r", "--text-encoder", "clip336")  # the advice, in the same folder
    assert code == 0, err
    code, _, err = cli(*common, "--out", "b", "--text-encoder", "clip224")
    assert code == 2 and "224" in err and "336" in err, err
    assert not Path("b", "interactions.h5").exists()
    with h5py.File("r/interactions.h5") as file:
        assert len(file.attrs["text_encoder_sha256"]) == 64
    manifest = json.loads(Path("r/manifest.json").read_text())
    assert manifest["text_warnings"] == "texts: 1 longer than the text encoder reads"
    with Path("r/index.csv").open(newline="") as table:
        warnings = [row["text_warning"] for row in csv.DictReader(table)]
    assert warnings[0] == "" and warnings[1]


@needs_cases
@pytest.mark.slow
def test_a_folder_called_clip_is_the_encoder(
    download: Download, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case folder-called-clip: a folder goes before the short name, and the help names the short names."""
    assert download.load(download.make(), "bundle")[0] == 0
    monkeypatch.chdir(download.folder)
    monkeypatch.setattr(sys, "argv", ["tiny_clip.py", "40"])
    runpy.run_path(str(CASES / "text-encoder-of-published-weights" / "tiny_clip.py"), run_name="__main__")
    Path("clip336").rename("clip")
    Path("p.txt").write_text("two people bow\n")
    common = ("generate", "p.txt", "--model", "bundle", "--seconds", 1, "--steps", 1, "--device", "cpu")
    code, _, err = cli(*common, "--out", "r", "--text-encoder", "clip")
    assert code == 0, err
    for command in ("generate", "react", "evaluate"):
        help = " ".join(cli(command, "--help")[1].split())
        assert "minilm, clip" in help, command
