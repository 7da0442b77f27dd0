"""`intermask data pairs`: captures of two people become a dataset that training and checks accept."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.dataset_folder import split_of
from intermask_cli.datasets.interhuman.check import check_interhuman
from intermask_cli.datasets.interhuman.pair_table import read_table
from intermask_cli.datasets.interhuman.pairs import write_pairs
from intermask_cli.datasets.interhuman.reader import InterHuman, InterHumanPairs, features_of_pair
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import InputError
from intermask_cli.motion.representation.interhuman import RAW_COLUMNS, motion_from_loaded, pair_features
from intermask_cli.training.sources.open import open_source
from tests.helpers.motion_files import write_h5
from tests.helpers.motion_samples import fk_pair
from tests.helpers.paths import CMU_DUETS

needs_cmu = pytest.mark.skipif(not CMU_DUETS.is_dir(), reason=f"no CMU duets at {CMU_DUETS}")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder with pairs: a.npz, b-1.npy and b-2.npy, c.npy (raw InterHuman, with rotations)."""
    folder = tmp_path_factory.mktemp("clips")
    joints, rotations = fk_pair(40)
    np.savez(folder / "a.npz", positions=joints, fps=30)
    for person in (0, 1):
        np.save(folder / f"b-{person + 1}.npy", fk_pair(40, seed=1)[0][person])
    raw = np.zeros((2, 40, RAW_COLUMNS), np.float32)
    z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1)
    raw[..., :66], raw[..., 186:312] = z_up.reshape(2, 40, 66), rotations.reshape(2, 40, 126)
    np.save(folder / "c.npy", raw)
    return folder


def table_of(folder: Path, rows: list[dict[str, str]], name: str = "list.csv") -> Path:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / name).open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, columns, delimiter="\t" if name.endswith("tsv") else ",")
        table.writeheader()
        table.writerows(rows)
    return folder / name


def write_list(table: Path, out: Path, **options):
    return write_pairs(read_table(table), out, ReadOptions(**options))


GOOD = [
    {"id": "hello", "pair": "a.npz", "text": "two people wave|they greet each other", "split": "train"},
    {"id": "dance", "person1": "b-1.npy", "person2": "b-2.npy", "text": "two people dance", "split": "val"},
    {"id": "raw", "pair": "c.npy", "text": "someone walks past the other", "split": "test"},
    {"id": "hello", "pair": "a.npz", "text": "one person waves at the other", "split": ""},
]


def test_what_is_read_back_is_what_was_given(clips, tmp_path):
    written = write_list(table_of(clips, GOOD), tmp_path / "tree")
    assert (written.clips, written.captions, written.recovered, written.rejected) == (3, 5, 2, [])
    joints, rotations = fk_pair(40)
    for split, expected in (("train", joints), ("val", fk_pair(40, seed=1)[0]), ("test", joints)):
        data = InterHuman(tmp_path / "tree", split)
        (clip,) = data.clips
        loaded = data.loaded(clip)
        for person in (0, 1):
            positions, rotations6d = motion_from_loaded(loaded[person])
            assert 1000 * np.linalg.norm(positions - expected[person], axis=-1).max() < 0.1
            if split == "test":
                assert_allclose(rotations6d.reshape(40, 21, 6), rotations[person], atol=1e-5)
    test, train = (InterHuman(tmp_path / "tree", split) for split in ("test", "train"))
    given, recovered = (features_of_pair(data.loaded(data.clips[0])) for data in (test, train))
    assert_allclose(given, pair_features(joints, rotations), atol=1e-4)
    assert_allclose(recovered[..., :132], given[..., :132], atol=1e-4)


