"""InterHuman and Inter-X folders as training sources, and the Inter-X body in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from intermask_cli.datasets.interhuman import reader as interhuman
from intermask_cli.errors import MissingError
from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.representation import INTERHUMAN
from intermask_cli.motion.representation.interx import joints_from_features, pair_features, split_persons
from intermask_cli.motion.skeleton import INTERX_PARENTS
from intermask_cli.training.sources.open import open_source
from intermask_cli.training.sources.source import build_windows, source_normalizer
from intermask_cli.training.tokenizer.interx_body import InterXBody
from tests.helpers.dataset_trees import interhuman_tree, interx_clip, interx_tree

SPLITS = {"train": ["1", "2"], "val": ["3"], "test": ["1"]}


def test_interhuman(tmp_path):
    root = interhuman_tree(tmp_path / "ih", {"1": 80, "2": 40, "3": 70}, SPLITS)
    source = open_source(root, "train")
    assert source.representation is INTERHUMAN and len(source) == 4  # plain and mirrored
    assert sorted(source.frames(i) for i in range(4)) == [39, 39, 79, 79]
    clip = interhuman.InterHuman(root, "train").clips[0]
    loaded = interhuman.InterHuman(root, "train").loaded(clip)
    index = next(i for i in range(4) if source._pairs.items[i] == (clip, False))
    whole = source.features(index, 1)
    np.testing.assert_array_equal(whole, interhuman.features_of_pair(loaded, 1))
    part = source.features(index, 0, 10, 30)
    assert part.shape == (2, 20, 262)
    assert abs(part[0, 0, 0]) < 1e-5 and abs(part[0, 0, 2]) < 1e-5  # canonical at its own start
    assert source.text(index).captions[0].text
    assert len(open_source(root, "val")) == 1
    windows = build_windows(source, source_normalizer(source), 64, 10, alternate=False)
    assert len(windows) == 2 * 2 * 2  # two persons, mirrored, two starts


def test_interhuman_statistics_in_the_folder_are_used(tmp_path):
    root = interhuman_tree(tmp_path / "ih", {"1": 80, "2": 40, "3": 70}, SPLITS)
    np.save(root / "global_mean.npy", np.full(262, 3.0, np.float32))
    np.save(root / "global_std.npy", np.full(262, 2.0, np.float32))
    assert source_normalizer(open_source(root, "train")).mean[0] == 3.0


def test_interx(tmp_path):
    root = interx_tree(tmp_path / "ix", {"train": {"G001": 70, "G002": 20}, "val": {"G003": 64}, "test": {}})
    source = open_source(root, "train")
    assert len(source) == 1 and source.frames(0) == 70  # 20 frames are too few
    features = source.features(0, 0, 0, 64)
    assert features.shape == (2, 64, 56, 6)
    normalizer = source_normalizer(source)
    np.testing.assert_array_equal(
        normalizer.normalize(features.reshape(2, 64, -1)), features.reshape(2, 64, -1)
    )
    assert source.text(0).captions


def test_folder_of_nothing_known(tmp_path):
    with pytest.raises(MissingError, match="InterHuman"):
        open_source(tmp_path, "train")


def test_torch_body_agrees_with_numpy_and_has_gradients():
    rest = np.random.default_rng(0).normal(size=(55, 3)) * 0.2
    body = BodyModel(rest, INTERX_PARENTS)
    pair = pair_features(interx_clip(5, seed=1))
    features = split_persons(pair)[0]
    expected = joints_from_features(features, body)
    given = torch.from_numpy(np.ascontiguousarray(features))[None].requires_grad_()
    joints = InterXBody(body)(given)
    np.testing.assert_allclose(joints[0].detach().numpy(), expected, atol=1e-5)
    joints.sum().backward()
    assert torch.isfinite(given.grad).all() and float(given.grad.abs().sum()) > 0
