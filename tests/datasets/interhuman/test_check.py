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


def z_up(joints):
    return np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)


def test_odd_motion_is_noted_and_impossible_heights_are_errors(clean_tree):
    path = clean_tree / "motions_processed/person1/3.npy"
    raw = np.load(path)
    joints = raw[:, :66].reshape(-1, 22, 3)
    changes = {
        "toes point against": (joints * [-1, 1, 1], "odd motion", True),
        "lowest foot is at": (joints + np.array([0, 0, 0.8]), "odd motion", True),
        "stands along": (joints[..., [0, 2, 1]], "odd motion", True),
        "m tall; accepted: 0.5 to 3 m": (joints * 100, "no body", False),
    }
    for message, (changed, kind, ok) in changes.items():
        odd = raw.copy()
        odd[:, :66] = changed.reshape(-1, 66)
        np.save(path, odd)
        report = check_interhuman(clean_tree)
        details = [problem.detail for problem in report.by_kind()[kind]]
        assert report.ok == ok and any(message in detail for detail in details), message
        assert not any("--" in detail for detail in details), "options of other commands"


def test_copies_from_a_mac_do_not_count(clean_tree):
    for person in ("person1", "person2"):
        (clean_tree / f"motions_processed/{person}/._1.npy").write_bytes(b"\0\5\x16\7")
    assert check_interhuman(clean_tree).problems == []


def test_no_message_advises_to_load_pickles(clean_tree):
    (clean_tree / "motions_processed/person1/1.npy").write_bytes(b"\0\5\x16\7 Mac OS X")
    (problem,) = check_interhuman(clean_tree).problems
    assert "pickle" not in problem.detail and "another kind of file" in problem.detail


def test_an_archive_in_a_folder_of_its_own_is_found(clean_tree, tmp_path):
    outer = tmp_path / "outer"
    clean_tree.rename(tmp_path / "InterHuman")
    outer.mkdir()
    (tmp_path / "InterHuman").rename(outer / "InterHuman")
    with pytest.raises(MissingError, match=f"--root {outer / 'InterHuman'}"):
        check_interhuman(outer)
    assert check_interhuman(outer / "InterHuman").ok
    motions = outer / "InterHuman" / "motions_processed"
    (outer / "moved").mkdir()
    motions.rename(outer / "moved" / "motions_processed")
    (outer / "moved").rename(motions)
    with pytest.raises(MissingError, match=r"motions_processed; give --root .*else move what is in it to"):
        check_interhuman(outer / "InterHuman")
