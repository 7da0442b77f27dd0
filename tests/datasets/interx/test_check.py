"""The check of an Inter-X copy: nothing in a complete one, every fault in others."""

from __future__ import annotations

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
