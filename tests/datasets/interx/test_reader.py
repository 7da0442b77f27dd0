"""Inter-X readers and check: windows, draws, word vectors, and every fault found."""

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from intermask_cli.datasets.interx.check import check_interx
from intermask_cli.datasets.interx.reader import (
    InterX,
    InterXPairs,
    InterXWindows,
    framed_tokens,
    read_captions,
    sorted_batch,
)
from intermask_cli.datasets.interx.word_vectors import POS_CLASSES, WordVectors
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.representation.interx import pair_features, person_features
from tests.helpers.dataset_trees import LINE, WORDS, interx_clip, interx_tree, write_glove

LENGTHS = {
    "train": {"G1": 40, "G2": 200, "G3": 23, "G4": 84, "G5": 64},
    "val": {"G6": 30},
    "test": {"G7": 25},
}


@pytest.fixture
def tree(tmp_path):
    return interx_tree(tmp_path / "InterX", LENGTHS)


@pytest.fixture
def pairs(tree):
    return InterXPairs(InterX(tree, "train"), WordVectors.load(tree / "glove"))


def test_windows_are_slices_of_each_person(tree):
    windows = InterXWindows(InterX(tree, "train"))
    assert [(clip.name, person) for clip, person in windows.sequences] == [
        (name, person) for name in ("G2", "G4", "G5") for person in (0, 1)
    ]
    assert len(windows) == 2 * (14 + 3 + 1)
    clip = interx_clip(84, 3)
    index = windows.starts.index((3, 20))
    assert_array_equal(windows[index], person_features(clip[..., 3:])[20:84])
    assert_array_equal(windows.sequence(2), person_features(clip[..., :3]))


def test_text_pairs_are_sorted_by_length(pairs):
    assert pairs.names == ["G1", "G5", "G4", "G2"]
    assert [pairs.possible_frames(index) for index in range(4)] == [[36, 40], [60, 64], [80, 84], [150]]


def test_item_is_a_crop_with_its_features(pairs):
    clip = interx_clip(84, 3)
    rng = np.random.default_rng(0)
    lengths, starts = [], set()
    for _ in range(300):
        item = pairs.item(2, rng)
        start = int(np.flatnonzero((clip[:, 55, :3] == item.motion[0, 55, :3]).all(axis=1))[0])
        assert_array_equal(item.motion[: item.frames], pair_features(clip[start : start + item.frames]))
        assert_array_equal(item.motion[item.frames :], 0)
        lengths.append(item.frames)
        starts.add(start)
    assert set(lengths) == {80, 84}
    assert np.mean(np.array(lengths) == 84) == pytest.approx(2 / 3, abs=0.1)
    assert starts == {0, 1, 2, 3, 4}


def test_long_clips_end_at_150_frames_with_the_step_beyond(pairs):
    item = pairs.item(3, np.random.default_rng(0))
    assert item.frames == 150
    assert item.motion.shape == (150, 56, 12)
    # features are made before the cut, so the last frame still has its step
    assert np.any(item.motion[-1, 55, 3:6])


def test_words_of_an_item(pairs):
    item = pairs.item(0, np.random.default_rng(0))
    assert item.caption == "The first person waves quickly."
    assert (item.words.shape, item.classes.shape, item.caption_length) == ((37, 20), (37, 15), 7)
    assert item.tokens.startswith(
        "sos/OTHER_the/DET_first/ADJ_person/NOUN_wave/VERB_quickly/ADV_eos/OTHER_unk"
    )
    assert_array_equal(item.words[5], pairs.words.vectors[WORDS.index("quickly")])
    assert POS_CLASSES[int(item.classes[5].argmax())] == "Desc_VIP"
    assert_array_equal(item.classes.sum(axis=1), 1)


def test_captions_are_cut_at_35_tokens():
    tokens, count = framed_tokens([f"w{k}/NOUN" for k in range(50)])
    assert (len(tokens), count) == (37, 37)
    assert (tokens[0], tokens[35], tokens[36]) == ("sos/OTHER", "w34/NOUN", "eos/OTHER")


def test_batches_have_the_longest_caption_first(pairs, tree):
    (tree / "texts_processed/G5.txt").write_text("Hand.#hand/NOUN#0.0#0.0\n")
    again = InterXPairs(pairs.data, pairs.words)
    rng = np.random.default_rng(0)
    batch = sorted_batch([again.item(index, rng) for index in (1, 0, 2)])
    assert [item.name for item in batch] == ["G1", "G4", "G5"]


