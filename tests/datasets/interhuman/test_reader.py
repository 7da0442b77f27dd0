"""InterHuman readers: windows, draws, policies and quirks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from intermask_cli.datasets.interhuman.reader import (
    InterHuman,
    InterHumanPairs,
    features_of_pair,
    read_loaded,
)
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.mirror import mirror_loaded
from intermask_cli.motion.normalizer import Normalizer
from tests.helpers.dataset_trees import interhuman_tree
from tests.helpers.published_windows import InterHumanWindows

LENGTHS = {"1": 12, "2": 40, "10": 64, "3": 65, "44": 90, "5": 330}


@pytest.fixture
def tree(tmp_path):
    return interhuman_tree(tmp_path / "InterHuman", LENGTHS, newline_at_end={"train": False})


def loaded(tree, id):
    return np.stack([read_loaded(tree / f"motions_processed/person{p}/{id}.npy") for p in (1, 2)])


def test_last_id_without_newline_is_kept_unless_published(tree):
    fixed, published = (
        [clip.id for clip in InterHuman(tree, "train", policy).clips] for policy in ("fixed", "published")
    )
    assert fixed == ["1", "2", "3", "5", "10", "44"]
    assert published == ["1", "2", "3", "10", "44"]
    assert [clip.id for clip in InterHuman(tree, "test", "published").clips] == fixed


def test_windows_are_slices_of_the_four_sequences(tree):
    windows = InterHumanWindows(InterHuman(tree, "val"))
    ids = [clip.id for clip, _, _ in windows.sequences]
    assert ids == ["3"] * 4 + ["5"] * 4 + ["44"] * 4
    plain, mirrored = (
        features_of_pair(loaded(tree, "44")),
        features_of_pair(np.stack([mirror_loaded(one) for one in loaded(tree, "44")])),
    )
    for index, expected in zip(range(8, 12), (plain[0], mirrored[0], plain[1], mirrored[1]), strict=True):
        assert_array_equal(windows.sequence(index), expected)
    assert [start for index, start in windows.starts if index == 8] == [0, 10, 20]
    assert [start for index, start in windows.starts if index == 0] == [0]
    last = len(windows) - 1
    assert_array_equal(windows[last], mirrored[1][20:84])
    assert all(windows[index].shape == (64, 262) for index in (0, 5, last))


def test_published_policy_lists_a_sequence_too_short_for_any_window(tree):
    fixed, published = (
        InterHumanWindows(InterHuman(tree, "val", policy)) for policy in ("fixed", "published")
    )
    assert len(published.sequences) == len(fixed.sequences) + 4
    assert len(published) == len(fixed)


def test_window_size_and_stride_count(tree):
    windows = InterHumanWindows(InterHuman(tree, "val"), frames=32, stride=20)
    assert {len(window) for window in (windows[0], windows[len(windows) - 1])} == {32}
    expected = sum(4 * len(range(0, n - 1 - 32 + 1, 20)) for n in LENGTHS.values() if n >= 33)
    assert len(windows) == expected


def test_text_pairs_of_training_come_plain_and_mirrored(tree):
    assert InterHumanPairs(InterHuman(tree, "train")).names == [
        name for id in ("2", "3", "5", "10", "44") for name in (id, f"{id}_swap")
    ]
    assert InterHumanPairs(InterHuman(tree, "test")).names == ["2", "3", "5", "10", "44"]


def test_items_are_one_of_the_four_orders_and_all_occur(tree):
    pairs = InterHumanPairs(InterHuman(tree, "train"))
    index = pairs.names.index("44_swap")
    motion = np.stack([mirror_loaded(one) for one in loaded(tree, "44")])
    forward, backward = features_of_pair(motion), features_of_pair(motion[::-1])
    orders = [(forward, 0), (forward[::-1], 1), (backward, 0), (backward[::-1], 1)]
    seen, captions = set(), set()
    rng = np.random.default_rng(0)
    for _ in range(60):
        item = pairs.item(index, rng)
        matches = [k for k, (features, _) in enumerate(orders) if np.array_equal(item.features, features)]
        assert len(matches) == 1
        assert item.canonical == orders[matches[0]][1]
        seen.add(matches[0])
        captions.add(item.caption)
    assert seen == {0, 1, 2, 3}
    assert captions == {"first caption right", "second caption", "third caption"}


def test_the_same_generator_draws_the_same_item(tree):
    pairs = InterHumanPairs(InterHuman(tree, "test"))
    first, second = (pairs.item(2, np.random.default_rng(7)) for _ in range(2))
    assert first.caption == second.caption
    assert_array_equal(first.features, second.features)


def test_long_clips_are_cropped_at_random(tree):
    pairs = InterHumanPairs(InterHuman(tree, "test"))
    index = pairs.names.index("5")
    motion = loaded(tree, "5")
    rng = np.random.default_rng(1)
    starts = set()
    for _ in range(40):
        item = pairs.item(index, rng)
        assert item.frames == 299 == pairs.lengths[index]
        # Placement leaves local rotations unchanged, so they show where the crop began, in either order.
        first = item.features[0, 0, 132:258]
        hits = [np.flatnonzero((person[:, 66:] == first).all(axis=1)) for person in motion]
        (found,) = [hit for hit in hits if len(hit)]
        starts.add(int(found[0]))
    assert len(starts) > 5
    assert min(starts) >= 0
    assert max(starts) <= 29


def test_padding_and_normalisation(tree):
    pairs = InterHumanPairs(InterHuman(tree, "test"))
    item = pairs.item(0, np.random.default_rng(0))
    normalizer = Normalizer(np.full(262, 0.5), np.full(262, 2.0))
    for padded, expected in (
        (item.padded(), item.features),
        (item.padded(normalizer), (item.features - 0.5) / 2),
    ):
        assert padded.shape == (2, 300, 262)
        assert_array_equal(padded[:, : item.frames], expected)
        assert_array_equal(padded[:, item.frames :], 0)


def test_mirrored_captions_by_policy(tmp_path):
    tree = interhuman_tree(tmp_path / "x", {"7": 20}, captions=("He turns counterclockwise brightly.",))
    for policy, caption in {
        "fixed": "He turns clockwise brightly.",
        "published": "He turns countercounterclockwise bleftly.",
    }.items():
        assert InterHumanPairs(InterHuman(tree, "train", policy)).captions(1) == [caption]


def test_undecodable_captions_are_read_or_dropped(tree):
    path = tree / "annots/2.txt"
    path.write_bytes(b"One person\xa1\xafs hand\n")
    assert InterHumanPairs(InterHuman(tree, "test")).captions(0) == ["One person’s hand"]
    published = InterHumanPairs(InterHuman(tree, "test", "published"))
    assert "2" not in published.names
    assert "not UTF-8" in published.skipped[0]


def test_ignore_lists_count_everywhere_unless_published(tree):
    (tree / "ignore_list.txt").write_text("44\n")
    (tree / "split/ignore_list.txt").write_text("3\n")
    fixed, published = (InterHuman(tree, "test", policy) for policy in ("fixed", "published"))
    assert InterHumanPairs(fixed).names == ["2", "5", "10"]
    assert {clip.id for clip, _, _ in InterHumanWindows(fixed).sequences} == {"5"}
    assert InterHumanPairs(published).names == ["2", "3", "5", "10"]
    assert {clip.id for clip, _, _ in InterHumanWindows(published).sequences} == {"5", "10", "44"}


def test_faulty_clips_are_skipped_and_named(tree):
    (tree / "motions_processed/person2/2.npy").unlink()
    np.save(tree / "motions_processed/person1/3.npy", np.zeros((65, 491)))
    np.save(tree / "motions_processed/person1/44.npy", np.zeros((50, 492)))
    (tree / "motions_processed/person1/5.npy").write_bytes(b"no array")
    (tree / "annots/10.txt").unlink()
    data = InterHuman(tree, "val")
    assert [clip.id for clip in data.clips] == ["1", "10"]
    for text, part in zip(data.skipped, ("2.npy", "(65, 491)", "5.npy", "50 and 90 frames"), strict=True):
        assert part in text
    pairs = InterHumanPairs(data)
    assert pairs.names == []
    assert "annots/10.txt" in pairs.skipped[0]


def test_unknown_split_and_wrong_root(tree, tmp_path):
    with pytest.raises(InputError, match="train, val, test"):
        InterHuman(tree, "dev")
    with pytest.raises(MissingError, match="root of the dataset"):
        InterHuman(tmp_path, "train")
