"""The check of an Inter-X copy: nothing in a complete one, every fault in others."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interx.check import check_interx
from intermask_cli.errors import MissingError
from tests.helpers.dataset_trees import LINE, interx_clip, interx_tree

LENGTHS = {
    "train": {"G1": 40, "G2": 200, "G3": 23, "G4": 84, "G5": 64},
    "val": {"G6": 30},
    "test": {"G7": 25},
}


@pytest.fixture
def tree(tmp_path):
    return interx_tree(tmp_path / "InterX", LENGTHS)


def test_a_complete_copy_has_no_problem(tree):
    progress = []
    report = check_interx(tree, progress.append)
    assert report.ok
    assert report.problems == []
    assert len(progress) == report.counts["clips"] == 7
    assert report.counts["captions"] == 21
    assert (report.counts["words"], report.counts["unknown words"]) == (21 * 5, 0)
    assert report.counts["outside 24-999 frames (no text item)"] == 1


def change_motion(tree, change):
    with h5py.File(tree / "motions/val.h5", "a") as file:
        change(file)


def replace(file, clip):
    del file["G6"]
    file["G6"] = clip


def spoil(tree, fault):
    nan, face = interx_clip(30, 0), interx_clip(30, 0)
    nan[4, 3, 2], face[2, 23, 1] = np.nan, 0.5
    text = tree / "texts_processed/G6.txt"
    actions = {
        "unusable split": lambda: (tree / "splits/val.txt").unlink(),
        "unusable motion file": lambda: (tree / "motions/val.h5").write_bytes(b"no"),
        "listed without motion": lambda: (tree / "splits/val.txt").write_text("G6\nG99\n"),
        "wrong shape": lambda: change_motion(tree, lambda f: replace(f, np.zeros((30, 55, 6)))),
        "not finite": lambda: change_motion(tree, lambda f: replace(f, nan)),
        "split overlap": lambda: (tree / "splits/val.txt").write_text("G6\nG1\n"),
        "missing captions": text.unlink,
        "unusable captions": lambda: text.write_text("nothing\n"),
        "unusable word vectors": lambda: (tree / "glove/hhi_vab_idx.pkl").unlink(),
        "in no split": lambda: change_motion(tree, lambda f: f.create_dataset("G8", data=interx_clip(30, 1))),
        "face turned": lambda: change_motion(tree, lambda f: replace(f, face)),
        "not UTF-8": lambda: text.write_bytes(b"a\xa1\xaf#a/NOUN#0.0#0.0\n" * 3),
        "number of captions": lambda: text.write_text(LINE),
        "repeated names": lambda: (tree / "splits/val.txt").write_text("G6\nG6\n"),
    }
    actions[fault]()


NOTES = ("in no split", "face turned", "not UTF-8", "number of captions", "repeated names")
ERRORS = (
    "unusable split", "unusable motion file", "listed without motion", "wrong shape", "not finite",
    "split overlap", "missing captions", "unusable captions", "unusable word vectors",
)  # fmt: skip


@pytest.mark.parametrize("fault", NOTES + ERRORS)
def test_every_fault_is_found_and_named(tree, fault):
    spoil(tree, fault)
    report = check_interx(tree)
    assert fault in report.by_kind()
    assert report.ok == (fault in NOTES)
    # A name added to a split lacks its motion or text too.
    assert set(report.by_kind()) <= {fault, "listed without motion", "missing captions"}


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(MissingError, match="motions"):
        check_interx(tmp_path)


# ---------------------------------------------------------------- case check-interx-damaged


def declared(frames):
    """An entry that claims frames it does not hold."""
    return {"shape": (frames, 56, 6), "dtype": "f4", "chunks": (64, 56, 6), "compression": "gzip"}


def damage(tree, what):
    motions, words = tree / "motions/val.h5", tree / "glove/hhi_vab_words.pkl"
    if what == "external link":
        change_motion(tree, lambda f: f.__setitem__("ext", h5py.ExternalLink("/etc/passwd", "x")))
    elif what == "soft link to nothing":
        change_motion(tree, lambda f: f.__setitem__("ext", h5py.SoftLink("/no/such")))
    elif what.startswith("declared"):
        change_motion(tree, lambda f: f.create_dataset("big", **declared(int(what.split()[1]))))
    elif what == "long name":
        (tree / "splits/train.txt").write_text("G1\n" + "x" * 100_000 + "\n")
    elif what == "endless split":
        link(tree / "splits/val.txt")
    elif what == "endless words":
        link(words)
    elif what == "endless index":
        link(tree / "glove/hhi_vab_idx.pkl")
    elif what == "endless motions":
        link(motions)
    elif what == "endless captions":
        link(tree / "texts_processed/G6.txt")


def link(path):
    path.unlink()
    path.symlink_to("/dev/zero")


DAMAGE = {
    "external link": "motions/val.h5 ext",
    "soft link to nothing": "motions/val.h5 ext",
    "declared 18001": "motions/val.h5 big",
    "declared 3000000": "motions/val.h5 big",
    "declared 1000000000": "motions/val.h5 big",
    "long name": "motions/train.h5",  # which lacks it
    "endless split": "splits/val.txt",
    "endless words": "glove",
    "endless index": "glove",
    "endless motions": "motions/val.h5",
    "endless captions": "texts_processed/G6.txt",
}


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_one_entry_and_the_other_files_are_checked(tree, what, cli):
    damage(tree, what)
    code, out, err = cli("data", "check", "interx", "--root", tree, "--json")
    assert code == 3 and "--debug" not in err, err
    report = json.loads(out)
    places = [found["where"] for found in report["problems"] if found["severity"] == "error"]
    assert any(DAMAGE[what] in place for place in places), report
    assert all(len(line) < 1000 for line in (out + err).splitlines())
    assert report["counts"]["clips"] >= 6  # of 7, without those that are damaged


@pytest.mark.parametrize("seed", range(24))
def test_changed_bytes_at_the_start_of_a_motion_file_are_a_finding_or_harmless(tree, seed, cli):
    path = tree / "motions/train.h5"
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in rng.integers(0, 400, 10):
        data[place] = rng.integers(256)
    path.write_bytes(bytes(data))
    code, out, err = cli("data", "check", "interx", "--root", tree)
    assert code in (0, 3) and "--debug" not in err, err
    assert code == 0 or "motions/train.h5" in out + err
