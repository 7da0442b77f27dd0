"""InterHuman's arrays on disk to features: evaluation/interhuman_preprocess.npz."""

from __future__ import annotations

import re

import numpy as np
import pytest

from intermask_cli.motion.mirror import mirror_loaded
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.placement import person_frame
from intermask_cli.motion.representation.interhuman import (
    CONTACTS,
    loaded_from_raw492,
    motion_from_loaded,
    pair_features,
    person_features,
)
from tests.helpers.parity_comparing import assert_close, assert_same

pytestmark = pytest.mark.parity
FILE = "evaluation/interhuman_preprocess.npz"
MAX_RAW_FRAMES = 300


@pytest.fixture
def golden(load):
    return load(FILE)


@pytest.fixture
def clips(golden):
    names = sorted({m.group(1) for name in golden if (m := re.match(r"(s\d+)_raw_p1$", name))})
    if not names:
        pytest.skip(f"{FILE} has no s*_raw_p1")
    return names


def used(golden, clip, person):
    start = int(golden[f"{clip}_crop_start"]) if f"{clip}_crop_start" in golden else 0
    return loaded_from_raw492(golden[f"{clip}_raw_p{person}"])[start : start + MAX_RAW_FRAMES]


def features(loaded_pair, canonical=0):
    motions = [motion_from_loaded(loaded) for loaded in loaded_pair]
    return pair_features(np.stack([m[0] for m in motions]), np.stack([m[1] for m in motions]), canonical)


def assert_features(ours, theirs):
    assert ours.dtype == np.float32
    assert_close(ours, theirs, atol=1e-5)
    assert_same(ours[:, CONTACTS], theirs[:, CONTACTS])


def available(golden, clips, suffix):
    found = [clip for clip in clips if f"{clip}_{suffix}" in golden]
    if not found:
        pytest.skip(f"{FILE} has no *_{suffix}")
    return found


def test_loaded_columns(golden, clips):
    for clip in available(golden, clips, "loaded_p1"):
        assert_same(loaded_from_raw492(golden[f"{clip}_raw_p1"]), golden[f"{clip}_loaded_p1"])


def test_mirrored_columns(golden, clips):
    for clip in available(golden, clips, "mirror_loaded_p1"):
        mirrored = mirror_loaded(loaded_from_raw492(golden[f"{clip}_raw_p1"]))
        assert_same(mirrored, golden[f"{clip}_mirror_loaded_p1"])


@pytest.mark.parametrize(("prefix", "canonical"), [("feat", 0), ("rev_feat", 1)])
def test_pair_features(golden, clips, prefix, canonical):
    for clip in available(golden, clips, f"{prefix}_p1"):
        ours = features([used(golden, clip, 1), used(golden, clip, 2)], canonical)
        for person in (1, 2):
            assert_features(ours[person - 1], golden[f"{clip}_{prefix}_p{person}"])


def test_mirrored_pair_features(golden, clips):
    for clip in available(golden, clips, "mirror_feat_p1"):
        ours = features([mirror_loaded(used(golden, clip, person)) for person in (1, 2)])
        for person in (1, 2):
            assert_features(ours[person - 1], golden[f"{clip}_mirror_feat_p{person}"])


def test_second_person_alone(golden, clips):
    for clip in available(golden, clips, "solo_p2"):
        assert_features(
            person_features(*motion_from_loaded(used(golden, clip, 2))), golden[f"{clip}_solo_p2"]
        )


@pytest.mark.parametrize("person", [1, 2])
def test_facing_and_origin(golden, clips, person):
    for clip in available(golden, clips, f"quat_p{person}"):
        frame = person_frame(motion_from_loaded(used(golden, clip, person))[0])
        w, _, y, _ = golden[f"{clip}_quat_p{person}"][0]
        # q and -q are the same rotation, so compare cosine and sine of the whole angle, not the angle
        turn = -2 * np.arctan2(y, w)
        assert_close([np.cos(frame.yaw), np.sin(frame.yaw)], [np.cos(turn), np.sin(turn)], atol=1e-5)
        x, height, z = golden[f"{clip}_trans_p{person}"][0]
        assert height == 0
        assert_close(frame.origin, (x, z), atol=1e-5)


def test_relative_placement(golden, clips):
    for clip in available(golden, clips, "relative"):
        first, second = (person_frame(motion_from_loaded(used(golden, clip, person))[0]) for person in (1, 2))
        half_angle, x, z = golden[f"{clip}_relative"]
        # the half angle is known up to half a turn: compare the whole angle on the circle
        ours, theirs = first.yaw - second.yaw, 2 * half_angle
        assert_close([np.cos(ours), np.sin(ours)], [np.cos(theirs), np.sin(theirs)], atol=1e-5)
        origin = first.to_canonical(np.array([second.origin[0], first.floor, second.origin[1]]))
        assert_close(origin[[0, 2]], (x, z), atol=1e-5)


def test_normalisation(golden, clips, parity_file):
    normalizer = Normalizer.load(parity_file("evaluation/normalization_stats.npz"))
    for clip in available(golden, clips, "norm_p1"):
        for person in (1, 2):
            normalized = normalizer.normalize(golden[f"{clip}_feat_p{person}"])
            assert normalized.dtype == np.float32
            assert_close(normalized, golden[f"{clip}_norm_p{person}"], atol=1e-5, rtol=1e-6)
        assert_close(
            normalizer.denormalize(golden[f"{clip}_norm_p1"]), golden[f"{clip}_denorm_p1"], atol=1e-5
        )
