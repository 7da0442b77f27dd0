"""The check of an InterHuman copy: nothing in a complete one, every fault in others."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.interhuman.check import check_interhuman
from intermask_cli.errors import MissingError
from tests.helpers.dataset_trees import CAPTIONS, interhuman_tree

LENGTHS = {"1": 12, "2": 40, "10": 64, "3": 65, "44": 90, "5": 330}
SPLITS = {"train": ["2", "10", "3"], "val": ["44"], "test": ["5", "1"]}


@pytest.fixture
def clean_tree(tmp_path):
    return interhuman_tree(tmp_path / "clean", LENGTHS, SPLITS)


def test_a_complete_copy_has_no_problem(clean_tree):
    progress = []
    report = check_interhuman(clean_tree, progress.append)
    assert report.ok
    assert report.problems == []
    assert len(progress) == len(LENGTHS)
    assert report.counts["clips with both persons"] == 6
    assert report.counts["captions"] == 6 * len(CAPTIONS)
    assert (report.counts["train ids"], report.counts["val ids"], report.counts["test ids"]) == (3, 1, 2)
    assert (report.counts["shortest, frames"], report.counts["longest, frames"]) == (12, 330)
    assert report.to_dict()["ok"] is True


def spoil(tree, fault):
    motions = tree / "motions_processed"
    if fault == "missing motion":
        (motions / "person2/2.npy").unlink()
    elif fault == "unusable motion":
        np.save(motions / "person1/3.npy", np.zeros((65, 262)))
    elif fault == "persons differ in length":
        np.save(motions / "person1/3.npy", np.load(motions / "person1/3.npy")[:60])
    elif fault == "not finite":
        raw = np.load(motions / "person1/3.npy")
        raw[7, 4] = np.nan
        np.save(motions / "person1/3.npy", raw)
    elif fault == "missing captions":
        (tree / "annots/3.txt").unlink()
    elif fault == "undecodable captions":
        (tree / "annots/3.txt").write_bytes(b"\xff\xff\xff\n")
    elif fault == "not UTF-8":
        (tree / "annots/3.txt").write_bytes(b"a\xa1\xaf\nb\nc\n")
    elif fault == "number of captions":
        (tree / "annots/3.txt").write_text("one\n")
    elif fault == "unusable split":
        (tree / "split/val.txt").unlink()
    elif fault == "listed without motion":
        (tree / "split/val.txt").write_text("44\n777\n")
    elif fault == "split overlap":
        (tree / "split/val.txt").write_text("44\n2\n")
    elif fault == "no final newline":
        (tree / "split/val.txt").write_text("44")
    elif fault == "repeated ids":
        (tree / "split/val.txt").write_text("44\n44\n")
    elif fault == "in no split":
        (tree / "split/test.txt").write_text("5\n")
    elif fault == "ignore list":
        (tree / "ignore_list.txt").write_text("5\n")


NOTES = ("not UTF-8", "number of captions", "no final newline", "repeated ids", "in no split", "ignore list")
ERRORS = (
    "missing motion", "unusable motion", "persons differ in length", "not finite", "missing captions",
    "undecodable captions", "unusable split", "listed without motion", "split overlap",
)  # fmt: skip


@pytest.mark.parametrize("fault", NOTES + ERRORS)
def test_every_fault_is_found_and_named(clean_tree, fault):
    spoil(clean_tree, fault)
    report = check_interhuman(clean_tree)
    kinds = report.by_kind()
    assert fault in kinds
    assert report.ok == (fault in NOTES)
    # Without the val split its clip is in no split; no other fault causes a second one.
    assert set(kinds) <= {fault, "in no split"}


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(MissingError, match="motions_processed"):
        check_interhuman(tmp_path)