def test_rows_of_one_id_are_one_clip_with_all_captions(clips, tmp_path):
    write_list(table_of(clips, GOOD, "list.tsv"), tmp_path / "tree")
    pairs = InterHumanPairs(InterHuman(tmp_path / "tree", "train"))
    expected = ["two people wave", "they greet each other", "one person waves at the other"]
    assert pairs.captions(0) == expected
    assert (tmp_path / "tree/annots/2.txt").read_text() == "two people dance\n" * 3
    rows = list(csv.DictReader((tmp_path / "tree/ids.csv").open()))
    splits = {row["id"]: row["split"] for row in rows}
    assert splits == {"hello": "train", "dance": "val", "raw": "test"}
    assert rows[1]["source"] == "b-1.npy + b-2.npy"


def test_check_and_training_take_the_tree(clips, tmp_path):
    write_list(table_of(clips, GOOD), tmp_path / "tree")
    report = check_interhuman(tmp_path / "tree")
    assert report.ok and report.problems == []
    assert report.counts["clips with both persons"] == 3
    source = open_source(tmp_path / "tree", "train")
    assert len(source) == 2 and source.features(0, 0).shape == (2, 39, 262)


RECIPE = """
tokenizer: {stem: conv, width: 8, code_dim: 6, codebook_size: 16, dropout: 0.0}
transformer: {codebook_size: 16, code_dim: 6}
tokenizer_loss: {kind: metric}
tokenizer_training: {batch_size: 2, steps: 2, window: 32, plain_steps: 1, gumbel: 0.0, validate_clips: 1}
"""


@pytest.mark.slow
def test_a_tokenizer_trains_on_it(clips, tmp_path, cli):
    assert cli("data", "pairs", table_of(clips, GOOD), "--out", tmp_path / "tree")[0] == 0
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    code, _, err = cli("train", "tokenizer", "--config", tmp_path / "tiny.yaml", "--data", tmp_path / "tree",
                       "--device", "cpu", "--out", tmp_path / "tokenizer")  # fmt: skip
    assert code == 0, err
    assert (tmp_path / "tokenizer/report.json").is_file()


def test_bad_rows_are_reported_and_skipped(clips, tmp_path, cli):
    np.save(clips / "long.npy", fk_pair(80, seed=2)[0][1])
    np.save(clips / "nan.npy", np.full((40, 22, 3), np.nan))
    np.savez(clips / "fast.npz", positions=fk_pair(80, seed=1)[0][1], fps=60)
    np.save(clips / "brief.npy", fk_pair(12)[0])
    np.save(clips / "apart.npy", fk_pair(40)[0] + np.float32([[[[0, 0, 0]]], [[[40, 0, 40]]]]))
    bad = [
        ({"pair": "none.npz", "text": "x"}, "no such file"),
        ({"pair": "a.npz", "text": " | "}, "has no text"),
        ({"person1": "b-1.npy", "text": "x"}, "gives person1; give person1 and person2"),
        ({"pair": "a.npz", "person1": "b-1.npy", "person2": "b-2.npy", "text": "x"},
         "give person1 and person2"),
        ({"text": "x"}, "gives neither"),
        ({"pair": "b-1.npy", "text": "x"}, "holds one person"),
        ({"person1": "b-1.npy", "person2": "nan.npy", "text": "x"}, "nan at frame 0"),
        ({"person1": "b-1.npy", "person2": "long.npy", "text": "x"}, "40 frames at 30 fps, person 2 80"),
        ({"person1": "b-1.npy", "person2": "fast.npz", "text": "x"}, "30 frames per second, person 2 60"),
        ({"person1": "b-1.npy", "person2": "b-1.npy", "text": "x"}, "0.0 cm from each other"),
        ({"pair": "apart.npy", "text": "x"}, "never nearer than"),
        ({"pair": "brief.npy", "text": "x"}, "12 frames at 30 fps; clips shorter"),
        ({"pair": "a.npz", "text": "x", "split": "dev"}, "accepted: train, val, test"),
        ({"pair": "a.npz", "text": "x", "fps": "fast"}, "fps 'fast'"),
        ({"pair": "a.npz", "text": "x", "units": "cm"}, "m tall"),
        ({"id": "raw", "pair": "a.npz", "text": "x"}, "has other files"),
        ({"id": "hello", "pair": "a.npz", "text": "x", "split": "val"}, "is in split train"),
        ({"pair": "a" * 5000 + ".npz", "text": "x"}, "too long"),
        ({"pair": "a\0.npz", "text": "x"}, "NUL"),
    ]  # fmt: skip
    table = table_of(clips, GOOD + [{"id": f"bad-{k}"} | row for k, (row, _) in enumerate(bad)], "bad.csv")
    code, out, err = cli("data", "pairs", table, "--out", tmp_path / "tree", "--json")
    report = json.loads(out)
    assert code == 3 and report["clips"] == 3
    assert [one["line"] for one in report["rejected"]] == list(range(6, 6 + len(bad)))
    for one, (row, reason) in zip(report["rejected"], bad, strict=True):
        assert reason in one["reason"], row
    assert "line 6: " in err and f"{len(bad) - 10} more rows" in err
    assert check_interhuman(tmp_path / "tree").ok


