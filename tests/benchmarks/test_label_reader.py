"""The label classifier: it learns kind, actor and side, and a clip's result is its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.judges import label_reader as module
from benchmarks.judges.label_reader import (
    KIND_NAMES,
    SIDES,
    LabelClassifier,
    LabelNetwork,
    LabelTraining,
    _batches,
    phases,
    train_label_classifier,
)
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import DUETS_1_KINDS, KINDS, kind_set

pytestmark = pytest.mark.slow

SMALL = LabelTraining(clips=120, width=48, epochs=28, batch_size=16)
LEARNT = ("wave", "kick_dodge", "hug")


def clips(start: int, count: int):
    made = (make_clip(5, index, LEARNT[index % len(LEARNT)]) for index in range(start, start + count))
    return [(clip.joints, clip.labels) for clip in made]


@pytest.fixture(scope="module")
def classifier():
    return train_label_classifier(clips(0, 120), SMALL)


@pytest.mark.long
def test_it_learns_kind_actor_and_side_from_few_clips(classifier):
    test = clips(1000, 45)
    seen = classifier([joints for joints, _ in test])
    labels = [label for _, label in test]
    assert np.mean([a == b.kind for a, b in zip(seen.kind, labels, strict=True)]) > 0.9
    acted = [i for i, label in enumerate(labels) if KINDS[label.kind].has_actor]
    assert np.mean([seen.actor[i] == labels[i].actor for i in acted]) > 0.85
    sided = [i for i, label in enumerate(labels) if label.side in SIDES]
    assert np.mean([seen.side[i] == labels[i].side for i in sided]) > 0.8


def test_exchanging_the_persons_exchanges_the_actor(classifier):
    kicks = [joints for joints, label in clips(1000, 45) if label.kind == "kick_dodge"]
    before, after = classifier(kicks), classifier([joints[::-1] for joints in kicks])
    assert np.mean(before.actor == 1 - after.actor) > 0.85


def test_a_clip_is_read_the_same_in_any_batch_and_place(classifier):
    test = [joints for joints, _ in clips(1000, 9)]
    together = classifier(test)
    turn = np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]], dtype=np.float32)
    for i, joints in enumerate(test):
        alone = classifier([joints])
        assert alone.kind[0] == together.kind[i]
        assert alone.kind_probability[0] == pytest.approx(together.kind_probability[i], abs=1e-5)
        moved = classifier([joints @ turn + np.float32(2.0)])
        assert moved.kind_probability[0] == pytest.approx(together.kind_probability[i], abs=1e-3)


def test_weights_survive_saving(classifier, tmp_path):
    test = [joints for joints, _ in clips(1000, 6)]
    classifier.save(tmp_path / "labels.safetensors")
    loaded = LabelClassifier.load(tmp_path / "labels.safetensors", SMALL)
    np.testing.assert_array_equal(loaded(test).kind_probability, classifier(test).kind_probability)


def test_a_second_call_reads_the_cached_weights_and_another_recipe_does_not(tmp_path, monkeypatch):
    trained = []

    def fake(given, recipe):
        trained.append(recipe.clips)
        torch.manual_seed(0)
        return LabelClassifier(LabelNetwork(recipe.width))

    monkeypatch.setattr(module, "train_label_classifier", fake)
    recipe = replace(SMALL, clips=3)
    for _ in range(2):
        module.label_classifier(tmp_path, corpus_seed=1, recipe=recipe)
    module.label_classifier(tmp_path, corpus_seed=1, recipe=replace(recipe, clips=4))
    assert trained == [3, 4]


def test_classes_cover_the_kinds_of_the_bundled_model():
    assert KIND_NAMES == DUETS_1_KINDS and len(KIND_NAMES) == 26


def test_phases_of_a_clip_are_cut_between_their_moments():
    joined = kind_set("duets-1", 1.0)
    for index in range(6):
        clip = make_clip(5, index, kinds=joined)
        (one, first), (two, second) = phases(clip)
        assert (first.kind, second.kind) == (clip.labels.kind, clip.labels.then.kind)
        assert one.shape[1] + two.shape[1] == clip.joints.shape[1]
        assert all(frame < one.shape[1] for _, frame in first.events)
        assert all(frame >= one.shape[1] for _, frame in second.events)
    clip = make_clip(5, 0, "bow")
    assert [(joints is clip.joints, labels) for joints, labels in phases(clip)] == [(True, clip.labels)]


def test_batches_hold_every_clip_once():
    lengths = np.random.default_rng(1).integers(20, 150, 200)
    parts = _batches(lengths.tolist(), 16, np.random.default_rng(2))
    assert sorted(np.concatenate(parts).tolist()) == list(range(200))
    assert max(map(len, parts)) == 16
    padded = sum(len(part) * lengths[part].max() for part in parts)
    assert padded < 1.25 * lengths.sum()
