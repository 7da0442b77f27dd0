"""The two published readers on a toy tree: evaluation/interhuman_dataset.json."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from intermask_cli.datasets.interhuman.reader import InterHuman, InterHumanPairs
from intermask_cli.motion.mirror import mirror_caption_literal
from tests.helpers.dataset_trees import interhuman_tree
from tests.helpers.parity_comparing import assert_equal
from tests.helpers.published_windows import InterHumanWindows

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def golden(load):
    return load("evaluation/interhuman_dataset.json")


@pytest.fixture(scope="module")
def tree(golden, tmp_path_factory):
    ends = {"train": golden["split_text_train_ends_with_newline"]}
    return interhuman_tree(tmp_path_factory.mktemp("tree") / "InterHuman", golden["raw_lengths"], None, ends)


def mode(golden, split):
    if split not in golden:
        pytest.skip(f"interhuman_dataset.json has no {split}")
    return golden[split]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_windowed_reader(golden, tree, split):
    expected = mode(golden, split)
    windows = InterHumanWindows(InterHuman(tree, split, policy="published"))
    lengths = [len(windows.sequence(index)) for index in range(len(windows.sequences))]
    assert_equal(len(lengths), expected["windowed_sequences"])
    assert_equal(len(windows), expected["windows"])
    assert_equal(sorted(lengths), expected["sequence_lengths_sorted"])
    starts: dict[str, list[int]] = {}
    sequences_of = Counter(lengths)
    for index, start in windows.starts:
        starts.setdefault(str(lengths[index]), []).append(start)
    ours = {length: sorted(found)[:: sequences_of[int(length)]] for length, found in starts.items()}
    # A clip too short for any window may be listed without starts or not at all.
    theirs = expected["window_starts_per_length"].items()
    assert_equal(ours, {length: found for length, found in theirs if found})


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_text_reader(golden, tree, split):
    expected = mode(golden, split)
    pairs = InterHumanPairs(InterHuman(tree, split, policy="published"))
    assert_equal(len(pairs), expected["text_dataset_items"])
    assert_equal(sorted(pairs.names), sorted(expected["text_dataset_names"]))
    lengths = dict(zip(pairs.names, pairs.lengths, strict=True))
    assert_equal(lengths, expected["text_item_lengths_by_name"])
    rng = np.random.default_rng(0)
    for index, name in enumerate(pairs.names):
        item = pairs.item(index, rng)
        assert (item.name, item.frames) == (name, expected["text_item_lengths_by_name"][name])


def test_caption_mirroring(golden):
    for example in golden["caption_mirroring"]:
        assert_equal(mirror_caption_literal(example["in"]), example["out"])