def test_the_longer_person_is_trimmed_with_a_warning(clips, tmp_path, cli):
    np.save(clips / "later.npy", fk_pair(52, seed=1)[0][1])
    row = {"id": "t", "person1": "b-1.npy", "person2": "later.npy", "text": "two people dance"}
    code, _, err = cli("data", "pairs", table_of(clips, [row], "trim.csv"), "--out", tmp_path / "tree")
    assert code == 0
    assert "t: person 2 continues for 12 frames" in err and "no pair in val, test" in err
    second = np.load(tmp_path / "tree/motions_processed/person2/1.npy")
    assert second.shape == (40, RAW_COLUMNS)
    assert_array_equal(second[:, 2], fk_pair(52, seed=1)[0][1, :40, 0, 1])


def test_reading_options_and_columns(clips, tmp_path):
    joints = fk_pair(40)[0]
    z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1) * 100
    np.save(clips / "z.npy", z_up)
    row = {"pair": "z.npy", "text": "x", "up": "z", "units": "cm", "split": "train"}
    write_list(table_of(clips, [row], "columns.csv"), tmp_path / "columns", units="inch", up="y")
    row = {"pair": "z.npy", "text": "x", "split": "train"}
    write_list(table_of(clips, [row], "options.csv"), tmp_path / "options", up="z", units="cm")
    for name in ("columns", "options"):
        raw = np.load(tmp_path / name / "motions_processed/person2/1.npy")
        assert_allclose(raw[:, :66].reshape(40, 22, 3), z_up[1] / 100, atol=1e-5)


def test_items_of_a_run_are_pairs_with_their_own_rotations(clips, tmp_path):
    joints, rotations = fk_pair(40)
    write_h5(clips / "run.h5", joints, rotations, ids=["x-1"])
    both = {"pair": "run.h5#x-1", "text": "two people meet", "split": "train"}
    # A file of two people gives each column its own person: here the run's second.
    mixed = {"person1": "b-1.npy", "person2": "run.h5#x-1", "text": "two people meet", "split": "train"}
    written = write_list(table_of(clips, [both, mixed], "run.csv"), tmp_path / "tree")
    assert (written.clips, written.recovered) == (2, 1)
    ids = [row["id"] for row in csv.DictReader((tmp_path / "tree/ids.csv").open())]
    assert ids == ["run-x-1", "b-1-run-x-1"]
    data = InterHuman(tmp_path / "tree", "train")
    for clip in data.clips:
        positions, rotations6d = motion_from_loaded(data.loaded(clip)[1])
        assert_array_equal(positions, joints[1])
        assert_allclose(rotations6d.reshape(40, 21, 6), rotations[1], atol=1e-5)