def test_capitals_and_foreign_words_are_unknown(pairs):
    vectors, classes = pairs.words.encode(
        ["The/DET", "zebra/NOUN", "the/DET", "hand/NOUN", "left/XYZ", "person/XYZ"]
    )
    unknown = pairs.words.vectors[WORDS.index("unk")]
    assert_array_equal(vectors[:2], [unknown, unknown])
    assert [POS_CLASSES[k] for k in classes.argmax(axis=1)] == [
        "OTHER", "OTHER", "DET", "Body_VIP", "Loc_VIP", "OTHER",
    ]  # fmt: skip


def test_word_table_pickles_cannot_run_code(tree, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'executed')!r}, 'w')",))

    for content in (pickle.dumps([Bomb()]), b"\x80\x04", b"", pickle.dumps({"a": 1})):
        (tree / "glove/hhi_vab_words.pkl").write_bytes(content)
        with pytest.raises(InputError, match=r"hhi_vab_words\.pkl"):
            WordVectors.load(tree / "glove")
    assert not (tmp_path / "executed").exists()


def test_word_tables_that_do_not_fit(tmp_path):
    with pytest.raises(MissingError, match=r"hhi_vab_data\.npy"):
        WordVectors.load(tmp_path)
    write_glove(tmp_path, WORDS, np.ones((3, 20)))
    with pytest.raises(InputError, match=r"\(3, 20\) do not fit 10 words"):
        WordVectors.load(tmp_path)
    with pytest.raises(InputError, match="no 'unk'"):
        WordVectors(np.ones((2, 5)), {"a": 0})


def test_malformed_caption_lines_are_named(tmp_path):
    (tmp_path / "t.txt").write_text(LINE + "\n\nno tokens here\n")
    with pytest.raises(InputError, match=r"t\.txt line 3: 'no tokens here'"):
        read_captions(tmp_path / "t.txt")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text(alphabet="a/#\n 0.é\r", max_size=60).map(str.encode))
def test_any_caption_file_is_read_or_refused(content, tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    try:
        captions = read_captions(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all("/" in token for caption in captions for token in caption.tokens)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["hhi_vab_data.npy", "hhi_vab_words.pkl", "hhi_vab_idx.pkl"]))
def test_damaged_word_tables_are_read_or_refused(data, name, tmp_path):
    folder = tmp_path / "glove"
    if not folder.is_dir():
        folder.mkdir()
        write_glove(folder, WORDS, np.ones((len(WORDS), 4)))
    whole = (folder / name).read_bytes()
    kind = data.draw(st.sampled_from(["random", "cut", "changed"]))
    damaged = bytearray(whole)
    if kind == "random":
        damaged = bytearray(data.draw(st.binary(max_size=60)))
    elif kind == "cut":
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(bytes(damaged))
    try:
        words = WordVectors.load(folder)
        assert words.vectors.ndim == 2
    except InputError as error:
        assert "\n" not in str(error)
    finally:
        (folder / name).write_bytes(whole)


def test_faulty_clips_are_skipped_and_named(tree):
    with h5py.File(tree / "motions/train.h5", "a") as file:
        del file["G1"]
        del file["G2"]
        file["G2"] = np.zeros((9, 55, 6))
    (tree / "texts_processed/G4.txt").unlink()
    data = InterX(tree, "train")
    assert [clip.name for clip in data.clips] == ["G3", "G4", "G5"]
    assert data.skipped == [
        "G1: missing in train.h5",
        "G2: shape (9, 55, 6), expected (T, 56, 6) in train.h5",
    ]
    pairs = InterXPairs(data, WordVectors.load(tree / "glove"))
    assert pairs.names == ["G5"]
    assert "G4.txt" in pairs.skipped[0]


def test_unknown_split_and_wrong_root(tree, tmp_path):
    with pytest.raises(InputError, match="train, val, test"):
        InterX(tree, "dev")
    with pytest.raises(MissingError, match="root of the dataset"):
        InterX(tmp_path, "train")
    with pytest.raises(MissingError, match="motions"):
        check_interx(tmp_path)


# ---------------------------------------------------------------- check


def test_a_whole_copy_has_no_problem(tree):
    seen = []
    report = check_interx(tree, seen.append)
    assert report.ok
    assert report.problems == []
    assert len(seen) == report.counts["clips"] == 7
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
    # an extra name in a split lacks its motion or text too
    assert set(report.by_kind()) <= {fault, "listed without motion", "missing captions"}
