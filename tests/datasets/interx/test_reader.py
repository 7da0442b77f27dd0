"""Inter-X readers: windows, draws and captions."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from intermask_cli.datasets.interx.reader import (
    InterX,
    InterXPairs,
    framed_tokens,
    read_captions,
)
from intermask_cli.datasets.interx.word_vectors import POS_CLASSES, WordVectors
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.representation.interx import pair_features, person_features
from tests.helpers.dataset_trees import LINE, WORDS, interx_clip, interx_tree
from tests.helpers.published_windows import InterXWindows

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


@pytest.mark.slow
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


def test_caption_lengths_sort_a_batch_longest_first(pairs, tree):
    (tree / "texts_processed/G5.txt").write_text("Hand.#hand/NOUN#0.0#0.0\n")
    again = InterXPairs(pairs.data, pairs.words)
    rng = np.random.default_rng(0)
    items = [again.item(index, rng) for index in (1, 0, 2)]
    batch = sorted(items, key=lambda item: item.caption_length, reverse=True)  # as the evaluator's reader
    assert [item.name for item in batch] == ["G1", "G4", "G5"]


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