def test_a_split_depends_on_the_id_only(clips):
    splits = [split_of(f"clip-{k}") for k in range(2000)]
    assert [splits.count(name) / 2000 for name in ("val", "test")] == pytest.approx([0.05, 0.05], abs=0.015)
    bare = [{key: value for key, value in row.items() if key not in ("id", "split")} for row in GOOD]
    rows = read_table(table_of(clips, bare, "bare.csv")).rows
    assert [row.id for row in rows] == ["a", "b-1-b-2", "c"]
    again = read_table(table_of(clips, bare[::-1], "turned.csv")).rows
    assert {row.id: row.split for row in again} == {row.id: row.split for row in rows}
    assert all(row.split == split_of(row.id) for row in rows)


def test_nothing_usable_leaves_nothing(clips, tmp_path, cli):
    table = table_of(clips, [{"pair": "none.npz", "text": "x"}], "none.csv")
    code, out, err = cli("data", "pairs", table, "--out", tmp_path / "tree")
    assert (code, out) == (2, "") and "no usable pair; line 2: " in err and err.count("error:") == 1
    assert list(tmp_path.iterdir()) == []
    for name, content in {
        "wrong.csv": "person1,person2\na,b\n",
        "x.txt": "text\n",
        "empty.csv": "text,pair\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert cli("data", "pairs", tmp_path / name, "--out", tmp_path / "tree")[0] == 2
        assert not (tmp_path / "tree").exists()


def test_an_existing_folder_is_kept_unless_overwritten(clips, tmp_path):
    table, tree = table_of(clips, GOOD), tmp_path / "tree"
    write_list(table, tree)
    with pytest.raises(InputError, match="already exists"):
        write_list(table, tree)
    one = read_table(table_of(clips, GOOD[:1], "one.csv"))
    write_pairs(one, tree, ReadOptions(), overwrite=True)
    assert len(list((tree / "annots").iterdir())) == 1
    with pytest.raises(InputError, match="no usable pair"):
        write_pairs(
            read_table(table_of(clips, [{"pair": "n.npy", "text": "x"}], "n.csv")), tree, ReadOptions(), True
        )
    (tree / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"holds thesis\.tex"):
        write_pairs(one, tree, ReadOptions(), overwrite=True)
    assert len(list((tree / "annots").iterdir())) == 1 and (tree / "thesis.tex").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize("spoil", ["without its table", "a clip more"])
def test_a_dataset_that_this_program_did_not_write_is_never_overwritten(spoil, clips, tmp_path):
    table, tree = table_of(clips, GOOD[:1]), tmp_path / "tree"
    write_list(table, tree)
    if spoil == "without its table":  # as InterHuman is
        (tree / "ids.csv").unlink()
    else:
        (tree / "motions_processed" / "person1" / "77.npy").write_text("mine")
    before = sorted(tree.rglob("*"))
    with pytest.raises(InputError, match=r"not empty|holds motions_processed/person1/77\.npy"):
        write_pairs(read_table(table), tree, ReadOptions(), overwrite=True)
    assert sorted(tree.rglob("*")) == before


@needs_cmu
def test_a_real_pair_of_bvh_files(tmp_path, cli):
    files = [str(CMU_DUETS / "source" / f"{subject}_02_frames_0000-0299.bvh") for subject in (60, 61)]
    row = {"person1": files[0], "person2": files[1], "text": "two people dance salsa", "split": "train"}
    code, out, err = cli("data", "pairs", table_of(tmp_path, [row]), "--out", tmp_path / "tree", "--fps", 60,
                         "--units", "1.3333333")  # fmt: skip
    assert code == 0 and "1 pairs" in out
    assert err.count("300 frames at 60 fps -> 150 at 30") == 2
    data = InterHuman(tmp_path / "tree", "train")
    loaded = data.loaded(data.clips[0])
    trial = np.load(CMU_DUETS / "trials" / "60_61_02.npz")
    start = int(trial["source_frame"][0]) // 2
    for person in (0, 1):
        found = motion_from_loaded(loaded[person])[0][start:]
        clean = ~trial["repaired"][person][: len(found)]
        assert clean.sum() > 100
        assert_allclose(found[clean], trial["positions"][person][: len(found)][clean], atol=1.2e-4)
