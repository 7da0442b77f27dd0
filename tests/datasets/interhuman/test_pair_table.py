"""Tables of pairs: ids of rows that have none, and columns that say how files are read."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from intermask_cli.datasets.interhuman.pair_table import read_table
from tests.helpers.motion_samples import fk_pair
from tests.helpers.paths import SHARED

CASE = SHARED / "cases" / "motion" / "pair-ids"


def ids_of(folder, rows):
    columns = list(dict.fromkeys(["text", *(key for row in rows for key in row)]))
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, columns)
        table.writeheader()
        table.writerows({"text": "two people meet"} | row for row in rows)
    return [row.id for row in read_table(folder / "pairs.csv").rows]


def files(folder):
    return {"person1": f"{folder}/a.npy", "person2": f"{folder}/b.npy"}


def test_ids_take_in_as_many_folders_as_they_need(tmp_path):
    assert ids_of(tmp_path, [files("x/take01")]) == ["a-b"]
    assert ids_of(tmp_path, [files("x/take01"), files("x/take02")]) == ["take01-a-b", "take02-a-b"]
    deep = [files("x/take01"), files("y/take01"), files("y/take02"), {"pair": "z/other.npy"}]
    assert ids_of(tmp_path, deep) == ["x-take01-a-b", "y-take01-a-b", "take02-a-b", "other"]
    apart = [
        {"person1": "one/a.npy", "person2": "two/a.npy"},
        {"person1": "one/a.npy", "person2": "three/a.npy"},
    ]
    assert ids_of(tmp_path, apart) == ["one-a-two-a", "one-a-three-a"]
    assert ids_of(tmp_path, [{"pair": "/data/1/x.npz"}, {"pair": "/data/2/x.npz"}]) == ["1-x", "2-x"]


def test_rows_of_one_take_join_and_parts_of_a_take_do_not(tmp_path):
    assert ids_of(tmp_path, [files("t"), files("t")]) == ["a-b"]
    parts = [{"pair": "take.npz", "start": "0", "end": "90"}, {"pair": "take.npz", "start": "90"}]
    assert ids_of(tmp_path, parts) == ["take-0-90", "take-90-end"]


def test_an_id_that_is_given_stays(tmp_path):
    rows = [{"id": "mine"} | files("x"), files("y"), files("z")]
    assert ids_of(tmp_path, rows) == ["mine", "y-a-b", "z-a-b"]


@pytest.mark.skipif(not CASE.is_dir(), reason=f"no case at {CASE}")
def test_two_takes_of_the_case_are_two_clips(tmp_path, cli):
    code, out, err = cli("data", "pairs", CASE / "pairs.csv", "--out", tmp_path / "tree", "--json")
    written = json.loads(out)
    assert (code, written["clips"], written["rejected"]) == (0, 2, []), err
    with (tmp_path / "tree" / "ids.csv").open() as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == ["take01-a-b", "take02-a-b"]


def test_columns_say_how_files_are_read(tmp_path, cli):
    pair = fk_pair(90)[0]
    np.save(tmp_path / "flipped.npy", pair * np.float32([-1, 1, 1]))
    rows = [
        {"pair": "flipped.npy", "flip": "x", "start": "10", "end": "60", "split": "train"},
        {"pair": "flipped.npy", "mirror": "yes", "start": "1s", "split": "val"},
        {"pair": "flipped.npy", "mirror": "perhaps", "id": "c"},
        {"pair": "flipped.npy", "persons": "1 1", "id": "d"},
        {"pair": "flipped.npy", "persons": "2 1", "id": "exchanged", "flip": "x"},
        {"pair": "flipped.npy", "persons": "1 3", "id": "third"},
    ]
    ids_of(tmp_path, rows)
    code, out, _ = cli("data", "pairs", tmp_path / "pairs.csv", "--out", tmp_path / "tree", "--json")
    written = json.loads(out)
    assert (code, written["clips"]) == (3, 3)
    reasons = [one["reason"] for one in written["rejected"]]
    assert "mirror 'perhaps'; accepted: yes, no" in reasons[0]
    assert "persons '1 1'; two different people" in reasons[1]
    assert "--person 3, but it holds 2 persons" in reasons[2]

    def pelvis(number, person):
        raw = np.load(tmp_path / f"tree/motions_processed/person{person}/{number}.npy")
        return raw[:, 0]  # X

    np.testing.assert_allclose(pelvis(1, 1), pair[0, 10:60, 0, 0], atol=1e-5)
    np.testing.assert_allclose(pelvis(2, 1), -pair[0, 30:, 0, 0], atol=1e-5)
    np.testing.assert_allclose(pelvis(3, 1), pair[1, :, 0, 0], atol=1e-5)
