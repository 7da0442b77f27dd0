"""Protocols, scoring of repetitions, the fair rule for duplicates, and corruptions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set, relevance
from evaluators.metrics import NOT_RANKED, fid, mm_distance, r_precision
from evaluators.protocols.evaluation import item_seeds, repeated_samples
from evaluators.protocols.protocol import DUETS, INTERHUMAN, INTERX, differences, protocol_named
from evaluators.protocols.scoring import METRICS, Embedded, collect, score_repetition
from evaluators.reports.sensitivity import CORRUPTIONS, OFFSET_M
from intermask_cli.datasets.duets.captions import Mention
from intermask_cli.datasets.duets.corpus import split_of
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion
from tests.helpers.tiny_evaluator import TINY

RNG = np.random.default_rng(5)


def embedded(count: int = 8, noise: float = 0.3) -> Embedded:
    text = RNG.normal(size=(count, 6))
    return Embedded(text, text + noise * RNG.normal(size=text.shape))


def interactions(prompts: list[str], mentions: list[Mention] | None = None) -> InteractionSet:
    count = len(prompts)
    motions = tuple(Motion(RNG.normal(size=(2, 8, 22, 3)).astype(np.float32)) for _ in prompts)
    return InteractionSet(
        "some", tuple(f"i{i}" for i in range(count)), tuple(prompts), motions, (0,) * count, (None,) * count,
        (BOTH_PERSONS,) * count, None if mentions is None else tuple(mentions),
    )  # fmt: skip


def test_published_protocols_have_the_published_numbers():
    assert (INTERHUMAN.pool_size, INTERHUMAN.fid_scale, INTERHUMAN.distance_scale) == (96, 6.0, 3.0)
    assert (INTERX.pool_size, INTERX.fid_scale, INTERX.distance_scale) == (32, 1.0, 1.0)
    for protocol in (INTERHUMAN, INTERX):
        assert (protocol.repetitions, protocol.diversity_pairs) == (20, 300)
        assert (protocol.mm_captions, protocol.mm_samples, protocol.mm_pairs) == (100, 30, 10)
        assert protocol.duplicates == "own motion only"
    assert protocol_named("duets") is DUETS
    with pytest.raises(InputError, match="accepted: interhuman, interx, duets"):
        protocol_named("humanml")


def test_a_repetition_is_the_metrics_over_one_order_of_the_pairs():
    e, reference = embedded(), RNG.normal(size=(9, 6))
    scored = score_repetition(TINY, e, reference, np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(8)
    expected = r_precision(e.text[order], e.motion[order], 3).precision
    assert [scored.metrics[f"R@{k}"] for k in (1, 2, 3)] == expected.tolist()
    assert scored.metrics["FID"] == fid(reference, e.motion)
    kept = order[:6]
    assert scored.metrics["MM Dist"] == pytest.approx(mm_distance(e.text[kept], e.motion[kept]))
    assert sorted(np.flatnonzero(scored.ranks == NOT_RANKED)) == sorted(order[6:])
    assert scored.metrics["MModality"] == "one sample per prompt"


def test_factors_apply_to_fid_diversity_and_multimodality_only():
    e = Embedded(*(RNG.normal(size=(8, 6)) for _ in (1, 2)), RNG.normal(size=(2, 3, 6)))
    reference = RNG.normal(size=(8, 6))
    plain = score_repetition(TINY, e, reference, np.random.default_rng(1)).metrics
    scaled = replace(TINY, fid_scale=6.0, distance_scale=3.0)
    other = score_repetition(scaled, e, reference, np.random.default_rng(1)).metrics
    assert other["FID"] == pytest.approx(36 * plain["FID"])
    for name in ("Diversity", "MModality"):
        assert other[name] == pytest.approx(3 * plain[name])
    for name in ("R@1", "MM Dist"):
        assert other[name] == plain[name]


def test_a_metric_that_cannot_be_computed_is_a_reason_and_not_a_number():
    scored = score_repetition(TINY, embedded(2), RNG.normal(size=(9, 6)), np.random.default_rng(1)).metrics
    assert scored["R@1"] == "2 interactions do not fill a pool of 3"
    assert "fewer than the 4 pairs" in scored["Diversity"]
    scores = collect(
        [
            score_repetition(TINY, embedded(), RNG.normal(size=(9, 6)), np.random.default_rng(n))
            for n in (0, 1)
        ],
        TINY,
    )
    assert list(scores) == list(METRICS)
    assert scores["MModality"].absent and len(scores["FID"].values) == 2


def test_noise_degrades_every_quality_metric():
    text = RNG.normal(size=(60, 6))
    noise = RNG.normal(size=text.shape)
    rows = []
    for level in (0.0, 0.5, 1.0, 2.0):
        e = Embedded(text, text + level * noise)
        rows.append(score_repetition(TINY, e, text, np.random.default_rng(0)).metrics)
    assert [r["R@1"] for r in rows] == sorted((r["R@1"] for r in rows), reverse=True) and rows[0]["R@1"] == 1
    for name in ("FID", "MM Dist"):
        assert [r[name] for r in rows] == sorted(r[name] for r in rows)


def mention(**stated):
    return Mention(**{name: stated.get(name) for name in Mention._fields})


def test_a_motion_is_relevant_to_prompts_that_state_no_more_than_its_own():
    mentions = [mention(kind="hug"), mention(kind="hug", tempo="slow"), mention(kind="bow")]
    answers = relevance(interactions(["a", "b", "c"], mentions), [0, 1, 2])
    np.testing.assert_array_equal(answers, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])


def test_without_mentions_motions_of_equal_prompts_are_relevant():
    some = interactions(["Two people bow.", "two people  bow", "a hug"])
    np.testing.assert_array_equal(relevance(some, [0, 1, 2]), [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(relevance(some, [2, 0]), np.eye(2))


def test_the_bundled_split_is_test_clips_with_captions_and_mentions():
    some = duets_test_set(3, skip=1)
    assert len(some) == 3 and some.ids == duets_test_set(4).ids[1:]
    for id, motion, stated in zip(some.ids, some.motions, some.mentions, strict=True):
        assert split_of(int(id.rpartition("-")[2])) == "test"
        assert motion.joints.shape[1] % 12 == 0 and motion.joints.shape[1] == motion.rotations6d.shape[1]
        assert stated.kind
        np.testing.assert_allclose(motion.joints[..., 1].min(axis=(1, 2)), 0.0, atol=1e-6)


def test_the_hash_of_a_set_covers_prompts_and_motions():
    some = interactions(["a", "b"])
    assert some.sha256 == some.take([0, 1], "again").sha256
    other = some.with_motions("moved", [Motion(m.joints + np.float32(0.1)) for m in some.motions])
    renamed = some.with_motions("other prompts", some.motions, prompts=("a", "c"))
    assert len({some.sha256, other.sha256, renamed.sha256, some.take([1, 0], "x").sha256}) == 4


def test_seeds_depend_on_prompt_and_repetition_and_not_on_position():
    one, two = interactions(["a", "b", "a"]), interactions(["b", "a", "a"])
    assert sorted(item_seeds(one, 1, 0)) == sorted(item_seeds(two, 1, 0))
    assert len(set(item_seeds(one, 1, 0) + item_seeds(one, 1, 1) + item_seeds(one, 2, 0))) == 9


def test_repeated_samples_come_from_prompts_with_several():
    some = interactions(["a", "b", "a", "c", "a", "b"])
    some = some.with_motions("sampled", some.motions, samples=(0, 0, 1, 0, 2, 1))
    repeated = repeated_samples(some, np.arange(6.0)[:, None])
    np.testing.assert_array_equal(repeated[..., 0], [[0, 2], [1, 5]])
    assert repeated_samples(interactions(["a", "b"]), np.zeros((2, 1))) is None


def test_protocols_that_differ_are_named():
    a, b = {"pool_size": 32, "name": "duets"}, {"pool_size": 96, "name": "duets"}
    assert differences(a, a) == []
    assert differences(a, b) == ["pool_size: 32 and 96"]


def test_corruptions_change_what_they_are_named_for():
    some = duets_test_set(4)
    corrupted = {name: corrupt(some) for name, corrupt in CORRUPTIONS.items()}
    one = some.motions[0].joints
    np.testing.assert_array_equal(corrupted["persons exchanged"].motions[0].joints, one[::-1])
    np.testing.assert_array_equal(corrupted["played backwards"].motions[0].joints, one[:, ::-1])
    assert np.ptp(corrupted["partner frozen"].motions[0].joints[1], axis=0).max() == 0
    moved = corrupted["person 2 moved by 10 cm"].motions[0].joints - one
    assert np.abs(moved[0]).max() == 0
    np.testing.assert_allclose(np.linalg.norm(moved[1], axis=-1), OFFSET_M, atol=1e-5)
    gap = np.linalg.norm((one[1, 0, 0] - one[0, 0, 0])[[0, 2]])
    moved_gap = np.linalg.norm((one[1, 0, 0] + moved[1, 0, 0] - one[0, 0, 0])[[0, 2]])
    assert moved_gap == pytest.approx(gap + OFFSET_M, abs=1e-4)
    wrong = corrupted["wrong caption"]
    assert wrong.prompts == some.prompts[2:] + some.prompts[:2] and wrong.mentions[0] == some.mentions[2]
    assert wrong.motions == some.motions
