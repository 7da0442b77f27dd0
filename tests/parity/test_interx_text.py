"""Inter-X captions, word vectors, length filter and crops: evaluation/interx_text.json."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.interx.reader import InterX, InterXPairs, framed_tokens, read_captions
from intermask_cli.datasets.interx.word_vectors import POS_CLASSES, WordVectors
from tests.helpers.dataset_trees import interx_tree
from tests.helpers.parity_comparing import assert_equal, assert_same

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def golden(load):
    return load("evaluation/interx_text.json")


@pytest.fixture(scope="module")
def arrays(load):
    return load("evaluation/interx_representation.npz")


@pytest.fixture(scope="module")
def words(golden, arrays):
    return WordVectors(arrays["word_table"], {word: row for row, word in enumerate(golden["words"])})


@pytest.fixture(scope="module")
def pairs(golden, words, tmp_path_factory):
    lengths = {"train": golden["clip_lengths_in_h5"]}
    root = interx_tree(tmp_path_factory.mktemp("tree") / "InterX", lengths, golden["text_file_line"])
    return InterXPairs(InterX(root, "train"), words)


def test_word_vectors_and_classes(golden, arrays, words):
    vectors, classes = words.encode(golden["tokens"])
    assert_same(vectors, arrays["token_vectors"])
    assert_same(classes, arrays["token_pos_onehot"])
    assert_equal(list(POS_CLASSES), golden["pos_classes"])


def test_padded_tokens(golden, tmp_path):
    (tmp_path / "text.txt").write_text(golden["text_file_line"] + "\n")
    (caption,) = read_captions(tmp_path / "text.txt")
    tokens, count = framed_tokens(caption.tokens)
    assert_equal("_".join(tokens), golden["padded_tokens_joined"])
    assert_equal(count, golden["sent_len"])


def test_length_filter(golden, pairs):
    assert_equal(sorted(pairs.names), sorted(golden["kept_names"]))


@pytest.mark.slow
def test_lengths_an_item_can_take(golden, pairs):
    rng = np.random.default_rng(0)
    for index, name in enumerate(pairs.names):
        expected = golden["possible_m_lengths"][name]
        assert_equal(pairs.possible_frames(index), sorted(expected))
        drawn = [pairs.item(index, rng) for _ in range(40)]
        assert sorted({item.frames for item in drawn}) == sorted(expected)
        assert {item.tokens for item in drawn} == {golden["padded_tokens_joined"]}
